//! From the file to the policy, with every fault told at once.

use globset::Glob;

use super::node::{self, Node, Value};
use super::{Autonomy, Delivery, FinalMerge, JudgePolicy, Limits, Policy, Thresholds, VerifierPolicy};
use crate::domain::ids::{StepName, Usd};
use crate::domain::text;

/// More faults than these are not told: whoever mends these comes back anyway.
const MAX_FAULTS: usize = 30;

const KEYS: &[&str] = &[
    "label",
    "autonomy",
    "plan_approval",
    "delivery",
    "merge",
    "base",
    "agent",
    "thresholds",
    "limits",
    "verifiers",
    "judge",
    "protected_paths",
];
const LIMITS: &[&str] = &[
    "cost_usd",
    "cost_ceiling_usd",
    "wall_time_hours",
    "rework_cycles",
    "chain_generations",
    "steps",
    "parallel_tasks",
    "open_pull_requests",
    "approval_hours",
];
const VERIFIER: &[&str] = &["name", "run", "required", "weight", "timeout_minutes", "network"];

/// The policy that a file states; else everything that is wrong with it, a sentence each.
///
/// The file is at most 64 KiB; an empty one is the default.
pub fn parse(yaml: &str) -> Result<Policy, Vec<String>> {
    let root = node::read(yaml).map_err(|fault| vec![fault])?;
    let mut reader = Reader::default();
    let policy = reader.policy(&root);
    if reader.faults.is_empty() {
        return Ok(policy);
    }
    reader.faults.sort_by_key(|(line, _)| *line);
    let more = reader.faults.len().saturating_sub(MAX_FAULTS);
    let told = reader.faults.into_iter().take(MAX_FAULTS).map(|(line, what)| format!("Line {line}: {what}"));
    Err(told.chain((more > 0).then(|| format!("{more} more are not listed."))).collect())
}

/// Collects the faults of a walk over the file; where there is one, a value stays at its default.
#[derive(Default)]
struct Reader {
    /// Each with its line.
    faults: Vec<(u64, String)>,
}

impl Reader {
    fn fault(&mut self, line: u64, what: &str) {
        self.faults.push((line, what.to_owned()));
    }

    fn expected(&mut self, node: &Node, key: &str, expected: &str) {
        self.fault(node.line, &format!("`{key}` must be {expected}, but is {}.", node.value.describe()));
    }

    fn policy(&mut self, root: &Node) -> Policy {
        let mut policy = Policy::default();
        for (key, node) in self.entries(root, "the file", KEYS) {
            match key {
                "label" => self.label(node, &mut policy.label),
                "autonomy" => {
                    let levels = "`manual`, `guardrails` or `full_auto`";
                    self.choice(node, key, levels, Autonomy::parse, &mut policy.autonomy);
                }
                "plan_approval" => self.flag(node, key, &mut policy.plan_approval),
                "delivery" => {
                    self.choice(node, key, "`integration` or `direct`", delivery, &mut policy.delivery);
                }
                "merge" => self.choice(node, key, "`person` or `auto`", final_merge, &mut policy.merge),
                "base" => self.base(node, &mut policy.base),
                "agent" => self.agent(node, key, &mut policy.agent),
                "thresholds" => self.thresholds(node, &mut policy.thresholds),
                "limits" => self.limits(node, &mut policy.limits),
                "verifiers" => policy.verifiers = Some(self.verifiers(node)),
                "judge" => policy.judge = Some(self.judge(node)),
                "protected_paths" => policy.protected_paths = self.protected_paths(node),
                _ => unreachable!("entries() gives known keys only"),
            }
        }
        policy
    }

