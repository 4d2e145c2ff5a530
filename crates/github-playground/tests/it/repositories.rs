//! A repository's own changes: described, renamed, transferred, archived, made private, deleted; and its data from git.

use reqwest::{Method, redirect::Policy};
use serde_json::{Value, json};

use super::support::{Harness, Receiver, Reply};

async fn owner(harness: &Harness, method: Method, path: &str, body: Value) -> Reply {
    harness.as_user("maintainer", method, path, body).await
}

/// A playground whose app subscribes to events of repositories.
async fn told() -> (Harness, Receiver) {
    let harness = Harness::start().await;
    harness.playground.subscribe(&["repository", "public"]);
    let receiver = Receiver::of(&harness).await;
    (harness, receiver)
}

#[tokio::test]
async fn an_old_name_leads_to_the_repository() {
    let (harness, receiver) = told().await;
    let id = harness.get("").await["id"].clone();
    owner(&harness, Method::POST, "/issues", json!({ "title": "Turn" })).await.expect(201);
    let renamed = owner(&harness, Method::PATCH, "", json!({ "name": "gadgets" })).await.expect(200);
    assert_eq!(renamed["full_name"], "acme/gadgets");
    let hook = receiver.next("repository", "renamed").await;
    assert_eq!(hook.payload["changes"]["repository"]["name"]["from"], "widgets");
    assert_eq!(harness.get("/issues/1").await["title"], "Turn", "a client that follows finds it");
    let stubborn = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let url = format!("{}/api/v3/repos/Acme/Widgets/issues?state=open", harness.playground.url);
    let away = stubborn.get(&url).send().await.unwrap();
    assert_eq!(away.status(), 301);
    let place = format!("{}/api/v3/repositories/{id}/issues?state=open", harness.playground.url);
    assert_eq!(away.headers()["location"], place);
    let body: Value = away.json().await.unwrap();
    assert_eq!((&body["message"], &body["url"]), (&json!("Moved Permanently"), &json!(place)));
    let written = stubborn.post(&url).bearer_auth("playground-writer").json(&json!({ "title": "New" }));
    assert_eq!(written.send().await.unwrap().status(), 307);
    owner(&harness, Method::POST, "/issues", json!({ "title": "Followed" })).await.expect(201);
    assert_eq!(harness.get("/issues/2").await["title"], "Followed");
    harness.call(Method::GET, "/repositories/1", "", None).await.expect(404);
}

#[tokio::test]
async fn git_finds_a_repository_by_its_old_name() {
    let (harness, receiver) = told().await;
    let clone = harness.clone_as("playground-writer").await;
    owner(&harness, Method::PATCH, "", json!({ "name": "gadgets" })).await.expect(200);
    clone.commit_on("late", "notes.md", "late\n").await;
    clone.git(&["push", "--quiet", "origin", "late"]).await.unwrap();
    let push = receiver.next("push", "").await;
    assert_eq!(push.payload["repository"]["full_name"], "acme/gadgets");
    harness.clone_as("playground-writer").await;
}

#[tokio::test]
async fn a_new_repository_takes_an_old_name_over() {
    let (harness, _receiver) = told().await;
    owner(&harness, Method::PATCH, "", json!({ "name": "gadgets" })).await.expect(200);
    let new = || Some(json!({ "name": "widgets", "auto_init": true }));
    let made = harness.call(Method::POST, "/orgs/acme/repos", "playground-maintainer", new()).await.expect(201);
    let found = harness.get("").await;
    assert_eq!(found["id"], made["id"]);
    assert_eq!(harness.get("/contents/README.md").await["name"], "README.md");
    let old = harness.call(Method::GET, "/repos/acme/gadgets/contents/README.md", "", None).await.expect(200);
    assert_ne!(old["sha"], harness.get("/contents/README.md").await["sha"], "they share no git");
    let taken = harness.call(Method::PATCH, "/repos/acme/gadgets", "playground-maintainer", new()).await;
    taken.expect(422);
}

