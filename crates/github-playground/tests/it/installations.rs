//! Installations: suspended, removed, given repositories and permissions; who gets the webhooks, and which tokens are
//! still valid.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver};

const ISSUES: &str = "/repos/acme/widgets/issues";

fn at(harness: &Harness, path: &str) -> String {
    format!("/app/installations/{}{path}", harness.playground.installation_id)
}

/// Creates a repository in the organisation, and returns its id.
async fn new_repository(harness: &Harness, name: &str) -> u64 {
    let new = Some(json!({ "name": name }));
    let made = harness.call(Method::POST, "/orgs/acme/repos", "playground-maintainer", new).await.expect(201);
    made["id"].as_u64().unwrap()
}

#[tokio::test]
async fn a_suspended_installation_mints_no_token_and_its_tokens_are_refused() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    let (app, token) = (harness.app_token(), harness.installation_token(json!({})).await);
    harness.call(Method::PUT, &at(&harness, "/suspended"), &app, None).await.expect(204);
    let hook = receiver.next("installation", "suspend").await;
    assert_eq!(hook.payload["installation"]["suspended_by"]["login"], "playground-app[bot]");
    assert_eq!(hook.payload["repositories"][0]["full_name"], "acme/widgets");
    let refused = harness.call(Method::POST, &at(&harness, "/access_tokens"), &app, Some(json!({}))).await;
    assert_eq!(refused.body["message"], "This installation has been suspended");
    refused.expect(403);
    let refused = harness.call(Method::GET, ISSUES, &token, None).await;
    assert!(refused.body["message"].as_str().unwrap().contains("suspended your access"), "{}", refused.body);
    refused.expect(403);
    let shown = harness.call(Method::GET, &at(&harness, ""), &app, None).await.expect(200);
    assert!(shown["suspended_at"].is_string());
    harness.call(Method::DELETE, &at(&harness, "/suspended"), &app, None).await.expect(204);
    receiver.next("installation", "unsuspend").await;
    harness.call(Method::GET, ISSUES, &token, None).await.expect(200);
    let shown = harness.call(Method::GET, &at(&harness, ""), &app, None).await.expect(200);
    assert_eq!((&shown["suspended_at"], &shown["suspended_by"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn git_turns_away_a_suspended_installation() {
    let harness = Harness::start().await;
    let token = harness.installation_token(json!({})).await;
    let clone = harness.clone_as(&token).await;
    clone.commit_on("late", "notes.md", "late\n").await;
    harness.playground.suspend();
    let refused = clone.git(&["push", "origin", "late"]).await.unwrap_err();
    assert!(refused.contains("403") && refused.contains("suspended"), "{refused}");
    harness.playground.unsuspend();
    clone.git(&["push", "--quiet", "origin", "late"]).await.unwrap();
}

#[tokio::test]
async fn a_suspended_app_gets_no_webhooks_of_the_repository() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.playground.suspend();
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Unheard" })).await.expect(201);
    harness.playground.unsuspend();
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Heard" })).await.expect(201);
    receiver.next("installation", "suspend").await;
    receiver.next("installation", "unsuspend").await;
    assert_eq!(receiver.next("issues", "opened").await.payload["issue"]["title"], "Heard");
    let listed = harness.call(Method::GET, "/app/hook/deliveries", &harness.app_token(), None).await.expect(200);
    assert_eq!(listed.as_array().unwrap().iter().filter(|all| all["event"] == "issues").count(), 1);
}

#[tokio::test]
async fn an_app_cannot_end_the_owners_suspension() {
    let harness = Harness::start().await;
    harness.playground.suspend();
    harness.call(Method::DELETE, &at(&harness, "/suspended"), &harness.app_token(), None).await.expect(404);
    let shown = harness.call(Method::GET, &at(&harness, ""), &harness.app_token(), None).await.expect(200);
    assert_eq!(shown["suspended_by"]["login"], "maintainer");
}

#[tokio::test]
async fn only_the_app_suspends_and_removes_itself() {
    let harness = Harness::start().await;
    let installation = harness.installation_token(json!({})).await;
    for token in ["playground-maintainer", &installation, ""] {
        harness.call(Method::PUT, &at(&harness, "/suspended"), token, None).await.expect(401);
        harness.call(Method::DELETE, &at(&harness, "/suspended"), token, None).await.expect(401);
        harness.call(Method::DELETE, &at(&harness, ""), token, None).await.expect(401);
    }
    for path in ["/app/installations/1", "/app/installations/1/suspended"] {
        harness.call(Method::DELETE, path, &harness.app_token(), None).await.expect(404);
    }
    harness.call(Method::PUT, "/app/installations/1/suspended", &harness.app_token(), None).await.expect(404);
}

#[tokio::test]
async fn an_app_that_was_uninstalled_has_nothing_left() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    let (app, token) = (harness.app_token(), harness.installation_token(json!({})).await);
    harness.call(Method::DELETE, &at(&harness, ""), &app, None).await.expect(204);
    let hook = receiver.next("installation", "deleted").await;
    assert_eq!(hook.payload["installation"]["id"], harness.playground.installation_id);
    assert_eq!(hook.payload["repositories"][0]["name"], "widgets");
    harness.call(Method::GET, ISSUES, &token, None).await.expect(401);
    harness.call(Method::POST, &at(&harness, "/access_tokens"), &app, Some(json!({}))).await.expect(404);
    harness.call(Method::GET, "/repos/acme/widgets/installation", &app, None).await.expect(404);
    assert_eq!(harness.call(Method::GET, "/app", &app, None).await.expect(200)["installations_count"], 0);
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Unheard" })).await.expect(201);
    assert!(receiver.all().iter().all(|hook| hook.event != "issues"));
}

#[tokio::test]
async fn repositories_are_given_to_an_installation_and_taken_from_it() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    let gears = new_repository(&harness, "gears").await;
    let path = format!("/user/installations/{}/repositories", harness.playground.installation_id);
    let one = format!("{path}/{gears}");
    let token = harness.installation_token(json!({})).await;
    let title = || Some(json!({ "title": "Turn" }));
    harness.call(Method::POST, "/repos/acme/gears/issues", &token, title()).await.expect(403);
    for _ in 0..2 {
        harness.call(Method::PUT, &one, "playground-maintainer", None).await.expect(204);
    }
    let hook = receiver.next("installation_repositories", "added").await;
    assert_eq!(hook.payload["repositories_added"][0]["full_name"], "acme/gears");
    assert_eq!(hook.payload["repositories_removed"], json!([]));
    assert_eq!(hook.payload["repository_selection"], "selected");
    assert_eq!(hook.payload["sender"]["login"], "maintainer");
    harness.call(Method::POST, "/repos/acme/gears/issues", &token, title()).await.expect(201);
    let mine = harness.call(Method::GET, &path, "playground-maintainer", None).await.expect(200);
    assert_eq!(mine["total_count"], 2);
    harness.call(Method::DELETE, &one, "playground-maintainer", None).await.expect(204);
    let hook = receiver.next("installation_repositories", "removed").await;
    assert_eq!(hook.payload["repositories_removed"][0]["full_name"], "acme/gears");
    harness.call(Method::POST, "/repos/acme/gears/issues", &token, title()).await.expect(403);
    let told = receiver.all().into_iter().filter(|hook| hook.event == "installation_repositories").count();
    assert_eq!(told, 2, "what changes nothing is not told");
}

