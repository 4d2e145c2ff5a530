//! The next step of a queue, as a pure function of its entries and checks.

use crate::{
    acts::DequeueReason,
    rules::queue::Verdict,
    state::{MergeQueueParameters, Time},
};

/// An entry with its present state.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) group: Option<Built>,
    /// The commit with which it conflicts.
    pub(super) conflicts_with: Option<String>,
    pub(super) enqueued_at: Time,
    /// Whether the rules of the base forbid it, whatever its checks say.
    pub(super) barred: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Built {
    pub(super) base: String,
    pub(super) head: String,
    pub(super) made_at: Time,
    pub(super) verdict: Verdict,
}

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Create the group of the entry at this index, on this commit.
    Make(usize, String),
    /// Discard the groups from this index on, because they are out of date.
    Discard(usize),
    /// Merge this many entries from the front.
    Merge(usize),
    /// Remove the first entry.
    Reject(DequeueReason),
    /// Wait until this time or until a change.
    Wait(Option<Time>),
}

/// The state of a group's checks, with their time limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Passed,
    Waiting(Time),
    Failed(DequeueReason),
}

/// The next step. `base` is the head of the base branch.
pub(super) fn next(base: &str, entries: &[Seen], how: &MergeQueueParameters, now: Time) -> Step {
    match entries.first() {
        None => return Step::Wait(None),
        Some(first) if first.barred => return Step::Reject(DequeueReason::BranchProtections),
        Some(_) => {}
    }
    match groups(base, entries, how) {
        Some(step) => step,
        None => merges(entries, how, now),
    }
}

/// The step that is needed for every entry to have its group, on top of those ahead of it.
fn groups(base: &str, entries: &[Seen], how: &MergeQueueParameters) -> Option<Step> {
    let (mut tip, mut made) = (base, 0);
    for (place, entry) in entries.iter().enumerate() {
        match &entry.group {
            Some(group) if group.base == tip => {
                tip = &group.head;
                made += 1;
            }
            Some(_) => return Some(Step::Discard(place)),
            None if entry.conflicts_with.as_deref() == Some(tip) => {
                if place == 0 {
                    return Some(Step::Reject(DequeueReason::MergeConflict));
                }
            }
            None => {
                let after = entries.iter().skip(place).position(|entry| entry.group.is_some());
                if let Some(after) = after {
                    return Some(Step::Discard(place + after));
                }
                return (made < how.max_entries_to_build.max(1)).then(|| Step::Make(place, tip.to_owned()));
            }
        }
    }
    None
}

fn merges(entries: &[Seen], how: &MergeQueueParameters, now: Time) -> Step {
    let (patience, most) = (minutes(how.check_response_timeout_minutes), how.max_entries_to_merge.max(1));
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let standing = |group: &Built| match group.verdict {
        Verdict::Passed => Standing::Passed,
        Verdict::Failed => Standing::Failed(DequeueReason::CiFailure),
        Verdict::Waiting if group.made_at + patience <= now => Standing::Failed(DequeueReason::CiTimeout),
        Verdict::Waiting => Standing::Waiting(group.made_at + patience),
    };
    let front = entries.iter().take(most).take_while(|entry| !entry.barred);
    let standings: Vec<Standing> = front.map_while(|entry| entry.group.as_ref().map(standing)).collect();
    let passed = |standing: &Standing| *standing == Standing::Passed;
    let ready = if how.grouping_strategy == "HEADGREEN" {
        // The checks of the last one include everything that is ahead of it.
        standings.iter().rposition(passed).map_or(0, |last| last + 1)
    } else {
        standings.iter().take_while(|standing| passed(standing)).count()
    };
    let waits = standings.iter().filter_map(|standing| match standing {
        Standing::Waiting(until) => Some(*until),
        _ => None,
    });
    let soonest = waits.min();
    if ready > 0 {
        let least = usize::try_from(how.min_entries_to_merge).unwrap_or(usize::MAX);
        let until = entries[0].enqueued_at + minutes(how.min_entries_to_merge_wait_minutes);
        return if ready >= least || until <= now {
            Step::Merge(ready)
        } else {
            Step::Wait(soonest.into_iter().chain([until]).min())
        };
    }
    match standings.first() {
        Some(Standing::Failed(_)) if how.grouping_strategy == "HEADGREEN" && soonest.is_some() => Step::Wait(soonest),
        Some(Standing::Failed(reason)) => Step::Reject(*reason),
        _ => Step::Wait(soonest),
    }
}