#[tokio::test]
async fn an_old_name_of_a_hidden_repository_leads_strangers_nowhere() {
    let (harness, _receiver) = told().await;
    harness.playground.make_private();
    owner(&harness, Method::PATCH, "", json!({ "name": "gadgets" })).await.expect(200);
    let stranger = harness.playground.add_user("stranger");
    for token in [stranger.as_str(), ""] {
        harness.call(Method::GET, "/repos/acme/widgets", token, None).await.expect(404);
    }
    harness.as_user("outsider", Method::GET, "", Value::Null).await.expect(200);
}

#[tokio::test]
async fn an_archived_repository_is_read_only() {
    let (harness, receiver) = told().await;
    let clone = harness.clone_as("playground-writer").await;
    owner(&harness, Method::POST, "/issues", json!({ "title": "Turn" })).await.expect(201);
    let protection = json!({ "required_status_checks": null, "enforce_admins": false,
        "required_pull_request_reviews": null, "restrictions": null });
    owner(&harness, Method::PUT, "/branches/main/protection", protection.clone()).await.expect(200);
    owner(&harness, Method::PATCH, "", json!({ "archived": true })).await.expect(200);
    owner(&harness, Method::GET, "/branches/main/protection", Value::Null).await.expect(200);
    assert_eq!(receiver.next("repository", "archived").await.payload["repository"]["archived"], true);
    for (method, path, body) in [
        (Method::POST, "/issues", json!({ "title": "No" })),
        (Method::POST, "/issues/1/comments", json!({ "body": "No" })),
        (Method::POST, "/issues/1/labels", json!(["bug"])),
        (Method::PUT, "/topics", json!({ "names": ["no"] })),
        (Method::PATCH, "", json!({ "description": "No" })),
        (Method::PUT, "/collaborators/writer", json!({ "permission": "admin" })),
        (Method::PUT, "/branches/main/protection", protection.clone()),
        (Method::DELETE, "/branches/main/protection", Value::Null),
        (Method::POST, "/branches/main/protection/enforce_admins", json!({})),
        (Method::POST, "/rulesets", json!({ "name": "No", "enforcement": "active" })),
    ] {
        let refused = owner(&harness, method, path, body).await;
        assert_eq!(refused.body["message"], "Repository was archived so is read-only.", "{path}");
        refused.expect(403);
    }
    clone.commit_on("late", "notes.md", "late\n").await;
    let refused = clone.git(&["push", "origin", "late"]).await.unwrap_err();
    assert!(refused.contains("403") && refused.contains("archived"), "{refused}");
    harness.clone_as("playground-writer").await;
    owner(&harness, Method::PATCH, "", json!({ "archived": false })).await.expect(200);
    receiver.next("repository", "unarchived").await;
    clone.git(&["push", "--quiet", "origin", "late"]).await.unwrap();
}

