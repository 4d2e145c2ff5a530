//! The API requests of each form, as a table. The API decides what is allowed.

use axum::http::Method;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::view::encode_path;

/// The fields of a form, in their order.
#[derive(Debug, Default)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

impl Fields {
    /// A field's value; empty if the field is missing.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Every value of a field.
    pub(super) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(field, value)| field == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        self.get(name).parse().map_err(|_| format!("The form does not say which {name}."))
    }

    fn some(&self, name: &str) -> Value {
        let value = self.get(name);
        if value.is_empty() { Value::Null } else { json!(value) }
    }
}

/// One request to the API.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Value,
}

/// The page after all requests were done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// The page of the form.
    Back,
    /// The page of the created object.
    Answer,
}

/// The requests of a form.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) calls: Vec<Call>,
    pub(super) then: Then,
    /// Whether it comes from one of the repository's issue forms.
    pub(super) of_form: bool,
}

/// The requests that open an issue whose text was made from a form's answers.
pub(super) fn open_from_form(at: &str, title: &str, text: &str, labels: &[String], assignees: &[&str]) -> Plan {
    let new = json!({ "title": title, "body": text, "labels": labels, "assignees": assignees });
    let mut plan = Api(format!("/api/v3/repos{at}")).go_there(Method::POST, "/issues", new);
    plan.of_form = true;
    plan
}

/// The requests of an act in the repository `at` (`/acme/widgets`), or what the form lacks.
pub(super) fn plan(act: &str, at: &str, form: &Fields) -> Result<Plan, String> {
    let repo = Api(format!("/api/v3/repos{at}"));
    let plan = match of_issue(act, &repo, form)? {
        Some(plan) => Some(plan),
        None => match of_pull(act, &repo, form)? {
            Some(plan) => Some(plan),
            None => of_code(act, &repo, form)?,
        },
    };
    plan.ok_or_else(|| format!("There is no act called {act}."))
}

struct Api(String);

impl Api {
    fn call(&self, method: Method, path: &str, body: Value) -> Call {
        Call { method, path: format!("{}{path}", self.0), body }
    }

    fn get_back(&self, method: Method, path: &str, body: Value) -> Plan {
        Plan { calls: vec![self.call(method, path, body)], then: Then::Back, of_form: false }
    }

    fn go_there(&self, method: Method, path: &str, body: Value) -> Plan {
        Plan { calls: vec![self.call(method, path, body)], then: Then::Answer, of_form: false }
    }
}

fn of_issue(act: &str, repo: &Api, form: &Fields) -> Result<Option<Plan>, String> {
    let issue = |rest: &str| form.number("number").map(|number| format!("/issues/{number}{rest}"));
    let comment = || form.number("id").map(|id| format!("/issues/comments/{id}"));
    let plan = match act {
        "open" => {
            let mut new = json!({ "title": form.get("title"), "body": form.get("body") });
            for (field, name) in [("label", "labels"), ("assignee", "assignees")] {
                let values: Vec<&str> = form.all(field).collect();
                if !values.is_empty() {
                    new[name] = json!(values);
                }
            }
            repo.go_there(Method::POST, "/issues", new)
        }
        "comment" => repo.go_there(Method::POST, &issue("/comments")?, json!({ "body": form.get("body") })),
        "close" | "close-as-not-planned" | "reopen" => {
            let mut change = json!({ "state": if act == "reopen" { "open" } else { "closed" } });
            if act != "reopen" && form.get("kind") != "pull" {
                change["state_reason"] = json!(if act == "close" { "completed" } else { "not_planned" });
            }
            let said = !form.get("body").trim().is_empty();
            let comment = repo.call(Method::POST, &issue("/comments")?, json!({ "body": form.get("body") }));
            let mut calls = if said { vec![comment] } else { Vec::new() };
            calls.push(repo.call(Method::PATCH, &issue("")?, change));
            Plan { calls, then: Then::Back, of_form: false }
        }
        "edit-issue" => {
            let text = json!({ "title": form.get("title"), "body": form.get("body") });
            repo.get_back(Method::PATCH, &issue("")?, text)
        }
        "edit-comment" => repo.go_there(Method::PATCH, &comment()?, json!({ "body": form.get("body") })),
        "delete-comment" => repo.get_back(Method::DELETE, &comment()?, Value::Null),
        "labels" => {
            let path = issue("/labels")?;
            changes(repo, form, "label", |added, gone| {
                let added = (!added.is_empty()).then(|| (Method::POST, path.clone(), json!({ "labels": added })));
                let gone = gone.iter().map(|name| {
                    let name = encode_path(name).replace('/', "%2F");
                    (Method::DELETE, format!("{path}/{name}"), Value::Null)
                });
                added.into_iter().chain(gone).collect()
            })
        }
        "assign" => {
            let path = issue("/assignees")?;
            both(repo, form, "assignee", |method, logins| (method, path.clone(), json!({ "assignees": logins })))
        }
        "lock" => repo.get_back(Method::PUT, &issue("/lock")?, json!({ "lock_reason": form.some("reason") })),
        "unlock" => repo.get_back(Method::DELETE, &issue("/lock")?, Value::Null),
        "react" => react(repo, form)?,
        _ => return Ok(None),
    };
    Ok(Some(plan))
}

