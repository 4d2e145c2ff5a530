//! Branches, files, people, pull requests and check runs, with GitHub's normal answers and its errors.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use adjutant::github::{CheckRun, GitHubError, MergeOutcome, MergeRefusal, NewPull};
use adjutant_domain::check::{CheckState, Conclusion};
use adjutant_domain::{
    ids::{Branch, Login, Sha},
    merging::MergeMethod,
    signal::Permission,
};
use serde_json::{Value, json};

use super::scripted::{REPO, Reply, Scripted, head, is};

fn pull(more: &Value) -> Value {
    let mut pull = json!({
        "number": 8, "node_id": "PR_8", "title": "t", "body": null, "state": "open", "draft": false, "merged": false,
        "head": { "ref": "topic", "sha": "aaa", "repo": { "id": 9 } }, "base": { "ref": "main", "sha": "bbb" },
        "user": { "login": "adjutant[bot]" }, "html_url": "http://h/acme/widgets/pull/8",
    });
    for (key, value) in more.as_object().unwrap() {
        pull[key] = value.clone();
    }
    pull
}

fn new_pull(draft: bool) -> NewPull {
    NewPull {
        title: "t".to_owned(),
        body: "b".to_owned(),
        head: Branch::new("topic"),
        base: Branch::new("main"),
        draft,
    }
}

#[tokio::test]
async fn a_user_who_is_no_collaborator_has_no_permission() {
    let server = Scripted::start(|call| {
        let permission = |word: &str| Some(Reply::Json(200, json!({ "permission": word })));
        match call.line.strip_prefix(&format!("GET {REPO}/collaborators/"))? {
            "maintainer/permission" => permission("admin"),
            "writer/permission" => permission("write"),
            "triager/permission" => permission("read"),
            _ => None,
        }
    })
    .await;
    let client = server.client();
    for (login, may) in [
        ("maintainer", Permission::Admin),
        ("writer", Permission::Write),
        ("triager", Permission::Read),
        ("stranger", Permission::None),
    ] {
        assert_eq!(client.permission(&Login::new(login)).await.unwrap(), may, "{login}");
    }
}

#[tokio::test]
async fn a_draft_that_the_plan_does_not_allow_becomes_a_normal_pull_request() {
    let server = Scripted::start(|call| {
        is(call, "POST", "/pulls").then(|| match call.body["draft"].as_bool() {
            Some(true) => {
                Reply::Json(422, json!({ "message": "Draft pull requests are not supported in this repository." }))
            }
            _ => Reply::Json(201, pull(&json!({}))),
        })
    })
    .await;
    assert!(!server.client().create_pull(&new_pull(true)).await.unwrap().draft);
    assert_eq!(server.calls(&format!("POST {REPO}/pulls")).len(), 2);
}

#[tokio::test]
async fn a_pull_request_that_is_there_already_is_found() {
    let server = Scripted::start(|call| {
        let exists = json!({
            "message": "Validation Failed",
            "errors": [{ "resource": "PullRequest", "code": "custom", "message": "A pull request already exists for acme:topic." }],
        });
        let list = "/pulls?head=acme%3Atopic&state=all&sort=created&direction=desc&per_page=10";
        if is(call, "POST", "/pulls") {
            Some(Reply::Json(422, exists))
        } else if is(call, "GET", list) {
            let own = json!({ "id": 9 });
            let other = pull(&json!({ "number": 9, "head": { "ref": "other", "sha": "ccc", "repo": own } }));
            let fork = json!({ "ref": "topic", "sha": "ccc", "repo": { "id": 77 } });
            let forked = pull(&json!({ "number": 10, "head": fork }));
            let gone = pull(&json!({ "number": 11, "head": { "ref": "topic", "sha": "ccc", "repo": null } }));
            Some(Reply::Json(200, json!([gone, forked, other, pull(&json!({}))])))
        } else {
            is(call, "GET", "/pulls/8").then(|| Reply::Json(200, pull(&json!({ "mergeable": null }))))
        }
    })
    .await;
    let found = server.client().create_pull(&new_pull(false)).await.unwrap();
    assert_eq!((found.number, found.mergeable), (8, None));
}

#[tokio::test]
async fn a_branch_that_does_not_show_yet_is_worth_another_try_and_a_missing_one_is_not() {
    let there = Arc::new(AtomicBool::new(true));
    let shown = Arc::clone(&there);
    let server = Scripted::start(move |call| {
        let invalid = json!({
            "message": "Validation Failed",
            "errors": [{ "resource": "PullRequest", "field": "head", "code": "invalid" }],
        });
        if is(call, "POST", "/pulls") {
            Some(Reply::Json(422, invalid))
        } else {
            (shown.load(Ordering::SeqCst) && is(call, "GET", "/git/ref/heads/topic")).then(|| head("aaa"))
        }
    })
    .await;
    let client = server.client();
    assert!(client.create_pull(&new_pull(false)).await.unwrap_err().is_transient());
    there.store(false, Ordering::SeqCst);
    let error = client.create_pull(&new_pull(false)).await.unwrap_err();
    assert!(matches!(error, GitHubError::Validation { .. }), "{error}");
}

/// The outcome of `merge_pull` for a refusal and the state of the pull request after it.
async fn merge(status: u16, found: Value) -> Result<MergeOutcome, GitHubError> {
    let server = Scripted::start(move |call| {
        if is(call, "PUT", "/pulls/8/merge") {
            Some(Reply::Json(status, json!({ "message": "Pull Request is not mergeable", "sha": "mmm" })))
        } else {
            is(call, "GET", "/pulls/8").then(|| Reply::Json(200, pull(&found)))
        }
    })
    .await;
    server.client().merge_pull(8, &Sha::new("aaa"), MergeMethod::Squash, "t", "m").await
}

