//! Why a run failed, in classes that say what can be done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::preset::Errors;

/// The longest message that is handed on, in characters.
const MESSAGE_CHARS: usize = 2_000;
/// Words that say the same whichever program prints them, in lower case.
const COMMON: &[(&str, ErrorKind)] = &[
    ("prompt is too long", ErrorKind::Context),
    ("context_length_exceeded", ErrorKind::Context),
    ("context window", ErrorKind::Context),
    ("maximum context length", ErrorKind::Context),
    ("insufficient_quota", ErrorKind::Quota),
    ("usage limit", ErrorKind::Quota),
    ("rate limit", ErrorKind::Quota),
    ("budget", ErrorKind::Budget),
    ("high demand", ErrorKind::Overloaded),
    ("overloaded", ErrorKind::Overloaded),
    ("api key", ErrorKind::Auth),
    ("authentication", ErrorKind::Auth),
];
/// What the model gateway says in its own name, whatever status it says it with.
const GATEWAY: &str = "adjutant: ";
const OF_GATEWAY: &[(&str, ErrorKind)] = &[
    ("does not cover this request", ErrorKind::Budget),
    ("asks to wait", ErrorKind::Quota),
    ("sent nothing for", ErrorKind::Overloaded),
    // Its provider, or the money for a request.
    ("cannot be reached", ErrorKind::Overloaded),
];
/// What stands before a status in a message.
const BEFORE_STATUS: [&str; 4] = ["status", "error", "http", "code"];
const BEFORE_DELAY: [&str; 3] = ["retry-after", "retry after", "try again in"];

/// What can be done about a failed run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The key is wrong or lacks a right: somebody has to mend it.
    Auth,
    /// The provider's limit is used up: wait until it is renewed.
    Quota,
    /// The directive's or the operator's money is used up.
    Budget,
    /// The service is busy or broken: wait and try again.
    Overloaded,
    /// The conversation is too long for the model.
    Context,
    /// The model declines.
    Refused,
    /// The program failed by itself: missing, misconfigured, crashed.
    Tool,
}

/// Why a run failed. It is the member `error` of the result file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// What can be done.
    pub kind: ErrorKind,
    /// The program's words.
    pub message: String,
    /// Seconds to wait, where the program told them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl RunError {
    pub(crate) fn tool(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Tool, message: message.into(), retry_after: None }
    }

    /// The class of a failure by the gateway's words first, then by the preset's, the program's own code, the status, and common words.
    pub(crate) fn of(message: &str, status: Option<u64>, code: Option<&str>, errors: &Errors) -> Self {
        let lower = message.to_lowercase();
        let by_words =
            || errors.texts.iter().find(|text| lower.contains(&text.has.to_lowercase())).map(|text| text.kind);
        let by_code = || code.and_then(|code| errors.codes.get(code).copied());
        let by_status = || kind_of(status.or_else(|| status_in(&lower))?, &errors.statuses);
        let by_gateway = || {
            let (_, words) = lower.split_once(GATEWAY)?;
            let known = OF_GATEWAY.iter().find(|(said, _)| words.contains(said));
            Some(known.map_or(ErrorKind::Tool, |(_, kind)| *kind))
        };
        let by_common = || COMMON.iter().find(|(words, _)| lower.contains(words)).map(|(_, kind)| *kind);
        let kind = by_gateway()
            .or_else(by_words)
            .or_else(by_code)
            .or_else(by_status)
            .or_else(by_common)
            .unwrap_or(ErrorKind::Tool);
        let message = match message.trim() {
            "" => "The program reported an error without words.".to_owned(),
            words => words.chars().take(MESSAGE_CHARS).collect(),
        };
        Self { kind, message, retry_after: delay_in(&lower) }
    }
}

fn kind_of(status: u64, own: &BTreeMap<String, ErrorKind>) -> Option<ErrorKind> {
    own.get(&status.to_string()).copied().or(match status {
        401 | 403 => Some(ErrorKind::Auth),
        402 => Some(ErrorKind::Budget),
        413 => Some(ErrorKind::Context),
        429 => Some(ErrorKind::Quota),
        408 | 500..600 => Some(ErrorKind::Overloaded),
        _ => None,
    })
}

