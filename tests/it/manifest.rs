//! The app's manifest, compared with the events that the code handles.

use std::collections::{BTreeMap, BTreeSet};

use adjutant::runtime::ingest::{Webhook, parse};
use serde::Deserialize;

#[derive(Deserialize)]
struct Manifest {
    default_permissions: BTreeMap<String, String>,
    default_events: Vec<String>,
}

fn manifest() -> Manifest {
    serde_saphyr::from_str(include_str!("../../app-manifest.yml")).unwrap()
}

/// GitHub's events, and the repository permission that an app needs for each
/// (<https://docs.github.com/en/webhooks/webhook-events-and-payloads>).
const EVENTS: &[(&str, &str)] = &[
    ("branch_protection_rule", "administration"),
    ("check_run", "checks"),
    ("check_suite", "checks"),
    ("commit_comment", "contents"),
    ("create", "contents"),
    ("delete", "contents"),
    ("deployment", "deployments"),
    ("discussion", "discussions"),
    ("fork", "contents"),
    ("issue_comment", "issues"),
    ("issues", "issues"),
    ("label", "metadata"),
    ("member", "members"),
    ("membership", "members"),
    ("merge_group", "merge_queues"),
    ("milestone", "issues"),
    ("public", "metadata"),
    ("pull_request", "pull_requests"),
    ("pull_request_review", "pull_requests"),
    ("pull_request_review_comment", "pull_requests"),
    ("pull_request_review_thread", "pull_requests"),
    ("push", "contents"),
    ("release", "contents"),
    ("repository", "metadata"),
    ("repository_dispatch", "contents"),
    ("star", "metadata"),
    ("status", "statuses"),
    ("sub_issues", "issues"),
    ("workflow_dispatch", "contents"),
    ("workflow_job", "actions"),
    ("workflow_run", "actions"),
];

/// The reason for which the code ignores an event.
fn unused(event: &str) -> String {
    let Ok(Webhook::Ignored(reason)) = parse("no_such_event", b"{}") else { panic!("an unknown event is ignored") };
    reason.replace("no_such_event", event)
}

fn is_used(event: &str) -> bool {
    !matches!(parse(event, b"{}"), Ok(Webhook::Ignored(reason)) if reason == unused(event))
}

#[test]
fn the_manifest_asks_for_exactly_the_events_that_are_handled() {
    let used: BTreeSet<String> =
        EVENTS.iter().map(|(event, _)| (*event).to_owned()).filter(|event| is_used(event)).collect();
    // What of it is handled comes with `checks: write`.
    let unasked = BTreeSet::from(["check_run".to_owned()]);
    let asked: BTreeSet<String> = manifest().default_events.into_iter().collect();
    assert!(asked.is_disjoint(&unasked));
    assert_eq!(asked.union(&unasked).cloned().collect::<BTreeSet<_>>(), used);
    assert_eq!(manifest().default_permissions["checks"], "write");
}

#[test]
fn events_that_come_to_every_app_are_known_and_not_asked_for() {
    for event in ["installation", "installation_repositories", "github_app_authorization", "ping"] {
        assert!(is_used(event), "{event} would be told to be unknown");
        assert!(!manifest().default_events.iter().any(|asked| asked == event), "{event} needs no subscription");
    }
}

#[test]
fn each_event_has_the_permission_that_github_asks_for() {
    let Manifest { default_permissions, default_events } = manifest();
    for event in default_events {
        let (_, permission) = EVENTS.iter().find(|(name, _)| *name == event).expect("an event of GitHub's");
        assert!(default_permissions.contains_key(*permission), "{event} needs {permission}");
    }
}

#[test]
fn permissions_are_as_small_as_the_work_allows() {
    let asked: Vec<String> =
        manifest().default_permissions.iter().map(|(name, level)| format!("{name}: {level}")).collect();
    assert_eq!(
        asked,
        [
            "actions: read",
            "checks: write",
            "contents: write",
            "issues: write",
            "members: read",
            "merge_queues: read",
            "metadata: read",
            "pull_requests: write",
            "statuses: read",
            "workflows: write"
        ]
    );
}
