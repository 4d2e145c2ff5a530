//! A JSON object whose members keep their bytes and their order.
//!
//! A request is forwarded as its author wrote it. Where one member has to change, all the others stay as they are: a
//! gateway that parses and writes a whole body loses what it does not know.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// The members of an object, in their order. No two have the same name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// Reads an object. A name that is there twice is refused: the provider could read the other one.
    pub(crate) fn parse(json: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json)
    }

    /// A member as what it is expected to be; `None` where it is missing, null or something else.
    pub(crate) fn get<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Option<T> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// A member's own bytes. `null` counts as missing.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value.get()).filter(|text| *text != "null")
    }

    /// Replaces a member where it stands, or adds it at the end.
    pub(crate) fn set(&mut self, name: &str, value: &impl Serialize) -> serde_json::Result<()> {
        let value = serde_json::value::to_raw_value(value)?;
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
        Ok(())
    }

    pub(crate) fn write(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members: Vec<(String, Box<RawValue>)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if members.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom(format_args!("the member `{name}` is there twice")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_changed_member_changes() {
        let body = br#"{"z": 1.50, "max_tokens":128000, "messages":[ {"a" : "\u00e9"} ], "n": null}"#;
        let mut members = Members::parse(body).unwrap();
        assert_eq!(members.get::<u64>("max_tokens"), Some(128_000));
        assert_eq!(members.raw("n"), None);
        members.set("max_tokens", &16_000).unwrap();
        members.set("new", &true).unwrap();
        let written = String::from_utf8(members.write().unwrap()).unwrap();
        assert_eq!(written, r#"{"z":1.50,"max_tokens":16000,"messages":[ {"a" : "\u00e9"} ],"n":null,"new":true}"#);
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused() {
        assert!(Members::parse(br#"{"model":"cheap","model":"dear"}"#).is_err());
        assert!(Members::parse(br#"{"model":"cheap","mod\u0065l":"dear"}"#).is_err());
        assert!(Members::parse(b"[]").is_err());
        assert!(Members::parse(b"{\"a\":1").is_err());
    }
}
