//! The rules: those of gitleaks, which are data ([`GITLEAKS`], imported by `scripts/import-secret-rules`), and our own for
//! what gitleaks leaves out or sees too narrowly.

use std::sync::{LazyLock, OnceLock};

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;

const GITLEAKS: &str = include_str!("gitleaks.toml");

/// Our own rules: a pattern, in which the first group is the secret if there is one; the words of which the text has one;
/// the least entropy in bits a byte; a name.
const OWN: &[(&str, &[&str], f64, &str)] = &[
    (r"\bghp_[\w-]{20,}", &["ghp_"], 2.0, "a GitHub personal access token"),
    (r"\bgithub_pat_[\w-]{20,}", &["github_pat_"], 2.0, "a GitHub personal access token"),
    (r"\bgho_[\w-]{20,}", &["gho_"], 2.0, "a GitHub OAuth token"),
    (r"\bghu_[\w-]{20,}", &["ghu_"], 2.0, "a GitHub user token"),
    (r"\bghs_[\w-]{20,}", &["ghs_"], 2.0, "a GitHub installation token"),
    (r"\bghr_[\w-]{20,}", &["ghr_"], 2.0, "a GitHub refresh token"),
    (r"\bglpat-[\w-]{20,}", &["glpat-"], 2.0, "a GitLab access token"),
    (r"\bsk-[\w-]{20,}", &["sk-"], 2.0, "a model provider's key"),
    (r"\bxox[abceoprs]-[\w-]{20,}", &["xox"], 2.0, "a Slack token"),
    (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", &["akia", "asia"], 3.0, "an AWS access key"),
    (
        r#"(?i)(?:aws_?secret|secret_?access)_?(?:access_?)?key\w*["'\]]?\s{0,5}(?:=>|[=:,])\s{0,5}["']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)"#,
        &["secret"],
        4.0,
        "an AWS secret key",
    ),
    (r"\bAIza[\w-]{30,}", &["aiza"], 3.0, "a Google API key"),
    (r"\bya29\.[\w-]{20,}", &["ya29."], 3.0, "a Google OAuth token"),
    (r"\bnpm_[A-Za-z0-9]{30,}", &["npm_"], 2.0, "an npm token"),
    (r"\bhf_[A-Za-z0-9]{30,}", &["hf_"], 2.0, "a Hugging Face token"),
    (r"AccountKey=([A-Za-z0-9+/]{60,}={0,2})", &["accountkey="], 4.0, "the key of an Azure storage account"),
    (r"\bSK[0-9a-f]{32}\b", &["sk"], 3.0, "a Twilio API key"),
    (r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}", &[":aa"], 4.0, "the token of a Telegram bot"),
    (r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}", &["eyj"], 4.0, "a signed JSON web token"),
    (
        r#"\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|https?|ftps?|smtps?)://[^\s:/@"'<>]{0,100}:([^\s:/@"'<>$%{}*]{6,200})@[\w-]+\.[\w.-]+"#,
        &["://"],
        2.5,
        "a password in an address",
    ),
];

/// Words by which a value says that it is none: a placeholder, or an example of a provider's documentation.
const PLACEHOLDERS: &[&[u8]] = &[
    b"example",
    b"xxxx",
    b"placeholder",
    b"changeme",
    b"redacted",
    b"dummy",
    b"your_",
    b"your-",
    b"insert",
    b"password",
    // Microsoft's storage emulator has one key everywhere.
    b"eby8vdm02xnocqflquwjpllmetlcdxj1ouzft50usrz6ifsufq2uver",
    // Stripe's and jwt.io's documentation.
    b"sk_test_4ec39hqlyjwdarjtt1zdp7dc",
    b"sflkxwrjsmekkf2qt4fwpmejf36pok6yjv_adqssw5c",
];

pub(super) struct Rule {
    pattern: String,
    compiled: OnceLock<Option<Regex>>,
    entropy: f64,
    /// Whether a value without a digit is a word.
    digits: bool,
    pub(super) kind: String,
}

pub(super) struct Table {
    rules: Vec<Rule>,
    words: RegexSet,
    /// The rule of each word.
    owners: Vec<usize>,
}

#[derive(Deserialize)]
struct Imported {
    rules: Vec<ImportedRule>,
}

#[derive(Deserialize)]
struct ImportedRule {
    id: String,
    regex: String,
    entropy: f64,
    keywords: Vec<String>,
}

impl Table {
    pub(super) fn get() -> &'static Self {
        static TABLE: LazyLock<Table> = LazyLock::new(Table::read);
        &TABLE
    }

    fn read() -> Self {
        let (mut rules, mut words, mut owners) = (Vec::new(), Vec::new(), Vec::new());
        let mut add = |rule, keywords: &[String]| {
            owners.extend(keywords.iter().map(|_| rules.len()));
            words.extend(keywords.iter().map(|word| regex::escape(word)));
            rules.push(rule);
        };
        for (pattern, keywords, entropy, kind) in OWN {
            let keywords: Vec<String> = keywords.iter().map(|word| (*word).to_owned()).collect();
            add(Rule::new((*pattern).to_owned(), *entropy, true, (*kind).to_owned()), &keywords);
        }
        // The file is part of the program, and a test reads it.
        let imported = toml::from_str(GITLEAKS).unwrap_or(Imported { rules: Vec::new() });
        for rule in imported.rules {
            let kind = format!("a credential of the kind `{}`", rule.id);
            add(Rule::new(rule.regex, rule.entropy, false, kind), &rule.keywords);
        }
        let words = RegexSetBuilder::new(words).unicode(false).case_insensitive(true).build();
        Self { rules, words: words.unwrap_or_else(|_| RegexSet::empty()), owners }
    }

    /// The rules of which a word is in the text, our own first.
    pub(super) fn rules_for(&self, text: &[u8]) -> Vec<&Rule> {
        let mut owners: Vec<usize> = self.words.matches(text).iter().map(|word| self.owners[word]).collect();
        owners.sort_unstable();
        owners.dedup();
        owners.into_iter().map(|owner| &self.rules[owner]).collect()
    }
}