/// The status in a message such as `unexpected status 401 Unauthorized`. Other numbers of three digits, as those of
/// ports, are none.
fn status_in(lower: &str) -> Option<u64> {
    let digits = |c: char| c.is_ascii_digit();
    let mut from = 0;
    while let Some(at) = lower[from..].find(digits).map(|at| from + at) {
        let end = lower[at..].find(|c: char| !digits(c)).map_or(lower.len(), |length| at + length);
        let before = lower[..at].trim_end_matches([' ', ':', '"', '\'', '(', '=', '\\']);
        let number = lower[at..end].parse().ok().filter(|number| (400..600).contains(number));
        if number.is_some() && BEFORE_STATUS.iter().any(|word| before.ends_with(word)) {
            return number;
        }
        from = end;
    }
    None
}

/// The seconds in `retry-after: 30`, `try again in 20s` or `in 2 minutes`.
fn delay_in(lower: &str) -> Option<u64> {
    BEFORE_DELAY.iter().find_map(|words| {
        let (_, rest) = lower.split_once(words)?;
        let rest = rest.trim_start_matches([' ', ':', '"', '=']);
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..end].parse().ok()?;
        let unit = rest[end..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit()).trim_start();
        let seconds = match unit.chars().next() {
            Some('m') if unit.starts_with("ms") => 1,
            Some('m') => number.checked_mul(60)?,
            Some('h') => number.checked_mul(3600)?,
            _ => number,
        };
        Some(seconds)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::TextKind;

    fn kind(message: &str, status: Option<u64>) -> ErrorKind {
        RunError::of(message, status, None, &Errors::default()).kind
    }

    #[test]
    fn the_status_decides_where_it_is_told() {
        assert_eq!(kind("unexpected status 401 Unauthorized: no, url: http://127.0.0.1:443/v1", None), ErrorKind::Auth);
        assert_eq!(kind("[API Error: {\"error\":{\"code\":402,\"message\":\"x\"}}]", None), ErrorKind::Budget);
        assert_eq!(kind("Authentication failed (HTTP 401).", None), ErrorKind::Auth);
        assert_eq!(kind("odd", Some(429)), ErrorKind::Quota);
        assert_eq!(kind("API Error: 529 busy", None), ErrorKind::Overloaded);
        assert_eq!(kind("connect to 127.0.0.1:443 failed after 500 tries", None), ErrorKind::Tool);
    }

    #[test]
    fn words_decide_where_no_status_is_told() {
        let busy = "We’re currently experiencing high demand, which may cause temporary errors.";
        assert_eq!(kind(busy, None), ErrorKind::Overloaded);
        assert_eq!(kind(r#"{"error":{"message":"the budget of this directive is used up"}}"#, None), ErrorKind::Budget);
        assert_eq!(kind("prompt is too long: 210000 tokens", Some(400)), ErrorKind::Context);
    }

    #[test]
    fn the_gateway_is_told_from_the_provider() {
        let refused =
            "API Error: 402 Adjutant: the budget of this directive ($1.00) does not cover this request: $0.02 is left.";
        assert_eq!(kind(refused, Some(402)), ErrorKind::Budget);
        assert_eq!(
            kind("API Error: 402 Adjutant: the model `x` has no price, and a limit of money holds.", Some(402)),
            ErrorKind::Tool
        );
        assert_eq!(kind("status 504: Adjutant: anthropic sent nothing for 120 s.", None), ErrorKind::Overloaded);
    }

    #[test]
    fn the_presets_words_and_codes_come_first() {
        let mut errors = Errors::default();
        errors.texts.push(TextKind { has: "Declined".into(), kind: ErrorKind::Refused });
        errors.codes.insert("billing".into(), ErrorKind::Budget);
        assert_eq!(RunError::of("it was declined", Some(500), None, &errors).kind, ErrorKind::Refused);
        assert_eq!(RunError::of("no", Some(500), Some("billing"), &errors).kind, ErrorKind::Budget);
    }

    #[test]
    fn a_delay_is_read_in_seconds() {
        let delay = |text: &str| RunError::of(text, None, None, &Errors::default()).retry_after;
        assert_eq!(delay("429, Retry-After: 30"), Some(30));
        assert_eq!(delay("Please try again in 20.5s."), Some(20));
        assert_eq!(delay("try again in 2 minutes"), Some(120));
        assert_eq!(delay("try again in 250ms"), Some(1));
        assert_eq!(delay("try again in a moment; try again in 99999999999999999999"), None);
    }
}
