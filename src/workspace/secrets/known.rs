//! The values of the variables that an agent was given, in the forms in which they could be written into a file.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::bytes::{Regex, RegexBuilder};

use super::table::entropy;

/// Shorter values are switches and no secrets.
const SHORTEST: usize = 12;
/// Parts of names of variables whose values are secrets, whatever they look like.
const SECRET_NAMES: &[&str] = &["KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "AUTH", "PRIVATE"];

/// Values that may not be pushed. Its `Debug` shows the names only.
#[derive(Clone, Default)]
pub struct KnownSecrets(Vec<(String, Regex)>);

impl fmt::Debug for KnownSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl KnownSecrets {
    /// The variables that were given, by name. What is an address, a path or the name of a model is no secret.
    pub fn new<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let secrets = variables.into_iter().filter(|(name, value)| is_secret(name, value, SHORTEST));
        Self(secrets.filter_map(|(name, value)| Some((name.to_owned(), any_of(&forms(value))?))).collect())
    }

    /// The ranges in the text that hold a value, with the name of its variable.
    pub(super) fn find(&self, text: &[u8], most: usize) -> Vec<(usize, usize, &str)> {
        let found = self.0.iter().flat_map(|(name, pattern)| {
            pattern.find_iter(text).map(|found| (found.start(), found.end(), name.as_str()))
        });
        found.take(most).collect()
    }
}

/// Whether a variable's value is one that nobody may read.
pub(super) fn is_secret(name: &str, value: &str, shortest: usize) -> bool {
    let value = value.trim();
    let name = name.to_ascii_uppercase();
    value.len() >= shortest && (SECRET_NAMES.iter().any(|part| name.contains(part)) || !is_plain(value))
}

/// Whether it looks like an address, a path or a few words.
fn is_plain(value: &str) -> bool {
    let address = value.contains("://") && !value.contains('@');
    let words =
        value.len() < 40 && value.bytes().all(|byte| byte.is_ascii_lowercase() || b"0123456789-._:/, ".contains(&byte));
    address
        || value.starts_with('/')
        || (words && value.contains(['-', '.', '_', ' ', ',']))
        || entropy(value.as_bytes()) < 2.0
}

/// The value as it is, in base64, in hexadecimal and encoded for an address.
pub(super) fn forms(value: &str) -> Vec<Vec<u8>> {
    let value = value.trim().as_bytes();
    let mut forms = vec![value.to_vec(), hex::encode(value).into_bytes(), encoded(value)];
    // Within a longer text, the first byte of the value may be at any place of a group of three.
    for shift in 0..3 {
        let mut shifted = vec![0; shift];
        shifted.extend_from_slice(value);
        // Characters that also depend on the bytes before and behind the value are left out.
        let (first, last) = ((shift * 8).div_ceil(6), shifted.len() * 8 / 6);
        for text in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.extend(text.get(first..last).map(|text| text.as_bytes().to_vec()));
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

/// A pattern for any of these; of two that begin at the same place, the one that stands first.
pub(super) fn any_of(forms: &[Vec<u8>]) -> Option<Regex> {
    let forms: Vec<String> = forms.iter().map(|form| escaped(form)).collect();
    RegexBuilder::new(&forms.join("|")).unicode(false).build().ok()
}

/// Each byte by its number, because the value may hold anything.
fn escaped(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, r"\x{byte:02x}");
        text
    })
}

fn encoded(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in value {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            text.push(*byte);
        } else {
            text.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    const VALUE: &str = "pA55+word/with=more";

    fn finds(text: &str) -> bool {
        !KnownSecrets::new([("SERVICE_TOKEN", VALUE)]).find(text.as_bytes(), 1).is_empty()
    }

    #[test]
    fn a_value_is_found_in_every_form() {
        assert!(finds(&format!("t={VALUE}")));
        assert!(finds("https://a/?t=pA55%2Bword%2Fwith%3Dmore"));
        assert!(finds(&hex::encode(VALUE)));
        for before in ["", "u", "us", "user:"] {
            let text = STANDARD.encode(format!("{before}{VALUE} and so on"));
            assert!(finds(&text), "behind {before:?}: {text}");
        }
        assert!(!finds("pA55+word/with=less"));
    }

    #[test]
    fn addresses_paths_and_switches_are_no_secrets() {
        for (name, value) in [
            ("BASE_URL", "https://models.acme.io/v1"),
            ("HOME", "/home/somebody/else"),
            ("MODEL", "large-4-20250514"),
            ("MODE", "on"),
            ("API_KEY", "short"),
        ] {
            assert!(!is_secret(name, value, SHORTEST), "{name}");
        }
        assert!(is_secret("MODEL", "Zk3vB8qLx2Wn", SHORTEST));
        assert!(is_secret("DATABASE_URL", "postgres://a:b@host.acme.io/db", SHORTEST));
        assert!(is_secret("API_KEY", "large-4-20250514", SHORTEST));
        assert_eq!(format!("{:?}", KnownSecrets::new([("API_KEY", VALUE)])), "[\"API_KEY\"]");
    }
}
