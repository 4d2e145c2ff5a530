//! The issues and pull requests of a repository, by number.
//!
//! Every webhook has the number of open issues, and many requests list pull requests. Both are cached here, so that
//! neither reads ten thousand issues. An issue that was borrowed mutably is counted again before the next one is
//! borrowed, and at every read until then. Code that changes an issue therefore need not know the cache.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
};

use super::{Issue, IssueState, Pull};

/// Can be read as a map. Only its own methods change it.
#[derive(Debug, Default)]
pub(crate) struct Issues {
    all: BTreeMap<u64, Issue>,
    /// The number of open ones. The borrowed one counts with its state before the borrow.
    open: usize,
    /// The numbers of pull requests. The borrowed one may be missing.
    pulls: BTreeSet<u64>,
    lent: Option<Lent>,
}

/// An issue that may have changed since it was borrowed.
#[derive(Debug, Clone, Copy)]
struct Lent {
    number: u64,
    was_open: bool,
}

impl Issues {
    /// The number of open issues, pull requests included.
    pub(crate) fn open(&self) -> usize {
        match self.lent {
            Some(lent) => self.open - usize::from(lent.was_open) + usize::from(self.is_open(lent.number)),
            None => self.open,
        }
    }

    /// All pull requests, oldest first.
    pub(crate) fn pulls(&self) -> impl DoubleEndedIterator<Item = (&Issue, &Pull)> {
        // Numbers begin with 1.
        let lent = self.lent.map_or(0, |lent| lent.number);
        let (before, after) = (self.pulls.range(..lent), self.pulls.range(lent + 1..));
        let numbers = before.copied().chain([lent]).chain(after.copied());
        numbers.filter_map(|number| self.all.get(&number)).filter_map(|issue| Some((issue, issue.pull.as_ref()?)))
    }

    /// An issue, mutable.
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Issue> {
        self.settle();
        let issue = self.all.get_mut(&number)?;
        self.lent = Some(Lent { number, was_open: issue.state == IssueState::Open });
        Some(issue)
    }

    /// Changes all of them.
    pub(crate) fn change_all(&mut self, mut change: impl FnMut(&mut Issue)) {
        let numbers: Vec<u64> = self.all.keys().copied().collect();
        for number in numbers {
            self.get_mut(number).into_iter().for_each(&mut change);
        }
    }

    /// Adds one under its number.
    pub(crate) fn insert(&mut self, issue: Issue) {
        self.remove(issue.number);
        self.open += usize::from(issue.state == IssueState::Open);
        if issue.pull.is_some() {
            self.pulls.insert(issue.number);
        }
        self.all.insert(issue.number, issue);
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, number: u64) -> Option<Issue> {
        self.settle();
        let issue = self.all.remove(&number)?;
        self.open -= usize::from(issue.state == IssueState::Open);
        self.pulls.remove(&number);
        Some(issue)
    }

    /// Counts the borrowed one again.
    fn settle(&mut self) {
        let Some(lent) = self.lent.take() else { return };
        self.open = self.open - usize::from(lent.was_open) + usize::from(self.is_open(lent.number));
        if self.all.get(&lent.number).is_some_and(|issue| issue.pull.is_some()) {
            self.pulls.insert(lent.number);
        } else {
            self.pulls.remove(&lent.number);
        }
    }

    fn is_open(&self, number: u64) -> bool {
        self.all.get(&number).is_some_and(|issue| issue.state == IssueState::Open)
    }
}

impl Deref for Issues {
    type Target = BTreeMap<u64, Issue>;

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::state::{Gate, Mergeability, Size, Time};

    fn issue(number: u64, state: IssueState, pull: Option<Pull>) -> Issue {
        let now = Time::default();
        Issue {
            id: number,
            number,
            title: String::new(),
            body: None,
            author: 1,
            via_app: false,
            state,
            state_reason: None,
            labels: vec![7],
            assignees: Vec::new(),
            milestone: None,
            locked: None,
            parent: None,
            sub_issues: Vec::new(),
            comments: Vec::new(),
            reactions: Vec::new(),
            events: Vec::new(),
            created_at: now,
            updated_at: now,
            closed_at: None,
            closed_by: None,
            pull,
        }
    }

    fn pull() -> Pull {
        Pull {
            id: 1,
            head_ref: String::new(),
            head_sha: String::new(),
            base_ref: String::new(),
            base_sha: String::new(),
            draft: false,
            mergeability: Mergeability::Unknown,
            epoch: 0,
            test_merge_sha: None,
            size: Size::default(),
            merged: None,
            requested_reviewers: Vec::new(),
            reviews: Vec::new(),
            review_comments: Vec::new(),
            gate: Gate::default(),
        }
    }

    /// An operation on the collection.
    #[derive(Debug, Clone)]
    enum Act {
        Insert(u64, bool, bool),
        Set(u64, bool),
        /// Becomes a pull request, or an issue again.
        Turn(u64, bool),
        CloseAll,
        Look(u64),
        Remove(u64),
    }

    fn act() -> impl Strategy<Value = Act> {
        let number = || 1_u64..6;
        prop_oneof![
            (number(), any::<bool>(), any::<bool>()).prop_map(|(number, open, pull)| Act::Insert(number, open, pull)),
            (number(), any::<bool>()).prop_map(|(number, open)| Act::Set(number, open)),
            (number(), any::<bool>()).prop_map(|(number, pull)| Act::Turn(number, pull)),
            Just(Act::CloseAll),
            number().prop_map(Act::Look),
            number().prop_map(Act::Remove),
        ]
    }

    fn state(open: bool) -> IssueState {
        if open { IssueState::Open } else { IssueState::Closed }
    }

    fn perform(issues: &mut Issues, act: &Act) {
        match *act {
            Act::Insert(number, open, is_pull) => issues.insert(issue(number, state(open), is_pull.then(pull))),
            Act::Set(number, open) => {
                let _ = issues.get_mut(number).map(|issue| issue.state = state(open));
            }
            Act::Turn(number, is_pull) => {
                let _ = issues.get_mut(number).map(|issue| issue.pull = is_pull.then(pull));
            }
            Act::CloseAll => issues.change_all(|issue| issue.state = IssueState::Closed),
            Act::Look(number) => {
                let _ = issues.get_mut(number);
            }
            Act::Remove(number) => drop(issues.remove(number)),
        }
    }

    proptest! {
        #[test]
        fn the_cached_numbers_equal_the_counted_ones(acts in prop::collection::vec(act(), 0..40)) {
            let mut issues = Issues::default();
            for act in &acts {
                perform(&mut issues, act);
                let open = issues.values().filter(|issue| issue.state == IssueState::Open).count();
                prop_assert_eq!(issues.open(), open, "after {:?}", act);
                let pulls: Vec<u64> = issues.values().filter(|issue| issue.pull.is_some()).map(|all| all.number).collect();
                let kept: Vec<u64> = issues.pulls().map(|(issue, _)| issue.number).collect();
                prop_assert_eq!(kept, pulls, "after {:?}", act);
            }
        }
    }
}
