//! Whether the schema and the parser say the same.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

use super::*;
use crate::policy::parse;

struct Validator {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Validator {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("policy.json", schema()).unwrap();
        let index = compiler.compile("policy.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    /// What the schema says of a file, read as editors read it.
    fn accepts(&self, yaml: &str) -> bool {
        let options = serde_saphyr::options! { strict_booleans: true };
        let value: Value = serde_saphyr::from_str_with_options(yaml, options).unwrap();
        self.schemas.validate(&value, self.index).is_ok()
    }
}

/// Every key's path, with a value that each of them takes and some that it does not.
const KEYS: &[(&str, &[&str], &[&str])] = &[
    (
        "label",
        &["a", "'do it'", "é", "ffffffffffffffffffffffffffffffffffffffffffffffffff"],
        &[
            "''",
            "' a'",
            "' '",
            "1",
            "true",
            "[a]",
            "{}",
            "\"a\\tb\"",
            "fffffffffffffffffffffffffffffffffffffffffffffffffff",
        ],
    ),
    ("autonomy", &["manual", "guardrails", "full_auto"], &["Manual", "full-auto", "all", "''", "1", "[manual]"]),
    ("plan_approval", &["true", "false"], &["yes", "1", "'true'", "[]"]),
    ("delivery", &["integration", "direct"], &["Direct", "none", "true"]),
    ("merge", &["person", "auto"], &["nobody", "true"]),
    ("merge_method", &["merge", "squash", "rebase"], &["fast-forward", "Squash", "true", "''"]),
    (
        "base",
        &["main", "release/1.x", "'@a'", "a-b_c"],
        &[
            "-main",
            "''",
            "refs/heads/main",
            "a..b",
            "'a b'",
            "'a~b'",
            "'@'",
            "'a@{b'",
            ".a",
            "a/.b",
            "a.",
            "a./b",
            "/a",
            "a/",
            "a//b",
            "a.lock",
            "a.lock/b",
            "'a:b'",
            "'a?'",
            "'a*'",
            "'a[b'",
            "'a\\b'",
            "'a^b'",
            "1",
            "' main'",
        ],
    ),
    (
        "agent",
        &["default", "a.b-c_D9"],
        &["''", "'a b'", "a/b", "1", "ffffffffffffffffffffffffffffffffffffffffffffffffffx"],
    ),
    ("agents.plan", &["a"], &["'a b'", "1", "[a]"]),
    ("agents.step", &["a"], &["'a b'", "1", "[a]"]),
    ("agents.rework", &["a"], &["'a b'", "1", "[a]"]),
    ("agents.research", &["a"], &["'a b'", "1", "[a]"]),
    ("agents.design", &["a"], &["'a b'", "1", "[a]"]),
    ("agents.implement", &["a"], &["'a b'", "1", "[a]"]),
    ("agents.test", &["a"], &["'a b'", "1", "[a]"]),
    ("agents.review", &["a"], &["'a b'", "1", "[a]"]),
    ("agents.document", &["a"], &["'a b'", "1", "[a]"]),
    ("agents.fallback", &["a"], &["'a b'", "1", "[a]"]),
    ("thresholds.green", &["1", "0.9", "0.85"], &["0", "-1", "1.1", "'0.9'", "true"]),
    ("thresholds.yellow", &["0.1", "0.85"], &["0", "1.1", "high", "[]"]),
    ("limits.cost_usd", &["10000", "0.01", "25"], &["0", "10000.5", "'$5'", "-1"]),
    ("limits.cost_ceiling_usd", &["10", "100000"], &["0", "-1", "100001", "ten"]),
    ("limits.ci_minutes", &["1", "1440"], &["0", "1441", "1.5"]),
    ("limits.approval_hours", &["0", "0.5", "8760"], &["-1", "8761", "never"]),
    ("limits.wall_time_hours", &["720", "0.5"], &["0", "721", "8h"]),
    ("limits.rework_cycles", &["1", "20", "3.0"], &["0", "21", "1.5", "-1", "'3'"]),
    ("limits.chain_generations", &["1", "20"], &["0", "21", "1.5"]),
    ("limits.steps", &["1", "50"], &["0", "51", "1.5"]),
    ("limits.parallel_tasks", &["1", "20"], &["0", "21", "1.5"]),
    ("limits.open_pull_requests", &["1", "100"], &["0", "101", "1.5"]),
    ("setup", &["[]", "[npm ci]", "['a\n', b]"], &["npm ci", "['']", "[' ']", "[1]", "[[a]]", "{ a: b }"]),
    (
        "verifiers",
        &["[]", "[{ name: a, run: b }]", "[{ name: a-1, run: \"x\\n\" }, { name: b, run: c }]"],
        &[
            "{}",
            "[a]",
            "[null]",
            "[{}]",
            "[{ name: a }]",
            "[{ run: a }]",
            "[{ name: a, run: '' }]",
            "[{ name: a, run: ' ' }]",
            "[{ name: A, run: b }]",
            "[{ name: a_b, run: b }]",
            "[{ name: adjutant, run: b }]",
            "[{ name: 1, run: b }]",
            "[{ name: a, run: 1 }]",
            "[{ name: a, run: true }]",
            "[{ name: a, run: b, colour: c }]",
            "[{ name: ~, run: b }]",
            "[{ name: ' a', run: b }]",
        ],
    ),
    ("verifiers[].required", &["true", "false"], &["yes", "1"]),
    ("verifiers[].weight", &["0.1", "100"], &["0", "100.1", "'1'"]),
    ("verifiers[].timeout_minutes", &["1", "360"], &["0", "361", "1.5"]),
    (
        "verifiers[].network",
        &["true", "false", "[]", "[pypi.org, '*.example.org', localhost, a_b-c.d.]"],
        &[
            "no",
            "0",
            "pypi.org",
            "{}",
            "['*']",
            "['*.']",
            "['']",
            "[1]",
            "[true]",
            "['a b']",
            "['https://a.b']",
            "['a.b:443']",
            "[10.0.0.1]",
            "[1.2.3.4.5]",
            "[0x7f]",
            "['::1']",
            "['a..b']",
            "[' a']",
        ],
    ),
    ("ci", &["off", "optional", "required", "'off'"], &["on", "true", "false", "[]", "after_approval"]),
    ("judge", &["{}", "{ agent: a, weight: 2 }"], &["strict", "[]", "true", "{ model: a }"]),
    ("judge.agent", &["judge"], &["'a b'", "1"]),
    ("judge.weight", &["0.1", "100"], &["0", "101"]),
    ("diff.max_files", &["1", "300"], &["0", "301", "1.5", "many"]),
    ("diff.max_lines", &["1", "1000000"], &["0", "1000001", "'9'"]),
    ("diff.forbidden_paths", &["[]", "['a/**']"], &["a", "[/etc]", "['!a']"]),
    ("diff.required_paths", &["[]", "[CHANGELOG.md]"], &["a", "[/etc]", "['']"]),
    (
        "protected_paths",
        &["[]", "['a/**', '*.sql', 'a b']"],
        &["a", "[/etc]", "['!a']", "['']", "[' a']", "['a ']", "[1]", "[[a]]", "{ a: b }"],
    ),
];

/// A file that has this value at that path and nothing else.
fn file(path: &str, value: &str) -> String {
    match path.split_once('.') {
        Some(("verifiers[]", key)) => format!("verifiers: [{{ name: a, run: b, {key}: {value} }}]\n"),
        Some((group, key)) => format!("{group}: {{ {key}: {value} }}\n"),
        None => format!("{path}: {value}\n"),
    }
}

#[test]
fn schema_and_parser_agree_about_every_key() {
    let validator = Validator::new();
    for (path, good, bad) in KEYS {
        for value in good.iter().chain(&["", "~", "null"]) {
            let yaml = file(path, value);
            assert!(parse(&yaml).is_ok(), "the parser refuses {yaml}: {:?}", parse(&yaml));
            assert!(validator.accepts(&yaml), "the schema refuses {yaml}");
        }
        for value in *bad {
            let yaml = file(path, value);
            assert!(parse(&yaml).is_err(), "the parser takes {yaml}");
            assert!(!validator.accepts(&yaml), "the schema takes {yaml}");
        }
    }
}

#[test]
fn the_table_above_has_every_key_of_the_schema() {
    fn paths(schema: &Value, prefix: &str, into: &mut Vec<String>) {
        for (name, property) in schema["properties"].as_object().unwrap() {
            let path = format!("{prefix}{name}");
            if property["properties"].is_object() {
                paths(property, &format!("{path}."), into);
            }
            if property["items"]["properties"].is_object() {
                paths(&property["items"], &format!("{path}[]."), into);
            }
            into.push(path);
        }
    }
    let mut all = Vec::new();
    paths(&schema(), "", &mut all);
    // Groups have no value of their own; a verifier's name and command are part of every list of them.
    let apart = ["agents", "thresholds", "limits", "diff", "verifiers[].name", "verifiers[].run"];
    all.retain(|path| !apart.contains(&path.as_str()));
    all.sort();
    let mut told: Vec<_> = KEYS.iter().map(|(path, ..)| (*path).to_owned()).collect();
    told.sort();
    assert_eq!(all, told);
}

#[test]
fn schema_and_parser_agree_about_whole_files() {
    let validator = Validator::new();
    for yaml in ["", "{}", "null", "# nothing", "thresholds: {}", "limits:", "judge: {}"] {
        assert!(parse(yaml).is_ok() && validator.accepts(yaml), "{yaml}");
    }
    for yaml in ["[]", "text", "1", "colour: blue", "limits: { tokens: 3 }", "thresholds: []", "limits: 5", "Label: a"]
    {
        assert!(parse(yaml).is_err() && !validator.accepts(yaml), "{yaml}");
    }
}

#[test]
fn what_holds_between_values_only_the_parser_knows() {
    let validator = Validator::new();
    for yaml in [
        "thresholds: { green: 0.4, yellow: 0.6 }",
        "thresholds: { green: 0.5 }",
        "verifiers: [{ name: a, run: b }, { name: a, run: c }]",
        "protected_paths: ['a{b']",
        "diff: { forbidden_paths: ['a{b'] }",
    ] {
        assert!(parse(yaml).is_err() && validator.accepts(yaml), "{yaml}");
    }
}

#[test]
fn the_defaults_of_the_schema_are_those_that_hold() {
    fn defaults(schema: &Value) -> Value {
        let properties = schema["properties"].as_object().unwrap();
        let stated = properties.iter().filter_map(|(name, property)| {
            let value =
                if property["properties"].is_object() { defaults(property) } else { property["default"].clone() };
            // Without a default there is nothing to be stated; a judge is absent until it is named.
            (!value.is_null() && name != "judge").then(|| (name.clone(), value))
        });
        stated.collect()
    }
    let stated = defaults(&schema());
    assert_eq!(stated["limits"]["steps"], 12);
    assert_eq!(parse(&stated.to_string()), Ok(Policy::default()));
}
