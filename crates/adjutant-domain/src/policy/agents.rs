//! Which agent works on what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Policy;
use crate::step::StepKind;
use crate::task::TaskKind;

const FALLBACK: &str = "fallback";

/// The operator's agents for some tasks, instead of the policy's `agent`: by the keys `plan`, `step`, `rework`, `fallback`
/// and the types of steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AgentsPolicy(BTreeMap<String, String>);

impl AgentsPolicy {
    /// The agent that a key names.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The agent for a task whose own agent has to wait for its provider.
    pub fn fallback(&self) -> Option<&str> {
        self.get(FALLBACK)
    }

    /// Names the agent of a key.
    pub fn name(&mut self, key: &str, agent: String) {
        self.0.insert(key.to_owned(), agent);
    }
}

impl Policy {
    /// The agent for a task of this kind on a step of this type; none where that is left to the operator. The most
    /// specific key wins: `rework`, then the step's type, then `step`, then `agent`.
    pub fn agent_for(&self, kind: TaskKind, step: Option<StepKind>) -> Option<&str> {
        let agents = &self.agents;
        let of_step = || step.and_then(|step| agents.get(step.as_str())).or(agents.get("step"));
        let own = match kind {
            TaskKind::Plan => agents.get("plan"),
            TaskKind::Step => of_step(),
            TaskKind::Rework => agents.get("rework").or_else(of_step),
            TaskKind::Judge => self.judge.as_ref().and_then(|judge| judge.agent.as_deref()),
        };
        own.or(self.agent.as_deref())
    }

    /// Every agent that the policy names, with the key that names it.
    pub(crate) fn named_agents(&self) -> impl Iterator<Item = (String, &str)> {
        let judge = self.judge.as_ref().and_then(|judge| judge.agent.as_deref());
        let single = [("agent", self.agent.as_deref()), ("judge.agent", judge)];
        let single = single.into_iter().filter_map(|(key, name)| Some((key.to_owned(), name?)));
        single.chain(self.agents.0.iter().map(|(key, name)| (format!("agents.{key}"), name.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{FileFault, parse, read};

    #[test]
    fn the_most_specific_agent_works() {
        let yaml = "agent: a\njudge: { agent: j }\nagents: { plan: p, step: s, rework: r, document: d, fallback: f }\n";
        let mut policy = parse(yaml).unwrap();
        let of = |policy: &Policy, kind, step| policy.agent_for(kind, step).map(str::to_owned);
        for (kind, step, agent) in [
            (TaskKind::Plan, None, "p"),
            (TaskKind::Step, Some(StepKind::Document), "d"),
            (TaskKind::Step, Some(StepKind::Test), "s"),
            (TaskKind::Rework, Some(StepKind::Document), "r"),
            (TaskKind::Judge, Some(StepKind::Document), "j"),
        ] {
            assert_eq!(of(&policy, kind, step).as_deref(), Some(agent), "{kind:?} {step:?}");
        }
        policy.judge = None;
        policy.agents.0.retain(|key, _| key != "rework" && key != "step");
        assert_eq!(of(&policy, TaskKind::Rework, Some(StepKind::Document)).as_deref(), Some("d"));
        assert_eq!(of(&policy, TaskKind::Step, Some(StepKind::Final)).as_deref(), Some("a"));
        assert_eq!(of(&policy, TaskKind::Judge, Some(StepKind::Document)).as_deref(), Some("a"));
    }

    #[test]
    fn an_unknown_type_is_told_with_its_line_and_the_nearest() {
        let faults = read("agents:\n  documents: a\n").unwrap_err();
        let nearest = |fault: &FileFault| match fault {
            FileFault::UnknownKey { nearest, .. } => nearest.clone(),
            _ => None,
        };
        assert_eq!((faults[0].line, nearest(&faults[0].fault).as_deref()), (2, Some("document")));
    }
}
