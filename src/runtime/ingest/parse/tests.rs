use serde_json::{Value, json};

use super::super::fact::ReviewState;
use super::*;
use adjutant_domain::ids::{Branch, Login, Sha};

fn event(name: &str, mut body: Value) -> Webhook {
    let common = json!({
        "sender": { "login": "maintainer", "id": 2, "type": "User" },
        "installation": { "id": 5 },
        "repository": { "id": 9, "name": "widgets", "owner": { "login": "acme" } },
    });
    for (key, value) in common.as_object().unwrap() {
        body.as_object_mut().unwrap().entry(key).or_insert(value.clone());
    }
    parse(name, body.to_string().as_bytes()).unwrap()
}

fn fact(webhook: Webhook) -> Fact {
    match webhook {
        Webhook::Fact(fact) => *fact,
        Webhook::Ignored(reason) => panic!("ignored: {reason}"),
    }
}

fn reason(webhook: Webhook) -> String {
    match webhook {
        Webhook::Ignored(reason) => reason,
        Webhook::Fact(fact) => panic!("not ignored: {fact:?}"),
    }
}

fn comment(body: &str) -> Value {
    json!({
        "id": 31, "node_id": "IC_31", "body": body, "created_at": "2026-01-02T03:04:05Z",
        "user": { "login": "writer", "type": "User" },
    })
}

#[test]
fn a_label_is_read_with_the_issue_as_it_was_then() {
    let Fact { repo, sender, kind } = fact(event(
        "issues",
        json!({
            "action": "labeled", "label": { "name": "directive" },
            "issue": { "number": 7, "title": "Units", "body": null, "user": { "login": "outsider" },
                       "labels": [{ "name": "directive" }, { "name": "directive:manual" }] },
        }),
    ));
    assert_eq!(repo, Repo { id: 9, owner: "acme".to_owned(), name: "widgets".to_owned(), installation: 5 });
    assert_eq!(sender.unwrap(), User { login: Login::new("maintainer"), bot: false });
    let (title, body, author) = ("Units".to_owned(), String::new(), Login::new("outsider"));
    let labels = vec!["directive".to_owned(), "directive:manual".to_owned()];
    let label = "directive".to_owned();
    assert_eq!(kind, FactKind::Labelled(IssueLabelled { issue: 7, title, body, author, label, labels }));
}

#[test]
fn a_closed_issue_is_distinguished_from_a_deleted_one() {
    let issue = json!({ "number": 7, "title": "Units", "user": null });
    let what = |action: &str| fact(event("issues", json!({ "action": action, "issue": issue }))).kind;
    assert_eq!(what("closed"), FactKind::IssueClosed { issue: 7 });
    assert_eq!(what("edited"), FactKind::IssueEdited { issue: 7 });
    assert_eq!(what("deleted"), FactKind::IssueRemoved { issue: 7 });
    assert_eq!(what("transferred"), FactKind::IssueRemoved { issue: 7 });
}

#[test]
fn a_comment_knows_whether_it_is_on_a_pull_request() {
    let commented = |issue: Value| {
        let what = fact(event(
            "issue_comment",
            json!({
                "action": "created", "issue": issue, "comment": comment("/approve"),
            }),
        ))
        .kind;
        match what {
            FactKind::Commented(comment) => comment,
            other => panic!("{other:?}"),
        }
    };
    let on_issue = commented(json!({ "number": 7, "title": "x", "user": null }));
    assert_eq!((on_issue.thread.kind, on_issue.kind), (ThreadKind::Issue, SourceKind::IssueComment));
    assert_eq!(on_issue.author.login, Login::new("writer"));
    let on_pull = commented(json!({ "number": 8, "title": "x", "user": null, "pull_request": { "url": "u" } }));
    assert_eq!(on_pull.thread, Thread { number: 8, kind: ThreadKind::Pull });
}

