//! Paths that do not exist, or that try to leave the tree.

use super::ground::{Described, Ground};

/// Values for a path's parameter. None of them exists.
const ODD: &[&str] = &[
    "..",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%00",
    "%0a",
    "%1b",
    "%ff%fe",
    "a%2Fb",
    "-x",
    "--help",
    "%20",
    "%",
    "%zz",
    "*",
    "a..b",
    "refs.lock",
    "@%7B1%7D",
    "HEAD%5E",
    "18446744073709551616",
    "-1",
    "0",
];

/// Operations for which any value is valid: they answer with everything that has this prefix.
const ALWAYS: &[&str] = &["GET /repos/{owner}/{repo}/git/matching-refs/{ref}"];

#[tokio::test]
async fn odd_places_are_refused_in_githubs_shape_and_nothing_changes() {
    let (ground, described) = (Ground::prepare().await, Described::read());
    let long = "x".repeat(5_000);
    let (before, mut faults) = (ground.digest().await, Vec::new());
    for operation in &described.operations {
        let name = &operation.name;
        let token = ground.token(name);
        let parameters: Vec<&str> = name.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        let Some(last) = parameters.last() else { continue };
        for odd in ODD.iter().copied().chain([long.as_str()]) {
            let line = ground.line(
                name,
                |parameter, value| {
                    if parameter == *last { odd.to_owned() } else { value.to_owned() }
                },
            );
            let answer = ground.send(&line, &token, b"{}").await;
            let shown = &line[..line.len().min(200)];
            if let Some(why) = answer.misshapen() {
                faults.push(format!("{shown}: {why}"));
            } else if answer.status < 300 && !name.starts_with("GET ") {
                faults.push(format!("{shown}: {}, and there is no such thing", answer.status));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults[..faults.len().min(40)].join("\n"));
    assert_eq!(before, ground.digest().await, "something was done about what is not there");
}

#[tokio::test]
async fn an_absent_object_of_any_kind_is_404() {
    let (ground, described) = (Ground::prepare().await, Described::read());
    let mut faults = Vec::new();
    for operation in described.operations.iter().filter(|operation| !ALWAYS.contains(&operation.name.as_str())) {
        let name = &operation.name;
        let token = ground.token(name);
        for unknown in ["owner", "repo", "issue_number", "pull_number", "comment_id", "review_id", "check_run_id"] {
            if !name.contains(&format!("{{{unknown}}}")) {
                continue;
            }
            let line = ground.line(
                name,
                |parameter, value| {
                    if parameter == unknown { "471147".to_owned() } else { value.to_owned() }
                },
            );
            let answer = ground.send(&line, &token, b"{}").await;
            // A body that names nothing may be refused first.
            let fine = answer.status == 404 || (answer.status == 422 && !name.starts_with("GET "));
            if !fine || answer.misshapen().is_some() {
                faults.push(format!("{line}: {} {}", answer.status, String::from_utf8_lossy(&answer.body)));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults[..faults.len().min(40)].join("\n"));
}
