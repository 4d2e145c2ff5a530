//! Callers without permission: anonymous ones, expired tokens, other kinds of credentials.

use base64::{Engine, engine::general_purpose::STANDARD};
use github_playground::Playground;
use serde_json::json;

use super::ground::{Described, Ground};
use super::raw::send;

/// Operations without a token: they take a code or a secret instead, or change nothing.
const OPEN: &[&str] = &["POST /app-manifests/{code}/conversions", "POST /markdown"];

#[tokio::test]
async fn nobody_writes_without_a_token() {
    let (ground, described) = (Ground::prepare().await, Described::read());
    let (before, mut faults) = (ground.digest().await, Vec::new());
    let writes = described.operations.iter().filter(|operation| !operation.name.starts_with("GET "));
    for operation in writes.filter(|operation| !OPEN.contains(&operation.name.as_str())) {
        let answer = ground.send(&ground.found(&operation.name), "", b"{}").await;
        // The shape of a body may be checked first.
        let fine = [401, 403, 404, 422].contains(&answer.status) && answer.misshapen().is_none();
        if !fine {
            faults.push(format!("{}: {} {}", operation.name, answer.status, String::from_utf8_lossy(&answer.body)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(before, ground.digest().await);
}

#[tokio::test]
async fn an_invalid_or_expired_token_is_401_everywhere() {
    let (ground, described) = (Ground::prepare().await, Described::read());
    let playground: &Playground = &ground.harness.playground;
    let ended = ground.app.clone();
    playground.expire_tokens();
    let claims = json!({ "iss": "1", "iat": 1_000_000_000, "exp": 1_000_000_600 });
    let old = ground.harness.app_token_with(&claims);
    let foreign = format!("ghs_1_{}", "0".repeat(480));
    let basic = format!("Basic {}", STANDARD.encode("maintainer:guessed"));
    let headers = [
        format!("Bearer {ended}"),
        format!("Bearer {old}"),
        format!("token {foreign}"),
        "Bearer playground-nobody".to_owned(),
        "Bearer a.b.c".to_owned(),
        "Bearer".to_owned(),
        "Digest playground-maintainer".to_owned(),
        basic,
    ];
    let (before, mut faults) = (ground.digest().await, Vec::new());
    // These need an app's secret, or only a code.
    let other = |name: &str| name.contains(" /applications/") || name.contains(" /app-manifests/");
    for (at, operation) in described.operations.iter().filter(|operation| !other(&operation.name)).enumerate() {
        // Each operation is tried with two of them, and all operations together with all of them.
        for header in [&headers[at % headers.len()], &headers[(at / headers.len()) % headers.len()]] {
            let line = ground.found(&operation.name);
            let sent = [("authorization", header.as_str()), ("content-type", "application/json")];
            let answer = send(playground.addr, &line, &sent, b"{}").await;
            if answer.status != 401 || answer.misshapen().is_some() {
                let shown = &header[..header.len().min(20)];
                faults.push(format!("{line} as {shown}: {} {}", answer.status, String::from_utf8_lossy(&answer.body)));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults[..faults.len().min(40)].join("\n"));
    assert_eq!(before, ground.digest().await);
}