    /// The known entries of a mapping that have a value; unknown ones are faults.
    fn entries<'a>(
        &mut self,
        node: &'a Node,
        what: &str,
        known: &'static [&'static str],
    ) -> Vec<(&'static str, &'a Node)> {
        let entries = match &node.value {
            Value::Map(entries) => entries,
            Value::Nothing => return Vec::new(),
            _ => {
                let description = node.value.describe();
                self.fault(node.line, &format!("{what} must be a mapping (`key: value`), but is {description}."));
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for entry in entries {
            match known.iter().find(|key| **key == entry.key) {
                // `key:` without a value says nothing: the default holds.
                Some(_) if matches!(entry.value.value, Value::Nothing) => {}
                Some(key) => found.push((*key, &entry.value)),
                None => {
                    let near = text::nearest(&entry.key, known.iter().copied());
                    let hint = near.map_or_else(
                        || format!("known are {}.", known.join(", ")),
                        |near| format!("did you mean `{near}`?"),
                    );
                    let key: String = entry.key.chars().take(60).collect();
                    self.fault(entry.line, &format!("{what} has no key `{key}`; {hint}"));
                }
            }
        }
        found
    }

    fn flag(&mut self, node: &Node, key: &str, into: &mut bool) {
        match node.value {
            Value::Flag(flag) => *into = flag,
            _ => self.expected(node, key, "`true` or `false`"),
        }
    }

    fn text<'a>(&mut self, node: &'a Node, key: &str) -> Option<&'a str> {
        match &node.value {
            Value::Text(text) => Some(text.trim()),
            Value::Flag(_) | Value::Number(_) => {
                self.expected(node, key, "a text (in quotes)");
                None
            }
            _ => {
                self.expected(node, key, "a text");
                None
            }
        }
    }

    fn choice<T>(&mut self, node: &Node, key: &str, expected: &str, parse: impl Fn(&str) -> Option<T>, into: &mut T) {
        match &node.value {
            Value::Text(text) => match parse(text) {
                Some(value) => *into = value,
                None => self.expected(node, key, expected),
            },
            _ => self.expected(node, key, expected),
        }
    }

    /// A number above 0 and at most `most`.
    fn positive(&mut self, node: &Node, key: &str, most: f64, into: &mut f64) {
        match node.value {
            Value::Number(number) if number > 0.0 && number <= most => *into = number,
            _ => self.expected(node, key, &format!("a number above 0 and at most {most}")),
        }
    }

    /// Hours, at most a year of them; 0 for never.
    fn hours(&mut self, node: &Node, key: &str, into: &mut f64) {
        match node.value {
            Value::Number(number) if (0.0..=8_760.0).contains(&number) => *into = number,
            _ => self.expected(node, key, "a number of hours, at most 8760, or 0 for never"),
        }
    }

    /// A whole number from 1 to `most`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be whole and in range
    fn count(&mut self, node: &Node, key: &str, most: u32, into: &mut u32) {
        match node.value {
            Value::Number(number) if number.fract() == 0.0 && (1.0..=f64::from(most)).contains(&number) => {
                *into = number as u32;
            }
            _ => self.expected(node, key, &format!("a whole number from 1 to {most}")),
        }
    }

    /// <https://docs.github.com/en/issues/using-labels-and-milestones-to-track-work/managing-labels>
    fn label(&mut self, node: &Node, into: &mut String) {
        let Some(label) = self.text(node, "label") else { return };
        if label.is_empty() || label.chars().count() > 50 || label.contains(char::is_control) {
            self.expected(node, "label", "a text of 1 to 50 characters");
        } else {
            label.clone_into(into);
        }
    }

    fn base(&mut self, node: &Node, into: &mut Option<String>) {
        let Some(base) = self.text(node, "base") else { return };
        if is_branch_name(base) {
            *into = Some(base.to_owned());
        } else {
            self.expected(node, "base", "a branch's name, without `refs/heads/`");
        }
    }

    fn agent(&mut self, node: &Node, key: &str, into: &mut Option<String>) {
        let Some(agent) = self.text(node, key) else { return };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !agent.is_empty() && agent.len() <= 50 && agent.chars().all(plain) {
            *into = Some(agent.to_owned());
        } else {
            self.expected(node, key, "the name of one of the operator's agents");
        }
    }

    fn thresholds(&mut self, node: &Node, into: &mut Thresholds) {
        for (key, value) in self.entries(node, "`thresholds`", &["green", "yellow"]) {
            match key {
                "green" => self.positive(value, "thresholds.green", 1.0, &mut into.green),
                _ => self.positive(value, "thresholds.yellow", 1.0, &mut into.yellow),
            }
        }
        if into.yellow > into.green {
            let Thresholds { green, yellow } = *into;
            let what = format!("`thresholds.yellow` ({yellow}) must not be above `thresholds.green` ({green}).");
            self.fault(node.line, &what);
        }
    }

    fn limits(&mut self, node: &Node, into: &mut Limits) {
        for (key, value) in self.entries(node, "`limits`", LIMITS) {
            let path = format!("limits.{key}");
            match key {
                "cost_usd" => {
                    let mut dollars = into.cost.dollars();
                    self.positive(value, &path, 10_000.0, &mut dollars);
                    into.cost = Usd::from_dollars(dollars);
                }
                "cost_ceiling_usd" => {
                    let mut dollars = 0.0;
                    self.positive(value, &path, 100_000.0, &mut dollars);
                    into.cost_ceiling = Some(Usd::from_dollars(dollars)).filter(|_| dollars > 0.0);
                }
                "approval_hours" => self.hours(value, &path, &mut into.approval_hours),
                "wall_time_hours" => self.positive(value, &path, 720.0, &mut into.wall_time_hours),
                "rework_cycles" => self.count(value, &path, 20, &mut into.rework_cycles),
                "chain_generations" => self.count(value, &path, 20, &mut into.chain_generations),
                "steps" => self.count(value, &path, 50, &mut into.steps),
                "parallel_tasks" => self.count(value, &path, 20, &mut into.parallel_tasks),
                _ => self.count(value, &path, 100, &mut into.open_pull_requests),
            }
        }
        if into.cost_ceiling() < into.cost {
            let (ceiling, cost) = (into.cost_ceiling(), into.cost);
            let what = format!("`limits.cost_ceiling_usd` ({ceiling}) must not be below `limits.cost_usd` ({cost}).");
            self.fault(node.line, &what);
        }
    }

    fn list<'a>(&mut self, node: &'a Node, key: &str, most: usize) -> &'a [Node] {
        match &node.value {
            Value::List(nodes) if nodes.len() <= most => nodes,
            Value::List(nodes) => {
                self.fault(node.line, &format!("`{key}` has {} entries; at most {most} are allowed.", nodes.len()));
                &[]
            }
            _ => {
                self.expected(node, key, "a list");
                &[]
            }
        }
    }

    fn verifiers(&mut self, node: &Node) -> Vec<VerifierPolicy> {
        let mut verifiers: Vec<VerifierPolicy> = Vec::new();
        for entry in self.list(node, "verifiers", 20) {
            let Some(verifier) = self.verifier(entry) else { continue };
            if verifiers.iter().any(|earlier| earlier.name == verifier.name) {
                let what = format!("the verifier `{}` is there twice; give each a name of its own.", verifier.name);
                self.fault(entry.line, &what);
            }
            verifiers.push(verifier);
        }
        verifiers
    }

    fn verifier(&mut self, node: &Node) -> Option<VerifierPolicy> {
        let entries = self.entries(node, "a verifier", VERIFIER);
        let value_of = |wanted: &str| entries.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
        let name = if let Some(value) = value_of("name") {
            self.verifier_name(value)
        } else {
            self.fault(node.line, "a verifier needs a `name`, such as `test`.");
            None
        };
        let run = if let Some(value) = value_of("run") {
            let run = self.text(value, "run");
            if run == Some("") {
                self.expected(value, "run", "a command");
            }
            run
        } else {
            self.fault(node.line, "a verifier needs a command to `run`, such as `cargo test`.");
            None
        };
        let mut verifier = VerifierPolicy::named(name.unwrap_or_default(), run.unwrap_or_default());
        for (key, value) in entries {
            match key {
                "required" => self.flag(value, key, &mut verifier.required),
                "network" => self.flag(value, key, &mut verifier.network),
                "weight" => self.positive(value, key, 100.0, &mut verifier.weight),
                "timeout_minutes" => self.count(value, key, 360, &mut verifier.timeout_minutes),
                _ => {}
            }
        }
        name.and(run).map(|_| verifier)
    }

    fn verifier_name<'a>(&mut self, node: &'a Node) -> Option<&'a str> {
        let name = self.text(node, "name")?;
        if name == "adjutant" {
            self.fault(node.line, "a verifier must not be named `adjutant`: that is the check of the whole.");
            None
        } else if StepName::is_well_formed(name) {
            Some(name)
        } else {
            self.expected(node, "name", "kebab-case of at most 40 characters, such as `unit-tests`");
            None
        }
    }

    fn judge(&mut self, node: &Node) -> JudgePolicy {
        let mut judge = JudgePolicy { agent: None, weight: 1.0 };
        for (key, value) in self.entries(node, "`judge`", &["agent", "weight"]) {
            match key {
                "agent" => self.agent(value, "judge.agent", &mut judge.agent),
                _ => self.positive(value, "judge.weight", 100.0, &mut judge.weight),
            }
        }
        judge
    }

    fn protected_paths(&mut self, node: &Node) -> Vec<String> {
        let mut paths = Vec::new();
        for entry in self.list(node, "protected_paths", 100) {
            let Some(path) = self.text(entry, "protected_paths") else { continue };
            if path.is_empty() || path.starts_with(['/', '!']) {
                let expected = "a list of globs from the root of the tree, such as `migrations/**`";
                self.expected(entry, "protected_paths", expected);
            } else if let Err(error) = Glob::new(path) {
                let what = format!("`protected_paths` has a glob that does not compile: {error}.");
                self.fault(entry.line, &what);
            } else {
                paths.push(path.to_owned());
            }
        }
        paths
    }
}

fn delivery(word: &str) -> Option<Delivery> {
    match word {
        "integration" => Some(Delivery::Integration),
        "direct" => Some(Delivery::Direct),
        _ => None,
    }
}

fn final_merge(word: &str) -> Option<FinalMerge> {
    match word {
        "person" => Some(FinalMerge::Person),
        "auto" => Some(FinalMerge::Auto),
        _ => None,
    }
}

/// The rules of <https://git-scm.com/docs/git-check-ref-format>, as far as they matter for a name in a file.
fn is_branch_name(name: &str) -> bool {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    !name.is_empty()
        && name.len() <= 255
        && name != "@"
        && !name.starts_with('-')
        && !name.starts_with("refs/")
        && !name.contains(forbidden)
        && !name.contains("..")
        && !name.contains("@{")
        && name.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && !part.ends_with('.')
                && std::path::Path::new(part).extension().is_none_or(|extension| extension != "lock")
        })
}
