//! The keys of the policy file, in one table: what each means, what it takes and what it is where nobody says.
//!
//! The parser takes its bounds from here, the JSON Schema and the outline of a policy are written from it, so that
//! the three cannot disagree about a key.

use serde_json::{Value, json};

use super::{JudgePolicy, Policy, VerifierPolicy};
use crate::ids::Usd;

/// One key of a mapping that becomes a `T`.
pub(super) struct Key<T: 'static> {
    pub(super) name: &'static str,
    /// What it means, in a sentence.
    pub(super) about: &'static str,
    pub(super) rule: Rule,
    /// What a `T` has for it, as the file would say it; null where it has nothing.
    pub(super) value: fn(&T) -> Value,
    /// What holds where a `T` has nothing for it.
    pub(super) absent: &'static str,
}

/// What a key takes. Nothing at all (`key:`) is taken everywhere, and means the default.
pub(super) enum Rule {
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A label's name.
    Label,
    /// A branch's name.
    Branch,
    /// The name of an operator's agent.
    Agent,
    /// A verifier's name.
    VerifierName,
    /// A shell command.
    Command,
    /// A list of so many shell commands at most.
    Commands(usize),
    /// A number above 0 and at most this.
    Number(f64),
    /// A number from 0 to this.
    NumberOrNone(f64),
    /// A whole number from 1 to this.
    Count(u32),
    /// A mapping.
    Group(&'static [Key<Policy>]),
    /// A list of so many verifiers at most.
    Verifiers(usize),
    /// The judge.
    Judge,
    /// A list of so many globs at most.
    Globs(usize),
    /// `true`, `false`, or a list of so many hosts at most.
    Hosts(usize),
}

impl<T> Key<T> {
    const fn new(name: &'static str, about: &'static str, rule: Rule, value: fn(&T) -> Value) -> Self {
        Self { name, about, rule, value, absent: "" }
    }