/// The boxes that were newly ticked, and those that were unticked. Changes that others made meanwhile are kept.
fn changes(
    repo: &Api,
    form: &Fields,
    field: &str,
    calls: impl Fn(Vec<&str>, Vec<&str>) -> Vec<(Method, String, Value)>,
) -> Plan {
    let had: Vec<&str> = form.all("had").collect();
    let wanted: Vec<&str> = form.all(field).collect();
    let added = wanted.iter().copied().filter(|name| !had.contains(name)).collect();
    let gone = had.iter().copied().filter(|name| !wanted.contains(name)).collect();
    let calls = calls(added, gone).into_iter().map(|(method, path, body)| repo.call(method, &path, body)).collect();
    Plan { calls, then: Then::Back, of_form: false }
}

/// The same for a field whose two changes are one request.
fn both(repo: &Api, form: &Fields, field: &str, call: impl Fn(Method, &[&str]) -> (Method, String, Value)) -> Plan {
    changes(repo, form, field, |added, gone| {
        let of = |method, names: &[&str]| (!names.is_empty()).then(|| call(method, names));
        of(Method::POST, &added).into_iter().chain(of(Method::DELETE, &gone)).collect()
    })
}

/// If the reaction exists already, it is removed.
fn react(repo: &Api, form: &Fields) -> Result<Plan, String> {
    let content = form.get("content");
    let id = form.number("id")?;
    let on = match form.get("kind") {
        "issue" => format!("/issues/{id}"),
        "comment" => format!("/issues/comments/{id}"),
        "review-comment" => format!("/pulls/comments/{id}"),
        _ => return Err("The form does not say on what.".to_owned()),
    };
    let mine = form.all("mine").filter_map(|mine| mine.split_once(' ')).find(|(mine, _)| *mine == content);
    Ok(match mine.and_then(|(_, id)| id.parse::<u64>().ok()) {
        Some(reaction) => repo.get_back(Method::DELETE, &format!("{on}/reactions/{reaction}"), Value::Null),
        None => repo.get_back(Method::POST, &format!("{on}/reactions"), json!({ "content": content })),
    })
}

