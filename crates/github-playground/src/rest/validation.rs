//! Checks that several resources share.

use axum::http::Uri;

use crate::error::ApiError;

/// The message about members that a body lacks.
pub(super) fn not_supplied(names: &[String]) -> Option<String> {
    let verb = match names.len() {
        0 => return None,
        1 => "wasn't",
        _ => "weren't",
    };
    Some(format!("{} {verb} supplied.", names.join(", ")))
}

/// Whether a text is an http or https URL, as GitHub requires for pages and receivers.
pub(super) fn is_web_address(text: &str) -> bool {
    let http = |scheme: &str| scheme == "http" || scheme == "https";
    text.parse::<Uri>()
        .is_ok_and(|uri| uri.scheme_str().is_some_and(http) && uri.host().is_some_and(|host| !host.is_empty()))
}

/// Checks a repository's homepage: empty, or such a URL.
pub(super) fn check_homepage(homepage: Option<&str>) -> Result<(), ApiError> {
    match homepage {
        Some(url) if !url.is_empty() && !is_web_address(url) => {
            Err(ApiError::invalid_because("Repository", "homepage", "homepage must be a valid URL"))
        }
        _ => Ok(()),
    }
}