#[tokio::test]
async fn the_description_and_merge_settings_of_a_repository_can_be_changed() {
    let (harness, receiver) = told().await;
    let edit = json!({ "description": "Round", "homepage": "https://example.com/", "allow_squash_merge": false,
        "allow_auto_merge": true, "delete_branch_on_merge": true });
    let edited = owner(&harness, Method::PATCH, "", edit).await.expect(200);
    assert_eq!((&edited["description"], &edited["allow_squash_merge"]), (&json!("Round"), &json!(false)));
    assert_eq!((&edited["allow_auto_merge"], &edited["delete_branch_on_merge"]), (&json!(true), &json!(true)));
    assert_eq!(
        (&edited["squash_merge_commit_title"], &edited["merge_commit_message"]),
        (&json!("COMMIT_OR_PR_TITLE"), &json!("PR_TITLE"))
    );
    let wording = json!({ "squash_merge_commit_title": "PR_TITLE", "squash_merge_commit_message": "BLANK",
        "merge_commit_title": "PR_TITLE", "merge_commit_message": "PR_BODY" });
    let edited = owner(&harness, Method::PATCH, "", wording.clone()).await.expect(200);
    for (field, value) in wording.as_object().unwrap() {
        assert_eq!((&edited[field], &harness.get("").await[field]), (value, value), "{field}");
    }
    owner(&harness, Method::PATCH, "", json!({ "merge_commit_title": "MINE" })).await.expect(422);
    let changes = receiver.next("repository", "edited").await.payload["changes"].clone();
    assert_eq!(changes["description"]["from"], "Small parts, well made.");
    let none = json!({ "allow_merge_commit": false, "allow_rebase_merge": false });
    owner(&harness, Method::PATCH, "", none).await.expect(422);
    owner(&harness, Method::PATCH, "", json!({ "name": "a b" })).await.expect(422);
    owner(&harness, Method::PATCH, "", json!({ "visibility": "internal" })).await.expect(422);
    let topics =
        owner(&harness, Method::PUT, "/topics", json!({ "names": ["Rust", "gears", "rust"] })).await.expect(200);
    assert_eq!(topics, json!({ "names": ["rust", "gears"] }));
    assert_eq!(harness.get("/topics").await, topics);
    owner(&harness, Method::PUT, "/topics", json!({ "names": ["a b"] })).await.expect(422);
    let many: Vec<_> = (0..21).map(|number| format!("topic-{number}")).collect();
    owner(&harness, Method::PUT, "/topics", json!({ "names": many })).await.expect(422);
}

#[tokio::test]
async fn maintainers_describe_and_administrators_do_the_rest() {
    let harness = Harness::start().await;
    harness.playground.add_user("keeper");
    assert!(harness.playground.set_permission("keeper", "maintain"));
    harness.as_user("keeper", Method::PATCH, "", json!({ "description": "Kept" })).await.expect(200);
    harness.as_user("keeper", Method::PUT, "/topics", json!({ "names": ["kept"] })).await.expect(200);
    for body in [
        json!({ "name": "mine" }),
        json!({ "private": true }),
        json!({ "archived": true }),
        json!({ "default_branch": "main" }),
    ] {
        harness.as_user("keeper", Method::PATCH, "", body).await.expect(403);
    }
    harness.as_user("writer", Method::PATCH, "", json!({ "description": "No" })).await.expect(403);
    harness.as_user("writer", Method::PUT, "/topics", json!({ "names": [] })).await.expect(403);
    harness.as_user("keeper", Method::DELETE, "", Value::Null).await.expect(403);
    let transfer = json!({ "new_owner": "keeper" });
    harness.as_user("keeper", Method::POST, "/transfer", transfer.clone()).await.expect(403);
    harness.as_app(Method::PATCH, "", json!({ "description": "No" })).await.expect(403);
    harness.as_app(Method::DELETE, "", Value::Null).await.expect(403);
    harness.as_app(Method::POST, "/transfer", transfer).await.expect(403);
    harness.call(Method::DELETE, "/repos/acme/widgets", "", None).await.expect(401);
}

#[tokio::test]
async fn another_branch_becomes_the_default_one() {
    let (harness, receiver) = told().await;
    owner(&harness, Method::PATCH, "", json!({ "default_branch": "trunk" })).await.expect(422);
    let clone = harness.clone_as("playground-writer").await;
    clone.commit_on("trunk", "notes.md", "one\n").await;
    clone.git(&["push", "--quiet", "origin", "trunk"]).await.unwrap();
    let edited = owner(&harness, Method::PATCH, "", json!({ "default_branch": "trunk" })).await.expect(200);
    assert_eq!(edited["default_branch"], "trunk");
    let hook = receiver.next("repository", "edited").await;
    assert_eq!(hook.payload["changes"]["default_branch"]["from"], "main");
    let fresh = harness.clone_as("playground-writer").await;
    assert_eq!(fresh.git(&["branch", "--show-current"]).await.unwrap(), "trunk");
}

