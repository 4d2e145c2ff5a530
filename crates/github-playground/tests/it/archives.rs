//! Archives, annotated tags, and the branches of a commit.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use super::support::Harness;

#[tokio::test]
async fn a_tarball_and_a_zipball_are_elsewhere_and_hold_the_files_below_one_folder() {
    let harness = Harness::start().await;
    let sha = harness.get("/git/ref/heads/main").await["object"]["sha"].as_str().unwrap().to_owned();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let ask = async |path: &str| {
        let url = format!("{}/api/v3/repos/acme/widgets{path}", harness.playground.url);
        client.get(url).bearer_auth("playground-outsider").send().await.unwrap()
    };
    for (path, kind) in [("/tarball/main", "application/x-gzip"), ("/zipball/refs/heads/main", "application/zip")] {
        let told = ask(path).await;
        assert_eq!(told.status(), 302, "{path}");
        let place = told.headers()["location"].to_str().unwrap().to_owned();
        let archive = client.get(&place).send().await.unwrap();
        assert_eq!(archive.headers()["content-type"], kind);
        let named = archive.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert!(named.contains(&format!("acme-widgets-{}", &sha[..7])), "{named}");
        let bytes = archive.bytes().await.unwrap();
        if kind == "application/x-gzip" {
            let file = harness.folder.path().join("a.tar.gz");
            std::fs::write(&file, &bytes).unwrap();
            let listed = Command::new("tar").arg("-tzf").arg(&file).output().unwrap();
            let listed = String::from_utf8(listed.stdout).unwrap();
            assert!(listed.contains(&format!("acme-widgets-{}/src/lib.rs", &sha[..7])), "{listed}");
        } else {
            assert_eq!(&bytes[..2], b"PK");
        }
    }
    assert_eq!(ask("/tarball/nowhere").await.status(), 404);
    let lost = format!("{}/_codeload/acme/widgets/legacy.zip/none", harness.playground.url);
    assert_eq!(client.get(lost).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn an_annotated_tag_is_an_object_first_and_a_reference_then() {
    let harness = Harness::start().await;
    let head = harness.get("/git/ref/heads/main").await["object"]["sha"].clone();
    let new = json!({ "tag": "v1", "message": "First", "object": head, "type": "commit" });
    harness.as_user("triager", Method::POST, "/git/tags", new.clone()).await.expect(403);
    let tag = harness.as_user("writer", Method::POST, "/git/tags", new).await.expect(201);
    assert_eq!((&tag["tag"], &tag["object"]["sha"], &tag["message"]), (&json!("v1"), &head, &json!("First")));
    let sha = tag["sha"].as_str().unwrap();
    assert_eq!(harness.get(&format!("/git/tags/{sha}")).await["tagger"]["name"], "Writer");
    assert_eq!(harness.get("/tags").await, json!([]), "no reference has it yet");
    let reference = json!({ "ref": "refs/tags/v1", "sha": sha });
    let made = harness.as_user("writer", Method::POST, "/git/refs", reference).await.expect(201);
    assert_eq!(made["object"]["type"], "tag");
    assert_eq!(harness.get("/tags").await[0]["commit"]["sha"], head, "the list shows the commit");
    let wrong = json!({ "tag": "v2", "message": "", "object": head, "type": "tree" });
    harness.as_user("writer", Method::POST, "/git/tags", wrong).await.expect(422);
    harness
        .as_user("writer", Method::GET, &format!("/git/tags/{}", head.as_str().unwrap()), Value::Null)
        .await
        .expect(404);
    let branches = harness.get(&format!("/commits/{}/branches-where-head", head.as_str().unwrap())).await;
    assert_eq!(branches[0]["name"], "main");
}
