//! What people are told of an agent's work that is no part of its change.

use crate::workspace::{ChangeFault, Snapshot};
use adjutant_domain::signal::TaskOutcome;
use adjutant_domain::step::{Finding, FindingKind};

/// The most paths that are named.
const MOST: usize = 20;

/// What was left out of a change that is pushed.
pub(super) fn left_out(snapshot: &Snapshot) -> Vec<Finding> {
    let nested = snapshot.nested.iter().map(|path| ChangeFault::NestedRepository(path.clone()).to_string());
    let ignored =
        snapshot.ignored.iter().map(|path| format!("`{path}` is ignored by the base's rules, and was left out"));
    let texts = nested.chain(ignored).take(MOST);
    texts.map(|text| Finding { kind: FindingKind::LeftOut, text }).collect()
}

/// The outcome where nothing changed. If the agent made something that was left out, that is the reason; a report or a
/// claim that the work was done before stands for itself.
pub(super) fn nothing(result: TaskOutcome, snapshot: &Snapshot) -> TaskOutcome {
    let TaskOutcome::Unchanged { report: None, evidence: None, head: None, .. } = &result else { return result };
    let unseen = snapshot.unseen.iter().map(|path| {
        format!("`{path}` is ignored by the rules in `.gitignore`, and was left out; nothing else was changed")
    });
    let faults: Vec<String> = left_out(snapshot).into_iter().map(|it| it.text).chain(unseen).take(MOST).collect();
    if faults.is_empty() { result } else { TaskOutcome::Refused { faults } }
}
