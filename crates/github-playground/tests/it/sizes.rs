//! Both sides of every limit of lengths, which count characters and not bytes.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::Harness;

/// This many characters of two bytes each.
fn long(count: usize) -> String {
    "é".repeat(count)
}

impl Harness {
    async fn status(&self, method: Method, path: &str, body: Value) -> u16 {
        self.as_user("maintainer", method, path, body).await.status.as_u16()
    }
}

/// Sends the same request with a text of the most characters, and with one more, and checks the refusal of the second.
async fn both_sides(
    harness: &Harness,
    (method, path, ok): (Method, &str, u16),
    most: usize,
    field: &str,
    body: impl Fn(String) -> Value,
) {
    let longest = harness.status(method.clone(), path, body(long(most))).await;
    assert_eq!(longest, ok, "{method} {path}: {most} characters of {field}");
    let refused = harness.as_user("maintainer", method, path, body(long(most + 1))).await.expect(422);
    assert_eq!(refused["message"], "Validation Failed");
    let error = &refused["errors"][0];
    assert_eq!((&error["field"], &error["code"]), (&json!(field), &json!("custom")), "{refused}");
    assert_eq!(error["message"], format!("{field} is too long (maximum is {most} characters)"), "{refused}");
}

#[tokio::test]
async fn bodies_and_titles_have_a_longest() {
    let harness = Harness::start().await;
    harness.status(Method::POST, "/issues", json!({ "title": "One" })).await;
    let issue = |body: String| json!({ "title": "Long", "body": body });
    let body = |body: String| json!({ "body": body });
    let title = |title: String| json!({ "title": title });
    both_sides(&harness, (Method::POST, "/issues", 201), 65_536, "body", issue).await;
    both_sides(&harness, (Method::PATCH, "/issues/1", 200), 65_536, "body", body).await;
    both_sides(&harness, (Method::POST, "/issues/1/comments", 201), 65_536, "body", body).await;
    let comment = harness.get("/issues/1/comments").await[0]["id"].clone();
    both_sides(&harness, (Method::PATCH, &format!("/issues/comments/{comment}"), 200), 65_536, "body", body).await;
    both_sides(&harness, (Method::POST, "/issues", 201), 256, "title", title).await;
    both_sides(&harness, (Method::PATCH, "/issues/1", 200), 256, "title", title).await;
}

#[tokio::test]
async fn so_do_pull_requests_and_reviews() {
    let harness = Harness::start().await;
    let clone = harness.clone_as("playground-writer").await;
    let sha = clone.commit_on("topic", "notes.md", "one\n").await;
    clone.git(&["push", "--quiet", "origin", "topic"]).await.unwrap();
    let pull = |title: String| json!({ "title": title, "head": "topic", "base": "main" });
    let refused = harness.as_user("writer", Method::POST, "/pulls", pull(long(257))).await.expect(422);
    assert_eq!(refused["errors"][0]["field"], "title");
    harness.as_user("writer", Method::POST, "/pulls", pull(long(256))).await.expect(201);
    let body = |body: String| json!({ "body": body });
    both_sides(&harness, (Method::PATCH, "/pulls/1", 200), 65_536, "body", body).await;
    both_sides(&harness, (Method::PATCH, "/pulls/1", 200), 256, "title", |title| json!({ "title": title })).await;
    let review = |body: String| json!({ "event": "COMMENT", "body": body });
    assert_eq!(harness.status(Method::POST, "/pulls/1/reviews", review(long(65_536))).await, 200);
    let refused =
        harness.as_user("maintainer", Method::POST, "/pulls/1/reviews", review(long(65_537))).await.expect(422);
    assert_eq!(refused["errors"], json!(["Body is too long (maximum is 65536 characters)"]));
    let line = |body: String| json!({ "body": body, "path": "notes.md", "line": 1, "side": "RIGHT", "commit_id": sha });
    both_sides(&harness, (Method::POST, "/pulls/1/comments", 201), 65_536, "body", line).await;
}

