//! The part of GitHub's schema that is served. `scripts/github-graphql` generates it.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

pub(super) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let types = serde_json::from_str(include_str!("schema.json")).expect("a test reads the same file");
    Schema { types }
});

/// All types, by name.
#[derive(Debug)]
pub(super) struct Schema {
    types: BTreeMap<String, Type>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Type {
    pub(super) kind: TypeKind,
    #[serde(default)]
    pub(super) fields: BTreeMap<String, SchemaMember>,
    /// The fields of an input object.
    #[serde(default)]
    pub(super) inputs: BTreeMap<String, Argument>,
    /// The values of an enum.
    #[serde(default)]
    pub(super) values: Vec<String>,
    /// The possible types of an interface or a union.
    #[serde(default)]
    pub(super) possible: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum TypeKind {
    Object,
    Interface,
    Union,
    InputObject,
    Enum,
    Scalar,
}

#[derive(Debug, Deserialize)]
pub(super) struct SchemaMember {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) args: BTreeMap<String, Argument>,
}

/// An argument, or a field of an input object.
#[derive(Debug, Deserialize)]
pub(super) struct Argument {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) default: bool,
}

impl Argument {
    /// Whether a request must have it.
    pub(super) fn is_required(&self) -> bool {
        self.kind.ends_with('!') && !self.default
    }
}

impl Schema {
    /// A type by its name.
    pub(super) fn get(&self, name: &str) -> Option<&Type> {
        self.types.get(name)
    }

    /// Whether an object of type `kind` matches a fragment on `on`.
    pub(super) fn is_a(&self, kind: &str, on: &str) -> bool {
        kind == on || self.get(on).is_some_and(|on| on.possible.iter().any(|possible| possible == kind))
    }

    /// Whether an object can be of both types.
    pub(super) fn overlap(&self, one: &str, other: &str) -> bool {
        let all = |name: &str| -> Vec<String> {
            let possible = self.get(name).map(|found| found.possible.clone()).unwrap_or_default();
            if possible.is_empty() { vec![name.to_owned()] } else { possible }
        };
        let others = all(other);
        all(one).iter().any(|name| others.contains(name))
    }
}

/// The named type inside a type: `Label` for `[Label!]!`.
pub(super) fn bare(kind: &str) -> &str {
    kind.trim_matches(['[', ']', '!'])
}

/// The type of a list's items; `None` if it is not a list.
pub(super) fn items_of(kind: &str) -> Option<&str> {
    kind.trim_end_matches('!').strip_prefix('[')?.strip_suffix(']')
}
