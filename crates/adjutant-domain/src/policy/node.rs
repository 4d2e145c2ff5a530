//! YAML as it stands in the file, with lines: the raw form, from which every fault can be told at once.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::fault::{FileFault, Found, LineFault, quoted, said};
use crate::yaml::{self, MAX_BYTES};

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    /// Counted from one.
    pub(super) line: u64,
    /// What stands there.
    pub(super) value: Value,
}

/// What stands in a file.
#[derive(Debug)]
pub(super) enum Value {
    Nothing,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One line of a mapping.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: u64,
    pub(super) value: Node,
}

impl Value {
    /// What a fault says of it.
    pub(super) fn found(&self) -> Found {
        match self {
            Self::Nothing => Found::Nothing,
            Self::Flag(flag) => Found::Value(flag.to_string()),
            Self::Number(number) => Found::Value(number.to_string()),
            Self::Text(text) if text.trim().is_empty() => Found::Nothing,
            Self::Text(text) => Found::Value(quoted(text)),
            Self::List(_) => Found::List,
            Self::Map(_) => Found::Mapping,
        }
    }
}

/// Reads the file, within the bounds of [`yaml::parse`].
pub(super) fn read(text: &str) -> Result<Node, LineFault> {
    if text.len() > MAX_BYTES {
        return Err(LineFault { line: 1, fault: FileFault::TooLarge { bytes: text.len(), allowed: MAX_BYTES } });
    }
    match yaml::parse::<Option<Spanned<Value>>>(text) {
        Ok(Some(value)) => Ok(value.into()),
        Ok(None) => Ok(Node { line: 1, value: Value::Nothing }),
        Err(error) => {
            let line = error.location().map_or(1, |location| location.line());
            Err(LineFault { line, fault: FileFault::NotYaml { error: said(&yaml::words(&error)) } })
        }
    }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        Self { line: spanned.referenced.line(), value: spanned.value }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    #[allow(clippy::cast_precision_loss)] // every limit is far below 2^52
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    #[allow(clippy::cast_precision_loss)] // as above
    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(value) = seq.next_element::<Spanned<Value>>()? {
            nodes.push(value.into());
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let value = map.next_value::<Spanned<Value>>()?;
            entries.push(Entry { line: key.referenced.line(), key: key.value, value: value.into() });
        }
        Ok(Value::Map(entries))
    }
}