    const fn or(self, absent: &'static str) -> Self {
        Self { absent, ..self }
    }
}

pub(super) const POLICY: &[Key<Policy>] = &[
    Key::new("label", "The label that starts a directive, at most 50 characters.", Rule::Label, |p| json!(p.label)),
    Key::new("autonomy", "How much is done without asking.", Rule::Word(AUTONOMY), |p| json!(p.autonomy)),
    Key::new("plan_approval", "Whether the plan waits for /approve; in manual it always does.", Rule::Flag, |p| {
        json!(p.plan_approval)
    }),
    Key::new(
        "delivery",
        "Where steps' pull requests go: into an integration branch, or each straight against the base.",
        Rule::Word(&["integration", "direct"]),
        |p| json!(p.delivery),
    ),
    Key::new(
        "merge",
        "Who merges into the base: a person, or Adjutant in full_auto when green.",
        Rule::Word(&["person", "auto"]),
        |p| json!(p.merge),
    ),
    Key::new(
        "merge_method",
        "How pull requests are merged into the base.",
        Rule::Word(&["merge", "squash", "rebase"]),
        |p: &Policy| json!(p.merge_method),
    )
    .or("as the repository allows"),
    Key::new("base", "The branch that work is based on.", Rule::Branch, |p: &Policy| json!(p.base))
        .or("the repository's default branch"),
    Key::new("agent", "Which of the operator's agents works.", Rule::Agent, |p: &Policy| json!(p.agent))
        .or("the operator's default agent"),
    Key::new("agents", "The agents for some tasks; the most specific wins.", Rule::Group(AGENTS), |p| group(AGENTS, p)),
    Key::new("thresholds", "Where green and yellow begin; yellow is not above green.", Rule::Group(THRESHOLDS), |p| {
        group(THRESHOLDS, p)
    }),
    Key::new("limits", "Bounds on money, time and tries.", Rule::Group(LIMITS), |p| group(LIMITS, p)),
    Key::new(
        "setup",
        "Shell commands, run once on the base commit, that install what the verifiers need.",
        Rule::Commands(20),
        |p: &Policy| json!(p.setup),
    )
    .or("detected from the tree"),
    Key::new("verifiers", "What verifies a commit.", Rule::Verifiers(20), |p: &Policy| {
        json!(p.verifiers.as_ref().map(|all| all.iter().map(|one| group(VERIFIER, one)).collect::<Vec<_>>()))
    })
    .or("detected from the tree"),
    Key::new(
        "ci",
        "The repository's own CI as a verifier: its failure is red, or lowers the mean, or it is not waited for.",
        Rule::Word(&["required", "optional", "off"]),
        |p| json!(p.ci),
    ),
    Key::new("judge", "An agent as judge of the acceptance criteria.", Rule::Judge, |p: &Policy| {
        p.judge.as_ref().map_or(Value::Null, |judge| group(JUDGE, judge))
    })
    .or("nobody judges"),
    Key::new("diff", "What keeps a change from green, whatever the tests say.", Rule::Group(DIFF), |p| group(DIFF, p)),
    Key::new(
        "protected_paths",
        "Globs whose change needs a person, besides .github/** and what configures agents.",
        Rule::Globs(100),
        |p| json!(p.protected_paths),
    ),
];

const AUTONOMY: &[&str] = &["manual", "guardrails", "full_auto"];

pub(super) const AGENTS: &[Key<Policy>] = &[
    Key::new("plan", "The agent that plans.", Rule::Agent, |p: &Policy| json!(p.agents.get("plan")))
        .or("the policy's agent"),
    Key::new("step", "The agent that works on steps.", Rule::Agent, |p: &Policy| json!(p.agents.get("step")))
        .or("the policy's agent"),
    Key::new("rework", "The agent that reworks a step, whatever the step's type.", Rule::Agent, |p: &Policy| {
        json!(p.agents.get("rework"))
    })
    .or("the step's agent"),
    Key::new("research", "The agent for research steps.", Rule::Agent, |p: &Policy| json!(p.agents.get("research")))
        .or("agents.step"),
    Key::new("design", "The agent for design steps.", Rule::Agent, |p: &Policy| json!(p.agents.get("design")))
        .or("agents.step"),
    Key::new("implement", "The agent for implement steps.", Rule::Agent, |p: &Policy| json!(p.agents.get("implement")))
        .or("agents.step"),
    Key::new("test", "The agent for test steps.", Rule::Agent, |p: &Policy| json!(p.agents.get("test")))
        .or("agents.step"),
    Key::new("review", "The agent for review steps.", Rule::Agent, |p: &Policy| json!(p.agents.get("review")))
        .or("agents.step"),
    Key::new("document", "The agent for document steps.", Rule::Agent, |p: &Policy| json!(p.agents.get("document")))
        .or("agents.step"),
    Key::new(
        "fallback",
        "The agent for a task whose own agent has to wait for its provider.",
        Rule::Agent,
        |p: &Policy| json!(p.agents.get("fallback")),
    )
    .or("the task waits"),
];

pub(super) const THRESHOLDS: &[Key<Policy>] = &[
    Key::new("green", "Green at or above.", Rule::Number(1.0), |p| json!(p.thresholds.green)),
    Key::new("yellow", "Yellow at or above, red below.", Rule::Number(1.0), |p| json!(p.thresholds.yellow)),
];

pub(super) const LIMITS: &[Key<Policy>] = &[
    Key::new("cost_usd", "Total cost of a directive; then it pauses and asks.", Rule::Number(10_000.0), |p| {
        json!(p.limits.cost.dollars())
    }),
    Key::new(
        "cost_ceiling_usd",
        "What /budget and /resume may raise the total cost to.",
        Rule::Number(100_000.0),
        |p: &Policy| json!(p.limits.cost_ceiling.map(Usd::dollars)),
    )
    .or("five times the cost"),
    Key::new(
        "wall_time_hours",
        "Hours of work; pauses and waiting for people do not count.",
        Rule::Number(720.0),
        |p| json!(p.limits.wall_time_hours),
    ),
    Key::new("rework_cycles", "Automatic reworks of one step.", Rule::Count(20), |p| json!(p.limits.rework_cycles)),
    Key::new("chain_generations", "Plans of one directive.", Rule::Count(20), |p| json!(p.limits.chain_generations)),
    Key::new("steps", "Steps in a plan.", Rule::Count(50), |p| json!(p.limits.steps)),
    Key::new("parallel_tasks", "Agents of one directive at a time.", Rule::Count(20), |p| {
        json!(p.limits.parallel_tasks)
    }),
    Key::new("open_pull_requests", "Open pull requests that wait for a person.", Rule::Count(100), |p| {
        json!(p.limits.open_pull_requests)
    }),
    Key::new("ci_minutes", "Minutes for which the repository's own CI is waited for.", Rule::Count(1_440), |p| {
        json!(p.limits.ci_minutes)
    }),
    Key::new(
        "approval_hours",
        "Hours until people are reminded of a question, once; 0 for never.",
        Rule::NumberOrNone(8_760.0),
        |p| json!(p.limits.approval_hours),
    ),
];

pub(super) const DIFF: &[Key<Policy>] = &[
    Key::new("max_files", "The most files that a change touches.", Rule::Count(300), |p: &Policy| {
        json!(p.diff.max_files)
    })
    .or("300, above which a change is refused"),
    Key::new("max_lines", "The most lines that a change adds and removes.", Rule::Count(1_000_000), |p: &Policy| {
        json!(p.diff.max_lines)
    })
    .or("unbounded"),
    Key::new("forbidden_paths", "Globs that no change touches.", Rule::Globs(100), |p| json!(p.diff.forbidden_paths)),
    Key::new("required_paths", "Globs, of each of which every change touches a path.", Rule::Globs(20), |p| {
        json!(p.diff.required_paths)
    }),
];

pub(super) const VERIFIER: &[Key<VerifierPolicy>] = &[
    Key::new("name", "Its name: kebab-case, unique, not adjutant.", Rule::VerifierName, |v| json!(v.name)),
    Key::new("run", "A shell command in the root of the tree; status 0 is a pass.", Rule::Command, |v| json!(v.run)),
    Key::new("required", "Whether its failure is red whatever the mean; false for lint.", Rule::Flag, |v| {
        json!(v.required)
    }),
    Key::new("weight", "Its share in the weighted mean; 0.5 for lint.", Rule::Number(100.0), |v| json!(v.weight)),
    Key::new("timeout_minutes", "Minutes until it counts as failed.", Rule::Count(360), |v| json!(v.timeout_minutes)),
    Key::new(
        "network",
        "The hosts that it may reach, within what the operator allows; true for all of that.",
        Rule::Hosts(50),
        |v| json!(v.network),
    ),
];

pub(super) const JUDGE: &[Key<JudgePolicy>] = &[
    Key::new("agent", "The operator's agent to ask.", Rule::Agent, |j: &JudgePolicy| json!(j.agent))
        .or("the directive's agent"),
    Key::new("weight", "Its share in the weighted mean.", Rule::Number(100.0), |j| json!(j.weight)),
];

/// What a `T` has for all of these keys.
fn group<T>(keys: &[Key<T>], of: &T) -> Value {
    keys.iter().map(|key| (key.name.to_owned(), (key.value)(of))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Autonomy;

    #[test]
    fn the_words_of_autonomy_are_its_levels() {
        assert_eq!(Autonomy::ALL.iter().map(|level| level.as_str()).collect::<Vec<_>>(), AUTONOMY);
    }
}