#[tokio::test]
async fn a_repository_is_hidden_and_shown_again() {
    let (harness, receiver) = told().await;
    let stranger = harness.playground.add_user("stranger");
    let hidden = owner(&harness, Method::PATCH, "", json!({ "private": true })).await.expect(200);
    assert_eq!(hidden["visibility"], "private");
    receiver.next("repository", "privatized").await;
    harness.call(Method::GET, "/repos/acme/widgets", &stranger, None).await.expect(404);
    owner(&harness, Method::PATCH, "", json!({ "visibility": "public" })).await.expect(200);
    receiver.next("repository", "publicized").await;
    receiver.next("public", "").await;
    harness.call(Method::GET, "/repos/acme/widgets", &stranger, None).await.expect(200);
}

#[tokio::test]
async fn a_deleted_repository_is_gone_and_its_name_is_free() {
    let (harness, receiver) = told().await;
    let token = harness.installation_token(json!({})).await;
    owner(&harness, Method::DELETE, "", Value::Null).await.expect(204);
    assert_eq!(receiver.next("repository", "deleted").await.payload["repository"]["name"], "widgets");
    owner(&harness, Method::GET, "", Value::Null).await.expect(404);
    let listed = harness.call(Method::GET, "/installation/repositories", &token, None).await.expect(200);
    assert_eq!(listed["total_count"], 0);
    let new = Some(json!({ "name": "widgets" }));
    harness.call(Method::POST, "/orgs/acme/repos", "playground-maintainer", new).await.expect(201);
    assert_eq!(harness.get("/branches").await, json!([]), "nothing of the old one is in it");
    owner(&harness, Method::GET, "/contributors", Value::Null).await.expect(204);
}

#[tokio::test]
async fn a_transferred_repository_keeps_its_issues_and_leaves_the_installation() {
    let (harness, receiver) = told().await;
    owner(&harness, Method::POST, "/issues", json!({ "title": "Turn" })).await.expect(201);
    let token = harness.installation_token(json!({})).await;
    for (body, status) in [
        (json!({ "new_owner": "acme" }), 422),
        (json!({ "new_owner": "nobody" }), 422),
        (json!({ "new_owner": "maintainer", "new_name": "a b" }), 422),
    ] {
        owner(&harness, Method::POST, "/transfer", body).await.expect(status);
    }
    let transfer = json!({ "new_owner": "maintainer", "new_name": "gadgets" });
    owner(&harness, Method::POST, "/transfer", transfer).await.expect(202);
    let hook = receiver.next("installation_repositories", "removed").await;
    assert_eq!(hook.payload["repositories_removed"][0]["full_name"], "acme/widgets");
    let issue = harness.get("/issues/1").await;
    assert_eq!(issue["title"], "Turn");
    assert!(issue["url"].as_str().unwrap().contains("/repos/maintainer/gadgets/"), "{}", issue["url"]);
    let title = Some(json!({ "title": "No" }));
    harness.call(Method::POST, "/repos/maintainer/gadgets/issues", &token, title).await.expect(403);
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Still" })).await.expect(201);
    let back = json!({ "new_owner": "acme" });
    harness.playground.give_all_repositories();
    let path = "/repos/maintainer/gadgets/transfer";
    harness.call(Method::POST, path, "playground-maintainer", Some(back)).await.expect(202);
    let hook = receiver.next("repository", "transferred").await;
    assert_eq!(hook.payload["changes"]["owner"]["from"]["user"]["login"], "maintainer");
    harness.call(Method::GET, "/repos/acme/gadgets/issues", &token, None).await.expect(200);
}

