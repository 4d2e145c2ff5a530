//! What is wrong with a policy. The words are made where they are shown.
//!
//! Whatever a fault quotes of a file is cut to a bounded length, and can be stored.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ids::Usd;
use crate::input;

/// The longest part of a file that a fault quotes, in characters.
const QUOTED: usize = 60;

/// What is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are named as what they hold; those that need words have them")]
pub enum PolicyFault {
    /// Something that the file says.
    Line(LineFault),
    /// There is a file of that path that GitHub does not give as text, for the reason that it says.
    NoText { path: String, message: String },
    /// The key names an agent that the operator has not set up; those that there are.
    UnknownAgent { key: String, name: String, known: Vec<String> },
    /// So many more faults are not listed.
    More { faults: usize },
    /// A sentence that version 1 wrote, shown as it is.
    #[serde(untagged)]
    Legacy(String),
}

impl PolicyFault {
    /// The text by whose digest an announcement of these faults is told from others. It was released, and never changes for the
    /// sentences that version 1 kept.
    pub(crate) fn key(faults: &[Self]) -> String {
        match faults.iter().map(Self::sentence).collect::<Option<Vec<_>>>() {
            Some(sentences) => format!("PolicyBroken {{ faults: {sentences:?} }}"),
            None => format!("PolicyBroken {}", json!(faults)),
        }
    }

    fn sentence(&self) -> Option<&String> {
        if let Self::Legacy(sentence) = self { Some(sentence) } else { None }
    }
}

/// Something that is wrong with a policy file, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineFault {
    /// The line, counted from one.
    pub line: u64,
    /// What is wrong.
    pub fault: FileFault,
}

/// What is wrong with a policy file. A `key` has the path that people know it by, such as `limits.steps`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are named as what they hold; those that need words have them")]
pub enum FileFault {
    /// It is no UTF-8.
    NotUtf8,
    /// It has more bytes than are read.
    TooLarge { bytes: usize, allowed: usize },
    /// It is no YAML, as its reader says.
    NotYaml { error: String },
    /// A text has U+0000.
    Unstorable,
    /// There is something else where a mapping must be.
    NotAMapping { mapping: Mapping, found: Found },
    /// A mapping has no such key; the nearest that it has, or else all of them.
    UnknownKey { mapping: Mapping, key: String, nearest: Option<String>, known: Vec<String> },
    /// A key has a value that it does not take.
    Unexpected { key: String, expected: Expected, found: Found },
    /// A list is too long.
    TooManyEntries { key: String, entries: usize, allowed: usize },
    /// Yellow begins above green.
    YellowAboveGreen { yellow: f64, green: f64 },
    /// The cost may be raised to less than it is.
    CeilingBelowCost { ceiling: Usd, cost: Usd },
    /// A verifier has the name of the repository's CI, which is one too.
    VerifierNamedCi,
    /// A verifier has the name of the check of the whole.
    VerifierNamedAdjutant,
    /// More than one verifier has the name.
    SameVerifier { name: String },
    /// A verifier has no name.
    NoVerifierName,
    /// A verifier has no command.
    NoVerifierCommand,
    /// A glob is none, as its reader says.
    BadGlob { key: String, error: String },
}

/// A mapping of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are named as in the file")]
pub enum Mapping {
    /// The whole file.
    File,
    Thresholds,
    Limits,
    /// One entry of `verifiers`.
    Verifier,
    Judge,
    Diff,
    Agents,
}

/// What a key takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// `true` or `false`.
    Flag,
    /// A text.
    Text,
    /// A text, which is to be quoted so that it is none of YAML's other values.
    QuotedText,
    /// A text without blanks around it.
    TrimmedText,
    /// One of these words.
    Word(Vec<String>),
    /// A whole number from 1 to this.
    Count(u32),
    /// A number above 0 and at most this.
    Number(f64),
    /// A number from 0 to this.
    NumberOrNone(f64),
    /// A label's name.
    Label,
    /// A branch's name.
    Branch,
    /// The name of an operator's agent.
    Agent,
    /// A verifier's name.
    VerifierName,
    /// A shell command.
    Command,
    /// A list.
    List,
    /// A list of globs.
    Globs,
    /// `true`, `false` or a list of hosts.
    Network,
    /// A list of hosts.
    Hosts,
}

/// What stands in a file instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A word, number or text, as it is written.
    Value(String),
    /// A list.
    List,
    /// A mapping.
    Mapping,
}

/// A part of a file or of an error about it, as it may be kept: cut to a bounded length and storable.
pub(super) fn quoted(text: &str) -> String {
    input::storable(&text.chars().take(QUOTED).collect::<String>()).into_owned()
}

/// What a reader says about a file, as it may be kept.
pub(super) fn said(error: &str) -> String {
    input::storable(error).into_owned()
}
