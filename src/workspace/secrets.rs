//! Finds text that looks like a credential.
//!
//! Only forms with a fixed and distinctive shape are listed. A rule that reports every long word would be switched off.

/// Prefixes of tokens, each with the least number of token characters that follow, and a name.
const TOKENS: &[(&str, usize, &str)] = &[
    ("ghp_", 20, "a GitHub personal access token"),
    ("gho_", 20, "a GitHub OAuth token"),
    ("ghu_", 20, "a GitHub user token"),
    ("ghs_", 20, "a GitHub installation token"),
    ("ghr_", 20, "a GitHub refresh token"),
    ("github_pat_", 20, "a GitHub personal access token"),
    ("glpat-", 20, "a GitLab access token"),
    ("sk-", 20, "a model provider's key"),
    ("xoxb-", 20, "a Slack token"),
    ("xoxp-", 20, "a Slack token"),
    ("AKIA", 16, "an AWS access key"),
    ("AIza", 30, "a Google API key"),
    ("npm_", 30, "an npm token"),
];

/// The kind of the first thing in `text` that looks like a credential.
pub fn find(text: &str) -> Option<&'static str> {
    scan(text).map(|(_, _, kind)| kind)
}

/// `text` with everything that looks like a credential replaced.
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, end, _)) = scan(rest) {
        out.push_str(&rest[..start]);
        out.push_str("[redacted]");
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// The first credential: its byte range and kind.
fn scan(text: &str) -> Option<(usize, usize, &'static str)> {
    TOKENS
        .iter()
        .filter_map(|(prefix, least, kind)| token(text, prefix, *least).map(|(start, end)| (start, end, *kind)))
        .chain(private_key(text))
        .min_by_key(|(start, _, _)| *start)
}

fn token(text: &str, prefix: &str, least: usize) -> Option<(usize, usize)> {
    text.match_indices(prefix).find_map(|(start, _)| {
        // A prefix inside a longer word does not count: `task-…` contains `sk-`.
        let before = text[..start].chars().next_back();
        let whole = before.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_');
        let body = &text[start + prefix.len()..];
        let length = body.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
        // A word may begin with `sk-`. A key has digits among the letters.
        let mixed = body[..length].bytes().any(|b| b.is_ascii_digit());
        (whole && length >= least && mixed).then_some((start, start + prefix.len() + length))
    })
}

fn private_key(text: &str) -> Option<(usize, usize, &'static str)> {
    let (start, _) = text.match_indices("-----BEGIN ").find(|(start, head)| {
        let label = text[start + head.len()..].lines().next().unwrap_or_default();
        label.trim_end().ends_with("PRIVATE KEY-----")
    })?;
    let end = text[start..].find("-----END ").map_or(text.len(), |end| {
        let line = &text[start + end..];
        start + end + line.find('\n').unwrap_or(line.len())
    });
    Some((start, end, "a private key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_of(prefix: &str) -> String {
        format!("{prefix}{}", "a1B2c3D4e5".repeat(4))
    }

    #[test]
    fn tokens_and_keys_are_found_and_blotted_out() {
        for (prefix, _, kind) in TOKENS {
            let text = format!("x = \"{}\";", token_of(prefix));
            assert!(find(&text).is_some(), "{kind}");
            assert_eq!(redact(&text), "x = \"[redacted]\";");
        }
        let key = format!("a\n-----BEGIN RSA {0}-----\nMIIE\n-----END RSA {0}-----\nb", "PRIVATE KEY");
        assert_eq!(redact(&key), "a\n[redacted]\nb");
    }

    #[test]
    fn ordinary_words_are_left_alone() {
        for text in [
            "task-runner-for-2-many-things-at-once",
            "sk-short",
            "ghs_ is a prefix",
            "-----BEGIN CERTIFICATE-----",
            "a_sk-b",
        ] {
            assert_eq!(find(text), None, "{text}");
            assert_eq!(redact(text), text);
        }
    }
}
