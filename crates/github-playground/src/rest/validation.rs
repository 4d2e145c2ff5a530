//! Checks that several resources share.

use axum::http::Uri;

use crate::error::ApiError;

/// The sentence about members that a body lacks.
pub(super) fn not_supplied(names: &[String]) -> Option<String> {
    let verb = match names.len() {
        0 => return None,
        1 => "wasn't",
        _ => "weren't",
    };
    Some(format!("{} {verb} supplied.", names.join(", ")))
}

/// Whether something may stand where GitHub wants the address of a page or of a receiver.
pub(super) fn is_web_address(text: &str) -> bool {
    let http = |scheme: &str| scheme == "http" || scheme == "https";
    text.parse::<Uri>()
        .is_ok_and(|uri| uri.scheme_str().is_some_and(http) && uri.host().is_some_and(|host| !host.is_empty()))
}

/// A repository's homepage: nothing, or such an address.
pub(super) fn check_homepage(homepage: Option<&str>) -> Result<(), ApiError> {
    match homepage {
        Some(url) if !url.is_empty() && !is_web_address(url) => {
            Err(ApiError::invalid_because("Repository", "homepage", "homepage must be a valid URL"))
        }
        _ => Ok(()),
    }
}
