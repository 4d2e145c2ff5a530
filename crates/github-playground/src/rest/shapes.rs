//! Validates the bodies of requests: required members and types.
//!
//! GitHub validates each request against its published schema. A body that does not match is refused with 422 and a
//! message, even if the member has no effect. `scripts/github-description` generates `requests.json` from that
//! description. Each resource checks the values of its enums. A null counts as absent if null is not among the types.
//! <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed>

use std::{collections::HashMap, sync::LazyLock};

use axum::http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::validation::not_supplied;

/// The shape of a value. An empty one accepts anything.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shape {
    #[serde(rename = "type")]
    types: Vec<String>,
    any: Vec<Shape>,
    required: Vec<String>,
    /// The allowed words; if empty, any word.
    words: Vec<String>,
    properties: HashMap<String, Shape>,
    items: Option<Box<Shape>>,
}

/// By method and path, with `{}` for each parameter.
static REQUESTS: LazyLock<HashMap<String, Shape>> =
    LazyLock::new(|| serde_json::from_str(include_str!("requests.json")).unwrap_or_default());

/// The fault of a body for this route, as GitHub words it; `None` if there is no fault or the route is unknown.
pub(super) fn fault(method: &Method, route: &str, body: &Value) -> Option<String> {
    let shape = REQUESTS.get(&format!("{method} {}", plain(route)))?;
    let fault = shape.fault("", body).or_else(|| shape.missing(body))?;
    Some(format!("Invalid request.\n\n{fault}"))
}

/// A route without its prefix, with `{}` for the names of its parameters.
fn plain(route: &str) -> String {
    let route = route.strip_prefix("/api/v3").unwrap_or(route);
    let parts = route.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

impl Shape {
    /// The required members that are missing.
    fn missing(&self, body: &Value) -> Option<String> {
        let given = |name: &String| match body.get(name) {
            None => false,
            Some(Value::Null) => self.properties.get(name).is_none_or(Self::may_be_null),
            Some(_) => true,
        };
        let missing: Vec<String> =
            self.required.iter().filter(|name| !given(name)).map(|name| format!("\"{name}\"")).collect();
        not_supplied(&missing)
    }

    fn may_be_null(&self) -> bool {
        self.types.iter().any(|kind| kind == "null") || self.any.iter().any(Self::may_be_null)
    }

    fn fault(&self, place: &str, value: &Value) -> Option<String> {
        if !self.any.is_empty() {
            let fits = self.any.iter().any(|shape| shape.fault(place, value).is_none());
            if !fits {
                return Some(format!("For '{}', {} matches no subschema of \"anyOf\".", shown(place), word(value)));
            }
        }
        if !self.types.is_empty() && !self.types.iter().any(|kind| is(kind, value)) {
            return Some(format!("For '{}', {} is not {}.", shown(place), word(value), article(&self.types[0])));
        }
        match value {
            Value::String(given) if !self.words.is_empty() && !self.words.contains(given) => {
                let words = self.words.join(", ");
                let (place, given) = (shown(place), word(value));
                Some(format!("For '{place}', {given} is not a possible value. Must be one of the following: {words}."))
            }
            Value::Object(members) => members.iter().find_map(|(name, value)| {
                let shape = self.properties.get(name).filter(|_| !value.is_null())?;
                shape.fault(&format!("{place}/properties/{name}"), value)
            }),
            Value::Array(values) => {
                let shape = self.items.as_ref()?;
                values.iter().enumerate().find_map(|(at, value)| shape.fault(&format!("{place}/items/{at}"), value))
            }
            _ => None,
        }
    }
}

fn shown(place: &str) -> &str {
    place.strip_prefix('/').unwrap_or("schema")
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    }
}

fn word(value: &Value) -> String {
    if value.is_null() { "nil".to_owned() } else { value.to_string() }
}

fn article(kind: &str) -> String {
    if kind.starts_with(['a', 'i', 'o']) { format!("an {kind}") } else { format!("a {kind}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(method: &Method, route: &str, body: &Value) -> Option<String> {
        fault(method, route, body)
    }

    #[test]
    fn a_member_of_another_type_is_named_with_its_place() {
        let issues = "/api/v3/repos/{owner}/{repo}/issues";
        let wrong = of(&Method::POST, issues, &json!({ "title": "A", "body": 5 })).unwrap();
        assert_eq!(wrong, "Invalid request.\n\nFor 'properties/body', 5 is not a string.");
        let wrong = of(&Method::POST, issues, &json!({ "assignees": ["a", []] })).unwrap();
        assert_eq!(wrong, "Invalid request.\n\nFor 'properties/assignees/items/1', [] is not a string.");
        assert!(of(&Method::POST, issues, &json!([])).unwrap().contains("[] is not an object"));
    }

    #[test]
    fn a_setting_is_one_of_its_words() {
        let wrong =
            of(&Method::PATCH, "/api/v3/repos/{owner}/{repo}", &json!({ "merge_commit_title": "SHORT" })).unwrap();
        assert!(wrong.contains("\"SHORT\" is not a possible value") && wrong.contains("MERGE_MESSAGE"), "{wrong}");
    }

    #[test]
    fn matching_null_and_unknown_members_are_accepted() {
        let issues = "/api/v3/repos/{owner}/{repo}/issues";
        for body in [
            json!({ "title": 5, "labels": ["a", { "name": "b" }] }),
            json!({ "title": "A", "body": null }),
            json!({ "title": "A", "x": 1 }),
        ] {
            assert_eq!(of(&Method::POST, issues, &body), None, "{body}");
        }
        assert_eq!(of(&Method::POST, "/api/v3/nothing", &json!([])), None);
    }

    #[test]
    fn missing_members_are_named_in_githubs_words() {
        let missing = |route: &str, body: &Value| of(&Method::POST, route, body).unwrap().split_off(18);
        let pulls = "/api/v3/repos/{owner}/{repo}/pulls";
        assert_eq!(missing(pulls, &json!({ "title": "A", "head": null })), "\"head\", \"base\" weren't supplied.");
        let labels = "/api/v3/repos/{owner}/{repo}/labels";
        assert_eq!(missing(labels, &json!({})), "\"name\" wasn't supplied.");
        let protection = "/api/v3/repos/{owner}/{repo}/branches/{branch}/protection";
        let nothing = json!({
            "required_status_checks": null, "enforce_admins": null, "required_pull_request_reviews": null,
            "restrictions": null,
        });
        assert_eq!(of(&Method::PUT, protection, &nothing), None);
    }

    #[test]
    fn parameters_are_the_same_whatever_their_name() {
        let edit = "/api/v3/repos/{owner}/{repo}/git/refs/{*name}";
        assert!(of(&Method::PATCH, edit, &json!({ "sha": 1 })).is_some());
        assert!(REQUESTS.len() > 60, "{} are described", REQUESTS.len());
    }
}
