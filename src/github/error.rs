//! Errors of GitHub, distinguished by how to handle them.

use std::time::Duration;

use adjutant_domain::input;
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use thiserror::Error;

/// The shortest duration of a secondary rate limit for which GitHub names no time.
///
/// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately>
pub(crate) const UNNAMED_LIMIT: Duration = Duration::from_mins(1);

/// A word in GitHub's answers while an installation is suspended, both to its tokens and to requests for a token.
///
/// <https://docs.github.com/en/apps/maintaining-github-apps/suspending-a-github-app-installation>
const SUSPENDED: &str = "suspended";

/// The longest message that is kept, in characters. Some proxies answer with a whole page.
const MESSAGE_CHARS: usize = 400;

/// Phrases, in lower case, by which GitHub names a branch rule that only people can satisfy.
///
/// The merge endpoint answers 405 with a message, but with no code and no list of errors, so only the wording is
/// available. It is documented at
/// <https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request>,
/// <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/about-protected-branches>
/// and
/// <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets>.
const WORDS_OF_RULES: [&str; 13] = [
    "require",
    "approving review",
    "code owner review",
    "requesting changes",
    "requested changes",
    "must be",
    "must not",
    "rule violation",
    "protected",
    "locked branch",
    "not authorized",
    "not allowed",
    "draft",
];

/// Phrases, in lower case, by which GitHub refuses a merge method.
///
/// <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/about-protected-branches#require-linear-history>
const WORDS_OF_METHODS: [&str; 4] =
    ["merge commits are not allowed", "merges are not allowed", "must not contain merge commits", "linear history"];

/// The phrase of a rule that pending checks can satisfy without people.
///
/// <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/troubleshooting-required-status-checks>
const STATUS_CHECK: &str = "status check";

/// Why GitHub did not merge a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeRefusal {
    /// A branch rule that only people can satisfy: ask a person.
    Rule,
    /// The repository or a rule does not allow this way to merge: try another one.
    Method,
    /// A reason that may pass: try again. Unknown messages count as this.
    Moment,
}

impl MergeRefusal {
    pub(crate) fn of(message: &str) -> Self {
        let said = message.to_lowercase();
        if WORDS_OF_METHODS.iter().any(|words| said.contains(words)) {
            return Self::Method;
        }
        let names_a_rule = WORDS_OF_RULES.iter().any(|words| said.contains(words)) && !said.contains(STATUS_CHECK);
        if names_a_rule { Self::Rule } else { Self::Moment }
    }
}

/// An error of a request to GitHub.
///
/// A write that ended in [`Self::Network`] or [`Self::Unavailable`] may have been done: a retry has to check first.
#[derive(Debug, Clone, Error)]
pub enum GitHubError {
    /// A rate limit. The request had no effect; try again after this time.
    #[error("GitHub asks to wait {} s: {message}", after.as_secs())]
    Retry {
        after: Duration,
        /// The message in GitHub's answer.
        message: String,
    },
    /// GitHub could not be reached, or did not answer in time. Try again.
    #[error("GitHub could not be reached: {message}")]
    Network { message: String },
    /// GitHub answered with an internal error (5xx). Try again.
    #[error("GitHub is unavailable ({status}): {message}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// The message in GitHub's answer.
        message: String,
    },
    /// It does not exist, or the app cannot see it.
    #[error("not found on GitHub: {what}")]
    NotFound {
        /// Method and path.
        what: String,
    },
    /// It existed and was deleted.
    #[error("deleted on GitHub: {what}")]
    Gone {
        /// Method and path.
        what: String,
    },
    /// GitHub does not accept the app's key or token: check the app id and its private key.
    #[error(
        "GitHub does not accept the app's credentials ({message}); check the app id, its private key and this machine's clock"
    )]
    Unauthorized {
        /// The message in GitHub's answer.
        message: String,
    },
    /// The app has no access at present: its installation is suspended or deleted, or no longer covers the repository.
    /// The request had no effect; try again when people have restored access.
    #[error("{message}")]
    NoAccess {
        /// What is missing, and who can fix it.
        message: String,
    },
    /// The app's permissions or the branch's rules forbid it.
    #[error("GitHub forbids it: {message}")]
    Forbidden {
        /// The message in GitHub's answer.
        message: String,
    },
    /// It conflicts with the present state (409).
    #[error("GitHub sees a conflict: {message}")]
    Conflict {
        /// The message in GitHub's answer.
        message: String,
    },
    /// GitHub rejects the values (422). Another try changes nothing.
    #[error("GitHub does not accept it: {message}")]
    Validation {
        /// GitHub's message with its list of errors.
        message: String,
    },
    /// A status that this call does not handle.
    #[error("GitHub answered {status} to {what}: {message}")]
    Unexpected {
        /// Method and path.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The message in GitHub's answer.
        message: String,
    },
    /// The path is not a text file: it is a folder, or a file that is too large or not UTF-8.
    #[error("{message}")]
    NoText {
        /// What it is instead, as a sentence without its end.
        message: String,
    },
    /// The answer is not as GitHub documents it. Usually it comes from something between, such as a proxy.
    #[error("GitHub's answer to {what} was not understood: {message}")]
    Malformed {
        /// Method and path.
        what: String,
        /// The fault.
        message: String,
    },
    /// The gateway's own settings are wrong.
    #[error("{0}")]
    Setup(String),
}

