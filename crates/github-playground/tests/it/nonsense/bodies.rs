//! Invalid bodies of every kind, for every operation that takes one, generated from its schema.

use serde_json::{Map, Value, json};

use super::ground::{Described, Ground, Operation};

/// A value of each JSON type, and extreme values.
fn odd() -> Vec<Value> {
    vec![
        json!(true),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}\u{7}\u{1b}[31m"),
        json!([]),
        json!([[{}]]),
        json!({}),
    ]
}

/// A value of the type that a schema requires.
fn likely(described: &Described, schema: &Value, depth: usize) -> Value {
    let schema = described.resolve(schema);
    if let Some(word) = schema["enum"].get(0) {
        return word.clone();
    }
    if let Some(first) = schema["anyOf"].get(0) {
        return likely(described, first, depth);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("string");
    match kind {
        "string" => json!("likely"),
        "integer" | "number" => json!(1),
        "boolean" => json!(false),
        "array" if depth < 3 => json!([likely(described, &schema["items"], depth + 1)]),
        "object" if depth < 3 => required(described, schema, depth + 1),
        "array" => json!([]),
        _ => json!({}),
    }
}

/// An object with only the required members.
fn required(described: &Described, schema: &Value, depth: usize) -> Value {
    let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    names
        .map(|name| (name.to_owned(), likely(described, &schema["properties"][name], depth)))
        .collect::<Map<_, _>>()
        .into()
}

/// How many of the [`odd`] values are tried for each member. Other members get the others.
const ODDITIES: usize = 3;

/// JSON that does not match GitHub's schema at all, or matches it except for one member.
fn wrong(described: &Described, operation: &Operation) -> Vec<Vec<u8>> {
    let schema = described.resolve(&operation.request);
    let whole = required(described, schema, 0);
    let mut bodies = vec![json!({}), json!([]), json!([whole]), json!("text"), json!(5), json!(false)];
    let mut odd = odd().into_iter().cycle().skip(operation.name.len() % 9);
    for name in schema["properties"].as_object().into_iter().flat_map(Map::keys) {
        let with = |value: Value| {
            let mut body = whole.clone();
            body[name] = value;
            body
        };
        bodies.extend(odd.by_ref().take(ODDITIES).map(with));
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(name);
        bodies.push(without);
    }
    bodies.into_iter().map(|body| body.to_string().into_bytes()).collect()
}

/// Bodies that are not JSON, or not as intended. Each is refused with 400 by every operation.
fn unreadable() -> Vec<Vec<u8>> {
    let deep = |open: &str, close: &str| [open.repeat(10_000), close.repeat(10_000)].concat().into_bytes();
    vec![
        b"{".to_vec(),
        b"{\"body\": \"cut off".to_vec(),
        b"{\"body\": \"\xff\xfe\"}".to_vec(),
        b"{\"body\": \"\\ud800\"}".to_vec(),
        b"{\"body\": \"a\nb\"}".to_vec(),
        b"{} {}".to_vec(),
        b"body=form".to_vec(),
        b"\0".to_vec(),
        deep("[", "]"),
        deep("{\"a\":", "}"),
        b"{\"a\": 1e999999}".to_vec(),
    ]
}

/// Bodies that are slow to parse, or have duplicate members.
fn heavy() -> Vec<Vec<u8>> {
    let long = "x".repeat(100_000);
    let many: Vec<u32> = (0..10_000).collect();
    vec![
        json!({ "body": long, "title": long, "content": long, "message": long, "name": long }).to_string().into_bytes(),
        json!({ "labels": many, "assignees": many, "tree": many, "names": many }).to_string().into_bytes(),
        b"{\"title\": \"one\", \"title\": [], \"body\": 1, \"body\": \"two\"}".to_vec(),
    ]
}

/// Sends all bodies, and then the refused ones again, with the same result.
async fn tell(part: usize, parts: usize) {
    let (ground, described) = (Ground::prepare().await, Described::read());
    let taking = described.operations.iter().filter(|operation| !operation.request.is_null());
    // These operations may change whether the object exists.
    let gone = |name: &str| name.ends_with("/transfer") || name.ends_with("/rename");
    let mine = taking.filter(|operation| !gone(&operation.name)).enumerate().filter(|(at, _)| at % parts == part);
    let (mut faults, mut refused) = (Vec::new(), Vec::new());
    for (_, operation) in mine {
        let (line, token) = (ground.found(&operation.name), ground.token(&operation.name));
        let served = !matches!(ground.send(&line, &token, b"{}").await.status, 403 | 404);
        let bodies = wrong(&described, operation).into_iter().chain(heavy()).map(|body| (body, false));
        for (body, garbled) in bodies.chain(unreadable().into_iter().map(|body| (body, served))) {
            let answer = ground.send(&line, &token, &body).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
            let expected = !garbled || (answer.status == 400 && answer.json()["message"] == "Problems parsing JSON");
            if let Some(why) = answer.misshapen().or((!expected).then(|| answer.status.to_string())) {
                faults.push(format!("{line} with {shown}: {why}"));
            }
            // Refused because of the body, and not because of the state, which other requests may change.
            if matches!(answer.status, 400 | 422) && body.len() < 10_000 {
                refused.push((line.clone(), token.clone(), body, shown));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults[..faults.len().min(30)].join("\n"));
    assert!(refused.len() > 300, "only {} requests were refused", refused.len());
    for group in refused.chunks(200) {
        let before = ground.digest().await;
        for (line, token, body, shown) in group {
            let again = ground.send(line, token, body).await.status;
            assert!(again >= 400, "{line} with {shown} was refused, and works now");
        }
        let lines: std::collections::BTreeSet<_> = group.iter().map(|(line, ..)| line).collect();
        assert_eq!(before, ground.digest().await, "a refused request left something behind, one of {lines:?}");
    }
}

#[tokio::test]
async fn an_invalid_body_is_refused_and_changes_nothing() {
    tell(0, 2).await;
}

#[tokio::test]
async fn a_body_of_the_wrong_kind_is_refused_and_leaves_nothing_behind_by_the_others() {
    tell(1, 2).await;
}
