//! Organisations and teams: their members, who may change them, a team's roles in a repository, and the webhooks.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver, Reply};

const OWNER: &str = "playground-maintainer";

async fn call(harness: &Harness, token: &str, method: Method, path: &str, body: Value) -> Reply {
    harness.call(method, &format!("/orgs/acme{path}"), token, Some(body).filter(|body| !body.is_null())).await
}

async fn join(harness: &Harness, login: &str) {
    harness.playground.add_user(login);
    let body = json!({ "role": "member" });
    call(harness, OWNER, Method::PUT, &format!("/memberships/{login}"), body).await.expect(200);
}

/// A person's role in the seed's repository.
async fn role(harness: &Harness, login: &str) -> String {
    let told = harness.get(&format!("/collaborators/{login}/permission")).await;
    told["role_name"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn people_join_and_leave_an_organization() {
    let harness = Harness::start().await;
    harness.playground.subscribe(&["organization"]);
    let receiver = Receiver::of(&harness).await;
    join(&harness, "ada").await;
    let hook = receiver.next("organization", "member_added").await;
    assert_eq!(hook.payload["membership"]["user"]["login"], "ada");
    assert_eq!(hook.payload["installation"]["id"], harness.playground.installation_id);
    let members = call(&harness, "playground-ada", Method::GET, "/members", Value::Null).await.expect(200);
    let logins = |list: &Value| list.as_array().unwrap().iter().map(|one| one["login"].clone()).collect::<Vec<_>>();
    assert_eq!(logins(&members), ["maintainer", "ada"]);
    let owners = call(&harness, OWNER, Method::GET, "/members?role=admin", Value::Null).await.expect(200);
    assert_eq!(logins(&owners), ["maintainer"]);
    let outside = call(&harness, "playground-writer", Method::GET, "/members", Value::Null).await.expect(200);
    assert_eq!(logins(&outside), ["maintainer"], "ada does not show that she is a member");
    call(&harness, "playground-ada", Method::GET, "/members/ada", Value::Null).await.expect(204);
    call(&harness, "playground-ada", Method::GET, "/members/writer", Value::Null).await.expect(404);
    let shown = call(&harness, "playground-ada", Method::GET, "/memberships/maintainer", Value::Null).await.expect(200);
    assert_eq!((&shown["role"], &shown["state"]), (&json!("admin"), &json!("active")));
    let mine = harness.call(Method::GET, "/user/memberships/orgs", "playground-ada", None).await.expect(200);
    assert_eq!(mine[0]["organization"]["login"], "acme");
    harness.call(Method::GET, "/user/memberships/orgs/acme", "playground-ada", None).await.expect(200);
    assert_eq!(harness.call(Method::GET, "/user/orgs", "playground-ada", None).await.expect(200)[0]["login"], "acme");
    let outside = call(&harness, OWNER, Method::GET, "/outside_collaborators", Value::Null).await.expect(200);
    assert_eq!(logins(&outside), ["writer", "triager", "outsider"]);
    call(&harness, OWNER, Method::DELETE, "/members/ada", Value::Null).await.expect(204);
    receiver.next("organization", "member_removed").await;
    harness.call(Method::GET, "/user/memberships/orgs/acme", "playground-ada", None).await.expect(404);
}

#[tokio::test]
async fn only_owners_change_members_and_one_owner_always_stays() {
    let harness = Harness::start().await;
    join(&harness, "ada").await;
    let owner = json!({ "role": "admin" });
    for token in ["playground-ada", "playground-writer"] {
        call(&harness, token, Method::PUT, "/memberships/writer", owner.clone()).await.expect(403);
        call(&harness, token, Method::DELETE, "/memberships/ada", Value::Null).await.expect(403);
        call(&harness, token, Method::DELETE, "/members/ada", Value::Null).await.expect(403);
    }
    call(&harness, "", Method::PUT, "/memberships/writer", owner.clone()).await.expect(401);
    let app = harness.installation_token(json!({})).await;
    call(&harness, &app, Method::PUT, "/memberships/writer", owner.clone()).await.expect(403);
    call(&harness, "playground-writer", Method::GET, "/memberships/ada", Value::Null).await.expect(403);
    call(&harness, "playground-writer", Method::GET, "/outside_collaborators", Value::Null).await.expect(404);
    call(&harness, OWNER, Method::DELETE, "/memberships/maintainer", Value::Null).await.expect(403);
    call(&harness, OWNER, Method::PUT, "/memberships/maintainer", json!({ "role": "member" })).await.expect(403);
    call(&harness, OWNER, Method::PUT, "/memberships/nobody", owner.clone()).await.expect(404);
    call(&harness, OWNER, Method::PUT, "/memberships/ada", json!({ "role": "king" })).await.expect(422);
    call(&harness, OWNER, Method::PUT, "/memberships/ada", owner).await.expect(200);
    call(&harness, "playground-ada", Method::DELETE, "/memberships/maintainer", Value::Null).await.expect(204);
    let told = harness.as_user("ada", Method::GET, "/collaborators/ada/permission", Value::Null).await.expect(200);
    assert_eq!(told["role_name"], "admin", "an owner administers every repository");
}

#[tokio::test]
async fn a_team_is_made_changed_and_deleted_with_all_below_it() {
    let harness = Harness::start().await;
    harness.playground.subscribe(&["team", "membership", "team_add"]);
    let receiver = Receiver::of(&harness).await;
    join(&harness, "ada").await;
    let new = json!({ "name": "Gear Grinders", "description": "Round", "privacy": "closed" });
    let team = call(&harness, "playground-ada", Method::POST, "/teams", new).await.expect(201);
    assert_eq!((&team["slug"], &team["members_count"]), (&json!("gear-grinders"), &json!(1)));
    assert_eq!(receiver.next("team", "created").await.payload["team"]["name"], "Gear Grinders");
    assert_eq!(receiver.next("membership", "added").await.payload["member"]["login"], "ada");
    let below = json!({ "name": "Cogs", "parent_team_id": team["id"], "repo_names": ["acme/widgets"] });
    let below = call(&harness, OWNER, Method::POST, "/teams", below).await.expect(201);
    assert_eq!((&below["parent"]["slug"], &below["repos_count"]), (&json!("gear-grinders"), &json!(1)));
    assert_eq!(receiver.next("team", "added_to_repository").await.payload["repository"]["name"], "widgets");
    assert_eq!(receiver.next("team_add", "").await.payload["team"]["slug"], "cogs");
    call(&harness, OWNER, Method::POST, "/teams", json!({ "name": "cogs" })).await.expect(422);
    call(&harness, OWNER, Method::POST, "/teams", json!({ "name": "!" })).await.expect(422);
    let path = "/teams/gear-grinders";
    call(&harness, OWNER, Method::PATCH, path, json!({ "parent_team_id": below["id"] })).await.expect(422);
    call(&harness, OWNER, Method::PATCH, path, json!({ "privacy": "secret" })).await.expect(422);
    let edited = json!({ "name": "Grinders", "description": "Rounder" });
    let edited = call(&harness, "playground-ada", Method::PATCH, path, edited).await.expect(200);
    assert_eq!(edited["slug"], "grinders");
    let hook = receiver.next("team", "edited").await;
    assert_eq!(hook.payload["changes"]["name"]["from"], "Gear Grinders");
    let mine = harness.call(Method::GET, "/user/teams", "playground-ada", None).await.expect(200);
    assert_eq!(mine[0]["slug"], "grinders");
    assert_eq!(
        call(&harness, OWNER, Method::GET, "/teams", Value::Null).await.expect(200).as_array().unwrap().len(),
        2
    );
    call(&harness, OWNER, Method::DELETE, "/teams/grinders", Value::Null).await.expect(204);
    receiver.next("team", "deleted").await;
    call(&harness, OWNER, Method::GET, "/teams/cogs", Value::Null).await.expect(404);
}

#[tokio::test]
async fn only_members_and_owners_see_a_secret_team() {
    let harness = Harness::start().await;
    for login in ["ada", "bob"] {
        join(&harness, login).await;
    }
    call(&harness, "playground-ada", Method::POST, "/teams", json!({ "name": "Whisper" })).await.expect(201);
    for (token, status) in
        [("playground-ada", 200), (OWNER, 200), ("playground-bob", 404), ("playground-writer", 404), ("", 404)]
    {
        call(&harness, token, Method::GET, "/teams/whisper", Value::Null).await.expect(status);
    }
    let seen = call(&harness, "playground-bob", Method::GET, "/teams", Value::Null).await.expect(200);
    assert_eq!(seen, json!([]));
    call(&harness, "playground-writer", Method::GET, "/teams", Value::Null).await.expect(403);
    let app = harness.installation_token(json!({})).await;
    let seen = call(&harness, &app, Method::GET, "/teams", Value::Null).await.expect(200);
    assert_eq!(seen[0]["slug"], "whisper", "the app may read members");
}

#[tokio::test]
async fn maintainers_add_members_and_owners_anybody() {
    let harness = Harness::start().await;
    harness.playground.subscribe(&["membership"]);
    let receiver = Receiver::of(&harness).await;
    for login in ["ada", "bob"] {
        join(&harness, login).await;
    }
    let team = json!({ "name": "Cogs", "privacy": "closed" });
    call(&harness, "playground-ada", Method::POST, "/teams", team).await.expect(201);
    let at = |login: &str| format!("/teams/cogs/memberships/{login}");
    call(&harness, "playground-bob", Method::PUT, &at("bob"), Value::Null).await.expect(403);
    call(&harness, "", Method::PUT, &at("bob"), Value::Null).await.expect(404);
    let added = call(&harness, "playground-ada", Method::PUT, &at("bob"), Value::Null).await.expect(200);
    assert_eq!((&added["role"], &added["state"]), (&json!("member"), &json!("active")));
    call(&harness, "playground-ada", Method::PUT, &at("writer"), Value::Null).await.expect(403);
    call(&harness, OWNER, Method::PUT, &at("writer"), json!({ "role": "maintainer" })).await.expect(200);
    call(&harness, "playground-ada", Method::GET, "/members/writer", Value::Null).await.expect(204);
    call(&harness, "playground-ada", Method::PUT, &at("bob"), json!({ "role": "king" })).await.expect(422);
    call(&harness, "playground-ada", Method::PUT, &at("acme"), Value::Null).await.expect(422);
    let told = call(&harness, "playground-bob", Method::GET, "/teams/cogs/members?role=maintainer", Value::Null).await;
    assert_eq!(told.expect(200).as_array().unwrap().len(), 2);
    call(&harness, "playground-bob", Method::DELETE, &at("ada"), Value::Null).await.expect(403);
    call(&harness, "playground-bob", Method::DELETE, &at("bob"), Value::Null).await.expect(204);
    assert_eq!(receiver.next("membership", "removed").await.payload["member"]["login"], "bob");
    call(&harness, "playground-ada", Method::GET, &at("bob"), Value::Null).await.expect(404);
    for (method, path) in [(Method::PATCH, "/teams/cogs"), (Method::DELETE, "/teams/cogs")] {
        call(&harness, "playground-bob", method, path, json!({ "name": "Mine" })).await.expect(403);
    }
}

#[tokio::test]
async fn a_team_gives_its_members_and_those_below_it_a_role() {
    let harness = Harness::start().await;
    harness.playground.subscribe(&["team"]);
    let receiver = Receiver::of(&harness).await;
    for login in ["ada", "bob"] {
        join(&harness, login).await;
    }
    let parent = json!({ "name": "Gears", "privacy": "closed", "maintainers": ["ada"] });
    let parent = call(&harness, OWNER, Method::POST, "/teams", parent).await.expect(201);
    let child = json!({ "name": "Cogs", "parent_team_id": parent["id"], "maintainers": ["bob"] });
    call(&harness, OWNER, Method::POST, "/teams", child).await.expect(201);
    assert_eq!((role(&harness, "ada").await, role(&harness, "bob").await), ("read".to_owned(), "read".to_owned()));
    let given = "/teams/gears/repos/acme/widgets";
    call(&harness, "playground-ada", Method::PUT, given, json!({ "permission": "push" })).await.expect(403);
    call(&harness, OWNER, Method::PUT, given, json!({ "permission": "king" })).await.expect(422);
    call(&harness, OWNER, Method::GET, given, Value::Null).await.expect(404);
    call(&harness, OWNER, Method::PUT, given, json!({ "permission": "triage" })).await.expect(204);
    assert_eq!((role(&harness, "ada").await, role(&harness, "bob").await), ("triage".to_owned(), "triage".to_owned()));
    call(&harness, OWNER, Method::PUT, "/teams/cogs/repos/acme/widgets", json!({ "permission": "maintain" }))
        .await
        .expect(204);
    assert_eq!(
        (role(&harness, "ada").await, role(&harness, "bob").await),
        ("triage".to_owned(), "maintain".to_owned())
    );
    call(&harness, OWNER, Method::PUT, given, json!({ "permission": "push" })).await.expect(204);
    let hook = receiver.next("team", "edited").await;
    assert_eq!(hook.payload["changes"]["repository"]["permissions"]["from"]["push"], false);
    call(&harness, "playground-bob", Method::GET, given, Value::Null).await.expect(204);
    let listed = call(&harness, "playground-bob", Method::GET, "/teams/cogs/repos", Value::Null).await.expect(200);
    assert_eq!(listed[0]["permissions"]["maintain"], true);
    let teams = harness.get("/teams").await;
    let granted = |slug: &str| teams.as_array().unwrap().iter().find(|team| team["slug"] == slug).unwrap().clone();
    assert_eq!(granted("gears")["permission"], "push");
    assert_eq!(granted("cogs")["permission"], "maintain");
    call(&harness, "playground-bob", Method::DELETE, given, Value::Null).await.expect(403);
    call(&harness, "playground-ada", Method::DELETE, given, Value::Null).await.expect(204);
    receiver.next("team", "removed_from_repository").await;
    assert_eq!((role(&harness, "ada").await, role(&harness, "bob").await), ("read".to_owned(), "maintain".to_owned()));
}

#[tokio::test]
async fn a_team_is_given_no_repository_of_another_account() {
    let harness = Harness::start().await;
    call(&harness, OWNER, Method::POST, "/teams", json!({ "name": "Cogs" })).await.expect(201);
    let new = Some(json!({ "name": "mine" }));
    harness.call(Method::POST, "/user/repos", OWNER, new).await.expect(201);
    call(&harness, OWNER, Method::PUT, "/teams/cogs/repos/maintainer/mine", Value::Null).await.expect(422);
}

#[tokio::test]
async fn a_member_who_leaves_loses_every_role_in_the_organization() {
    let harness = Harness::start().await;
    join(&harness, "ada").await;
    let team = json!({ "name": "Cogs", "maintainers": ["ada"], "permission": "push", "repo_names": ["acme/widgets"] });
    call(&harness, OWNER, Method::POST, "/teams", team).await.expect(201);
    harness
        .as_user("maintainer", Method::PUT, "/collaborators/ada", json!({ "permission": "admin" }))
        .await
        .expect(204);
    harness.playground.make_private();
    assert_eq!(role(&harness, "ada").await, "admin");
    call(&harness, OWNER, Method::DELETE, "/memberships/ada", Value::Null).await.expect(204);
    assert_eq!(role(&harness, "ada").await, "none");
    harness.as_user("ada", Method::GET, "", Value::Null).await.expect(404);
}

#[tokio::test]
async fn an_organization_shows_its_owners_more_than_others() {
    let harness = Harness::start().await;
    let told = call(&harness, OWNER, Method::GET, "", Value::Null).await.expect(200);
    assert_eq!(told["default_repository_permission"], "read");
    let told = call(&harness, "playground-writer", Method::GET, "", Value::Null).await.expect(200);
    assert_eq!(told["default_repository_permission"], Value::Null);
    let here = call(&harness, OWNER, Method::GET, "/installations", Value::Null).await.expect(200);
    assert_eq!(here["installations"][0]["app_slug"], "playground-app");
    call(&harness, "playground-writer", Method::GET, "/installations", Value::Null).await.expect(404);
    harness.call(Method::GET, "/orgs/writer", OWNER, None).await.expect(404);
    let app = harness.app_token();
    let here = harness.call(Method::GET, "/orgs/acme/installation", &app, None).await.expect(200);
    assert_eq!(here["target_type"], "Organization");
    harness.call(Method::GET, "/users/writer/installation", &app, None).await.expect(404);
}

#[tokio::test]
async fn a_membership_of_a_team_is_shown_to_those_who_see_the_team() {
    let harness = Harness::start().await;
    for login in ["ada", "bob"] {
        join(&harness, login).await;
    }
    call(&harness, OWNER, Method::POST, "/teams", json!({ "name": "Gears", "privacy": "secret" })).await.expect(201);
    let path = "/teams/gears/memberships/ada";
    call(&harness, OWNER, Method::GET, path, Value::Null).await.expect(404);
    call(&harness, OWNER, Method::PUT, path, json!({ "role": "maintainer" })).await.expect(200);
    let shown = call(&harness, "playground-ada", Method::GET, path, Value::Null).await.expect(200);
    assert_eq!((&shown["role"], &shown["state"]), (&json!("maintainer"), &json!("active")));
    let owner = call(&harness, "playground-ada", Method::GET, "/teams/gears/memberships/maintainer", Value::Null).await;
    assert_eq!(owner.expect(200)["role"], "maintainer", "who owns the organisation maintains its teams");
    for token in ["playground-bob", "playground-writer", ""] {
        call(&harness, token, Method::GET, path, Value::Null).await.expect(404);
    }
}