#[tokio::test]
async fn only_an_administrator_of_a_repository_adds_or_removes_it() {
    let harness = Harness::start().await;
    let gears = new_repository(&harness, "gears").await;
    let widgets = harness.get("").await["id"].as_u64().unwrap();
    let new = Some(json!({ "name": "mine" }));
    let mine = harness.call(Method::POST, "/user/repos", "playground-writer", new).await.expect(201)["id"].clone();
    let path = format!("/user/installations/{}/repositories", harness.playground.installation_id);
    for method in [Method::PUT, Method::DELETE] {
        let call = async |token: &str, id: &Value| {
            harness.call(method.clone(), &format!("{path}/{id}"), token, None).await.status.as_u16()
        };
        assert_eq!(call("playground-writer", &json!(gears)).await, 403);
        assert_eq!(call("", &json!(gears)).await, 401);
        assert_eq!(call(&harness.installation_token(json!({})).await, &json!(gears)).await, 403);
        assert_eq!(call("playground-writer", &mine).await, 404, "it is of another account");
        assert_eq!(call("playground-maintainer", &json!(1)).await, 404);
    }
    let last = format!("{path}/{widgets}");
    harness.call(Method::DELETE, &last, "playground-maintainer", None).await.expect(422);
    harness.playground.give_all_repositories();
    let refused = harness.call(Method::DELETE, &last, "playground-maintainer", None).await;
    assert!(refused.body["message"].as_str().unwrap().starts_with("This installation is on all repositories"));
    refused.expect(422);
}

#[tokio::test]
async fn an_installation_on_all_repositories_reaches_those_to_come() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    new_repository(&harness, "gears").await;
    harness.playground.give_all_repositories();
    let hook = receiver.next("installation_repositories", "added").await;
    assert_eq!(hook.payload["repository_selection"], "all");
    assert_eq!(hook.payload["repositories_added"].as_array().unwrap().len(), 1);
    new_repository(&harness, "springs").await;
    let minted =
        harness.call(Method::POST, &at(&harness, "/access_tokens"), &harness.app_token(), None).await.expect(201);
    assert_eq!(minted["repository_selection"], "all");
    let token = minted["token"].as_str().unwrap();
    let listed = harness.call(Method::GET, "/installation/repositories", token, None).await.expect(200);
    assert_eq!((&listed["total_count"], &listed["repository_selection"]), (&json!(3), &json!("all")));
    let title = Some(json!({ "title": "Wind" }));
    harness.call(Method::POST, "/repos/acme/springs/issues", token, title).await.expect(201);
}