impl GitHubError {
    /// Whether the same call may succeed later, because the error says nothing about the requested object. Any other
    /// error is a refusal. A refusal can also be temporary: a new branch is not visible everywhere at once.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Retry { .. }
                | Self::Network { .. }
                | Self::Unavailable { .. }
                | Self::Unauthorized { .. }
                | Self::NoAccess { .. }
                | Self::Malformed { .. }
                | Self::Setup(_)
        )
    }

    /// How long to wait before the next try, if GitHub named a time.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Retry { after, .. } => Some(*after),
            _ => None,
        }
    }

    /// Whether the object does not exist, was deleted, or is not visible to the app.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::Gone { .. })
    }

    /// The error for a response with this status, headers and body.
    pub(crate) fn of(what: &str, status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Self {
        let message = message(status, body);
        let what = what.to_owned();
        match status.as_u16() {
            401 => Self::Unauthorized { message },
            403 | 429 => match limit(status, headers, &message, now) {
                Some(after) => Self::Retry { after, message },
                None if message.contains(SUSPENDED) => Self::NoAccess { message },
                None => Self::Forbidden { message },
            },
            404 => Self::NotFound { what },
            409 => Self::Conflict { message },
            410 => Self::Gone { what },
            422 => Self::Validation { message },
            500.. => Self::Unavailable { status: status.as_u16(), message },
            _ => Self::Unexpected { what, status: status.as_u16(), message },
        }
    }
}

/// How long to wait if the response is a rate limit: `retry-after`, else until the primary limit resets, else a minute.
fn limit(status: StatusCode, headers: &HeaderMap, message: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Some(seconds) = number(headers, "retry-after") {
        return Some(Duration::from_secs(seconds.max(1)));
    }
    if let Some(after) = exhausted_for(headers, now) {
        return Some(after);
    }
    // A secondary limit may be a 403 that differs from a missing permission only in its message.
    let said = message.to_ascii_lowercase();
    (status == StatusCode::TOO_MANY_REQUESTS || said.contains("rate limit") || said.contains("abuse detection"))
        .then_some(UNNAMED_LIMIT)
}

/// How long the primary limit stays used up, according to the headers of any response.
pub(crate) fn exhausted_for(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    if number(headers, "x-ratelimit-remaining")? != 0 {
        return None;
    }
    let reset = i64::try_from(number(headers, "x-ratelimit-reset")?).ok()?;
    let seconds = u64::try_from(reset - now.timestamp()).unwrap_or(0);
    Some(Duration::from_secs(seconds + 1))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
    #[serde(default)]
    errors: Vec<serde_json::Value>,
}

