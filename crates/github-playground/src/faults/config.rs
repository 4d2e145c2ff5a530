//! Fault rules in the form of the seed file and the admin API.
//!
//! ```yaml
//! seed: 7                      # of the random numbers
//! rules:
//!   - requests: { methods: [POST], path: "/repos/*/*/pulls", caller: installation }
//!     does: done_then_reset
//!     times: 1
//!   - deliveries: { event: issues, action: labeled }
//!     does: { delay: { ms: 3000 } }
//!     chance: 0.5
//!   - refs: { name: "refs/heads/**" }
//!     does: { hidden: { reads: 2 } }
//! ```

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::rule::{DeliveryFilter, FaultRule, Meets, RefFilter, RequestFilter};

/// A list of rules with its seed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultConfig {
    /// The seed of the random numbers.
    pub(crate) seed: Option<u64>,
    #[serde(default)]
    rules: Vec<Value>,
}

impl FaultConfig {
    /// The rules, or all their faults, each with its place.
    pub(crate) fn rules(&self) -> Result<Vec<FaultRule>, Vec<String>> {
        let (mut rules, mut faults) = (Vec::new(), Vec::new());
        for (at, value) in self.rules.iter().enumerate() {
            match read(value) {
                Ok(rule) => rules.push(rule),
                Err(found) => faults.extend(found.into_iter().map(|fault| format!("rules[{at}].{fault}"))),
            }
        }
        if faults.is_empty() { Ok(rules) } else { Err(faults) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: Option<String>,
    requests: Option<RequestFilter>,
    deliveries: Option<DeliveryFilter>,
    refs: Option<RefFilter>,
    does: Option<Value>,
    #[serde(default)]
    skip: u64,
    times: Option<u64>,
    #[serde(default = "certain")]
    chance: f64,
    #[serde(default)]
    each: bool,
}

fn certain() -> f64 {
    1.0
}

/// One rule, or all its faults.
pub(crate) fn read(value: &Value) -> Result<FaultRule, Vec<String>> {
    let line: Rule = serde_json::from_value(value.clone()).map_err(|error| {
        let hint = "a rule has requests, deliveries or refs; does; and name, skip, times, chance, each as it likes";
        vec![format!("{error}; {hint}")]
    })?;
    let does = line.does.ok_or_else(|| vec!["does: it is missing; say what is done".to_owned()])?;
    let meets = match (line.requests, line.deliveries, line.refs) {
        (Some(which), None, None) => Meets::Requests(which, act(does)?),
        (None, Some(which), None) => Meets::Deliveries(which, act(does)?),
        (None, None, Some(which)) => Meets::Refs(which, act(does)?),
        _ => return Err(vec!["requests, deliveries, refs: give exactly one of them".to_owned()]),
    };
    let rule =
        FaultRule { name: line.name, meets, skip: line.skip, times: line.times, chance: line.chance, each: line.each };
    rule.compile().map(|_| rule)
}

/// An act is a word, or a word with settings.
fn act<T: DeserializeOwned>(does: Value) -> Result<T, Vec<String>> {
    let with_settings = does.as_str().map(|word| json!({ word: {} }));
    serde_json::from_value(does).or_else(|error| {
        let fault = vec![format!("does: {error}")];
        with_settings.and_then(|does| serde_json::from_value(does).ok()).ok_or(fault)
    })
}

impl FaultRule {
    /// The rule in the form of the file.
    pub(super) fn shown(&self) -> Value {
        let (kind, which, does) = match &self.meets {
            Meets::Requests(which, act) => ("requests", json!(which), json!(act)),
            Meets::Deliveries(which, act) => ("deliveries", json!(which), json!(act)),
            Meets::Refs(which, act) => ("refs", json!(which), json!(act)),
        };
        json!({
            "name": self.name, kind: which, "does": does, "skip": self.skip, "times": self.times,
            "chance": self.chance, "each": self.each,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rules: &Value) -> Result<Vec<FaultRule>, Vec<String>> {
        serde_json::from_value::<FaultConfig>(json!({ "rules": rules })).unwrap().rules()
    }

    #[test]
    fn a_shown_rule_can_be_read_back() {
        let rules = written(&json!([
            { "requests": { "methods": ["POST"], "path": "/repos/{owner}/{repo}/pulls", "caller": "app" }, "does": "reset" },
            { "deliveries": { "event": "issues" }, "does": "duplicate", "chance": 0.25, "skip": 2 },
            { "refs": {}, "does": { "hidden": { "reads": 3 } }, "times": 1, "each": true, "name": "late refs" },
        ]))
        .unwrap();
        assert_eq!(rules.len(), 3);
        for rule in rules {
            assert_eq!(read(&rule.shown()).unwrap(), rule);
        }
    }

    #[test]
    fn every_fault_is_reported_with_its_place() {
        let faults = written(&json!([
            { "requests": { "path": "repos" }, "does": "explode" },
            { "requests": { "methods": ["post"], "path": "/a[" }, "does": "reset", "chance": 2, "times": 0 },
            { "does": "drop" },
            { "deliveries": {}, "refs": {}, "does": "drop" },
            { "deliveries": {}, "does": "reset" },
            { "deliveries": {}, "doez": 1 },
        ]))
        .unwrap_err();
        let all = faults.join("\n");
        for part in [
            "rules[0].does: unknown variant `explode`",
            "rules[1].requests.methods: `post`",
            "rules[1].requests.path: `/a[`",
            "rules[1].chance: 2",
            "rules[1].times: 0",
            "rules[2].requests, deliveries, refs",
            "rules[3].requests, deliveries, refs",
            "rules[4].does: unknown variant `reset`",
            "rules[5].unknown field `doez`",
        ] {
            assert!(all.contains(part), "{part} is missing in:\n{all}");
        }
    }
}
