//! Errors in GitHub's shape.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::git::GitError;

/// An error answer: a status, a message and, for a 422, the faults of the fields.
/// <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    errors: Vec<Value>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: Vec::new() }
    }

    /// It does not exist, or the caller may not know that it does.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    /// The token is invalid or has expired.
    pub(crate) fn bad_credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Bad credentials")
    }

    /// There is no token, and this needs one.
    pub(crate) fn requires_authentication() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Requires authentication")
    }

    /// The installation token lacks the permission or the repository.
    pub(crate) fn not_accessible() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Resource not accessible by integration")
    }

    /// An archived repository cannot be changed.
    pub(crate) fn archived() -> Self {
        Self::forbidden("Repository was archived so is read-only.")
    }

    /// The caller has no permission.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// The object exists, but is larger than GitHub ever sends.
    pub(crate) fn too_large(message: &str) -> Self {
        let mut error = Self::forbidden(message);
        error.errors.push(json!({ "resource": "Blob", "field": "data", "code": "too_large" }));
        error
    }

    /// A 422 about one field. `code` is one of GitHub's: `missing`, `missing_field`, `invalid`, `already_exists`, `unprocessable`.
    pub(crate) fn invalid(resource: &str, field: &str, code: &str) -> Self {
        Self::validation(json!({ "resource": resource, "field": field, "code": code }))
    }

    /// A 422 about one field, with a message.
    pub(crate) fn invalid_because(resource: &str, field: &str, message: &str) -> Self {
        Self::validation(json!({ "resource": resource, "code": "custom", "field": field, "message": message }))
    }

    /// A 422 about the whole object, with a message.
    pub(crate) fn custom(resource: &str, message: &str) -> Self {
        Self::validation(json!({ "resource": resource, "code": "custom", "message": message }))
    }

    /// A 422 whose only error is a plain string, as for reviews.
    pub(crate) fn unprocessable(message: &str) -> Self {
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Unprocessable Entity");
        error.errors.push(json!(message));
        error
    }

    /// A 422 whose only error is a plain string, as for settings.
    pub(crate) fn validation_failed(message: &str) -> Self {
        Self::validation(json!(message))
    }

    /// A 422 with a message and without a list of errors.
    pub(crate) fn semantic(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    fn validation(error: Value) -> Self {
        let mut all = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed");
        all.errors.push(error);
        all
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({
            "message": self.message, "documentation_url": "https://docs.github.com/enterprise-server/rest",
            "status": self.status.as_u16().to_string(),
        });
        if !self.errors.is_empty() {
            body["errors"] = Value::Array(self.errors);
        }
        let mut response = (self.status, Json(body)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json; charset=utf-8"));
        response
    }
}

/// The answer for an error of git, unless a handler has a better one.
impl From<GitError> for ApiError {
    fn from(error: GitError) -> Self {
        match error {
            GitError::NotFound(_) => Self::not_found(),
            GitError::RefNotFound(_) => Self::semantic("Reference does not exist"),
            GitError::RefExists(_) => Self::semantic("Reference already exists"),
            GitError::NotFastForward { .. } => Self::semantic("Update is not a fast forward"),
            GitError::Moved { .. } => {
                Self::new(StatusCode::CONFLICT, "Reference was changed by another request. Try again.")
            }
            GitError::Conflict { .. } => Self::new(StatusCode::CONFLICT, "Merge conflict"),
            GitError::InvalidRefName(_)
            | GitError::InvalidPath(_)
            | GitError::InvalidInput(_)
            | GitError::RefNameTaken { .. }
            | GitError::UpToDate
            | GitError::NoCommonAncestor(..) => Self::semantic(error.to_string()),
            other => {
                tracing::error!(error = %other, "git failed in the playground");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Server Error")
            }
        }
    }
}