impl Rule {
    fn new(pattern: String, entropy: f64, digits: bool, kind: String) -> Self {
        Self { pattern, compiled: OnceLock::new(), entropy, digits, kind }
    }

    /// Most rules are never needed, and large ones take milliseconds to compile.
    fn regex(&self) -> Option<&Regex> {
        let compile = || RegexBuilder::new(&self.pattern).unicode(false).size_limit(64 << 20).build().ok();
        self.compiled.get_or_init(compile).as_ref()
    }

    /// The ranges of the first `most` secrets in the text.
    pub(super) fn find(&self, text: &[u8], most: usize) -> Vec<(usize, usize)> {
        let Some(regex) = self.regex() else { return Vec::new() };
        let found = regex.captures_iter(text).filter_map(|groups| {
            let secret = groups.iter().skip(1).flatten().find(|group| !group.is_empty()).or_else(|| groups.get(0))?;
            self.is_secret(secret.as_bytes()).then(|| (secret.start(), secret.end()))
        });
        found.take(most).collect()
    }

    fn is_secret(&self, value: &[u8]) -> bool {
        let lower = value.to_ascii_lowercase();
        (!self.digits || value.iter().any(u8::is_ascii_digit))
            && entropy(value) >= self.entropy
            && !PLACEHOLDERS.iter().any(|word| lower.windows(word.len()).any(|window| window == *word))
    }
}

/// Shannon's entropy of the bytes, in bits a byte.
#[expect(clippy::cast_precision_loss, reason = "lengths of tokens are small")]
pub(super) fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value {
        counts[usize::from(*byte)] += 1;
    }
    let length = value.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / length)
        .map(|part| -part * part.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_read_and_compiles() {
        let table = Table::get();
        assert!(table.rules.len() > OWN.len() + 90, "{} rules", table.rules.len());
        assert_eq!(table.words.len(), table.owners.len());
        for rule in &table.rules {
            assert!(rule.regex().is_some(), "{}: {}", rule.kind, rule.pattern);
        }
    }
}