#[tokio::test]
async fn an_issue_has_a_hundred_labels_at_most_and_their_names_end_too() {
    let harness = Harness::start().await;
    let names = |range: std::ops::Range<usize>| json!(range.map(|at| format!("label-{at}")).collect::<Vec<_>>());
    let made = |labels: Value| json!({ "title": "One", "labels": labels });
    let before = harness.get("/labels?per_page=100").await;
    harness.as_user("maintainer", Method::POST, "/issues", made(names(0..101))).await.expect(422);
    assert_eq!(harness.get("/labels?per_page=100").await, before, "none was made on the way");
    harness.as_user("maintainer", Method::POST, "/issues", made(names(0..100))).await.expect(201);
    harness.as_user("maintainer", Method::POST, "/issues/1/labels", names(0..3)).await.expect(200);
    let refused = harness.as_user("maintainer", Method::POST, "/issues/1/labels", names(100..101)).await.expect(422);
    assert_eq!(refused["errors"][0]["field"], "labels");
    harness.as_user("maintainer", Method::PUT, "/issues/1/labels", names(0..101)).await.expect(422);
    harness.as_user("maintainer", Method::PUT, "/issues/1/labels", names(50..150)).await.expect(200);
    let name = |name: String| json!({ "name": name });
    both_sides(&harness, (Method::POST, "/labels", 201), 50, "name", name).await;
    let described = |text: String| json!({ "description": text });
    both_sides(&harness, (Method::PATCH, "/labels/label-1", 200), 100, "description", described).await;
    let sha = harness.get("/git/ref/heads/main").await["object"]["sha"].as_str().unwrap().to_owned();
    let status = |text: String| json!({ "state": "success", "description": text });
    both_sides(&harness, (Method::POST, &format!("/statuses/{sha}"), 201), 140, "description", status).await;
}

#[tokio::test]
async fn a_check_run_has_its_limits_on_both_sides() {
    let harness = Harness::start().await;
    let sha = harness.get("/git/ref/heads/main").await["object"]["sha"].clone();
    let token = harness.installation_token(json!({})).await;
    let post = async |more: Value| {
        let mut run = json!({ "name": "test", "head_sha": sha });
        run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = harness.call(Method::POST, "/repos/acme/widgets/check-runs", &token, Some(run)).await;
        (reply.status.as_u16(), reply.body["errors"][0]["field"].as_str().unwrap_or_default().to_owned())
    };
    let output = |field: &str, text: String| {
        let mut output = json!({ "title": "t", "summary": "s", "text": "x" });
        output[field] = json!(text);
        json!({ "output": output })
    };
    let action = |field: &str, text: String| {
        let mut action = json!({ "label": "l", "description": "d", "identifier": "i" });
        action[field] = json!(text);
        json!({ "actions": [action] })
    };
    for field in ["title", "summary", "text"] {
        assert_eq!(post(output(field, long(65_535))).await, (201, String::new()));
        assert_eq!(post(output(field, long(65_536))).await, (422, field.to_owned()));
    }
    for (field, most) in [("label", 20), ("description", 40), ("identifier", 20)] {
        assert_eq!(post(action(field, long(most))).await, (201, String::new()));
        assert_eq!(post(action(field, long(most + 1))).await, (422, field.to_owned()));
    }
    let actions = |count: usize| json!({ "actions": vec![json!({ "label": "l", "description": "d", "identifier": "i" }); count] });
    assert_eq!(post(actions(3)).await.0, 201);
    assert_eq!(post(actions(4)).await, (422, "actions".to_owned()));
    let annotation =
        json!({ "path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m" });
    let annotations = |all: Vec<Value>| json!({ "output": { "title": "t", "summary": "s", "annotations": all } });
    assert_eq!(post(annotations(vec![annotation.clone(); 50])).await.0, 201);
    assert_eq!(post(annotations(vec![annotation.clone(); 51])).await, (422, "annotations".to_owned()));
    for (field, most) in [("title", 255), ("message", 65_536), ("raw_details", 65_536)] {
        for (length, wanted) in [(most, 201), (most + 1, 422)] {
            let mut one = annotation.clone();
            one[field] = json!("x".repeat(length));
            assert_eq!(post(annotations(vec![one])).await.0, wanted, "{length} characters of {field}");
        }
    }
}

#[tokio::test]
async fn a_push_over_the_limit_is_refused_in_gits_words() {
    let harness = Harness::start().await;
    let clone = harness.clone_as("playground-writer").await;
    // Text that cannot be compressed, so that its size in the push is known.
    let noise: String = (0..40_000).map(|_| uuid::Uuid::new_v4().simple().to_string()).collect();
    clone.commit_on("large", "noise.txt", &noise).await;
    harness.playground.limit_pushes(100_000);
    let refused = clone.git(&["push", "--quiet", "origin", "large"]).await.unwrap_err();
    assert!(refused.contains("pack exceeds maximum allowed size"), "{refused}");
    assert!(refused.contains("remote unpack failed"), "{refused}");
    harness.as_user("writer", Method::GET, "/branches/large", Value::Null).await.expect(404);
    let url = format!("{}/_playground/push-limit", harness.playground.url);
    let changed = harness.client.put(url).json(&json!({ "bytes": 10_000_000 })).send().await.unwrap();
    assert_eq!(changed.status(), 200);
    clone.git(&["push", "--quiet", "origin", "large"]).await.unwrap();
    harness.get("/branches/large").await;
}
