//! Version 1, which release 0.1 wrote, brought to the shape of version 2.

use serde_json::Value;

use super::DirectiveRows;

/// A directive: `wishes` became `overrides`, and a step's `vouched` became `pre_approved`.
pub(super) fn directive(rows: &mut DirectiveRows) {
    rename(&mut rows.state, "wishes", "overrides");
    for row in &mut rows.steps {
        rename(&mut row.state, "vouched", "pre_approved");
    }
}

/// An effect: nothing changed since.
pub(super) fn effect(_payload: &mut Value) {}

fn rename(value: &mut Value, from: &str, to: &str) {
    if let Value::Object(fields) = value
        && let Some(field) = fields.remove(from)
    {
        fields.insert(to.to_owned(), field);
    }
}