/// GitHub's message and its list of errors.
///
/// <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed>
fn message(status: StatusCode, body: &[u8]) -> String {
    let text = match input::json::<Refusal>(body) {
        Ok(refusal) => {
            let details: Vec<String> = refusal.errors.iter().map(detail).filter(|text| !text.is_empty()).collect();
            if details.is_empty() { refusal.message } else { format!("{}: {}", refusal.message, details.join("; ")) }
        }
        Err(_) => input::text(body).trim().to_owned(),
    };
    if text.is_empty() { status.to_string() } else { text.chars().take(MESSAGE_CHARS).collect() }
}

fn detail(error: &serde_json::Value) -> String {
    if let Some(text) = error.as_str() {
        return text.to_owned();
    }
    let field = |name: &str| error.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    match field("message") {
        "" => format!("{} {} {}", field("resource"), field("field"), field("code")).trim().to_owned(),
        message => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, headers: &[(&'static str, &str)], body: &str) -> GitHubError {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        GitHubError::of("GET /x", StatusCode::from_u16(status).unwrap(), &map, body.as_bytes(), now)
    }

    #[test]
    fn retry_after_is_obeyed_before_anything_else() {
        let error = of(403, &[("retry-after", "7"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "5000")], "");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_used_up_primary_limit_waits_for_its_reset() {
        let error = of(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1030")], "");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(31)));
    }

    #[test]
    fn a_secondary_limit_without_a_time_waits_a_minute() {
        let body = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        assert_eq!(of(403, &[], body).retry_after(), Some(UNNAMED_LIMIT));
        assert_eq!(of(429, &[], "").retry_after(), Some(UNNAMED_LIMIT));
    }

    #[test]
    fn a_missing_permission_is_not_worth_a_retry() {
        let error = of(403, &[], r#"{"message":"Resource not accessible by integration"}"#);
        assert!(matches!(&error, GitHubError::Forbidden { .. }), "{error}");
        assert!(!error.is_transient());
    }

    #[test]
    fn a_suspended_installation_is_no_missing_permission() {
        let error = of(403, &[], r#"{"message":"This installation has been suspended"}"#);
        assert!(matches!(&error, GitHubError::NoAccess { .. }) && error.is_transient(), "{error}");
    }

    #[test]
    fn a_validation_error_lists_the_faults() {
        let body = r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom",
            "message":"A pull request already exists for acme:x."},{"resource":"PullRequest","field":"head","code":"invalid"}]}"#;
        let told = of(422, &[], body).to_string();
        assert!(told.contains("A pull request already exists for acme:x.; PullRequest head invalid"), "{told}");
    }

    #[test]
    fn a_page_instead_of_json_is_cut_short() {
        let error = of(502, &[], &"<html>".repeat(1000));
        assert!(error.is_transient());
        assert!(error.to_string().len() < 500);
    }

    #[test]
    fn githubs_messages_about_rules_are_distinguished_from_temporary_ones() {
        for rule in [
            "Changes must be made through the merge queue",
            "All comments must be resolved.",
            "At least 1 approving review is required by reviewers with write access.",
            "1 review requesting changes by reviewers with write access.",
            "Waiting on code owner review from maintainer.",
            "New changes require approval from someone other than the last pusher.",
            "You're not authorized to push to this branch.",
            "Cannot update this protected ref.",
            "Cannot change this locked branch",
            "Pull Request is still a draft",
        ] {
            assert_eq!(MergeRefusal::of(rule), MergeRefusal::Rule, "{rule}");
        }
        for method in [
            "Merge commits are not allowed on this repository.",
            "Squash merges are not allowed on this repository.",
            "Repository rule violations found\n\nThis branch must not contain merge commits.\n\n",
        ] {
            assert_eq!(MergeRefusal::of(method), MergeRefusal::Method, "{method}");
        }
        for moment in [
            "Pull Request is not mergeable",
            "Head branch was modified. Review and try the merge again.",
            "Required status check \"adjutant\" is expected.",
            "2 of 3 required status checks have not succeeded: 1 expected and 1 failing.",
        ] {
            assert_eq!(MergeRefusal::of(moment), MergeRefusal::Moment, "{moment}");
        }
    }
}
