//! The five roles: their names and their permissions.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver};

const ROLES: [&str; 5] = ["read", "triage", "write", "maintain", "admin"];

/// A playground with one person for every role, named after it.
async fn everybody() -> Harness {
    let harness = Harness::start().await;
    for role in ROLES {
        harness.playground.add_user(role);
        assert!(harness.playground.set_permission(role, role));
    }
    harness
}

/// Every role below the least one is refused, and every other one is allowed.
async fn least(harness: &Harness, wanted: &str, mut act: impl AsyncFnMut(&str) -> u16) {
    let from = ROLES.iter().position(|role| *role == wanted).unwrap();
    for (at, role) in ROLES.iter().enumerate() {
        let status = act(role).await;
        if at < from {
            assert_eq!(status, 403, "{role} may, and {wanted} is the least");
        } else {
            assert!((200..300).contains(&status), "{role} may not: {status}");
        }
    }
    let stranger = harness.playground.add_user("stranger");
    assert!(!stranger.is_empty());
    assert!([403, 404].contains(&act("stranger").await) || wanted == "read");
}

#[tokio::test]
async fn a_role_is_shown_with_its_name_and_its_permissions() {
    let harness = everybody().await;
    for (role, permission, may) in [
        ("read", "read", json!([true, false, false, false, false])),
        ("triage", "read", json!([true, true, false, false, false])),
        ("write", "write", json!([true, true, true, false, false])),
        ("maintain", "write", json!([true, true, true, true, false])),
        ("admin", "admin", json!([true, true, true, true, true])),
    ] {
        let told = harness.get(&format!("/collaborators/{role}/permission")).await;
        assert_eq!((told["permission"].as_str(), told["role_name"].as_str()), (Some(permission), Some(role)));
        let shown = harness.as_user(role, Method::GET, "", Value::Null).await.expect(200);
        let all: Vec<_> = ["pull", "triage", "push", "maintain", "admin"]
            .iter()
            .map(|name| shown["permissions"][name].clone())
            .collect();
        assert_eq!(json!(all), may, "{role}");
        assert_eq!(told["user"]["permissions"], shown["permissions"]);
    }
}

#[tokio::test]
async fn triage_labels_assigns_and_closes_what_others_opened() {
    let harness = everybody().await;
    harness.as_user("maintainer", Method::POST, "/issues", json!({ "title": "Turn" })).await.expect(201);
    let act = async |login: &str, method: Method, path: &str, body: Value| {
        harness.as_user(login, method, path, body).await.status.as_u16()
    };
    least(&harness, "triage", async |role| act(role, Method::POST, "/issues/1/labels", json!(["bug"])).await).await;
    let assign = json!({ "assignees": ["triage"] });
    least(&harness, "triage", async |role| act(role, Method::POST, "/issues/1/assignees", assign.clone()).await).await;
    let close = json!({ "state": "closed" });
    least(&harness, "triage", async |role| act(role, Method::PATCH, "/issues/1", close.clone()).await).await;
    least(&harness, "read", async |role| act(role, Method::POST, "/issues/1/comments", json!({ "body": "Hm" })).await)
        .await;
}

#[tokio::test]
async fn writing_makes_labels_statuses_and_branches() {
    let harness = everybody().await;
    let sha = harness.get("/git/ref/heads/main").await["object"]["sha"].clone();
    let mut made = 0;
    least(&harness, "write", async |role| {
        made += 1;
        let label = json!({ "name": format!("label-{made}"), "color": "ededed" });
        harness.as_user(role, Method::POST, "/labels", label).await.status.as_u16()
    })
    .await;
    least(&harness, "write", async |role| {
        let status = json!({ "state": "success", "context": role });
        harness
            .as_user(role, Method::POST, &format!("/statuses/{}", sha.as_str().unwrap()), status)
            .await
            .status
            .as_u16()
    })
    .await;
    least(&harness, "write", async |role| {
        let branch = json!({ "ref": format!("refs/heads/of-{role}"), "sha": sha });
        harness.as_user(role, Method::POST, "/git/refs", branch).await.status.as_u16()
    })
    .await;
}