#[test]
fn what_was_edited_deleted_or_dismissed_gives_no_commands_and_is_read_again() {
    let id = comment("/approve")["id"].as_u64().unwrap();
    let thread = |number, kind| Thread { number, kind };
    for action in ["edited", "deleted"] {
        let issue = json!({ "number": 7, "title": "x", "user": null });
        let changed =
            fact(event("issue_comment", json!({ "action": action, "issue": issue, "comment": comment("/approve") })));
        let (thread, kind) = (thread(7, ThreadKind::Issue), SourceKind::IssueComment);
        assert_eq!(changed.kind, FactKind::WordsChanged(WordsChanged { thread, kind, id }));
    }
    let edited = json!({ "action": "edited", "pull_request": { "number": 8 }, "comment": comment("/approve") });
    let (thread, kind) = (thread(8, ThreadKind::Pull), SourceKind::ReviewComment);
    let changed = fact(event("pull_request_review_comment", edited)).kind;
    assert_eq!(changed, FactKind::WordsChanged(WordsChanged { thread, kind, id }));
    for action in ["edited", "dismissed"] {
        let review = json!({ "id": 41, "node_id": "PRR_41", "body": null, "state": "dismissed", "user": null });
        let body = json!({ "action": action, "pull_request": { "number": 8 }, "review": review });
        let changed = fact(event("pull_request_review", body)).kind;
        let kind = SourceKind::Review;
        assert_eq!(changed, FactKind::WordsChanged(WordsChanged { thread, kind, id: 41 }));
    }
}

#[test]
fn a_review_carries_the_commit_that_was_looked_at() {
    let review = |state: &str| {
        event(
            "pull_request_review",
            json!({
                "action": "submitted", "pull_request": { "number": 8 },
                "review": {
                    "id": 41, "node_id": "PRR_41", "body": null, "state": state, "commit_id": "abc",
                    "submitted_at": "2026-01-02T03:04:05Z", "user": { "login": "maintainer", "type": "User" },
                },
            }),
        )
    };
    match fact(review("approved")).kind {
        FactKind::Reviewed(reviewed) => {
            assert_eq!((reviewed.state, reviewed.commit), (ReviewState::Approved, Some(Sha::new("abc"))));
            assert_eq!(reviewed.body, "");
        }
        other => panic!("{other:?}"),
    }
    assert!(reason(review("dismissed")).contains("dismissed"));
}

#[test]
fn a_push_is_read_for_branches_that_are_there() {
    let push =
        |reference: &str, deleted: bool| event("push", json!({ "ref": reference, "after": "abc", "deleted": deleted }));
    let branch = Branch::new("adjutant/7-1/g1-parse");
    let pushed = fact(push("refs/heads/adjutant/7-1/g1-parse", false)).kind;
    assert_eq!(pushed, FactKind::BranchPushed { branch, head: Sha::new("abc"), reverts: Vec::new() });
    reason(push("refs/heads/adjutant/7-1/g1-parse", true));
    reason(push("refs/tags/v1", false));
}

#[test]
fn a_pull_request_closed_or_pushed_to_is_worth_a_look() {
    let closed = json!({ "action": "closed", "pull_request": { "number": 8 } });
    assert_eq!(fact(event("pull_request", closed)).kind, FactKind::PullClosed { pull: 8 });
    let moved = json!({ "action": "synchronize", "pull_request": { "number": 8 }, "after": "abc" });
    let pushed = PullHead { pull: 8, head: Sha::new("abc"), branch: None };
    assert_eq!(fact(event("pull_request", moved)).kind, FactKind::PullPushed(pushed));
}

#[test]
fn an_opened_pull_request_names_its_branch_only_where_that_is_no_forks() {
    let opened = |of: Value| {
        let head = json!({ "sha": "abc", "ref": "adjutant/7-1/g1-parse", "repo": of });
        event("pull_request", json!({ "action": "opened", "pull_request": { "number": 8, "head": head } }))
    };
    let ours = fact(opened(json!({ "id": 0 })));
    let here = fact(opened(json!({ "id": ours.repo.id }))).kind;
    let branch = Some(Branch::new("adjutant/7-1/g1-parse"));
    assert_eq!(here, FactKind::PullOpened(PullHead { pull: 8, head: Sha::new("abc"), branch }));
    for elsewhere in [json!({ "id": ours.repo.id + 1 }), json!(null)] {
        let what = fact(opened(elsewhere)).kind;
        assert_eq!(what, FactKind::PullOpened(PullHead { pull: 8, head: Sha::new("abc"), branch: None }));
    }
}

