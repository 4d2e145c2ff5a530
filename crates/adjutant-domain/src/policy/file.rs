//! From the file to the policy, with every fault told at once.

use std::collections::BTreeSet;

use globset::Glob;

use super::fault::{Expected, FileFault, LineFault, Mapping, PolicyFault, quoted, said};
use super::keys::{self, Key, Rule};
use super::node::{self, Node, Value};
use super::words::{autonomy, ci_policy, delivery, final_merge, is_branch_name};
use super::{
    AgentsPolicy, CiPolicy, DiffPolicy, JudgePolicy, Limits, Policy, Thresholds, VerifierNetwork, VerifierPolicy,
};
use crate::ids::{StepName, Usd};
use crate::merging::MergeMethod;
use crate::network::{HostName, HostPattern};
use crate::{ci, text};

/// More faults than these are not told: whoever mends these comes back anyway.
const MAX_FAULTS: usize = 30;

/// A policy, and what of it the file says itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Stated {
    /// What holds.
    pub policy: Policy,
    /// The keys that the file sets, such as `limits.steps`; the others are at their defaults.
    pub said: BTreeSet<String>,
}

/// The policy that a file states; else everything that is wrong with it.
///
/// The file is at most 64 KiB; an empty one is the default.
pub fn parse(yaml: &str) -> Result<Policy, Vec<PolicyFault>> {
    let stated = read(yaml).map_err(|faults| {
        let more = faults.len().saturating_sub(MAX_FAULTS);
        let told = faults.into_iter().take(MAX_FAULTS).map(PolicyFault::Line);
        told.chain((more > 0).then_some(PolicyFault::More { faults: more })).collect::<Vec<_>>()
    })?;
    Ok(stated.policy)
}

/// The same with what the file says itself; else every fault with its line.
pub fn read(yaml: &str) -> Result<Stated, Vec<LineFault>> {
    let root = node::read(yaml).map_err(|fault| vec![fault])?;
    let mut reader = Reader::default();
    reader.unstorable(&root);
    let policy = reader.policy(&root);
    if reader.faults.is_empty() {
        return Ok(Stated { policy, said: reader.said });
    }
    reader.faults.sort_by_key(|fault| fault.line);
    Err(reader.faults)
}

/// Collects the faults of a walk over the file; where there is one, a value stays at its default.
#[derive(Default)]
struct Reader {
    faults: Vec<LineFault>,
    /// The keys with a value.
    said: BTreeSet<String>,
}

impl Reader {
    fn fault(&mut self, line: u64, fault: FileFault) {
        self.faults.push(LineFault { line, fault });
    }

    /// Notes every text that the database cannot keep. The file is at most a few levels deep.
    fn unstorable(&mut self, node: &Node) {
        match &node.value {
            Value::Text(text) if text.contains('\0') => self.fault(node.line, FileFault::Unstorable),
            Value::List(nodes) => nodes.iter().for_each(|node| self.unstorable(node)),
            Value::Map(entries) => {
                for entry in entries {
                    if entry.key.contains('\0') {
                        self.fault(entry.line, FileFault::Unstorable);
                    }
                    self.unstorable(&entry.value);
                }
            }
            Value::Text(_) | Value::Nothing | Value::Flag(_) | Value::Number(_) => {}
        }
    }

    fn expected(&mut self, node: &Node, key: &str, expected: Expected) {
        let found = node.value.found();
        self.fault(node.line, FileFault::Unexpected { key: key.to_owned(), expected, found });
    }

    fn policy(&mut self, root: &Node) -> Policy {
        let mut policy = Policy::default();
        for (key, node) in self.entries(root, Mapping::File, keys::POLICY) {
            self.said.insert(key.name.to_owned());
            match (key.name, &key.rule) {
                ("label", _) => self.label(node, &mut policy.label),
                ("autonomy", rule) => self.word(node, key.name, rule, autonomy, &mut policy.autonomy),
                ("plan_approval", _) => self.flag(node, key.name, &mut policy.plan_approval),
                ("delivery", rule) => self.word(node, key.name, rule, delivery, &mut policy.delivery),
                ("merge", rule) => self.word(node, key.name, rule, final_merge, &mut policy.merge),
                ("merge_method", rule) => {
                    self.word(node, key.name, rule, |word| Some(MergeMethod::parse(word)), &mut policy.merge_method);
                }
                ("base", _) => self.base(node, &mut policy.base),
                ("agent", _) => self.agent(node, key.name, &mut policy.agent),
                ("agents", _) => self.agents(node, &mut policy.agents),
                ("thresholds", _) => self.thresholds(node, &mut policy.thresholds),
                ("limits", _) => self.limits(node, &mut policy.limits),
                ("setup", Rule::Commands(most)) => policy.setup = Some(self.setup(node, *most)),
                ("verifiers", Rule::Verifiers(most)) => policy.verifiers = Some(self.verifiers(node, *most)),
                ("ci", rule) => self.word(node, key.name, rule, ci_policy, &mut policy.ci),
                ("judge", _) => policy.judge = Some(self.judge(node)),
                ("diff", _) => self.diff(node, &mut policy.diff),
                ("protected_paths", Rule::Globs(most)) => policy.protected_paths = self.globs(node, key.name, *most),
                _ => unreachable!("every key of the table is read above"),
            }
        }
        let named = policy.verifiers.iter().flatten().any(|verifier| verifier.name == ci::NAME);
        if named && policy.ci != CiPolicy::Off {
            self.fault(root.line, FileFault::VerifierNamedCi);
        }
        policy
    }