#[tokio::test]
async fn only_administrators_change_collaborators() {
    let harness = everybody().await;
    harness.playground.subscribe(&["member"]);
    let receiver = Receiver::of(&harness).await;
    harness.playground.add_user("ada");
    let triage = json!({ "permission": "triage" });
    least(&harness, "admin", async |role| {
        harness.as_user(role, Method::PUT, "/collaborators/ada", triage.clone()).await.status.as_u16()
    })
    .await;
    let hook = receiver.next("member", "added").await;
    assert_eq!(hook.payload["changes"]["role_name"]["to"], "triage");
    assert_eq!(hook.payload["changes"]["permission"]["to"], "read");
    let path = "/collaborators/ada";
    harness.as_user("admin", Method::PUT, path, json!({ "permission": "maintain" })).await.expect(204);
    let hook = receiver.next("member", "edited").await;
    assert_eq!(hook.payload["changes"]["permission"], json!({ "from": "read", "to": "write" }));
    harness.as_user("admin", Method::PUT, path, json!({ "permission": "king" })).await.expect(422);
    harness.as_user("admin", Method::PUT, "/collaborators/nobody", Value::Null).await.expect(404);
    harness.as_user("admin", Method::PUT, "/collaborators/acme", Value::Null).await.expect(404);
    harness.as_user("write", Method::DELETE, path, Value::Null).await.expect(403);
    harness.as_user("ada", Method::DELETE, path, Value::Null).await.expect(204);
    assert_eq!(receiver.next("member", "removed").await.payload["member"]["login"], "ada");
    assert_eq!(harness.get("/collaborators/ada/permission").await["role_name"], "read", "everybody may read");
}

#[tokio::test]
async fn a_user_who_lost_every_role_is_unassigned_everywhere() {
    let harness = everybody().await;
    let issue = json!({ "title": "Turn", "assignees": ["write"] });
    harness.as_user("admin", Method::POST, "/issues", issue).await.expect(201);
    harness.as_user("admin", Method::GET, "/assignees/write", Value::Null).await.expect(204);
    harness.as_user("admin", Method::DELETE, "/collaborators/write", Value::Null).await.expect(204);
    assert_eq!(harness.get("/issues/1").await["assignees"], json!([]));
    harness.as_user("admin", Method::GET, "/assignees/write", Value::Null).await.expect(404);
    harness.as_user("admin", Method::GET, "/collaborators/write", Value::Null).await.expect(404);
}

