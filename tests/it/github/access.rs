//! Access that is lost and restored, and objects that may be absent: a single 404 is not accepted.

use std::sync::atomic::{AtomicUsize, Ordering};

use adjutant::github::{Access, CommentList, GitHubError, RawComment};
use adjutant_domain::ids::Login;
use adjutant_domain::signal::Permission;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::scripted::{REPO, Reply, Scripted, is, repo};

fn refused(status: u16, message: &str) -> Reply {
    Reply::Json(status, json!({ "message": message }))
}

#[tokio::test]
async fn a_suspended_installation_is_distinguished_from_a_missing_permission() {
    let says = "Sorry. This installation owned by acme suspended your access at 2026-11-20T12:00:00Z.";
    let at_the_call = Scripted::start(move |call| call.line.contains("/repos/").then(|| refused(403, says))).await;
    let at_the_mint = Scripted::start(|call| {
        call.line.contains("access_tokens").then(|| refused(403, "This installation has been suspended"))
    })
    .await;
    for server in [at_the_call, at_the_mint] {
        let error = server.client().create_comment(7, "hello").await.unwrap_err();
        assert!(matches!(error, GitHubError::NoAccess { .. }) && error.is_transient(), "{error}");
        let error = server.client().branch_head(&adjutant_domain::ids::Branch::new("main")).await.unwrap_err();
        assert!(matches!(error, GitHubError::NoAccess { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_repository_that_the_installation_lost_is_no_missing_branch() {
    let server = Scripted::start(|call| {
        let lost =
            "There is at least one repository that does not exist or is not accessible to the parent installation.";
        (call.line.contains("access_tokens") && !call.body["repository_ids"].is_null()).then(|| refused(422, lost))
    })
    .await;
    let error = server.github().git_token(&repo()).await.unwrap_err();
    assert!(matches!(error, GitHubError::NoAccess { .. }), "{error}");
    // GitHub is asked for the installation, and answers 404 if it no longer covers the repository.
    assert!(matches!(server.github().access(&repo()).await.unwrap(), Access::None(_)));
}

#[tokio::test]
async fn an_app_that_was_installed_again_works_through_the_new_installation() {
    let server = Scripted::start(|call| match call.line.as_str() {
        line if line.ends_with("/installations/5/access_tokens") => Some(refused(404, "Not Found")),
        line if line == format!("GET {REPO}/installation") => {
            Some(Reply::Json(200, json!({ "id": 6, "suspended_at": null })))
        }
        line if line.ends_with("/installations/6/access_tokens") => Some(Reply::Json(
            201,
            json!({ "token": "ghs_new", "expires_at": Utc::now() + chrono::TimeDelta::hours(1) }),
        )),
        line if line == format!("PATCH {REPO}/issues/7") => Some(Reply::Json(200, json!({}))),
        line if line == format!("GET {REPO}") => Some(Reply::Json(200, described(repo().id))),
        _ => None,
    })
    .await;
    let github = server.github();
    let client = github.repository(&repo());
    assert!(matches!(client.close_issue(7).await.unwrap_err(), GitHubError::NoAccess { .. }));
    assert_eq!(github.access(&repo()).await.unwrap(), Access::Granted);
    client.close_issue(7).await.unwrap();
    assert_eq!(server.calls("PATCH")[0].authorization.as_deref(), Some("Bearer ghs_new"));
    assert_eq!(github.git_token(&repo()).await.unwrap().expose_secret(), "ghs_new");
}

fn described(id: u64) -> Value {
    json!({ "id": id, "owner": { "login": "acme" }, "name": "widgets", "full_name": "acme/widgets", "default_branch": "main" })
}

/// One repository was transferred. The other repositories of its installation were not.
#[tokio::test]
async fn a_repository_that_goes_through_another_installation_takes_no_other_along() {
    let server = Scripted::start(|call| match call.line.as_str() {
        line if line == format!("GET {REPO}/installation") => Some(Reply::Json(200, json!({ "id": 6 }))),
        line if line == format!("GET {REPO}") => Some(Reply::Json(200, described(repo().id))),
        line if line.ends_with("/access_tokens") => {
            let token = if line.contains("/installations/6/") { "ghs_new" } else { "ghs_old" };
            let expires = Utc::now() + chrono::TimeDelta::hours(1);
            Some(Reply::Json(201, json!({ "token": token, "expires_at": expires })))
        }
        _ => None,
    })
    .await;
    let github = server.github();
    let neighbour = adjutant_domain::ids::Repo { id: repo().id + 1, name: "gadgets".to_owned(), ..repo() };
    assert_eq!(github.access(&repo()).await.unwrap(), Access::Granted);
    assert_eq!(github.git_token(&repo()).await.unwrap().expose_secret(), "ghs_new");
    assert_eq!(github.git_token(&neighbour).await.unwrap().expose_secret(), "ghs_old");
}

/// An account was renamed. Somebody took its old name, created a repository of the same name and installed the app
/// there.
#[tokio::test]
async fn another_repository_with_the_same_name_is_not_taken_for_the_one_that_was_meant() {
    let server = Scripted::start(|call| match call.line.as_str() {
        line if line == format!("GET {REPO}/installation") => Some(Reply::Json(200, json!({ "id": 6 }))),
        line if line == format!("GET {REPO}") => Some(Reply::Json(200, described(repo().id + 1))),
        line if line.ends_with("/access_tokens") => {
            let expires = Utc::now() + chrono::TimeDelta::hours(1);
            Some(Reply::Json(201, json!({ "token": "ghs_other", "expires_at": expires })))
        }
        _ => None,
    })
    .await;
    let github = server.github();
    assert!(matches!(github.access(&repo()).await.unwrap(), Access::None(_)));
    github.git_token(&repo()).await.unwrap();
    assert_eq!(server.calls("POST /api/v3/app/installations/6/").len(), 1, "only to look at what it is");
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_says_nothing_about_a_file() {
    let server = Scripted::start(|call| match call.line.as_str() {
        line if line.ends_with("/contents/page") => Some(Reply::Text(200, "<html>Be right back</html>")),
        line if line.ends_with("/contents/folder") => Some(Reply::Json(200, json!([{ "type": "file" }]))),
        _ => None,
    })
    .await;
    let page = server.client().file("page", None).await.unwrap_err();
    assert!(page.is_transient(), "{page}");
    let folder = server.client().file("folder", None).await.unwrap_err();
    assert!(matches!(folder, GitHubError::NoText { .. }), "{folder}");
}

#[tokio::test]
async fn that_somebody_has_no_rights_is_asked_twice() {
    let asked = AtomicUsize::new(0);
    let server = Scripted::start(move |call| {
        is(call, "GET", "/collaborators/mona/permission").then(|| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => refused(404, "Not Found"),
            _ => Reply::Json(200, json!({ "permission": "write" })),
        })
    })
    .await;
    assert_eq!(server.client().permission(&Login::new("mona")).await.unwrap(), Permission::Write);
    assert_eq!(server.client().permission(&Login::new("stranger")).await.unwrap(), Permission::None);
    assert!(server.client().file(".github/adjutant.yml", None).await.unwrap().is_none());
    assert_eq!(server.calls(&format!("GET {REPO}/contents/")).len(), 2);
}

#[tokio::test]
async fn a_token_that_git_was_refused_is_minted_again() {
    let server = Scripted::start(|_| None).await;
    let github = server.github();
    let first = github.git_token(&repo()).await.unwrap();
    assert_eq!(github.git_token(&repo()).await.unwrap().expose_secret(), first.expose_secret());
    github.forget_git_tokens(&repo()).await;
    assert_ne!(github.git_token(&repo()).await.unwrap().expose_secret(), first.expose_secret());
}

#[tokio::test]
async fn comments_are_listed_since_a_time_as_webhooks_bring_them() {
    let comment = |id: u64, body: &str| -> Value {
        json!({ "id": id, "node_id": "x", "body": body, "user": { "login": "mona", "type": "User" },
                "created_at": "2026-11-20T12:00:00Z", "updated_at": "2026-11-20T12:00:00Z",
                "html_url": "http://h/acme/widgets/pull/3#issuecomment-1", "issue_url": format!("http://h{REPO}/issues/3") })
    };
    let server = Scripted::start(move |call| {
        let listed = json!([comment(1, "/approve"), comment(2, "well done")]);
        let path = format!("GET {REPO}/issues/comments?since=2026-11-20T11:00:00Z");
        call.line.starts_with(&path).then_some(Reply::Json(200, listed))
    })
    .await;
    let since: DateTime<Utc> = "2026-11-20T11:00:00Z".parse().unwrap();
    let kept = |comment: &RawComment| format!("{comment:?}").contains("/approve");
    let found = server.client().comments_since(CommentList::Issues, since, kept).await.unwrap();
    assert_eq!(found.len(), 1);
}