    /// The known entries of a mapping that have a value; unknown ones are faults.
    fn entries<'a, T>(
        &mut self,
        node: &'a Node,
        mapping: Mapping,
        known: &'static [Key<T>],
    ) -> Vec<(&'static Key<T>, &'a Node)> {
        let entries = match &node.value {
            Value::Map(entries) => entries,
            Value::Nothing => return Vec::new(),
            _ => {
                self.fault(node.line, FileFault::NotAMapping { mapping, found: node.value.found() });
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for entry in entries {
            match known.iter().find(|key| key.name == entry.key) {
                // `key:` without a value says nothing: the default holds.
                Some(_) if matches!(entry.value.value, Value::Nothing) => {}
                Some(key) => found.push((key, &entry.value)),
                None => {
                    let nearest = text::nearest(&entry.key, known.iter().map(|key| key.name)).map(str::to_owned);
                    let known = known.iter().map(|key| key.name.to_owned()).collect();
                    let key = quoted(&entry.key);
                    self.fault(entry.line, FileFault::UnknownKey { mapping, key, nearest, known });
                }
            }
        }
        found
    }

    fn flag(&mut self, node: &Node, key: &str, into: &mut bool) {
        match node.value {
            Value::Flag(flag) => *into = flag,
            _ => self.expected(node, key, Expected::Flag),
        }
    }

    fn text<'a>(&mut self, node: &'a Node, key: &str) -> Option<&'a str> {
        match &node.value {
            Value::Text(text) if text.trim().len() < text.len() && !text.trim().is_empty() => {
                self.expected(node, key, Expected::TrimmedText);
                None
            }
            Value::Text(text) => Some(text),
            Value::Flag(_) | Value::Number(_) => {
                self.expected(node, key, Expected::QuotedText);
                None
            }
            _ => {
                self.expected(node, key, Expected::Text);
                None
            }
        }
    }

    /// One of a rule's words.
    fn word<T>(&mut self, node: &Node, key: &str, rule: &Rule, of: impl Fn(&str) -> Option<T>, into: &mut T) {
        let Rule::Word(words) = rule else { unreachable!("`{key}` takes a word") };
        match &node.value {
            Value::Text(text) if words.contains(&text.as_str()) => {
                if let Some(value) = of(text) {
                    *into = value;
                }
            }
            _ => {
                let words = words.iter().map(|word| (*word).to_owned()).collect();
                self.expected(node, key, Expected::Word(words));
            }
        }
    }

    /// A number within a rule's bounds.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be whole and in range
    fn count(&mut self, node: &Node, key: &str, rule: &Rule, into: &mut u32) {
        let Rule::Count(most) = rule else { unreachable!("`{key}` takes a whole number") };
        match node.value {
            Value::Number(number) if number.fract() == 0.0 && (1.0..=f64::from(*most)).contains(&number) => {
                *into = number as u32;
            }
            _ => self.expected(node, key, Expected::Count(*most)),
        }
    }

    fn number(&mut self, node: &Node, key: &str, rule: &Rule, into: &mut f64) {
        let (most, none) = match rule {
            Rule::Number(most) => (*most, false),
            Rule::NumberOrNone(most) => (*most, true),
            _ => unreachable!("`{key}` takes a number"),
        };
        match node.value {
            Value::Number(number) if (0.0..=most).contains(&number) && (none || number > 0.0) => *into = number,
            _ if none => self.expected(node, key, Expected::NumberOrNone(most)),
            _ => self.expected(node, key, Expected::Number(most)),
        }
    }

    /// <https://docs.github.com/en/issues/using-labels-and-milestones-to-track-work/managing-labels>
    fn label(&mut self, node: &Node, into: &mut String) {
        let Some(label) = self.text(node, "label") else { return };
        if label.trim().is_empty() || label.chars().count() > 50 || label.contains(char::is_control) {
            self.expected(node, "label", Expected::Label);
        } else {
            label.clone_into(into);
        }
    }

    fn base(&mut self, node: &Node, into: &mut Option<String>) {
        let Some(base) = self.text(node, "base") else { return };
        if is_branch_name(base) {
            *into = Some(base.to_owned());
        } else {
            self.expected(node, "base", Expected::Branch);
        }
    }

    fn agent(&mut self, node: &Node, key: &str, into: &mut Option<String>) {
        let Some(agent) = self.text(node, key) else { return };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !agent.is_empty() && agent.len() <= 50 && agent.chars().all(plain) {
            *into = Some(agent.to_owned());
        } else {
            self.expected(node, key, Expected::Agent);
        }
    }

    fn agents(&mut self, node: &Node, into: &mut AgentsPolicy) {
        for (key, value) in self.entries(node, Mapping::Agents, keys::AGENTS) {
            let path = format!("agents.{}", key.name);
            self.said.insert(path.clone());
            let mut agent = None;
            self.agent(value, &path, &mut agent);
            if let Some(agent) = agent {
                into.name(key.name, agent);
            }
        }
    }

    fn thresholds(&mut self, node: &Node, into: &mut Thresholds) {
        for (key, value) in self.entries(node, Mapping::Thresholds, keys::THRESHOLDS) {
            let path = format!("thresholds.{}", key.name);
            let threshold = if key.name == "green" { &mut into.green } else { &mut into.yellow };
            self.number(value, &path, &key.rule, threshold);
            self.said.insert(path);
        }
        if into.yellow > into.green {
            let Thresholds { green, yellow } = *into;
            self.fault(node.line, FileFault::YellowAboveGreen { yellow, green });
        }
    }

    fn limits(&mut self, node: &Node, into: &mut Limits) {
        for (key, value) in self.entries(node, Mapping::Limits, keys::LIMITS) {
            let (path, rule) = (format!("limits.{}", key.name), &key.rule);
            match key.name {
                "cost_usd" => {
                    let mut dollars = into.cost.dollars();
                    self.number(value, &path, rule, &mut dollars);
                    into.cost = Usd::from_dollars(dollars);
                }
                "cost_ceiling_usd" => {
                    let mut dollars = 0.0;
                    self.number(value, &path, rule, &mut dollars);
                    into.cost_ceiling = Some(Usd::from_dollars(dollars)).filter(|_| dollars > 0.0);
                }
                "approval_hours" => self.number(value, &path, rule, &mut into.approval_hours),
                "wall_time_hours" => self.number(value, &path, rule, &mut into.wall_time_hours),
                "rework_cycles" => self.count(value, &path, rule, &mut into.rework_cycles),
                "chain_generations" => self.count(value, &path, rule, &mut into.chain_generations),
                "ci_minutes" => self.count(value, &path, rule, &mut into.ci_minutes),
                "steps" => self.count(value, &path, rule, &mut into.steps),
                "parallel_tasks" => self.count(value, &path, rule, &mut into.parallel_tasks),
                "open_pull_requests" => self.count(value, &path, rule, &mut into.open_pull_requests),
                _ => unreachable!("every limit of the table is read above"),
            }
            self.said.insert(path);
        }
        if into.cost_ceiling() < into.cost {
            let (ceiling, cost) = (into.cost_ceiling(), into.cost);
            self.fault(node.line, FileFault::CeilingBelowCost { ceiling, cost });
        }
    }

    fn list<'a>(&mut self, node: &'a Node, key: &str, most: usize) -> &'a [Node] {
        match &node.value {
            Value::List(nodes) if nodes.len() <= most => nodes,
            Value::List(nodes) => {
                let (key, entries) = (key.to_owned(), nodes.len());
                self.fault(node.line, FileFault::TooManyEntries { key, entries, allowed: most });
                &[]
            }
            _ => {
                self.expected(node, key, Expected::List);
                &[]
            }
        }
    }

    fn setup(&mut self, node: &Node, most: usize) -> Vec<String> {
        let entries = self.list(node, "setup", most);
        entries.iter().filter_map(|entry| self.command(entry, "setup")).map(str::to_owned).collect()
    }

    fn verifiers(&mut self, node: &Node, most: usize) -> Vec<VerifierPolicy> {
        let mut verifiers: Vec<VerifierPolicy> = Vec::new();
        for entry in self.list(node, "verifiers", most) {
            let Some(verifier) = self.verifier(entry) else { continue };
            if verifiers.iter().any(|earlier| earlier.name == verifier.name) {
                self.fault(entry.line, FileFault::SameVerifier { name: verifier.name.clone() });
            }
            verifiers.push(verifier);
        }
        verifiers
    }

    fn verifier(&mut self, node: &Node) -> Option<VerifierPolicy> {
        let entries = self.entries(node, Mapping::Verifier, keys::VERIFIER);
        let value_of = |wanted: &str| entries.iter().find(|(key, _)| key.name == wanted).map(|(_, value)| *value);
        let name = if let Some(value) = value_of("name") {
            self.verifier_name(value)
        } else {
            self.fault(node.line, FileFault::NoVerifierName);
            None
        };
        let run = if let Some(value) = value_of("run") {
            self.command(value, "run")
        } else {
            self.fault(node.line, FileFault::NoVerifierCommand);
            None
        };
        let mut verifier = VerifierPolicy::named(name.unwrap_or_default(), run.unwrap_or_default());
        for (key, value) in entries {
            match key.name {
                "required" => self.flag(value, key.name, &mut verifier.required),
                "network" => self.network(value, &key.rule, &mut verifier.network),
                "weight" => self.number(value, key.name, &key.rule, &mut verifier.weight),
                "timeout_minutes" => self.count(value, key.name, &key.rule, &mut verifier.timeout_minutes),
                _ => {}
            }
        }
        name.and(run).map(|_| verifier)
    }

    /// A command may be a block of lines, with the line end that YAML gives it.
    fn command<'a>(&mut self, node: &'a Node, key: &str) -> Option<&'a str> {
        match &node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.trim()),
            _ => {
                self.expected(node, key, Expected::Command);
                None
            }
        }
    }

    /// A switch or a list of names. Which addresses are reached is the operator's to say.
    fn network(&mut self, node: &Node, rule: &Rule, into: &mut VerifierNetwork) {
        let Rule::Hosts(most) = rule else { unreachable!("`network` takes hosts") };
        let entries = match &node.value {
            Value::Flag(flag) => {
                *into = VerifierNetwork::Switch(*flag);
                return;
            }
            Value::List(_) => self.list(node, "network", *most),
            _ => return self.expected(node, "network", Expected::Network),
        };
        let mut hosts = Vec::new();
        for entry in entries {
            match self.text(entry, "network").map(str::parse) {
                Some(Ok(HostPattern::Below(domain))) => hosts.push(HostPattern::Below(domain)),
                Some(Ok(HostPattern::Exactly(HostName::Name(name)))) => {
                    hosts.push(HostPattern::Exactly(HostName::Name(name)));
                }
                Some(_) => {
                    self.expected(entry, "network", Expected::Hosts);
                }
                None => {}
            }
        }
        *into = VerifierNetwork::Hosts(hosts.into_iter().collect());
    }

    fn verifier_name<'a>(&mut self, node: &'a Node) -> Option<&'a str> {
        let name = self.text(node, "name")?;
        if name == "adjutant" {
            self.fault(node.line, FileFault::VerifierNamedAdjutant);
            None
        } else if StepName::is_well_formed(name) {
            Some(name)
        } else {
            self.expected(node, "name", Expected::VerifierName);
            None
        }
    }

    fn judge(&mut self, node: &Node) -> JudgePolicy {
        let mut judge = JudgePolicy { agent: None, weight: 1.0 };
        for (key, value) in self.entries(node, Mapping::Judge, keys::JUDGE) {
            match key.name {
                "agent" => self.agent(value, "judge.agent", &mut judge.agent),
                _ => self.number(value, "judge.weight", &key.rule, &mut judge.weight),
            }
        }
        judge
    }

    fn diff(&mut self, node: &Node, into: &mut DiffPolicy) {
        for (key, value) in self.entries(node, Mapping::Diff, keys::DIFF) {
            let name = format!("diff.{}", key.name);
            self.said.insert(name.clone());
            match (key.name, &key.rule) {
                ("max_files", rule) => self.some_count(value, &name, rule, &mut into.max_files),
                ("max_lines", rule) => self.some_count(value, &name, rule, &mut into.max_lines),
                ("forbidden_paths", Rule::Globs(most)) => into.forbidden_paths = self.globs(value, &name, *most),
                ("required_paths", Rule::Globs(most)) => into.required_paths = self.globs(value, &name, *most),
                _ => unreachable!("every key of the table is read above"),
            }
        }
    }

    /// A number that holds only where it is written.
    fn some_count(&mut self, node: &Node, key: &str, rule: &Rule, into: &mut Option<u32>) {
        let mut count = 0;
        self.count(node, key, rule, &mut count);
        *into = (count > 0).then_some(count);
    }

    fn globs(&mut self, node: &Node, key: &str, most: usize) -> Vec<String> {
        let mut paths = Vec::new();
        for entry in self.list(node, key, most) {
            let Some(path) = self.text(entry, key) else { continue };
            if path.trim().is_empty() || path.starts_with(['/', '!']) {
                self.expected(entry, key, Expected::Globs);
            } else if let Err(error) = Glob::new(path) {
                self.fault(entry.line, FileFault::BadGlob { key: key.to_owned(), error: said(&error.to_string()) });
            } else {
                paths.push(path.to_owned());
            }
        }
        paths
    }
}