#[tokio::test]
async fn collaborators_are_listed_by_where_their_role_comes_from() {
    let harness = Harness::start().await;
    harness.playground.add_user("ada");
    let member = Some(json!({ "role": "member" }));
    harness.call(Method::PUT, "/orgs/acme/memberships/ada", "playground-maintainer", member).await.expect(200);
    let logins = async |query: &str| {
        let listed = harness.get(&format!("/collaborators{query}")).await;
        listed.as_array().unwrap().iter().map(|one| one["login"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(logins("").await, ["maintainer", "writer", "triager", "outsider", "ada"]);
    assert_eq!(logins("?affiliation=direct").await, ["maintainer", "writer", "triager", "outsider"]);
    assert_eq!(logins("?affiliation=outside").await, ["writer", "triager", "outsider"]);
    assert_eq!(logins("?permission=push").await, ["maintainer", "writer"]);
    let below = harness.as_user("maintainer", Method::PUT, "/collaborators/ada", json!({ "permission": "pull" })).await;
    below.expect(204);
    for login in ["triager", "ada"] {
        let refused = harness.as_user(login, Method::GET, "/collaborators", Value::Null).await;
        assert_eq!(refused.body["message"], "Must have push access to view repository collaborators.");
        refused.expect(403);
    }
    harness.as_user("triager", Method::GET, "/collaborators/ada/permission", Value::Null).await.expect(403);
    harness.as_user("outsider", Method::GET, "/assignees", Value::Null).await.expect(200);
}

#[tokio::test]
async fn an_author_is_shown_as_what_they_are_to_the_repository() {
    let harness = Harness::start().await;
    harness.playground.add_user("ada");
    harness.playground.add_user("stranger");
    let member = Some(json!({ "role": "member" }));
    harness.call(Method::PUT, "/orgs/acme/memberships/ada", "playground-maintainer", member).await.expect(200);
    for (login, association) in [
        ("maintainer", "MEMBER"),
        ("writer", "COLLABORATOR"),
        ("outsider", "COLLABORATOR"),
        ("ada", "NONE"),
        ("stranger", "NONE"),
    ] {
        let issue = harness.as_user(login, Method::POST, "/issues", json!({ "title": login })).await.expect(201);
        assert_eq!(issue["author_association"], association, "{login}");
    }
    let new = Some(json!({ "name": "mine" }));
    harness.call(Method::POST, "/user/repos", "playground-ada", new).await.expect(201);
    let title = Some(json!({ "title": "Own" }));
    let own = harness.call(Method::POST, "/repos/ada/mine/issues", "playground-ada", title).await.expect(201);
    assert_eq!(own["author_association"], "OWNER");
}

#[tokio::test]
async fn a_persons_repository_knows_one_kind_of_collaborator() {
    let harness = Harness::start().await;
    let new = Some(json!({ "name": "mine" }));
    harness.call(Method::POST, "/user/repos", "playground-writer", new).await.expect(201);
    let call = async |method: Method, path: &str, body: Option<Value>| {
        harness.call(method, &format!("/repos/writer/mine/collaborators{path}"), "playground-writer", body).await
    };
    call(Method::PUT, "/triager", Some(json!({ "permission": "pull" }))).await.expect(204);
    let told = call(Method::GET, "/triager/permission", None).await.expect(200);
    assert_eq!(told["role_name"], "write");
    call(Method::PUT, "/writer", None).await.expect(422);
}

#[tokio::test]
async fn only_people_who_may_push_see_who_is_a_collaborator() {
    let harness = Harness::start().await;
    harness.playground.add_user("stranger");
    for (login, told) in [("triager", 204), ("maintainer", 204), ("stranger", 404), ("nobody-at-all", 404)] {
        harness.as_user("writer", Method::GET, &format!("/collaborators/{login}"), Value::Null).await.expect(told);
    }
    harness.as_user("triager", Method::GET, "/collaborators/writer", Value::Null).await.expect(403);
    harness.call(Method::GET, "/repos/acme/widgets/collaborators/writer", "", None).await.expect(401);
    harness.as_app(Method::GET, "/collaborators/writer", Value::Null).await.expect(204);
}

#[tokio::test]
async fn a_triager_cannot_edit_the_text_of_issues() {
    let harness = Harness::start().await;
    harness.as_user("outsider", Method::POST, "/issues", json!({ "title": "Mine" })).await.expect(201);
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    for path in ["/issues/1", "/issues/2", "/pulls/2"] {
        for texts in [json!({ "title": "Ours" }), json!({ "body": null, "state": "closed" })] {
            let refused = harness.as_user("triager", Method::PATCH, path, texts).await.expect(403);
            assert_eq!(refused["message"], "Must have write rights to Repository.", "{path}");
        }
        assert_eq!(harness.get(path).await["state"], "open", "nothing of it was done");
        harness.as_user("triager", Method::PATCH, path, json!({ "state": "closed" })).await.expect(200);
        harness.as_user("triager", Method::PATCH, path, json!({ "state": "open" })).await.expect(200);
    }
    harness.as_user("outsider", Method::PATCH, "/issues/1", json!({ "title": "Still mine" })).await.expect(200);
    harness.as_user("writer", Method::PATCH, "/issues/1", json!({ "title": "Ours" })).await.expect(200);
}
