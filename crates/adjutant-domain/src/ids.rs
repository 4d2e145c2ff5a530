//! The names of things: newtypes that keep a branch from being passed where a sha belongs.
//!
//! Identifiers are derived, never drawn: the same natural key gives the same id, so that deciding twice
//! creates nothing twice.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The namespace of all derived ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x5d1f_0c0a_7d0e_4c0e_9a55_ad10_7a17_0001);

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_newtype! {
    /// A GitHub login, in the case that GitHub gave it. A bot's ends in `[bot]`.
    Login
}
text_newtype! {
    /// A commit's sha; what an evaluation is bound to may also be the SHA-256 of a report, in hex.
    Sha
}
text_newtype! {
    /// The SHA-256 of a text, in hex.
    Digest
}
text_newtype! {
    /// The SHA-256 of a plan's JSON, in hex.
    PlanHash
}
text_newtype! {
    /// A branch's short name, without `refs/heads/`.
    Branch
}
text_newtype! {
    /// A step's name within its chain: kebab-case, at most 40 characters.
    StepName
}

impl Sha {
    /// The first seven characters, as GitHub shows them.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }

    /// The SHA-256 of a text, for what has no commit of its own.
    pub fn of_text(text: &str) -> Self {
        use sha2::Digest;
        Self(hex::encode(sha2::Sha256::digest(text.as_bytes())))
    }
}

impl Digest {
    /// The digest of a text.
    pub fn of(text: &str) -> Self {
        Self(Sha::of_text(text).0)
    }
}

impl StepName {
    /// The longest name allowed, in characters: it becomes part of a branch and of a check run's name.
    pub const MAX_CHARS: usize = 40;

    /// Whether the text is kebab-case (`a-z`, `0-9`, single hyphens inside) and short enough.
    pub fn is_well_formed(text: &str) -> bool {
        text.len() <= Self::MAX_CHARS
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .split('-')
                .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
    }
}

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_newtype! {
    /// A directive: the n-th of its issue.
    DirectiveId
}
uuid_newtype! {
    /// A step of one generation of a directive's chain, or its final pull request.
    StepId
}
uuid_newtype! {
    /// One run of an agent.
    TaskId
}
uuid_newtype! {
    /// A question to a person.
    ApprovalId
}

fn derive(parts: &[&str]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, parts.join("\u{1f}").as_bytes())
}

impl DirectiveId {
    /// The `ordinal`-th directive of an issue.
    pub fn of(repository: u64, issue: u64, ordinal: u32) -> Self {
        Self(derive(&["directive", &repository.to_string(), &issue.to_string(), &ordinal.to_string()]))
    }
}

impl StepId {
    /// The step of that name in that generation.
    pub fn of(directive: DirectiveId, generation: u32, name: &StepName) -> Self {
        Self(derive(&["step", &directive.to_string(), &generation.to_string(), name.as_str()]))
    }
}

impl TaskId {
    /// The `number`-th task of a directive, counted from one.
    pub fn of(directive: DirectiveId, number: u32) -> Self {
        Self(derive(&["task", &directive.to_string(), &number.to_string()]))
    }
}

impl ApprovalId {
    /// The `number`-th approval of a directive, counted from one.
    pub fn of(directive: DirectiveId, number: u32) -> Self {
        Self(derive(&["approval", &directive.to_string(), &number.to_string()]))
    }
}

/// A repository, and the installation through which it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Repo {
    /// GitHub's database id, which survives renames.
    pub id: u64,
    /// The owner's login.
    pub owner: String,
    /// The name without the owner.
    pub name: String,
    /// The app installation that covers it.
    pub installation: u64,
}

impl Repo {
    /// `owner/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

/// An amount of money in millionths of a US dollar, so that sums are exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Usd(pub i64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From dollars; what is not a number or below zero counts as nothing, what is too large saturates.
    #[allow(clippy::cast_possible_truncation)] // saturates by the language's rules, which is what is wanted
    pub fn from_dollars(dollars: f64) -> Self {
        Self((dollars.max(0.0) * 1e6).round() as i64)
    }

    /// In dollars.
    #[allow(clippy::cast_precision_loss)] // exact up to nine billion dollars
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl std::ops::Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${:.2}", self.dollars())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_name_is_kebab_case_and_short() {
        for good in ["parse", "parse-units", "step2", "a-1"] {
            assert!(StepName::is_well_formed(good), "{good}");
        }
        for bad in ["", "Parse", "parse_units", "-parse", "parse-", "a--b", "2step", "../x", "a b", &"x".repeat(41)] {
            assert!(!StepName::is_well_formed(bad), "{bad}");
        }
    }

    #[test]
    fn the_same_natural_key_gives_the_same_id() {
        assert_eq!(DirectiveId::of(1, 2, 1), DirectiveId::of(1, 2, 1));
        assert_ne!(DirectiveId::of(1, 2, 1), DirectiveId::of(1, 21, 1));
        assert_ne!(DirectiveId::of(12, 1, 1), DirectiveId::of(1, 21, 1));
    }

    #[test]
    fn money_that_is_no_number_counts_as_nothing() {
        assert_eq!(Usd::from_dollars(f64::NAN), Usd::ZERO);
        assert_eq!(Usd::from_dollars(-3.0), Usd::ZERO);
        assert_eq!(Usd::from_dollars(1.25).to_string(), "$1.25");
    }
}
