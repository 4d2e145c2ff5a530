//! The parts that octocrab does not do, and rare errors of GitHub.

use std::time::Duration;

use adjutant::github::GitHubError;
use adjutant_domain::{
    effect::Reaction,
    ids::{Branch, Sha},
    signal::{Source, SourceKind},
};
use chrono::TimeDelta;
use futures_util::future::join_all;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::scripted::{REPO, Reply, Scripted, github_at, head, is, repo};

#[tokio::test]
async fn ten_cold_calls_mint_one_token() {
    let server = Scripted::start(|call| is(call, "GET", "/git/ref/heads/main").then(|| head("abc"))).await;
    let client = server.client();
    let main = Branch::new("main");
    let heads = join_all((0..10).map(|_| client.branch_head(&main))).await;
    assert!(heads.into_iter().all(|head| head.unwrap() == Some(Sha::new("abc"))));
    assert_eq!(server.calls("POST /api/v3/app/installations/5/access_tokens").len(), 1);
}

#[tokio::test]
async fn the_app_is_asked_who_it_is_once() {
    let server = Scripted::start(|_| None).await;
    let github = server.github();
    let app = github.app().await.unwrap();
    assert_eq!(app, github.app().await.unwrap());
    assert_eq!((app.bot_login.as_str(), app.bot_user_id), ("adjutant[bot]", 77));
    assert_eq!(app.commit_email, "77+adjutant[bot]@users.noreply.127.0.0.1");
    let asked = server.calls("GET /api/v3/app");
    assert_eq!(asked.iter().filter(|call| call.line == "GET /api/v3/app").count(), 1);
    assert!(asked[0].authorization.as_deref().unwrap().starts_with("Bearer ey"));
    assert_eq!(asked[0].headers["x-github-api-version"], "2022-11-28");
    assert!(asked[0].headers.contains_key("user-agent"));
}

#[tokio::test]
async fn a_git_token_is_good_for_one_repository_and_kept() {
    let server = Scripted::start(|_| None).await;
    let github = server.github();
    let first = github.git_token(&repo()).await.unwrap();
    assert_eq!(first.expose_secret(), github.git_token(&repo()).await.unwrap().expose_secret());
    github.git_token_with_workflows(&repo()).await.unwrap();
    let bodies: Vec<Value> = server.calls("POST").into_iter().map(|call| call.body).collect();
    assert_eq!(
        bodies,
        [
            json!({ "repository_ids": [9], "permissions": { "contents": "write" } }),
            json!({ "repository_ids": [9], "permissions": { "contents": "write", "workflows": "write" } }),
        ]
    );
    assert_eq!(github.git_url(&repo()), format!("{}/acme/widgets.git", server.url));
}

#[tokio::test]
async fn a_token_about_to_expire_is_replaced() {
    let server = Scripted::with_token_life(TimeDelta::minutes(4), |_| None).await;
    let github = server.github();
    let first = github.git_token(&repo()).await.unwrap();
    assert_ne!(first.expose_secret(), github.git_token(&repo()).await.unwrap().expose_secret());
}

#[tokio::test]
async fn a_token_that_was_revoked_is_replaced_once() {
    let server = Scripted::start(|call| {
        let revoked = call.authorization.as_deref() == Some("Bearer ghs_1");
        is(call, "GET", "/git/ref/heads/main")
            .then(|| if revoked { Reply::Json(401, json!({ "message": "Bad credentials" })) } else { head("abc") })
    })
    .await;
    assert_eq!(server.client().branch_head(&Branch::new("main")).await.unwrap(), Some(Sha::new("abc")));
    assert_eq!(server.calls("POST").len(), 2);
}

