//! A policy as a file that would state all of it, for people who want to know what holds.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use super::Stated;
use super::keys::{Key, POLICY, Rule, VERIFIER};

/// Where the remarks begin.
const COLUMN: usize = 40;

/// Everything that holds, as YAML that states it in full; what the file does not set itself is marked.
pub fn outline(stated: &Stated) -> String {
    let mut text = String::new();
    for key in POLICY {
        let value = (key.value)(&stated.policy);
        match (&key.rule, &value) {
            (Rule::Group(keys), _) => {
                let _ = writeln!(text, "{}:", key.name);
                for inner in *keys {
                    let path = format!("{}.{}", key.name, inner.name);
                    line(&mut text, inner, &(inner.value)(&stated.policy), ("  ", &path), &stated.said);
                }
            }
            (Rule::Verifiers(_), Value::Array(verifiers)) if !verifiers.is_empty() => {
                let _ = writeln!(text, "{}:", key.name);
                for verifier in stated.policy.verifiers.iter().flatten() {
                    let entries = VERIFIER.iter().map(|key| (key.name, (key.value)(verifier)));
                    let entries: Vec<_> = entries.map(|(name, value)| format!("{name}: {}", scalar(&value))).collect();
                    let _ = writeln!(text, "  - {{ {} }}", entries.join(", "));
                }
            }
            _ => line(&mut text, key, &value, ("", key.name), &stated.said),
        }
    }
    text
}

fn line<T>(text: &mut String, key: &Key<T>, value: &Value, (indent, path): (&str, &str), said: &BTreeSet<String>) {
    let stated = format!("{indent}{}: {}", key.name, scalar(value));
    let remark = match value {
        _ if said.contains(path) => String::new(),
        Value::Null => format!("# default: {}", key.absent),
        _ => "# default".to_owned(),
    };
    let _ = writeln!(text, "{}", format!("{:COLUMN$}{remark}", stated.trim_end()).trim_end());
}

/// A value as YAML on one line; what could be read as something else is quoted.
fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if is_plain(text) => text.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(scalar).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries = entries.iter().filter(|(_, value)| !value.is_null());
            let entries: Vec<_> = entries.map(|(key, value)| format!("{key}: {}", scalar(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        // As people write it: 10 and not 10.0.
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        Value::Bool(_) | Value::String(_) => value.to_string(),
    }
}

fn is_plain(text: &str) -> bool {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
        && !words.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::{parse, read};

    #[test]
    fn what_the_file_does_not_say_is_marked() {
        let yaml = "autonomy: manual\nlimits: { steps: 5 }\nverifiers: [{ name: test, run: 'make \"test\"' }]\n\
                    judge: {}\nprotected_paths: ['db/**']\n";
        insta::assert_snapshot!(outline(&read(yaml).unwrap()), @r#"
        label: directive                        # default
        autonomy: manual
        plan_approval: false                    # default
        delivery: integration                   # default
        merge: person                           # default
        merge_method:                           # default: as the repository allows
        base:                                   # default: the repository's default branch
        agent:                                  # default: the operator's default agent
        agents:
          plan:                                 # default: the policy's agent
          step:                                 # default: the policy's agent
          rework:                               # default: the step's agent
          research:                             # default: agents.step
          design:                               # default: agents.step
          implement:                            # default: agents.step
          test:                                 # default: agents.step
          review:                               # default: agents.step
          document:                             # default: agents.step
          fallback:                             # default: the task waits
        thresholds:
          green: 0.85                           # default
          yellow: 0.6                           # default
        limits:
          cost_usd: 10                          # default
          cost_ceiling_usd:                     # default: five times the cost
          wall_time_hours: 8                    # default
          rework_cycles: 3                      # default
          chain_generations: 3                  # default
          steps: 5
          parallel_tasks: 3                     # default
          open_pull_requests: 5                 # default
          ci_minutes: 60                        # default
          approval_hours: 72                    # default
        setup:                                  # default: detected from the tree
        verifiers:
          - { name: test, run: "make \"test\"", required: true, weight: 1, timeout_minutes: 30, network: false }
        ci: "off"                               # default
        judge: { weight: 1 }
        diff:
          max_files:                            # default: 300, above which a change is refused
          max_lines:                            # default: unbounded
          forbidden_paths: []                   # default
          required_paths: []                    # default
        protected_paths: ["db/**"]
        "#);
    }

    proptest! {
        #[test]
        fn an_outline_states_the_same_policy(label in "[ -~é]{1,20}", base in "[a-z./-]{1,9}", run in "\\PC{1,20}", glob in "[ -~]{1,9}") {
            let quoted = |text: &str| serde_json::to_string(text).unwrap();
            let yaml = format!(
                "label: {}\nbase: {}\nlimits: {{ cost_usd: 0.5 }}\nverifiers: [{{ name: a, run: {} }}]\nprotected_paths: [{}]\n",
                quoted(&label), quoted(&base), quoted(&run), quoted(&glob)
            );
            if let Ok(stated) = read(&yaml) {
                prop_assert_eq!(parse(&outline(&stated)), Ok(stated.policy));
            }
        }
    }
}