fn of_pull(act: &str, repo: &Api, form: &Fields) -> Result<Option<Plan>, String> {
    let pull = |rest: &str| form.number("number").map(|number| format!("/pulls/{number}{rest}"));
    let remark = || form.number("id").map(|id| format!("/pulls/comments/{id}"));
    let plan = match act {
        "open-pull" => {
            let new = json!({
                "title": form.get("title"), "body": form.get("body"), "head": form.get("head"), "base": form.get("base"),
                "draft": form.get("draft") == "yes",
            });
            repo.go_there(Method::POST, "/pulls", new)
        }
        "review" => {
            let review =
                json!({ "event": form.get("event"), "body": form.get("body"), "commit_id": form.some("commit") });
            repo.go_there(Method::POST, &pull("/reviews")?, review)
        }
        "remark" => {
            let remark = json!({
                "body": form.get("body"), "commit_id": form.get("commit"), "path": form.get("path"),
                "line": form.number("line")?, "side": form.get("side"),
            });
            repo.get_back(Method::POST, &pull("/comments")?, remark)
        }
        "reply" => {
            let path = pull(&format!("/comments/{}/replies", form.number("id")?))?;
            repo.get_back(Method::POST, &path, json!({ "body": form.get("body") }))
        }
        "edit-remark" => repo.get_back(Method::PATCH, &remark()?, json!({ "body": form.get("body") })),
        "delete-remark" => repo.get_back(Method::DELETE, &remark()?, Value::Null),
        "dismiss" => {
            let path = pull(&format!("/reviews/{}/dismissals", form.number("id")?))?;
            repo.get_back(Method::PUT, &path, json!({ "message": form.get("body") }))
        }
        "reviewers" => {
            let path = pull("/requested_reviewers")?;
            both(repo, form, "reviewer", |method, logins| (method, path.clone(), json!({ "reviewers": logins })))
        }
        "merge" => {
            let mut asked = json!({ "sha": form.get("sha"), "merge_method": form.get("method") });
            if !form.get("title").trim().is_empty() {
                asked["commit_title"] = form.some("title");
            }
            repo.get_back(Method::PUT, &pull("/merge")?, asked)
        }
        "update-branch" => {
            repo.get_back(Method::PUT, &pull("/update-branch")?, json!({ "expected_head_sha": form.get("sha") }))
        }
        "retarget" => repo.get_back(Method::PATCH, &pull("")?, json!({ "base": form.get("base") })),
        "ready" => draft("markPullRequestReadyForReview", form),
        "draft" => draft("convertPullRequestToDraft", form),
        "transfer" => transfer(form),
        "enqueue" => mutation(
            "EnqueuePullRequest",
            &json!({ "pullRequestId": form.get("node"), "expectedHeadOid": form.get("sha") }),
        ),
        "dequeue" => mutation("DequeuePullRequest", &json!({ "id": form.get("node") })),
        "auto-merge" => {
            let method = form.get("method").to_uppercase();
            let asked =
                json!({ "pullRequestId": form.get("node"), "mergeMethod": method, "expectedHeadOid": form.get("sha") });
            mutation("EnablePullRequestAutoMerge", &asked)
        }
        "no-auto-merge" => mutation("DisablePullRequestAutoMerge", &json!({ "pullRequestId": form.get("node") })),
        _ => return Ok(None),
    };
    Ok(Some(plan))
}

/// An act that REST does not have.
/// <https://docs.github.com/en/graphql/reference/mutations#markpullrequestreadyforreview>
fn draft(mutation: &str, form: &Fields) -> Plan {
    let query =
        format!("mutation($id: ID!) {{ {mutation}(input: {{pullRequestId: $id}}) {{ pullRequest {{ id }} }} }}");
    by_graphql(&query, &json!({ "id": form.get("node") }))
}

/// A mutation with only an input; `name` is that of its type.
fn mutation(name: &str, input: &Value) -> Plan {
    let (first, rest) = name.split_at(1);
    let field = first.to_lowercase() + rest;
    let query = format!("mutation($input: {name}Input!) {{ {field}(input: $input) {{ clientMutationId }} }}");
    by_graphql(&query, &json!({ "input": input }))
}

/// <https://docs.github.com/en/graphql/reference/mutations#transferissue>
fn transfer(form: &Fields) -> Plan {
    let query =
        "mutation($id: ID!, $to: ID!) { transferIssue(input: {issueId: $id, repositoryId: $to}) { issue { id } } }";
    by_graphql(query, &json!({ "id": form.get("node"), "to": form.get("to") }))
}

fn by_graphql(query: &str, variables: &Value) -> Plan {
    let body = json!({ "query": query, "variables": variables });
    Plan {
        calls: vec![Call { method: Method::POST, path: "/api/graphql".to_owned(), body }],
        then: Then::Back,
        of_form: false,
    }
}