#[tokio::test]
async fn wrong_credentials_are_an_error_with_the_remedy_and_without_the_token() {
    let server = Scripted::start(|call| {
        call.line.contains("access_tokens").then(|| Reply::Json(401, json!({ "message": "Integration must be …" })))
    })
    .await;
    let error = server.client().branch_head(&Branch::new("main")).await.unwrap_err();
    assert!(matches!(error, GitHubError::Unauthorized { .. }), "{error}");
    assert!(error.to_string().contains("private key"));
    assert!(!format!("{error:?}").contains("ey"), "{error:?}");
}

#[tokio::test]
async fn an_app_that_was_uninstalled_is_not_taken_for_things_that_are_gone() {
    let server = Scripted::start(|call| {
        call.line.contains("access_tokens").then(|| Reply::Json(404, json!({ "message": "Not Found" })))
    })
    .await;
    let error = server.client().issue(7).await.unwrap_err();
    assert!(matches!(error, GitHubError::NoAccess { .. }) && error.to_string().contains("install"), "{error}");
}

#[tokio::test]
async fn page_two_is_read_with_authorisation_and_strangers_quotes_are_passed_by() {
    let server = Scripted::start(|call| {
        let comment = |id: u64, login: &str| {
            json!({ "id": id, "node_id": "x", "body": "status <!-- m -->", "user": { "login": login }, "html_url": "u" })
        };
        if is(call, "GET", "/issues/7/comments?per_page=100") {
            let host = call.headers["host"].to_str().unwrap();
            let next = format!("<http://{host}{REPO}/issues/7/comments?per_page=100&page=2>; rel=\"next\"");
            Some(Reply::With(200, vec![("link", next)], json!([comment(1, "outsider")])))
        } else {
            let second = is(call, "GET", "/issues/7/comments?per_page=100&page=2");
            second.then(|| Reply::Json(200, json!([comment(2, "adjutant[bot]")])))
        }
    })
    .await;
    let found = server.client().comment_with_marker(7, "<!-- m -->").await.unwrap().unwrap();
    assert_eq!(found.id, 2);
    let pages = server.calls(&format!("GET {REPO}/issues/7/comments"));
    assert_eq!(pages.len(), 2);
    assert!(pages.iter().all(|call| call.authorization.as_deref() == Some("Bearer ghs_1")));
}

#[tokio::test]
async fn a_link_to_another_host_gets_no_token() {
    let elsewhere = Scripted::start(|_| None).await;
    let trap = elsewhere.url.clone();
    let server = Scripted::start(move |call| {
        let moved = vec![("location", format!("{trap}{REPO}"))];
        is(call, "GET", "").then(|| Reply::With(301, moved, json!({ "message": "Moved Permanently" })))
    })
    .await;
    server.client().repository().await.unwrap_err();
    assert!(elsewhere.calls("").is_empty());
}

#[tokio::test]
async fn a_renamed_repository_is_followed_for_reads_and_writes() {
    let server = Scripted::start(|call| {
        let host = call.headers["host"].to_str().unwrap();
        let to = |rest: &str| vec![("location", format!("http://{host}/api/v3/repositories/9{rest}"))];
        match call.line.as_str() {
            line if line == format!("PATCH {REPO}/issues/7") => Some(Reply::With(307, to("/issues/7"), json!({}))),
            "PATCH /api/v3/repositories/9/issues/7" => Some(Reply::Json(200, json!({}))),
            _ => None,
        }
    })
    .await;
    server.client().close_issue(7).await.unwrap();
    let followed = server.calls("PATCH /api/v3/repositories/9/issues/7");
    assert_eq!(followed[0].body["state"], "closed");
    assert!(followed[0].authorization.is_some());
}

#[tokio::test]
async fn retry_after_keeps_the_next_call_from_being_sent() {
    let server = Scripted::start(|call| {
        let limit = json!({ "message": "You have exceeded a secondary rate limit." });
        call.line.starts_with("POST /api/v3/repos").then(|| Reply::With(403, vec![("retry-after", "60".into())], limit))
    })
    .await;
    let client = server.client();
    let error = client.create_comment(7, "hello").await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_mins(1)));
    let next = client.branch_head(&Branch::new("main")).await.unwrap_err();
    assert!(next.retry_after().unwrap() > Duration::from_secs(50));
    assert!(server.calls("GET").is_empty());
}