#[test]
fn a_button_is_bound_to_its_commit_and_pull_request() {
    let check = json!({
        "id": 61, "node_id": "CR_61", "head_sha": "abc", "app": { "id": 1 }, "pull_requests": [{ "number": 8 }],
    });
    let pressed = json!({
        "action": "requested_action", "check_run": check, "requested_action": { "identifier": "approve" },
    });
    match fact(event("check_run", pressed)).kind {
        FactKind::ButtonPressed(pressed) => {
            assert_eq!((pressed.identifier.as_str(), pressed.check, pressed.app), ("approve", 61, Some(1)));
            assert_eq!((pressed.head, pressed.pulls), (Sha::new("abc"), vec![8]));
        }
        other => panic!("{other:?}"),
    }
    reason(event("check_run", json!({ "action": "completed", "check_run": check })));
}

#[test]
fn the_end_of_other_checks_names_the_commit_and_its_branches() {
    let branch = Branch::new("adjutant/7-1/g1-a");
    let suite = json!({ "id": 3, "head_sha": "abc", "head_branch": "adjutant/7-1/g1-a", "app": { "id": 15_368 } });
    let ended = fact(event("check_suite", json!({ "action": "completed", "check_suite": suite }))).kind;
    let told = FactKind::CiChanged { app: Some(15_368), head: Sha::new("abc"), branches: vec![branch.clone()] };
    assert_eq!(ended, told);
    let status = json!({ "sha": "abc", "state": "success", "branches": [{ "name": "adjutant/7-1/g1-a" }] });
    let told = FactKind::CiChanged { app: None, head: Sha::new("abc"), branches: vec![branch] };
    assert_eq!(fact(event("status", status)).kind, told);
}

#[test]
fn a_merge_group_names_the_pull_request_that_it_adds() {
    let made = |head_ref: &str| {
        let group = json!({ "head_sha": "abc", "head_ref": head_ref });
        fact(event("merge_group", json!({ "action": "checks_requested", "merge_group": group }))).kind
    };
    let told = |pull| FactKind::MergeGroupMade { head: Sha::new("abc"), pull };
    assert_eq!(made("refs/heads/gh-readonly-queue/release/1.x/pr-12-0a1b"), told(Some(12)));
    assert_eq!(made("refs/heads/something"), told(None));
    let group = json!({ "head_sha": "abc", "head_ref": "x" });
    reason(event("merge_group", json!({ "action": "destroyed", "merge_group": group })));
}

#[test]
fn a_bot_is_recognised_by_its_type_or_its_name() {
    let sender = |account: Value| {
        let body = json!({ "action": "closed", "pull_request": { "number": 8 }, "sender": account });
        fact(event("pull_request", body)).sender.unwrap()
    };
    assert!(sender(json!({ "login": "renovate", "type": "Bot" })).bot);
    assert!(sender(json!({ "login": "renovate[bot]" })).bot);
    assert!(!sender(json!({ "login": "robotina", "type": "User" })).bot);
}

#[test]
fn an_unused_event_is_ignored_with_a_reason() {
    assert!(reason(event("ping", json!({ "zen": "z" }))).contains("tests"));
    assert!(reason(event("star", json!({ "action": "created" }))).contains("star"));
    reason(event("installation", json!({ "action": "created" })));
    reason(event("pull_request", json!({ "action": "assigned" })));
    let without = json!({ "action": "closed", "installation": null, "pull_request": { "number": 8 } });
    assert!(reason(event("pull_request", without)).contains("installation"));
}

#[test]
fn a_broken_body_is_an_error_that_names_the_place() {
    let error = parse("issues", b"{").unwrap_err();
    assert!(error.to_string().contains("`issues`"), "{error}");
    assert!(parse("star", b"nonsense").is_err());
    let unlabelled = parse(
        "issues",
        json!({
            "action": "labeled", "issue": { "number": 7, "title": "x", "user": null },
            "sender": { "login": "a" }, "installation": { "id": 5 },
            "repository": { "id": 9, "name": "widgets", "owner": { "login": "acme" } },
        })
        .to_string()
        .as_bytes(),
    );
    assert!(unlabelled.unwrap_err().message.contains("label"));
}
