//! Limits of lengths, in characters, with GitHub's messages.
//!
//! <https://docs.github.com/en/rest/issues/labels>, <https://docs.github.com/en/rest/checks/runs>. The limits of
//! titles, bodies and labels are not documented; they are those that github.com enforces.

use crate::error::ApiError;

/// The longest body of an issue, a pull request, a comment or a review.
const BODY: usize = 65_536;
const TITLE: usize = 256;
/// The most labels of one issue.
const LABELS: usize = 100;
const LABEL_NAME: usize = 50;
const LABEL_DESCRIPTION: usize = 100;

/// Refuses a text that is too long, with GitHub's message.
pub(super) fn check(resource: &str, field: &str, text: Option<&str>, most: usize) -> Result<(), ApiError> {
    // A character has at least one byte, so most texts need not be counted.
    match text {
        Some(text) if text.len() > most && text.chars().count() > most => {
            let message = format!("{field} is too long (maximum is {most} characters)");
            Err(ApiError::invalid_because(resource, field, &message))
        }
        _ => Ok(()),
    }
}

/// Refuses a body that is too long.
pub(super) fn check_body(resource: &str, body: Option<&str>) -> Result<(), ApiError> {
    check(resource, "body", body, BODY)
}

/// The same for a review, whose errors are plain sentences. <https://docs.github.com/en/rest/pulls/reviews>
pub(super) fn check_review(body: Option<&str>) -> Result<(), ApiError> {
    check_body("PullRequestReview", body)
        .map_err(|_| ApiError::unprocessable(&format!("Body is too long (maximum is {BODY} characters)")))
}

/// Refuses a title that is too long.
pub(super) fn check_title(resource: &str, title: Option<&str>) -> Result<(), ApiError> {
    check(resource, "title", title, TITLE)
}

/// Refuses a label's name or description that is too long.
pub(super) fn check_label(name: Option<&str>, description: Option<&str>) -> Result<(), ApiError> {
    check("Label", "name", name, LABEL_NAME)?;
    check("Label", "description", description, LABEL_DESCRIPTION)
}

/// Refuses more labels than an issue may have.
pub(super) fn check_label_count(count: usize) -> Result<(), ApiError> {
    if count <= LABELS {
        return Ok(());
    }
    let message = format!("An issue cannot have more than {LABELS} labels");
    Err(ApiError::invalid_because("Issue", "labels", &message))
}