fn minutes(minutes: u64) -> chrono::TimeDelta {
    // The rule allows at most 360. A much larger number would overflow the clock.
    chrono::TimeDelta::minutes(i64::try_from(minutes.min(100_000)).unwrap_or(100_000))
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, Utc};

    use super::*;
    use Verdict::{Failed, Passed, Waiting};

    fn how(strategy: &str, (least, most): (u64, u64)) -> MergeQueueParameters {
        MergeQueueParameters {
            check_response_timeout_minutes: 60,
            grouping_strategy: strategy.to_owned(),
            max_entries_to_build: 3,
            max_entries_to_merge: most,
            merge_method: "MERGE".to_owned(),
            min_entries_to_merge: least,
            min_entries_to_merge_wait_minutes: 5,
        }
    }

    /// Entries whose groups follow one another from the base `0`, each a minute old.
    fn line(now: Time, verdicts: &[Verdict]) -> Vec<Seen> {
        let made = |(at, verdict): (usize, &Verdict)| Built {
            base: at.to_string(),
            head: (at + 1).to_string(),
            made_at: now - TimeDelta::minutes(1),
            verdict: *verdict,
        };
        let seen = |made| Seen {
            group: Some(made),
            conflicts_with: None,
            enqueued_at: now - TimeDelta::minutes(1),
            barred: false,
        };
        verdicts.iter().enumerate().map(made).map(seen).collect()
    }

    fn without_group(entry: &Seen) -> Seen {
        Seen { group: None, ..entry.clone() }
    }

    #[test]
    fn each_group_is_made_on_the_one_before_as_far_as_is_built_at_once() {
        let now = Utc::now();
        let how = how("ALLGREEN", (1, 5));
        let mut entries: Vec<Seen> = line(now, &[Waiting; 4]);
        for entry in &mut entries {
            entry.group = None;
        }
        assert_eq!(next("0", &entries, &how, now), Step::Make(0, "0".to_owned()));
        let made = line(now, &[Waiting; 4]);
        entries[0] = made[0].clone();
        assert_eq!(next("0", &entries, &how, now), Step::Make(1, "1".to_owned()));
        (entries[1], entries[2]) = (made[1].clone(), made[2].clone());
        assert_eq!(next("0", &entries, &how, now), Step::Wait(Some(now + TimeDelta::minutes(59))));
        assert_eq!(next("0", &[], &how, now), Step::Wait(None));
    }

    #[test]
    fn a_group_made_of_what_is_no_longer_so_is_discarded_with_all_that_follow() {
        let now = Utc::now();
        let how = how("ALLGREEN", (1, 5));
        let entries = line(now, &[Waiting; 3]);
        assert_eq!(next("elsewhere", &entries, &how, now), Step::Discard(0));
        let without_second = [entries[0].clone(), entries[2].clone()];
        assert_eq!(next("0", &without_second, &how, now), Step::Discard(1));
        let jumped = [without_group(&entries[0]), entries[0].clone()];
        assert_eq!(next("0", &jumped, &how, now), Step::Discard(1));
        let merged_first = &entries[1..];
        assert_eq!(next("1", merged_first, &how, now), Step::Wait(Some(now + TimeDelta::minutes(59))));
    }

    #[test]
    fn a_conflict_removes_a_pull_request_only_at_the_front_of_the_queue() {
        let now = Utc::now();
        let how = how("ALLGREEN", (1, 5));
        let mut entries = line(now, &[Waiting; 3]);
        entries[1] = Seen { conflicts_with: Some("1".to_owned()), ..without_group(&entries[1]) };
        if let Some(group) = &mut entries[2].group {
            group.base = "1".to_owned();
        }
        assert!(matches!(next("0", &entries, &how, now), Step::Wait(Some(_))));
        assert_eq!(next("1", &entries[1..], &how, now), Step::Reject(DequeueReason::MergeConflict));
        assert_eq!(next("2", &[entries[1].clone()], &how, now), Step::Make(0, "2".to_owned()));
    }

    #[test]
    fn all_green_merges_what_is_green_from_the_front_and_rejects_a_red_front() {
        let now = Utc::now();
        let how = how("ALLGREEN", (1, 5));
        assert_eq!(next("0", &line(now, &[Passed, Passed, Waiting]), &how, now), Step::Merge(2));
        assert!(matches!(next("0", &line(now, &[Waiting, Passed]), &how, now), Step::Wait(Some(_))));
        assert!(matches!(next("0", &line(now, &[Waiting, Failed]), &how, now), Step::Wait(Some(_))));
        assert_eq!(next("0", &line(now, &[Failed, Passed]), &how, now), Step::Reject(DequeueReason::CiFailure));
        let late = now + TimeDelta::minutes(59);
        assert_eq!(next("0", &line(now, &[Waiting, Passed]), &how, late), Step::Reject(DequeueReason::CiTimeout));
        let mut barred = line(now, &[Passed, Passed]);
        barred[1].barred = true;
        assert_eq!(next("0", &barred, &how, now), Step::Merge(1));
        assert_eq!(next("1", &barred[1..], &how, now), Step::Reject(DequeueReason::BranchProtections));
    }

    #[test]
    fn head_green_merges_red_ones_with_a_green_one_behind_them() {
        let now = Utc::now();
        let how = how("HEADGREEN", (1, 2));
        assert_eq!(next("0", &line(now, &[Failed, Passed]), &how, now), Step::Merge(2));
        assert!(matches!(next("0", &line(now, &[Failed, Waiting]), &how, now), Step::Wait(Some(_))));
        assert_eq!(next("0", &line(now, &[Failed, Failed, Passed]), &how, now), Step::Reject(DequeueReason::CiFailure));
    }

    #[test]
    fn fewer_than_asked_for_wait_for_more_and_then_no_longer() {
        let now = Utc::now();
        let how = how("ALLGREEN", (2, 2));
        assert_eq!(next("0", &line(now, &[Passed]), &how, now), Step::Wait(Some(now + TimeDelta::minutes(4))));
        assert_eq!(next("0", &line(now, &[Passed; 3]), &how, now), Step::Merge(2));
        assert_eq!(next("0", &line(now, &[Passed]), &how, now + TimeDelta::minutes(4)), Step::Merge(1));
    }
}
