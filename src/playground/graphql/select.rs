//! Of a whole object, the fields that were asked for.

use serde_json::{Map, Value, json};

use super::{
    Fault,
    parse::{Document, Selection},
};

/// Keeps what is selected. Objects say what they are in `__typename`; a field that they lack is an error.
pub(super) fn from(document: &Document, whole: &Value, selection: &[Selection]) -> Result<Value, Fault> {
    match whole {
        Value::Object(object) => {
            let mut kept = Map::new();
            keep(document, object, selection, &mut kept, 0)?;
            Ok(Value::Object(kept))
        }
        Value::Array(items) => items.iter().map(|item| from(document, item, selection)).collect(),
        plain => Ok(plain.clone()),
    }
}

/// Fragments may name one another; this many deep they go in circles.
const DEPTH: usize = 32;

fn keep(
    document: &Document,
    object: &Map<String, Value>,
    selection: &[Selection],
    kept: &mut Map<String, Value>,
    depth: usize,
) -> Result<(), Fault> {
    if depth > DEPTH {
        return Err(Fault::of_request("Fragments are nested too deeply", None));
    }
    let kind = object.get("__typename").and_then(Value::as_str).unwrap_or_default();
    for wanted in selection {
        match wanted {
            Selection::Field(field) => {
                // What a field resolves to with its arguments was put under its key; all else is under its name.
                let whole = object.get(&argued(field.key())).or_else(|| object.get(&field.name));
                let whole = whole.ok_or_else(|| Fault::undefined(&field.name, kind, field.at))?;
                if field.selection.is_empty() && (whole.is_object() || whole.is_array()) {
                    let message = format!(
                        "Field must have selections (field '{}' returns an object but has no selections)",
                        field.name
                    );
                    return Err(Fault::of_request(message, Some(field.at)));
                }
                kept.insert(field.key().to_owned(), from(document, whole, &field.selection)?);
            }
            Selection::Inline(on, inner) => {
                if on.as_deref().is_none_or(|on| on == kind || on == "Node") {
                    keep(document, object, inner, kept, depth + 1)?;
                }
            }
            Selection::Spread(name) => {
                let inner = document.fragments.get(name);
                let inner = inner
                    .ok_or_else(|| Fault::of_request(format!("Fragment {name} was used, but not defined"), None))?;
                keep(document, object, inner, kept, depth + 1)?;
            }
        }
    }
    Ok(())
}

/// Where the value of a field with arguments is put, so that two of one name do not meet.
pub(super) fn argued(key: &str) -> String {
    format!("\u{0}{key}")
}

/// A connection of nodes, all on one page.
pub(super) fn connection(kind: &str, nodes: &[Value]) -> Value {
    json!({
        "__typename": kind, "totalCount": nodes.len(), "nodes": nodes,
        "pageInfo": { "__typename": "PageInfo", "hasNextPage": false, "hasPreviousPage": false, "endCursor": null, "startCursor": null },
    })
}