fn of_code(act: &str, repo: &Api, form: &Fields) -> Result<Option<Plan>, String> {
    let run = |rest: &str| form.number("id").map(|id| format!("/check-runs/{id}/{rest}"));
    let branch = || encode_path(form.get("branch"));
    let plan = match act {
        "press" => {
            repo.get_back(Method::POST, &run("requested_action")?, json!({ "identifier": form.get("identifier") }))
        }
        "rerun" => repo.get_back(Method::POST, &run("rerequest")?, Value::Null),
        "rerun-suite" => {
            repo.get_back(Method::POST, &format!("/check-suites/{}/rerequest", form.number("id")?), Value::Null)
        }
        "delete-branch" => repo.get_back(Method::DELETE, &format!("/git/refs/heads/{}", branch()), Value::Null),
        "make-branch" => {
            let new = json!({ "ref": format!("refs/heads/{}", form.get("branch")), "sha": form.get("sha") });
            repo.get_back(Method::POST, "/git/refs", new)
        }
        "write" => {
            // A browser sends every line end as CRLF. The file keeps its own line ends.
            let text = form.get("content");
            let text = if form.get("ends") == "crlf" { text.to_owned() } else { text.replace("\r\n", "\n") };
            let mut file = json!({ "message": form.get("message"), "content": STANDARD.encode(text), "branch": form.get("branch") });
            if !form.get("sha").is_empty() {
                file["sha"] = form.some("sha");
            }
            let path = format!("/contents/{}", encode_path(form.get("path").trim_matches('/')));
            let mut plan = repo.get_back(Method::PUT, &path, file);
            if form.get("branch") != form.get("from") {
                let new = json!({ "ref": format!("refs/heads/{}", form.get("branch")), "sha": form.get("head") });
                plan.calls.insert(0, repo.call(Method::POST, "/git/refs", new));
            }
            plan
        }
        _ => return Ok(None),
    };
    Ok(Some(plan))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Fields {
        Fields(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn calls(act: &str, pairs: &[(&str, &str)]) -> Vec<String> {
        let plan = plan(act, "/acme/widgets", &form(pairs)).unwrap();
        plan.calls.iter().map(|call| format!("{} {} {}", call.method, call.path, call.body)).collect()
    }

    #[test]
    fn labels_change_by_what_was_ticked_and_no_more() {
        let pairs = [("number", "1"), ("had", "bug"), ("had", "a/b c"), ("label", "bug"), ("label", "urgent")];
        assert_eq!(
            calls("labels", &pairs),
            [
                "POST /api/v3/repos/acme/widgets/issues/1/labels {\"labels\":[\"urgent\"]}",
                "DELETE /api/v3/repos/acme/widgets/issues/1/labels/a%2Fb%20c null",
            ]
        );
        assert_eq!(calls("labels", &[("number", "1"), ("had", "bug"), ("label", "bug")]), [""; 0]);
    }

    #[test]
    fn closing_with_words_says_them_first() {
        let closed = calls("close-as-not-planned", &[("number", "3"), ("body", "No.")]);
        assert_eq!(
            closed,
            [
                "POST /api/v3/repos/acme/widgets/issues/3/comments {\"body\":\"No.\"}",
                "PATCH /api/v3/repos/acme/widgets/issues/3 {\"state\":\"closed\",\"state_reason\":\"not_planned\"}",
            ]
        );
        assert_eq!(calls("close", &[("number", "3"), ("kind", "pull"), ("body", " ")]).len(), 1);
    }

    #[test]
    fn pressing_a_reaction_again_removes_it() {
        let pairs = [("kind", "comment"), ("id", "9"), ("content", "+1"), ("mine", "heart 7"), ("mine", "+1 8")];
        assert_eq!(calls("react", &pairs), ["DELETE /api/v3/repos/acme/widgets/issues/comments/9/reactions/8 null"]);
        assert!(calls("react", &pairs[..4])[0].starts_with("POST "));
    }

    #[test]
    fn a_missing_field_is_reported_and_not_used_for_a_path() {
        for (act, pairs) in [
            ("comment", &[("number", "../../x")][..]),
            ("react", &[("kind", "issue"), ("id", "1/2")]),
            ("edit-comment", &[]),
            ("no-such-act", &[]),
        ] {
            assert!(plan(act, "/acme/widgets", &form(pairs)).is_err(), "{act}");
        }
    }
}
