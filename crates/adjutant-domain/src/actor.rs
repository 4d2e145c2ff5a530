//! Who acts.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ids::Login;

/// Who caused something.
///
/// Adjutant is a variant and never a login: a person may have any login, `adjutant` too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// This program, by its own decision or through its app's account.
    Adjutant,
    /// A coding agent that works on a task.
    Agent,
    /// An account on GitHub: a person, or another app's bot.
    Person(Login),
    /// Somebody whom GitHub did not name.
    Unknown,
}

impl Actor {
    /// The account on GitHub; `own` is the login of this app's bot, and none an account that GitHub did not name.
    pub fn on_github(account: Option<Login>, own: &Login) -> Self {
        match account {
            None => Self::Unknown,
            Some(login) if login == *own => Self::Adjutant,
            Some(login) => Self::Person(login),
        }
    }

    /// The login of an account that is not Adjutant's own.
    pub fn login(&self) -> Option<&Login> {
        match self {
            Self::Person(login) => Some(login),
            Self::Adjutant | Self::Agent | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Adjutant => "Adjutant",
            Self::Agent => "an agent",
            Self::Person(login) => login.as_str(),
            Self::Unknown => "somebody",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_called_adjutant_is_a_person() {
        let own = Login::new("adjutant[bot]");
        let of = |login: &str| Actor::on_github(Some(Login::new(login)), &own);
        assert_eq!(of("adjutant"), Actor::Person(Login::new("adjutant")));
        assert_eq!(of("ghost"), Actor::Person(Login::new("ghost")));
        assert_eq!(of("adjutant[bot]"), Actor::Adjutant);
        assert_eq!(Actor::on_github(None, &own), Actor::Unknown);
    }

    #[test]
    fn no_login_is_read_as_another_actor() {
        for actor in [Actor::Adjutant, Actor::Agent, Actor::Unknown, Actor::Person(Login::new("adjutant"))] {
            let json = serde_json::to_value(&actor).unwrap();
            assert_eq!(serde_json::from_value::<Actor>(json).unwrap(), actor);
        }
    }
}
