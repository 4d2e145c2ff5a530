//! YAML that somebody else wrote, read within bounds.

use serde::de::DeserializeOwned;
use serde_saphyr::{DuplicateKeyPolicy, Error, UserMessageFormatter};

/// The most that is read, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// Reads YAML, with bounds that refuse a bomb of aliases early. The caller has bounded the size.
pub(crate) fn parse<T: DeserializeOwned>(yaml: &str) -> Result<T, Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 20_000,
            max_nodes: 10_000,
            max_depth: 16,
            max_documents: 1,
            max_aliases: 100,
            max_anchors: 100,
            max_recorded_anchor_events: 5_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 5_000,
            max_replay_stack_depth: 4,
            max_alias_expansions_per_anchor: 100,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(yaml, options)
}

/// What is wrong, without the line.
pub(crate) fn words(error: &Error) -> String {
    let what = error.without_snippet().render_with_formatter(&UserMessageFormatter);
    what.rfind(" at line ").map_or(what.as_str(), |end| &what[..end]).to_owned()
}

/// A file of another tool as a value, or why it cannot be read, as the end of a sentence.
pub fn value(yaml: &str) -> Result<serde_json::Value, String> {
    if yaml.len() > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    parse(yaml).map_err(|error| words(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_is_a_value_and_a_bomb_is_an_error() {
        let workflow =
            value("on: push\njobs:\n  a:\n    steps:\n      - run: |\n          one\n          two\n").unwrap();
        assert_eq!(workflow["on"], "push");
        assert_eq!(workflow["jobs"]["a"]["steps"][0]["run"], "one\ntwo\n");
        assert!(value(&"[".repeat(10_000)).is_err());
        assert!(
            value(
                "a: &a [x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nd: [*c, *c, *c, *c, *c, *c, *c, *c]\n: x\n- y"
            )
            .is_err()
        );
        assert!(value(&" ".repeat(MAX_BYTES + 1)).is_err());
    }
}
