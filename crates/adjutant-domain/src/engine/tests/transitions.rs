//! Every transition that the tables allow; whatever is not in them is refused.

use crate::status::{ApprovalStatus, DirectiveStatus, StepStatus, TaskStatus};

/// A line for each status: what may follow it. That the function agrees with its table is checked on the way.
macro_rules! table {
    ($status:ident) => {
        $status::ALL
            .iter()
            .map(|from| {
                let allowed: Vec<_> = $status::ALL.iter().filter(|to| from.to(**to).is_ok()).collect();
                assert!(allowed.iter().all(|to| from.next().contains(to)) && allowed.len() == from.next().len());
                let words: Vec<_> = from.next().iter().map(|to| to.as_str()).collect();
                format!("{from} -> {}", words.join(", ")).trim_end().to_owned()
            })
            .collect::<Vec<_>>()
            .join("\n")
    };
}

#[test]
fn the_transition_tables_allow_this_and_no_more() {
    insta::assert_snapshot!(
        [
            format!("directive\n{}", table!(DirectiveStatus)),
            format!("step\n{}", table!(StepStatus)),
            format!("task\n{}", table!(TaskStatus)),
            format!("approval\n{}", table!(ApprovalStatus)),
        ]
        .join("\n\n"),
        @"
    directive
    draft -> planning, failed
    planning -> active, paused, completed, failed
    active -> planning, paused, completed, failed
    paused -> planning, active, completed, failed
    completed -> archived
    failed -> archived
    archived ->

    step
    pending -> ready, blocked, passed, skipped
    ready -> running, pending, blocked, passed, skipped
    running -> evaluating, ready, rework, blocked, failed, passed, skipped
    evaluating -> evaluating, passed, rework, blocked, failed, skipped
    passed ->
    rework -> running, evaluating, blocked, passed, skipped
    blocked -> blocked, pending, ready, rework, evaluating, passed, skipped
    failed -> ready, rework, evaluating, blocked, passed, skipped
    skipped ->

    task
    queued -> running, succeeded, failed, cancelled
    running -> succeeded, failed, cancelled
    succeeded ->
    failed ->
    cancelled ->

    approval
    pending -> approved, denied, stale, expired
    approved ->
    denied ->
    stale ->
    expired -> approved, denied, stale
    "
    );
}
