//! Installations: suspended, removed, given repositories and permissions; who hears of it, and what tokens are still worth.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Receiver, World};

const ISSUES: &str = "/repos/acme/widgets/issues";

fn at(world: &World, path: &str) -> String {
    format!("/app/installations/{}{path}", world.playground.installation_id)
}

/// Makes a repository in the organisation, and answers with its id.
async fn new_repository(world: &World, name: &str) -> u64 {
    let new = Some(json!({ "name": name }));
    let made = world.call(Method::POST, "/orgs/acme/repos", "playground-maintainer", new).await.expect(201);
    made["id"].as_u64().unwrap()
}

#[tokio::test]
async fn a_suspended_installation_mints_no_token_and_its_tokens_are_refused() {
    let world = World::start().await;
    let receiver = Receiver::of(&world).await;
    let (app, token) = (world.app_token(), world.installation_token(json!({})).await);
    world.call(Method::PUT, &at(&world, "/suspended"), &app, None).await.expect(204);
    let hook = receiver.next("installation", "suspend").await;
    assert_eq!(hook.payload["installation"]["suspended_by"]["login"], "playground-app[bot]");
    assert_eq!(hook.payload["repositories"][0]["full_name"], "acme/widgets");
    let refused = world.call(Method::POST, &at(&world, "/access_tokens"), &app, Some(json!({}))).await;
    assert_eq!(refused.body["message"], "This installation has been suspended");
    refused.expect(403);
    let refused = world.call(Method::GET, ISSUES, &token, None).await;
    assert!(refused.body["message"].as_str().unwrap().contains("suspended your access"), "{}", refused.body);
    refused.expect(403);
    let shown = world.call(Method::GET, &at(&world, ""), &app, None).await.expect(200);
    assert!(shown["suspended_at"].is_string());
    world.call(Method::DELETE, &at(&world, "/suspended"), &app, None).await.expect(204);
    receiver.next("installation", "unsuspend").await;
    world.call(Method::GET, ISSUES, &token, None).await.expect(200);
    let shown = world.call(Method::GET, &at(&world, ""), &app, None).await.expect(200);
    assert_eq!((&shown["suspended_at"], &shown["suspended_by"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn git_turns_away_a_suspended_installation() {
    let world = World::start().await;
    let token = world.installation_token(json!({})).await;
    let clone = world.clone_as(&token).await;
    clone.commit_on("late", "notes.md", "late\n").await;
    world.playground.suspend();
    let refused = clone.git(&["push", "origin", "late"]).await.unwrap_err();
    assert!(refused.contains("403") && refused.contains("suspended"), "{refused}");
    world.playground.unsuspend();
    clone.git(&["push", "--quiet", "origin", "late"]).await.unwrap();
}

#[tokio::test]
async fn a_suspended_app_hears_of_nothing_that_happens_in_the_repository() {
    let world = World::start().await;
    let receiver = Receiver::of(&world).await;
    world.playground.suspend();
    world.as_user("writer", Method::POST, "/issues", json!({ "title": "Unheard" })).await.expect(201);
    world.playground.unsuspend();
    world.as_user("writer", Method::POST, "/issues", json!({ "title": "Heard" })).await.expect(201);
    receiver.next("installation", "suspend").await;
    receiver.next("installation", "unsuspend").await;
    assert_eq!(receiver.next("issues", "opened").await.payload["issue"]["title"], "Heard");
    let listed = world.call(Method::GET, "/app/hook/deliveries", &world.app_token(), None).await.expect(200);
    assert_eq!(listed.as_array().unwrap().iter().filter(|all| all["event"] == "issues").count(), 1);
}

#[tokio::test]
async fn what_the_owner_suspended_the_app_cannot_take_back() {
    let world = World::start().await;
    world.playground.suspend();
    world.call(Method::DELETE, &at(&world, "/suspended"), &world.app_token(), None).await.expect(404);
    let shown = world.call(Method::GET, &at(&world, ""), &world.app_token(), None).await.expect(200);
    assert_eq!(shown["suspended_by"]["login"], "maintainer");
}

#[tokio::test]
async fn only_the_app_suspends_and_removes_itself() {
    let world = World::start().await;
    let installation = world.installation_token(json!({})).await;
    for token in ["playground-maintainer", &installation, ""] {
        world.call(Method::PUT, &at(&world, "/suspended"), token, None).await.expect(401);
        world.call(Method::DELETE, &at(&world, "/suspended"), token, None).await.expect(401);
        world.call(Method::DELETE, &at(&world, ""), token, None).await.expect(401);
    }
    for path in ["/app/installations/1", "/app/installations/1/suspended"] {
        world.call(Method::DELETE, path, &world.app_token(), None).await.expect(404);
    }
    world.call(Method::PUT, "/app/installations/1/suspended", &world.app_token(), None).await.expect(404);
}

#[tokio::test]
async fn an_app_that_was_uninstalled_has_nothing_left() {
    let world = World::start().await;
    let receiver = Receiver::of(&world).await;
    let (app, token) = (world.app_token(), world.installation_token(json!({})).await);
    world.call(Method::DELETE, &at(&world, ""), &app, None).await.expect(204);
    let hook = receiver.next("installation", "deleted").await;
    assert_eq!(hook.payload["installation"]["id"], world.playground.installation_id);
    assert_eq!(hook.payload["repositories"][0]["name"], "widgets");
    world.call(Method::GET, ISSUES, &token, None).await.expect(401);
    world.call(Method::POST, &at(&world, "/access_tokens"), &app, Some(json!({}))).await.expect(404);
    world.call(Method::GET, "/repos/acme/widgets/installation", &app, None).await.expect(404);
    assert_eq!(world.call(Method::GET, "/app", &app, None).await.expect(200)["installations_count"], 0);
    world.as_user("writer", Method::POST, "/issues", json!({ "title": "Unheard" })).await.expect(201);
    assert!(receiver.all().iter().all(|hook| hook.event != "issues"));
}

#[tokio::test]
async fn repositories_are_given_to_an_installation_and_taken_from_it() {
    let world = World::start().await;
    let receiver = Receiver::of(&world).await;
    let gears = new_repository(&world, "gears").await;
    let path = format!("/user/installations/{}/repositories", world.playground.installation_id);
    let one = format!("{path}/{gears}");
    let token = world.installation_token(json!({})).await;
    let title = || Some(json!({ "title": "Turn" }));
    world.call(Method::POST, "/repos/acme/gears/issues", &token, title()).await.expect(403);
    for _ in 0..2 {
        world.call(Method::PUT, &one, "playground-maintainer", None).await.expect(204);
    }
    let hook = receiver.next("installation_repositories", "added").await;
    assert_eq!(hook.payload["repositories_added"][0]["full_name"], "acme/gears");
    assert_eq!(hook.payload["repositories_removed"], json!([]));
    assert_eq!(hook.payload["repository_selection"], "selected");
    assert_eq!(hook.payload["sender"]["login"], "maintainer");
    world.call(Method::POST, "/repos/acme/gears/issues", &token, title()).await.expect(201);
    let mine = world.call(Method::GET, &path, "playground-maintainer", None).await.expect(200);
    assert_eq!(mine["total_count"], 2);
    world.call(Method::DELETE, &one, "playground-maintainer", None).await.expect(204);
    let hook = receiver.next("installation_repositories", "removed").await;
    assert_eq!(hook.payload["repositories_removed"][0]["full_name"], "acme/gears");
    world.call(Method::POST, "/repos/acme/gears/issues", &token, title()).await.expect(403);
    let told = receiver.all().into_iter().filter(|hook| hook.event == "installation_repositories").count();
    assert_eq!(told, 2, "what changes nothing is not told");
}

#[tokio::test]
async fn only_who_administers_a_repository_gives_or_takes_it() {
    let world = World::start().await;
    let gears = new_repository(&world, "gears").await;
    let widgets = world.get("").await["id"].as_u64().unwrap();
    let new = Some(json!({ "name": "mine" }));
    let mine = world.call(Method::POST, "/user/repos", "playground-writer", new).await.expect(201)["id"].clone();
    let path = format!("/user/installations/{}/repositories", world.playground.installation_id);
    for method in [Method::PUT, Method::DELETE] {
        let call = async |token: &str, id: &Value| {
            world.call(method.clone(), &format!("{path}/{id}"), token, None).await.status.as_u16()
        };
        assert_eq!(call("playground-writer", &json!(gears)).await, 403);
        assert_eq!(call("", &json!(gears)).await, 401);
        assert_eq!(call(&world.installation_token(json!({})).await, &json!(gears)).await, 403);
        assert_eq!(call("playground-writer", &mine).await, 404, "it is of another account");
        assert_eq!(call("playground-maintainer", &json!(1)).await, 404);
    }
    let last = format!("{path}/{widgets}");
    world.call(Method::DELETE, &last, "playground-maintainer", None).await.expect(422);
    world.playground.give_all_repositories();
    let refused = world.call(Method::DELETE, &last, "playground-maintainer", None).await;
    assert!(refused.body["message"].as_str().unwrap().starts_with("This installation is on all repositories"));
    refused.expect(422);
}

#[tokio::test]
async fn an_installation_on_all_repositories_reaches_those_to_come() {
    let world = World::start().await;
    let receiver = Receiver::of(&world).await;
    new_repository(&world, "gears").await;
    world.playground.give_all_repositories();
    let hook = receiver.next("installation_repositories", "added").await;
    assert_eq!(hook.payload["repository_selection"], "all");
    assert_eq!(hook.payload["repositories_added"].as_array().unwrap().len(), 1);
    new_repository(&world, "springs").await;
    let minted = world.call(Method::POST, &at(&world, "/access_tokens"), &world.app_token(), None).await.expect(201);
    assert_eq!(minted["repository_selection"], "all");
    let token = minted["token"].as_str().unwrap();
    let listed = world.call(Method::GET, "/installation/repositories", token, None).await.expect(200);
    assert_eq!((&listed["total_count"], &listed["repository_selection"]), (&json!(3), &json!("all")));
    let title = Some(json!({ "title": "Wind" }));
    world.call(Method::POST, "/repos/acme/springs/issues", token, title).await.expect(201);
}

#[tokio::test]
async fn the_holder_of_the_playground_gives_and_takes_repositories_too() {
    let world = World::start().await;
    let receiver = Receiver::of(&world).await;
    new_repository(&world, "gears").await;
    assert!(world.playground.add_repository_to_installation("acme/gears"));
    receiver.next("installation_repositories", "added").await;
    assert!(world.playground.remove_repository_from_installation("acme/widgets"));
    receiver.next("installation_repositories", "removed").await;
    assert!(!world.playground.add_repository_to_installation("acme/none"));
    let token = world.installation_token(json!({})).await;
    let listed = world.call(Method::GET, "/installation/repositories", &token, None).await.expect(200);
    assert_eq!(listed["repositories"][0]["full_name"], "acme/gears");
}

#[tokio::test]
async fn an_app_has_what_it_newly_asks_for_once_the_owner_agreed() {
    let world = World::start().await;
    let receiver = Receiver::of(&world).await;
    assert!(world.playground.ask_permission("administration", "write"));
    assert!(!world.playground.ask_permission("magic", "write"));
    let asked = || Some(json!({ "permissions": { "administration": "write" } }));
    let mint = at(&world, "/access_tokens");
    world.call(Method::POST, &mint, &world.app_token(), asked()).await.expect(422);
    let outdated = async || {
        let listed = world.call(Method::GET, "/app/installations?outdated=true", &world.app_token(), None).await;
        listed.expect(200).as_array().unwrap().len()
    };
    assert_eq!(outdated().await, 1);
    world.playground.accept_permissions();
    let hook = receiver.next("installation", "new_permissions_accepted").await;
    assert_eq!(hook.payload["installation"]["permissions"]["administration"], "write");
    assert_eq!(outdated().await, 0);
    world.call(Method::POST, &mint, &world.app_token(), asked()).await.expect(201);
}

#[tokio::test]
async fn installations_are_listed_for_the_app_and_for_people() {
    let world = World::start().await;
    let app = world.app_token();
    let listed = world.call(Method::GET, "/app/installations", &app, None).await.expect(200);
    assert_eq!(listed[0]["id"], world.playground.installation_id);
    let later = world.call(Method::GET, "/app/installations?since=2999-01-01T00:00:00Z", &app, None).await.expect(200);
    assert_eq!(later, json!([]));
    assert_eq!(world.call(Method::GET, "/app/installation-requests", &app, None).await.expect(200), json!([]));
    world.call(Method::GET, "/app/installation-requests", "playground-writer", None).await.expect(401);
    let mine = world.call(Method::GET, "/user/installations", "playground-writer", None).await.expect(200);
    assert_eq!(mine["installations"][0]["app_slug"], "playground-app");
    let stranger = world.playground.add_user("stranger");
    let none = world.call(Method::GET, "/user/installations", &stranger, None).await.expect(200);
    assert_eq!(none["total_count"], 0, "that everybody may read a repository is nobody's own permission");
    let path = format!("/user/installations/{}/repositories", world.playground.installation_id);
    world.call(Method::GET, &path, &stranger, None).await.expect(404);
    world.call(Method::GET, "/user/installations", "", None).await.expect(401);
    world.call(Method::GET, "/user/installations", &app, None).await.expect(403);
}

#[tokio::test]
async fn a_token_names_at_most_five_hundred_repositories() {
    let world = World::start().await;
    let widgets = world.get("").await["id"].clone();
    let mint = async |ids: Vec<Value>| {
        let body = Some(json!({ "repository_ids": ids }));
        world.call(Method::POST, &at(&world, "/access_tokens"), &world.app_token(), body).await
    };
    let minted = mint(vec![widgets.clone(); 500]).await.expect(201);
    assert_eq!(minted["repositories"][0]["full_name"], "acme/widgets");
    mint(vec![widgets; 501]).await.expect(422);
    mint(vec![json!(1)]).await.expect(422);
}

#[tokio::test]
async fn an_app_finds_its_installation_by_the_account_and_nobody_else_asks() {
    let world = World::start().await;
    let path = "/users/acme/installation";
    let found = world.call(Method::GET, path, &world.app_token(), None).await.expect(200);
    assert_eq!(
        (&found["id"], &found["target_type"]),
        (&json!(world.playground.installation_id), &json!("Organization"))
    );
    world.call(Method::GET, "/users/writer/installation", &world.app_token(), None).await.expect(404);
    world.call(Method::GET, path, "playground-maintainer", None).await.expect(401);
}

#[tokio::test]
async fn a_renamed_account_is_found_by_both_names_and_its_apps_hear_of_it() {
    let world = World::start().await;
    let receiver = Receiver::of(&world).await;
    assert!(!world.playground.rename_account("acme", "writer"), "the name is taken");
    assert!(world.playground.rename_account("acme", "acme-works"));
    let hook = receiver.next("installation_target", "renamed").await;
    assert_eq!(hook.payload["changes"]["login"]["from"], "acme");
    assert_eq!(
        (&hook.payload["account"]["login"], &hook.payload["target_type"]),
        (&json!("acme-works"), &json!("Organization"))
    );
    assert_eq!(hook.payload["installation"]["id"], world.playground.installation_id);
    assert_eq!(world.get("").await["full_name"], "acme-works/widgets", "a client that follows finds it");
    world.clone_as("playground-writer").await;
    world.call(Method::GET, "/orgs/acme", "playground-maintainer", None).await.expect(404);
    world.call(Method::GET, "/users/acme-works", "", None).await.expect(200);
}