#[tokio::test]
async fn a_write_that_failed_or_hung_is_sent_once_and_reported_as_transient() {
    let server = Scripted::start(|call| match call.body["body"].as_str() {
        Some("fails") => Some(Reply::Json(502, json!({ "message": "Server Error" }))),
        Some("hangs") => Some(Reply::Silence),
        _ => None,
    })
    .await;
    let client = server.github_within(Duration::from_millis(300)).repository(&repo());
    let failed = client.create_comment(7, "fails").await.unwrap_err();
    assert!(matches!(failed, GitHubError::Unavailable { status: 502, .. }) && failed.is_transient(), "{failed}");
    let hung = client.create_comment(7, "hangs").await.unwrap_err();
    assert!(matches!(hung, GitHubError::Network { .. }) && hung.is_transient(), "{hung}");
    assert_eq!(server.calls(&format!("POST {REPO}/issues/7/comments")).len(), 2);
}

#[tokio::test]
async fn a_github_that_is_down_is_transient_and_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = github_at(&url, Duration::from_secs(5)).repository(&repo());
    let error = client.branch_head(&Branch::new("main")).await.unwrap_err();
    assert!(error.is_transient());
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn writes_of_an_installation_pass_one_at_a_time() {
    let server = Scripted::start(|call| {
        let comment = json!({ "id": 1, "node_id": "x", "body": "", "user": null, "html_url": "u" });
        call.line.starts_with("POST /api/v3/repos").then_some(Reply::Json(201, comment))
    })
    .await;
    let client = server.client();
    for written in join_all((0..20).map(|_| client.create_comment(7, "hello"))).await {
        written.unwrap();
    }
    assert_eq!(server.most_writing(), 1);
}

#[tokio::test]
async fn a_deleted_comment_is_gone() {
    let server = Scripted::start(|_| None).await;
    let error = server.client().update_comment(31, "x").await.unwrap_err();
    assert!(matches!(error, GitHubError::Gone { .. }), "{error}");
}

#[tokio::test]
async fn reactions_go_where_their_source_is() {
    let server = Scripted::start(|call| {
        let graphql = json!({ "data": { "addReaction": { "reaction": { "content": "EYES" } } } });
        match call.line.as_str() {
            "POST /api/graphql" => Some(Reply::Json(200, graphql)),
            line if line.ends_with("/reactions") => Some(Reply::Json(200, json!({ "id": 1 }))),
            _ => None,
        }
    })
    .await;
    let client = server.client();
    for kind in [SourceKind::IssueComment, SourceKind::ReviewComment, SourceKind::Review] {
        let source = Source { kind, id: 31, node_id: "PRR_31".to_owned(), number: 8, index: 0 };
        client.react(&source, Reaction::ThumbsDown).await.unwrap();
    }
    assert_eq!(server.calls(&format!("POST {REPO}/issues/comments/31/reactions"))[0].body["content"], "-1");
    assert_eq!(server.calls(&format!("POST {REPO}/pulls/comments/31/reactions"))[0].body["content"], "-1");
    let input = json!({ "subjectId": "PRR_31", "content": "THUMBS_DOWN" });
    assert_eq!(server.calls("POST /api/graphql")[0].body["variables"]["input"], input);
}

#[tokio::test]
async fn an_error_of_graphql_is_an_error_though_its_status_is_200() {
    let server = Scripted::start(|call| {
        let error =
            json!({ "data": null, "errors": [{ "type": "NOT_FOUND", "message": "Could not resolve to a node" }] });
        (call.line == "POST /api/graphql").then_some(Reply::Json(200, error))
    })
    .await;
    let error = server.client().mark_ready("PR_8").await.unwrap_err();
    assert!(error.is_absent(), "{error}");
}
