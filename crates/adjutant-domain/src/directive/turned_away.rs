//! People whose commands were refused because they have no write access.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::Login;

/// The most people that are remembered. Whoever comes after them is not answered.
const MOST: usize = 200;

/// Who was told that their commands do not count, and when they last wrote one. Each person is told once a directive: an
/// answer costs a write on GitHub, and anybody can comment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TurnedAway(BTreeMap<Login, DateTime<Utc>>);

impl TurnedAway {
    /// Whether nobody was turned away yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes a command of somebody without write access, and returns whether they are to be told.
    pub fn note(&mut self, login: &Login, written: DateTime<Utc>) -> bool {
        if let Some(last) = self.0.get_mut(login) {
            *last = written.max(*last);
            return false;
        }
        let told = self.0.len() < MOST;
        if told {
            self.0.insert(login.clone(), written);
        }
        told
    }

    /// Whether a command was written before its author got write access. Such commands are found again by a look at
    /// GitHub, because nothing answers them.
    pub fn covers(&self, login: &Login, written: DateTime<Utc>) -> bool {
        self.0.get(login).is_some_and(|last| written <= *last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_told_once_and_a_crowd_not_for_ever() {
        let (mut turned, at) = (TurnedAway::default(), DateTime::UNIX_EPOCH);
        let login = |number: usize| Login::new(format!("outsider-{number}"));
        assert!(turned.note(&login(0), at) && !turned.note(&login(0), at));
        let told = (0..2 * MOST).filter(|number| turned.note(&login(*number), at)).count();
        assert_eq!(told, MOST - 1);
    }
}
