//! Every text of every payload that is used, with U+0000 in it: what is read holds nothing that the database refuses.

use serde_json::{Value, json};

use super::{Webhook, parse};

/// One body of each event that is used, with every member that is read.
fn payloads() -> Vec<(&'static str, Value)> {
    let user = json!({ "login": "writer", "id": 2, "type": "User" });
    let issue = json!({
        "number": 7, "title": "Units", "body": "Read units.", "user": user, "state": "open",
        "labels": [{ "name": "directive" }, { "name": "directive:manual" }],
    });
    let comment = json!({
        "id": 31, "node_id": "IC_31", "body": "/approve parse", "created_at": "2026-01-02T03:04:05Z", "user": user,
        "path": "src/lib.rs", "line": 3, "diff_hunk": "@@ -1 +1 @@",
    });
    let review = json!({
        "id": 41, "node_id": "PRR_41", "body": "Good.", "state": "approved", "commit_id": "abc",
        "submitted_at": "2026-01-02T03:04:05Z", "user": user,
    });
    let pull = json!({ "number": 8, "head": { "sha": "abc", "ref": "adjutant/7-1/g1-parse", "repo": { "id": 9 } } });
    let check = json!({
        "id": 61, "node_id": "CR_61", "head_sha": "abc", "app": { "id": 1 }, "pull_requests": [{ "number": 8 }],
    });
    vec![
        ("issues", json!({ "action": "labeled", "label": { "name": "directive" }, "issue": issue })),
        ("issues", json!({ "action": "unlabeled", "label": { "name": "directive" }, "issue": issue })),
        ("issues", json!({ "action": "closed", "issue": issue })),
        ("issue_comment", json!({ "action": "created", "issue": issue, "comment": comment })),
        ("pull_request_review_comment", json!({ "action": "created", "pull_request": pull, "comment": comment })),
        ("pull_request_review", json!({ "action": "submitted", "pull_request": pull, "review": review })),
        ("pull_request", json!({ "action": "opened", "pull_request": pull })),
        ("pull_request", json!({ "action": "synchronize", "pull_request": pull, "after": "abc" })),
        ("pull_request", json!({ "action": "closed", "pull_request": pull })),
        ("push", json!({ "ref": "refs/heads/adjutant/7-1/g1-parse", "after": "abc", "deleted": false })),
        (
            "check_run",
            json!({
                "action": "requested_action", "check_run": check, "requested_action": { "identifier": "approve" },
            }),
        ),
        ("check_run", json!({ "action": "rerequested", "check_run": check })),
        ("check_suite", json!({ "action": "rerequested", "check_suite": check })),
    ]
}

fn whole(mut body: Value) -> Value {
    body["sender"] = json!({ "login": "maintainer", "id": 2, "type": "User" });
    body["installation"] = json!({ "id": 5 });
    body["repository"] = json!({ "id": 9, "name": "widgets", "owner": { "login": "acme" } });
    body
}

/// Where the texts of a value are, as JSON pointers.
fn texts(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at.to_owned()),
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                texts(item, &format!("{at}/{number}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                texts(member, &format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn u_0000_in_any_text_of_any_payload_is_replaced_before_it_is_read() {
    let mut tried = 0;
    for (event, body) in payloads() {
        let body = whole(body);
        assert!(matches!(parse(event, body.to_string().as_bytes()), Ok(Webhook::Fact(_))), "{event}: {body}");
        let mut places = Vec::new();
        texts(&body, "", &mut places);
        for place in places {
            let mut body = body.clone();
            let text = body.pointer_mut(&place).unwrap();
            *text = json!(format!("{}\u{0}", text.as_str().unwrap()));
            let read = parse(event, body.to_string().as_bytes());
            // A text with a fixed set of values is refused or passed over; no other may keep the event from being read.
            let fixed = ["/action", "/created_at", "/submitted_at", "/state"].iter().any(|end| place.ends_with(end));
            assert!(fixed || matches!(read, Ok(Webhook::Fact(_))), "{event} {place}: {read:?}");
            let shown = format!("{read:?}");
            assert!(!shown.contains("\\0") && !shown.contains('\0'), "{event} {place}: {shown}");
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried} texts");
}