#[tokio::test]
async fn a_merge_says_what_came_of_it() {
    let by_us = MergeOutcome::Merged { sha: Some(Sha::new("mmm")), by: Some(Login::new("adjutant[bot]")) };
    assert_eq!(merge(200, json!({})).await.unwrap(), by_us);
    let merged = json!({ "merged": true, "merge_commit_sha": "xxx", "merged_by": { "login": "maintainer" } });
    let by_person = MergeOutcome::Merged { sha: Some(Sha::new("xxx")), by: Some(Login::new("maintainer")) };
    assert_eq!(merge(405, merged).await.unwrap(), by_person);
    let moved = json!({ "head": { "ref": "topic", "sha": "ddd" } });
    assert_eq!(merge(409, moved).await.unwrap(), MergeOutcome::HeadMoved { head: Sha::new("ddd") });
    let reason = "Pull Request is not mergeable".to_owned();
    assert_eq!(
        merge(405, json!({})).await.unwrap(),
        MergeOutcome::NotMergeable { reason: reason.clone(), cause: MergeRefusal::Moment }
    );
    assert_eq!(merge(403, json!({})).await.unwrap(), MergeOutcome::Forbidden { reason });
    assert!(merge(502, json!({})).await.unwrap_err().is_transient());
}

#[tokio::test]
async fn the_second_of_two_merges_at_once_is_worth_another_try() {
    let server = Scripted::start(|call| {
        let moved = json!({ "message": "Base branch was modified. Review and try the merge again." });
        let refused = is(call, "PUT", "/pulls/8/merge").then_some(Reply::Json(405, moved));
        refused.or_else(|| is(call, "GET", "/pulls/8").then(|| Reply::Json(200, pull(&json!({})))))
    })
    .await;
    let merge = server.client().merge_pull(8, &Sha::new("aaa"), MergeMethod::Squash, "t", "m").await;
    assert!(merge.unwrap_err().retry_after().is_some());
}

fn check() -> CheckRun {
    CheckRun {
        name: "adjutant / test".to_owned(),
        head_sha: Sha::new("aaa"),
        external_id: "step-1".to_owned(),
        state: CheckState::Completed(Conclusion::Failure),
        title: "failed".to_owned(),
        summary: "s".to_owned(),
        text: None,
        actions: Vec::new(),
        annotations: Vec::new(),
    }
}

#[tokio::test]
async fn a_check_run_is_created_once_and_then_updated() {
    let created = Arc::new(AtomicUsize::new(0));
    let there = Arc::clone(&created);
    let server = Scripted::start(move |call| {
        if call.line.contains("/check-runs") && !call.line.starts_with("GET") {
            there.fetch_add(1, Ordering::SeqCst);
            return Some(Reply::Json(201, json!({ "id": 61 })));
        }
        let listed = call.line.starts_with(&format!("GET {REPO}/commits/aaa/check-runs"));
        listed.then(|| {
            let run = |id: u64, external: &str, app: u64| {
                json!({
                    "id": id, "name": "adjutant / test", "external_id": external, "status": "completed",
                    "conclusion": "success", "app": { "id": app },
                })
            };
            let ours = if there.load(Ordering::SeqCst) == 0 { vec![] } else { vec![run(61, "step-1", 1)] };
            let others = vec![run(62, "step-2", 1), run(63, "step-1", 2)];
            let runs = [others, ours].concat();
            Reply::Json(200, json!({ "total_count": runs.len(), "check_runs": runs }))
        })
    })
    .await;
    let client = server.client();
    assert_eq!(client.put_check(&check()).await.unwrap(), 61);
    let asked = &server.calls(&format!("GET {REPO}/commits"))[0].line;
    assert!(asked.contains("check_name=adjutant%20%2F%20test"), "{asked}");
    assert_eq!(client.put_check(&check()).await.unwrap(), 61);
    assert_eq!(server.calls(&format!("POST {REPO}/check-runs")).len(), 1);
    assert_eq!(server.calls(&format!("PATCH {REPO}/check-runs/61")).len(), 1);
}

#[tokio::test]
async fn a_file_is_read_as_text_and_a_missing_one_is_none() {
    let server = Scripted::start(|call| {
        let content = json!({ "type": "file", "encoding": "base64", "content": "bGFiZWw6\nIGRvIGl0Cg==\n" });
        is(call, "GET", "/contents/.github/adjutant.yml?ref=a%2Fb").then_some(Reply::Json(200, content))
    })
    .await;
    let client = server.client();
    let text = client.file(".github/adjutant.yml", Some("a/b")).await.unwrap();
    assert_eq!(text.as_deref(), Some("label: do it\n"));
    assert_eq!(client.file(".github/adjutant.yml", None).await.unwrap(), None);
}

#[tokio::test]
async fn a_branch_that_is_there_or_gone_already_is_as_good() {
    let server = Scripted::start(|call| {
        let refused = |message: &str| Some(Reply::Json(422, json!({ "message": message })));
        if is(call, "POST", "/git/refs") {
            refused("Reference already exists")
        } else if is(call, "DELETE", "/git/refs/heads/gone") {
            refused("Reference does not exist")
        } else {
            is(call, "GET", "/git/ref/heads/topic").then(|| head("other"))
        }
    })
    .await;
    let client = server.client();
    assert_eq!(client.create_branch(&Branch::new("topic"), &Sha::new("aaa")).await.unwrap(), Sha::new("other"));
    client.delete_branch(&Branch::new("gone")).await.unwrap();
    client.delete_branch(&Branch::new("absent")).await.unwrap();
}
