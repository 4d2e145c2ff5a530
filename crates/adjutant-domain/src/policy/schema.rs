//! The JSON Schema of the policy file, for editors: written from the table of keys.
//!
//! It says what one value may be. What holds between values (yellow is not above green, verifiers have different
//! names, globs compile) only the parser knows: `adjutant check policy` tells it.

use serde_json::{Value, json};

use super::keys::{JUDGE, Key, POLICY, Rule, VERIFIER};
use super::{JudgePolicy, Policy, VerifierPolicy};

/// The JSON Schema (draft 2020-12) of `.github/adjutant.yml`.
///
/// <https://json-schema.org/draft/2020-12/schema>
pub fn schema() -> Value {
    let mut schema = mapping(POLICY, &Policy::default());
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Adjutant's policy");
    schema["description"] = json!(
        "How a repository wants to be worked on: .github/adjutant.yml on its default branch. Every key is optional. \
         `adjutant check policy FILE` also tells what holds between values."
    );
    schema
}

/// A mapping of known keys, or nothing.
fn mapping<T>(keys: &[Key<T>], defaults: &T) -> Value {
    let properties: Value = keys.iter().map(|key| (key.name.to_owned(), property(key, defaults))).collect();
    json!({ "type": ["object", "null"], "additionalProperties": false, "properties": properties })
}

fn property<T>(key: &Key<T>, defaults: &T) -> Value {
    let mut property = rule(&key.rule);
    property["description"] = json!(key.about);
    match (key.value)(defaults) {
        Value::Null if !key.absent.is_empty() => {
            property["description"] = json!(format!("{} Where absent: {}.", key.about, key.absent));
        }
        // A mapping's defaults stand at its keys.
        Value::Null | Value::Object(_) => {}
        value => property["default"] = value,
    }
    property
}

fn rule(rule: &Rule) -> Value {
    match rule {
        Rule::Flag => json!({ "type": ["boolean", "null"] }),
        Rule::Word(words) => {
            let words: Vec<Value> = words.iter().map(|word| json!(word)).chain([Value::Null]).collect();
            json!({ "enum": words })
        }
        Rule::Label => {
            // No blank at either end, and no control character.
            let edge = "[^\\s\\u0000-\\u001f\\u007f-\\u009f]";
            let pattern = format!("^{edge}([^\\u0000-\\u001f\\u007f-\\u009f]*{edge})?$");
            json!({ "type": ["string", "null"], "minLength": 1, "maxLength": 50, "pattern": pattern })
        }
        Rule::Branch => branch(),
        Rule::Agent => json!({ "type": ["string", "null"], "pattern": "^[A-Za-z0-9_.-]{1,50}$" }),
        Rule::VerifierName => json!({
            "type": "string", "maxLength": 40, "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "not": { "const": "adjutant" },
        }),
        Rule::Command => json!({ "type": "string", "pattern": "\\S" }),
        Rule::Commands(most) => json!({
            "type": ["array", "null"], "maxItems": most, "items": { "type": "string", "pattern": "\\S" },
        }),
        Rule::Number(most) => json!({ "type": ["number", "null"], "exclusiveMinimum": 0, "maximum": most }),
        Rule::NumberOrNone(most) => json!({ "type": ["number", "null"], "minimum": 0, "maximum": most }),
        Rule::Count(most) => json!({ "type": ["integer", "null"], "minimum": 1, "maximum": most }),
        Rule::Group(keys) => mapping(keys, &Policy::default()),
        Rule::Verifiers(most) => json!({ "type": ["array", "null"], "maxItems": most, "items": verifier() }),
        Rule::Judge => mapping(JUDGE, &JudgePolicy { agent: None, weight: 1.0 }),
        Rule::Globs(most) => json!({
            "type": ["array", "null"], "maxItems": most,
            "items": { "type": "string", "pattern": "^[^\\s/!]([\\s\\S]*\\S)?$" },
        }),
        Rule::Hosts(most) => json!({ "type": ["boolean", "array", "null"], "maxItems": most, "items": host() }),
    }
}

/// A name, or `*.` and a domain. A name that ends in a number is an address.
fn host() -> Value {
    let label = "[A-Za-z0-9_-]{1,63}";
    json!({
        "type": "string", "maxLength": 255, "pattern": format!("^(\\*\\.)?{label}(\\.{label})*\\.?$"),
        "not": { "pattern": "(^|\\.)([0-9]+|0[xX][0-9a-fA-F]*)\\.?$" },
    })
}

fn verifier() -> Value {
    let mut verifier = mapping(VERIFIER, &VerifierPolicy::named("test", "cargo test"));
    verifier["type"] = json!("object");
    verifier["required"] = json!(["name", "run"]);
    for own in ["name", "run"] {
        verifier["properties"][own].as_object_mut().map(|property| property.remove("default"));
    }
    verifier
}

/// The rules of <https://git-scm.com/docs/git-check-ref-format>. They are told apart because not every validator knows
/// the look-ahead that would make one pattern of them.
fn branch() -> Value {
    let wrong = ["^-", "^refs/", "^@$", "\\.\\.", "@\\{", "(^|/)\\.", "\\.(/|$)", "^/|//|/$", "\\.lock(/|$)"];
    let wrong: Vec<Value> = wrong.iter().map(|pattern| json!({ "type": "string", "pattern": pattern })).collect();
    json!({
        "type": ["string", "null"],
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[^\\s~^:?*\\[\\\\\\u0000-\\u001f\\u007f-\\u009f]+$",
        "not": { "anyOf": wrong },
    })
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