#[tokio::test]
async fn another_person_has_to_accept_a_repository() {
    let (harness, _receiver) = told().await;
    owner(&harness, Method::POST, "/transfer", json!({ "new_owner": "writer" })).await.expect(202);
    assert_eq!(harness.get("").await["full_name"], "acme/widgets");
    assert!(!harness.playground.accept_transfer("acme/none"));
    assert!(harness.playground.accept_transfer("acme/widgets"));
    assert!(!harness.playground.accept_transfer("writer/widgets"));
    assert_eq!(harness.get("").await["full_name"], "writer/widgets");
}

#[tokio::test]
async fn languages_and_contributors_come_from_git() {
    let harness = Harness::start().await;
    let languages = harness.get("/languages").await;
    assert!(languages["Rust"].as_u64().unwrap() > 1000, "{languages}");
    assert_eq!(languages.as_object().unwrap().keys().collect::<Vec<_>>(), ["Rust"]);
    let contributors = harness.get("/contributors").await;
    assert_eq!((&contributors[0]["login"], &contributors[0]["contributions"]), (&json!("maintainer"), &json!(1)));
    let clone = harness.clone_as("playground-writer").await;
    clone.commit_on("main", "notes.md", "one\n").await;
    clone.git(&["push", "--quiet", "origin", "main"]).await.unwrap();
    let named = harness.get("/contributors?anon=1").await;
    let anonymous = named.as_array().unwrap().iter().find(|one| one["type"] == "Anonymous").unwrap();
    assert_eq!(anonymous["name"], "Wren Writer");
    assert_eq!(harness.get("/contributors").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn members_create_repositories_in_their_organization() {
    let harness = Harness::start().await;
    harness.playground.subscribe(&["repository"]);
    let receiver = Receiver::of(&harness).await;
    harness.playground.give_all_repositories();
    harness.playground.add_user("ada");
    let new = |name: &str| Some(json!({ "name": name, "visibility": "private", "allow_rebase_merge": false }));
    let path = "/orgs/acme/repos";
    harness.call(Method::POST, path, "playground-ada", new("gears")).await.expect(403);
    harness.call(Method::POST, path, "", new("gears")).await.expect(401);
    let app = harness.installation_token(json!({})).await;
    harness.call(Method::POST, path, &app, new("gears")).await.expect(403);
    let member = Some(json!({ "role": "member" }));
    harness.call(Method::PUT, "/orgs/acme/memberships/ada", "playground-maintainer", member).await.expect(200);
    let made = harness.call(Method::POST, path, "playground-ada", new("gears")).await.expect(201);
    assert_eq!((&made["visibility"], &made["allow_rebase_merge"]), (&json!("private"), &json!(false)));
    assert_eq!(receiver.next("repository", "created").await.payload["sender"]["login"], "ada");
    let own = harness.call(Method::GET, "/repos/acme/gears", "playground-ada", None).await.expect(200);
    assert_eq!(own["permissions"]["admin"], true);
    harness.call(Method::POST, path, "playground-ada", new("Gears")).await.expect(422);
}

#[tokio::test]
async fn somebodys_repositories_are_the_public_ones_by_name() {
    let harness = Harness::start().await;
    for (name, private) in [("Beta", false), ("alpha", false), ("hidden", true)] {
        let new = Some(json!({ "name": name, "private": private }));
        harness.call(Method::POST, "/user/repos", "playground-writer", new).await.expect(201);
    }
    let names = async |query: &str| {
        let found = harness.call(Method::GET, &format!("/users/writer/repos{query}"), "playground-writer", None).await;
        found.expect(200).as_array().unwrap().iter().map(|repo| repo["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["alpha", "Beta"]);
    assert_eq!(names("?sort=created").await, ["alpha", "Beta"]);
    assert_eq!(names("?sort=created&direction=asc").await, ["Beta", "alpha"]);
    assert_eq!(names("?direction=desc&per_page=1").await, ["Beta"]);
    assert!(names("?type=member").await.is_empty());
    harness.call(Method::GET, "/users/nobody-at-all/repos", "", None).await.expect(404);
}
