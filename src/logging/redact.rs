//! Removes secrets from a log line.

use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};

const MARK: &[u8] = b"[redacted]";
/// Shorter secrets would redact ordinary words.
const SHORTEST_KNOWN: usize = 8;

/// Recognises GitHub's tokens and PEM keys by their format, passwords in URLs by their position, and the secrets that
/// it was given.
#[derive(Debug)]
pub(super) struct Redactor {
    known: Vec<SecretString>,
}

impl Redactor {
    pub(super) fn new(known: &[SecretString]) -> Self {
        let known = known.iter().filter(|secret| secret.expose_secret().len() >= SHORTEST_KNOWN).cloned().collect();
        Self { known }
    }

    /// The line without secrets.
    pub(super) fn redact<'l>(&self, line: &'l [u8]) -> Cow<'l, [u8]> {
        let mut clean: Option<Vec<u8>> = None;
        let (mut at, mut copied) = (0, 0);
        while at < line.len() {
            match self.secret_at(line, at) {
                Some((from, to)) if to > from => {
                    let clean = clean.get_or_insert_with(|| Vec::with_capacity(line.len()));
                    clean.extend_from_slice(&line[copied..from]);
                    clean.extend_from_slice(MARK);
                    (at, copied) = (to, to);
                }
                _ => at += 1,
            }
        }
        match clean {
            Some(mut clean) => {
                clean.extend_from_slice(&line[copied..]);
                Cow::Owned(clean)
            }
            None => Cow::Borrowed(line),
        }
    }

    /// The range to remove if a secret begins at `at`.
    fn secret_at(&self, line: &[u8], at: usize) -> Option<(usize, usize)> {
        let rest = &line[at..];
        match rest[0] {
            b'g' => token(rest).map(|(from, to)| (at + from, at + to)),
            b'e' if rest.starts_with(b"eyJ") => jwt(rest).map(|length| (at, at + length)),
            b'-' if rest.starts_with(b"-----BEGIN") => Some((at, at + pem_end(rest))),
            b':' if rest.starts_with(b"://") => password(rest).map(|(from, to)| (at + from, at + to)),
            _ => None,
        }
        .or_else(|| {
            let known = self.known.iter().map(|secret| secret.expose_secret().as_bytes());
            known.filter(|secret| rest.starts_with(secret)).map(|secret| (at, at + secret.len())).max()
        })
    }
}

/// `ghp_`, `gho_`, `ghu_`, `ghs_`, `ghr_` and `github_pat_`, each followed by letters, digits and the characters of a
/// JWT (<https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/>). The
/// prefix stays, so that the kind of token can be recognised.
fn token(rest: &[u8]) -> Option<(usize, usize)> {
    let prefix = if rest.starts_with(b"github_pat_") {
        11
    } else if rest.starts_with(b"gh") && rest.get(2)?.is_ascii_lowercase() && rest.get(3) == Some(&b'_') {
        4
    } else {
        return None;
    };
    Some((prefix, prefix + token_length(&rest[prefix..])))
}

fn token_length(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte)).count()
}

/// A signed JWT, such as the app's own: three parts, of which the first begins a JSON object.
fn jwt(rest: &[u8]) -> Option<usize> {
    let length = token_length(rest);
    (rest[..length].split(|byte| *byte == b'.').count() >= 3).then_some(length)
}

/// The end of a PEM block: its last line, or the end of the text.
fn pem_end(rest: &[u8]) -> usize {
    let find = |from: usize, needle: &[u8]| {
        rest[from..]
            .windows(needle.len())
            .position(|window| window == needle)
            .map(|position| from + position + needle.len())
    };
    find(0, b"-----END")
        .and_then(|end| find(end, b"-----"))
        // The closing quote and the line break of the log line are not part of the key.
        .unwrap_or_else(|| rest.iter().position(|byte| b"\"\n".contains(byte)).unwrap_or(rest.len()))
}

/// `://user:password@`: the password.
fn password(rest: &[u8]) -> Option<(usize, usize)> {
    let end = rest[3..].iter().position(|byte| b"@/?# \"'\n".contains(byte)).map(|end| end + 3)?;
    if rest[end] != b'@' {
        return None;
    }
    let colon = rest[3..end].iter().position(|byte| *byte == b':')? + 3;
    Some((colon + 1, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(line: &str) -> String {
        let redactor = Redactor::new(&["hunter2 hunter2".to_owned().into(), "a".to_owned().into()]);
        String::from_utf8(redactor.redact(line.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn everything_in_the_format_of_a_github_token_is_removed() {
        for (line, clean) in [
            ("token ghs_abc.DEF-1_2 failed", "token ghs_[redacted] failed"),
            ("\"ghp_x\"", "\"ghp_[redacted]\""),
            ("github_pat_11AA_bb, then", "github_pat_[redacted], then"),
            ("Bearer eyJhbGciOi.eyJpc3Mi.c2ln, eyJ is not", "Bearer [redacted], eyJ is not"),
            ("ghs_one ghs_two", "ghs_[redacted] ghs_[redacted]"),
            ("https://x-access-token:ghs_abc@host/a.git", "https://x-access-token:[redacted]@host/a.git"),
        ] {
            assert_eq!(redacted(line), clean);
        }
    }

    #[test]
    fn a_private_key_is_cut_out_to_its_end() {
        let key = "key -----BEGIN RSA PRIVATE KEY-----\\nMIIE\\n-----END RSA PRIVATE KEY-----\\n is bad";
        assert_eq!(redacted(key), "key [redacted]\\n is bad");
        assert_eq!(redacted("-----BEGIN RSA PRIVATE KEY-----\\nMIIE"), "[redacted]");
        assert_eq!(redacted("{\"k\":\"-----BEGIN X-----MIIE\"}\n"), "{\"k\":\"[redacted]\"}\n");
    }

    #[test]
    fn passwords_in_addresses_and_known_secrets_are_cut_out() {
        assert_eq!(redacted("postgres://me:secret@host/db"), "postgres://me:[redacted]@host/db");
        assert_eq!(redacted("it is hunter2 hunter2!"), "it is [redacted]!");
    }

    #[test]
    fn ordinary_lines_are_left_alone() {
        for line in ["", "ghost ghs gha", "https://github.com/acme/widgets:1@x", "http://127.0.0.1:80/a", "a ---- b"] {
            assert!(matches!(Redactor::new(&[]).redact(line.as_bytes()), Cow::Borrowed(_)), "{line}");
            assert_eq!(redacted(line), line);
        }
    }
}
