//! JSON Schemas in the strict form that structured output takes, and what comes back.

use serde_json::{Map, Value, json};

/// What stays of a schema. The rest narrows values, which the strict forms do not all know; whoever reads the answer
/// checks it.
const KEPT: [&str; 6] = ["type", "description", "enum", "items", "properties", "anyOf"];

/// The strict twin of a schema: no `$schema`, every property required, no others allowed, and `null` where one was
/// optional.
pub fn strict(schema: &Value) -> Value {
    let Value::Object(members) = schema else { return schema.clone() };
    let mut twin: Map<String, Value> = members
        .iter()
        .filter(|(name, _)| KEPT.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if twin.contains_key("enum") && !twin.contains_key("type") {
        twin.insert("type".to_owned(), "string".into());
    }
    if let Some(items) = twin.get_mut("items") {
        *items = strict(items);
    }
    if let Some(Value::Array(choices)) = twin.get_mut("anyOf") {
        for choice in choices {
            *choice = strict(choice);
        }
    }
    if let Some(Value::Object(properties)) = twin.get("properties") {
        let required = members.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let strict_properties: Map<String, Value> = properties
            .iter()
            .map(|(name, property)| {
                let property = strict(property);
                let optional = !required.iter().any(|it| it == name);
                (name.clone(), if optional { nullable(property) } else { property })
            })
            .collect();
        let names: Vec<Value> = strict_properties.keys().map(|name| name.as_str().into()).collect();
        twin.insert("properties".to_owned(), strict_properties.into());
        twin.insert("required".to_owned(), names.into());
        twin.insert("additionalProperties".to_owned(), false.into());
    }
    twin.into()
}

fn nullable(mut property: Value) -> Value {
    match property.get("type").cloned() {
        Some(Value::String(kind)) if kind != "null" => property["type"] = json!([kind, "null"]),
        Some(Value::Array(mut kinds)) if !kinds.iter().any(|kind| kind == "null") => {
            kinds.push("null".into());
            property["type"] = kinds.into();
        }
        Some(_) => {}
        None => property = json!({ "anyOf": [property, { "type": "null" }] }),
    }
    if let Some(Value::Array(values)) = property.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    property
}

/// The value without members that are null: the strict form has null where a member would be missing. Nested no deeper
/// than `serde_json` reads.
pub fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, member)| !member.is_null())
            .map(|(name, member)| (name, without_nulls(member)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// The schema of a judgement, as the result file holds it.
pub fn judgement_schema() -> Value {
    json!({
        "type": "object",
        "required": ["criteria", "score", "note"],
        "properties": {
            "criteria": { "type": "array", "items": {
                "type": "object",
                "required": ["id", "met", "note", "evidence"],
                "properties": {
                    "id": { "type": "string", "description": "as in A1" },
                    "met": { "type": "boolean" },
                    "note": { "type": "string" },
                    "evidence": { "type": "array", "items": {
                        "type": "object",
                        "required": ["file", "line"],
                        "properties": {
                            "file": { "type": "string", "description": "path from the root of the tree" },
                            "line": { "type": "integer" },
                            "end_line": { "type": "integer" }
                        }
                    } }
                }
            } },
            "score": { "type": "number", "description": "from 0 to 1" },
            "note": { "type": "string" }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strict_twin_requires_everything_and_allows_null_for_what_was_optional() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["name"],
            "properties": {
                "name": { "type": "string", "pattern": "^a", "maxLength": 9 },
                "type": { "enum": ["a"] },
                "texts": { "type": "array", "minItems": 1, "items": { "type": "object", "properties": { "x": { "type": "string" } } } }
            }
        });
        assert_eq!(
            strict(&schema),
            json!({
                "type": "object", "required": ["name", "texts", "type"], "additionalProperties": false,
                "properties": {
                    "name": { "type": "string" },
                    "type": { "type": ["string", "null"], "enum": ["a", null] },
                    "texts": { "type": ["array", "null"], "items": {
                        "type": "object", "required": ["x"], "additionalProperties": false,
                        "properties": { "x": { "type": ["string", "null"] } }
                    } }
                }
            })
        );
        assert_eq!(strict(&strict(&judgement_schema())), strict(&judgement_schema()));
    }

    #[test]
    fn nulls_that_stand_for_missing_members_are_taken_out() {
        let value = json!({ "a": null, "b": [{ "c": null, "d": 1 }, null] });
        assert_eq!(without_nulls(value), json!({ "b": [{ "d": 1 }, null] }));
    }
}
