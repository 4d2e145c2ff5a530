//! Pointers into JSON: those of RFC 6901, and `*` for every member or item.

use std::collections::BTreeMap;

use serde_json::Value;

/// Every value that the pointer leads to. An empty pointer leads to the value itself.
pub(crate) fn find<'a>(value: &'a Value, pointer: &str) -> Vec<&'a Value> {
    let mut found = vec![value];
    for segment in pointer.split('/').skip(1) {
        let name = segment.replace("~1", "/").replace("~0", "~");
        found = found.into_iter().flat_map(|value| step(value, &name)).collect();
    }
    found
}

fn step<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match value {
        Value::Object(members) if name == "*" => members.values().collect(),
        Value::Array(items) if name == "*" => items.iter().collect(),
        Value::Object(members) => members.get(name).into_iter().collect(),
        Value::Array(items) => name.parse().ok().and_then(|index: usize| items.get(index)).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The first value there that is not null, as text: a text as it is, a list of blocks as their texts, other values as
/// JSON.
pub(crate) fn text(value: &Value, pointer: &str) -> Option<String> {
    find(value, pointer).into_iter().find_map(as_text)
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(blocks) if blocks.iter().any(|block| block["text"].is_string()) => {
            Some(blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n"))
        }
        other => Some(other.to_string()),
    }
}

/// The sum of all whole numbers there; `None` if there is none.
pub(crate) fn sum(value: &Value, pointers: &[String]) -> Option<u64> {
    let numbers: Vec<u64> =
        pointers.iter().flat_map(|pointer| find(value, pointer)).filter_map(Value::as_u64).collect();
    (!numbers.is_empty()).then(|| numbers.into_iter().fold(0, u64::saturating_add))
}

/// Whether every pointer leads to what is expected: an equal value, one of a list, or anything but null for `"*"`.
pub(crate) fn matches(value: &Value, expected: &BTreeMap<String, Value>) -> bool {
    expected.iter().all(|(pointer, wanted)| find(value, pointer).into_iter().any(|found| fits(found, wanted)))
}

fn fits(found: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::String(any) if any == "*" => !found.is_null(),
        Value::Array(several) => several.contains(found),
        one => one == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pointers_lead_through_members_items_and_stars() {
        let value = json!({ "a/b": [{ "n": 1 }, { "n": 2 }], "m": { "x": { "n": 3 }, "y": { "n": null } } });
        assert_eq!(find(&value, "/a~1b/1/n"), [&json!(2)]);
        assert_eq!(sum(&value, &["/a~1b/*/n".into(), "/m/*/n".into()]), Some(6));
        assert_eq!(sum(&value, &["/m/z".into()]), None);
        assert!(find(&value, "/a~1b/-1").is_empty());
    }

    #[test]
    fn an_expectation_is_a_value_a_list_or_a_star() {
        let value = json!({ "type": "b", "none": null });
        let expect = |pointer: &str, wanted: Value| matches(&value, &BTreeMap::from([(pointer.to_owned(), wanted)]));
        assert!(expect("/type", json!("b")) && expect("/type", json!(["a", "b"])) && expect("/type", json!("*")));
        assert!(!expect("/type", json!("a")) && !expect("/none", json!("*")) && !expect("/more", json!("*")));
    }

    #[test]
    fn text_is_taken_from_blocks_too() {
        let value = json!({ "blocks": [{ "text": "a" }, { "image": 1 }, { "text": "b" }], "n": 3, "none": null });
        assert_eq!(text(&value, "/blocks").as_deref(), Some("a\nb"));
        assert_eq!(text(&value, "/n").as_deref(), Some("3"));
        assert_eq!(text(&value, "/none"), None);
    }
}