#[tokio::test]
async fn the_handles_add_and_remove_repositories() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    new_repository(&harness, "gears").await;
    assert!(harness.playground.add_repository_to_installation("acme/gears"));
    receiver.next("installation_repositories", "added").await;
    assert!(harness.playground.remove_repository_from_installation("acme/widgets"));
    receiver.next("installation_repositories", "removed").await;
    assert!(!harness.playground.add_repository_to_installation("acme/none"));
    let token = harness.installation_token(json!({})).await;
    let listed = harness.call(Method::GET, "/installation/repositories", &token, None).await.expect(200);
    assert_eq!(listed["repositories"][0]["full_name"], "acme/gears");
}

#[tokio::test]
async fn an_app_has_what_it_newly_asks_for_once_the_owner_agreed() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    assert!(harness.playground.ask_permission("administration", "write"));
    assert!(!harness.playground.ask_permission("magic", "write"));
    let asked = || Some(json!({ "permissions": { "administration": "write" } }));
    let mint = at(&harness, "/access_tokens");
    harness.call(Method::POST, &mint, &harness.app_token(), asked()).await.expect(422);
    let outdated = async || {
        let listed = harness.call(Method::GET, "/app/installations?outdated=true", &harness.app_token(), None).await;
        listed.expect(200).as_array().unwrap().len()
    };
    assert_eq!(outdated().await, 1);
    harness.playground.accept_permissions();
    let hook = receiver.next("installation", "new_permissions_accepted").await;
    assert_eq!(hook.payload["installation"]["permissions"]["administration"], "write");
    assert_eq!(outdated().await, 0);
    harness.call(Method::POST, &mint, &harness.app_token(), asked()).await.expect(201);
}

#[tokio::test]
async fn installations_are_listed_for_the_app_and_for_people() {
    let harness = Harness::start().await;
    let app = harness.app_token();
    let listed = harness.call(Method::GET, "/app/installations", &app, None).await.expect(200);
    assert_eq!(listed[0]["id"], harness.playground.installation_id);
    let later =
        harness.call(Method::GET, "/app/installations?since=2999-01-01T00:00:00Z", &app, None).await.expect(200);
    assert_eq!(later, json!([]));
    assert_eq!(harness.call(Method::GET, "/app/installation-requests", &app, None).await.expect(200), json!([]));
    harness.call(Method::GET, "/app/installation-requests", "playground-writer", None).await.expect(401);
    let mine = harness.call(Method::GET, "/user/installations", "playground-writer", None).await.expect(200);
    assert_eq!(mine["installations"][0]["app_slug"], "playground-app");
    let stranger = harness.playground.add_user("stranger");
    let none = harness.call(Method::GET, "/user/installations", &stranger, None).await.expect(200);
    assert_eq!(none["total_count"], 0, "that everybody may read a repository is nobody's own permission");
    let path = format!("/user/installations/{}/repositories", harness.playground.installation_id);
    harness.call(Method::GET, &path, &stranger, None).await.expect(404);
    harness.call(Method::GET, "/user/installations", "", None).await.expect(401);
    harness.call(Method::GET, "/user/installations", &app, None).await.expect(403);
}

#[tokio::test]
async fn a_token_names_at_most_five_hundred_repositories() {
    let harness = Harness::start().await;
    let widgets = harness.get("").await["id"].clone();
    let mint = async |ids: Vec<Value>| {
        let body = Some(json!({ "repository_ids": ids }));
        harness.call(Method::POST, &at(&harness, "/access_tokens"), &harness.app_token(), body).await
    };
    let minted = mint(vec![widgets.clone(); 500]).await.expect(201);
    assert_eq!(minted["repositories"][0]["full_name"], "acme/widgets");
    mint(vec![widgets; 501]).await.expect(422);
    mint(vec![json!(1)]).await.expect(422);
}

#[tokio::test]
async fn only_an_app_can_look_up_its_installation_by_the_account() {
    let harness = Harness::start().await;
    let path = "/users/acme/installation";
    let found = harness.call(Method::GET, path, &harness.app_token(), None).await.expect(200);
    assert_eq!(
        (&found["id"], &found["target_type"]),
        (&json!(harness.playground.installation_id), &json!("Organization"))
    );
    harness.call(Method::GET, "/users/writer/installation", &harness.app_token(), None).await.expect(404);
    harness.call(Method::GET, path, "playground-maintainer", None).await.expect(401);
}

#[tokio::test]
async fn a_renamed_account_is_found_by_both_names_and_its_apps_hear_of_it() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    assert!(!harness.playground.rename_account("acme", "writer"), "the name is taken");
    assert!(harness.playground.rename_account("acme", "acme-works"));
    let hook = receiver.next("installation_target", "renamed").await;
    assert_eq!(hook.payload["changes"]["login"]["from"], "acme");
    assert_eq!(
        (&hook.payload["account"]["login"], &hook.payload["target_type"]),
        (&json!("acme-works"), &json!("Organization"))
    );
    assert_eq!(hook.payload["installation"]["id"], harness.playground.installation_id);
    assert_eq!(harness.get("").await["full_name"], "acme-works/widgets", "a client that follows finds it");
    harness.clone_as("playground-writer").await;
    harness.call(Method::GET, "/orgs/acme", "playground-maintainer", None).await.expect(404);
    harness.call(Method::GET, "/users/acme-works", "", None).await.expect(200);
}
