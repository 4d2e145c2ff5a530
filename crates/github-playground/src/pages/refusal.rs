//! A refusal by the API, shown on the page of the form with what was typed.

use axum::http::StatusCode;
use serde_json::Value;

/// A refusal by the API, or by the pages themselves.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
    /// The id of the refused form.
    pub(super) form: String,
    /// Its fields as they were sent.
    pub(super) typed: Vec<(String, String)>,
}

impl Refusal {
    /// What was typed into a field, if this form was refused.
    pub(super) fn typed(&self, form: &str, field: &str) -> Option<&str> {
        let of_form = self.form == form;
        self.typed.iter().find(|(name, _)| of_form && name == field).map(|(_, value)| value.as_str())
    }
}

/// GitHub's refusal as a sentence: its message and its list of errors.
/// <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed>
pub(super) fn in_words(answer: &Value) -> String {
    let message = answer["message"].as_str().unwrap_or("GitHub gave no reason").trim().to_owned();
    let faults: Vec<String> = answer["errors"].as_array().into_iter().flatten().filter_map(fault).collect();
    if faults.is_empty() { message } else { format!("{message}: {}", faults.join("; ")) }
}

fn fault(error: &Value) -> Option<String> {
    if let Some(text) = error.as_str().or_else(|| error["message"].as_str()) {
        return Some(text.to_owned());
    }
    let field = error["field"].as_str()?;
    Some(match error["code"].as_str().unwrap_or_default() {
        "missing_field" => format!("`{field}` is missing"),
        "missing" => format!("`{field}` is not there"),
        "already_exists" => format!("`{field}` is taken already"),
        code => format!("`{field}` is {}", if code.is_empty() { "invalid" } else { code }),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_names_the_fields_that_are_at_fault() {
        let error = |errors: Value| in_words(&json!({ "message": "Validation Failed", "errors": errors }));
        assert_eq!(
            error(json!([{ "resource": "Issue", "field": "title", "code": "missing_field" }])),
            "Validation Failed: `title` is missing"
        );
        assert_eq!(
            error(json!(["Can not approve your own pull request"])),
            "Validation Failed: Can not approve your own pull request"
        );
        assert_eq!(error(json!([{ "code": "custom", "message": "Too long" }])), "Validation Failed: Too long");
        assert_eq!(in_words(&json!({ "message": "Not Found" })), "Not Found");
        assert_eq!(in_words(&Value::Null), "GitHub gave no reason");
    }
}
