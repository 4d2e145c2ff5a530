//! Text and JSON from outside, made storable where they come in.
//!
//! Postgres keeps no U+0000 in `text` and `jsonb`, and a Rust string holds neither invalid UTF-8 nor half a surrogate pair. So whatever
//! is read from an agent, a webhook, an answer of GitHub's or a program passes through one of the two functions here, and each
//! replaces what cannot be kept with U+FFFD. It is replaced and not dropped, so that nothing new comes together from what stood
//! around it. JSON is cleaned as a whole, before a type is read from it: a new field is covered without anybody thinking of it.
//!
//! Everything that is read into types that nest is bounded in depth here, far below what parsers and the database allow.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

/// The deepest nesting of JSON that is read: GitHub's payloads have ten levels, a plan has four.
pub const MAX_JSON_DEPTH: usize = 64;

/// Why JSON from outside was not read.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Lists and objects are nested too deep.
    #[error("it is nested more than {MAX_JSON_DEPTH} levels deep")]
    TooDeep,
    /// It is no JSON, or not of the type that is wanted.
    #[error(transparent)]
    Invalid(#[from] serde_json::Error),
}

/// Bytes of a program or a server as text: what is no UTF-8, and U+0000, become U+FFFD.
pub fn text(bytes: &[u8]) -> String {
    storable(&String::from_utf8_lossy(bytes)).into_owned()
}

/// The text with U+FFFD in place of U+0000.
pub fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

/// Reads JSON from outside. Every string in it is storable, whatever the type.
///
/// A byte order mark at the beginning is passed over.
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    Ok(serde_json::from_str(&storable_json(bytes)?)?)
}

/// JSON whose strings hold nothing that cannot be stored, in the same number of bytes where it was UTF-8.
fn storable_json(bytes: &[u8]) -> Result<Cow<'_, str>, JsonError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let unstorable = unstorable_escapes(text.as_bytes())?;
    if unstorable.is_empty() {
        return Ok(text);
    }
    let mut text = text.into_owned();
    for at in unstorable {
        text.replace_range(at..at + ESCAPE, "\\ufffd");
    }
    Ok(text.into())
}

/// The length of `\u0000`.
const ESCAPE: usize = 6;

/// Where escapes stand for U+0000 or for half a surrogate pair. Fails where the nesting is too deep.
fn unstorable_escapes(json: &[u8]) -> Result<Vec<usize>, JsonError> {
    let (mut found, mut depth, mut at, mut in_string) = (Vec::new(), 0_usize, 0, false);
    while let Some(byte) = json.get(at) {
        let mut length = 1;
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => match unit(json, at) {
                Some(0xd800..=0xdbff) if matches!(unit(json, at + ESCAPE), Some(0xdc00..=0xdfff)) => {
                    length = 2 * ESCAPE;
                }
                Some(0 | 0xd800..=0xdfff) => {
                    found.push(at);
                    length = ESCAPE;
                }
                Some(_) => length = ESCAPE,
                None => length = 2,
            },
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > MAX_JSON_DEPTH {
                    return Err(JsonError::TooDeep);
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += length;
    }
    Ok(found)
}

/// The UTF-16 unit of an escape such as `\u0041` that begins at `at`.
fn unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE)?.strip_prefix(b"\\u")?;
    // `from_str_radix` would take a sign.
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_cannot_be_stored_is_replaced_in_texts_and_in_names_of_members() {
        let read: Value =
            json(br#"{"a\u0000":["b\u0000","\ud800","\udc00x","\ud83d\ude00","\\u0000","\ud800\u0041"]}"#).unwrap();
        assert_eq!(
            read,
            serde_json::json!({ "a\u{fffd}": ["b\u{fffd}", "\u{fffd}", "\u{fffd}x", "😀", "\\u0000", "\u{fffd}A"] })
        );
        assert_eq!(json::<String>(b"\xef\xbb\xbf\"a\xffb\"").unwrap(), "a\u{fffd}b");
        assert_eq!(text(b"a\0b\xff"), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn nesting_is_bounded_before_anything_is_built_of_it() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(json::<Value>(nested(MAX_JSON_DEPTH).as_bytes()).is_ok());
        for deep in [nested(MAX_JSON_DEPTH + 1), "[".repeat(1024 * 1024), "{\"a\":".repeat(200_000)] {
            assert!(matches!(json::<Value>(deep.as_bytes()), Err(JsonError::TooDeep)));
        }
        assert!(
            json::<Value>(format!("{:?}", "[".repeat(1_000)).as_bytes()).is_ok(),
            "brackets in a text are no levels"
        );
    }

    #[test]
    fn half_an_escape_is_refused_as_json_and_does_no_harm() {
        for half in [r#""\u00"#, r#""\"#, r#""\u+123""#, r#""\ud800\u"#, "\"a\0b\""] {
            assert!(json::<Value>(half.as_bytes()).is_err(), "{half}");
        }
    }

    /// A string in JSON with escapes of any unit, whole pairs and halves among them.
    fn escaped() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            any::<u16>().prop_map(|unit| format!("\\u{unit:04x}")),
            (0xd7ff_u16..0xe001).prop_map(|unit| format!("\\u{unit:04X}")),
            Just("\\u0000".to_owned()),
            Just("\\\\".to_owned()),
            Just("\\\"".to_owned()),
            "[a-z\\[{]{0,3}",
        ];
        proptest::collection::vec(part, 0..12).prop_map(|parts| format!("\"{}\"", parts.concat()))
    }

    proptest! {
        #[test]
        fn every_string_is_read_and_can_be_stored(string in escaped()) {
            let read: String = json(string.as_bytes()).unwrap();
            prop_assert!(!read.contains('\0'));
            if let Ok(same) = serde_json::from_str::<String>(&string) {
                prop_assert_eq!(read, same.replace('\0', "\u{fffd}"), "what can be stored stays as it is");
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = json::<Value>(&bytes) {
                prop_assert!(!value.to_string().contains("\\u0000"));
            }
            prop_assert!(!text(&bytes).contains('\0'));
        }
    }
}
