//! Which agent works on what.

use serde::{Deserialize, Serialize};

use super::Policy;
use crate::step::StepKind;
use crate::task::TaskKind;

/// The operator's agents for some tasks, instead of the policy's `agent`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentsPolicy {
    /// For plans.
    pub plan: Option<String>,
    /// For steps and their reworks.
    pub step: Option<String>,
    /// For reworks, whatever the step's type.
    pub rework: Option<String>,
    /// For steps of this type; so are the next ones.
    pub research: Option<String>,
    #[expect(missing_docs, reason = "as `research`")]
    pub design: Option<String>,
    #[expect(missing_docs, reason = "as `research`")]
    pub implement: Option<String>,
    #[expect(missing_docs, reason = "as `research`")]
    pub test: Option<String>,
    #[expect(missing_docs, reason = "as `research`")]
    pub review: Option<String>,
    #[expect(missing_docs, reason = "as `research`")]
    pub document: Option<String>,
    /// For a task whose own agent has to wait for its provider.
    pub fallback: Option<String>,
}

impl AgentsPolicy {
    /// The agent of a key of `agents`; none for a key that it does not have.
    pub(super) fn of_key(&mut self, key: &str) -> Option<&mut Option<String>> {
        Some(match key {
            "plan" => &mut self.plan,
            "step" => &mut self.step,
            "rework" => &mut self.rework,
            "research" => &mut self.research,
            "design" => &mut self.design,
            "implement" => &mut self.implement,
            "test" => &mut self.test,
            "review" => &mut self.review,
            "document" => &mut self.document,
            "fallback" => &mut self.fallback,
            _ => return None,
        })
    }

    fn of_type(&self, kind: StepKind) -> Option<&str> {
        let agent = match kind {
            StepKind::Research => &self.research,
            StepKind::Design => &self.design,
            StepKind::Implement => &self.implement,
            StepKind::Test => &self.test,
            StepKind::Review => &self.review,
            StepKind::Document => &self.document,
            StepKind::Final => &None,
        };
        agent.as_deref()
    }
}

impl Policy {
    /// The agent for a task of this kind on a step of this type; none where that is left to the operator. The most
    /// specific key wins: `rework`, then the step's type, then `step`, then `agent`.
    pub fn agent_for(&self, kind: TaskKind, step: Option<StepKind>) -> Option<&str> {
        let agents = &self.agents;
        let of_step = || step.and_then(|step| agents.of_type(step)).or(agents.step.as_deref());
        let own = match kind {
            TaskKind::Plan => agents.plan.as_deref(),
            TaskKind::Step => of_step(),
            TaskKind::Rework => agents.rework.as_deref().or_else(of_step),
            TaskKind::Judge => self.judge.as_ref().and_then(|judge| judge.agent.as_deref()),
        };
        own.or(self.agent.as_deref())
    }

    /// Every agent that the policy names, with the key that names it.
    pub(crate) fn named_agents(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let (agents, judge) = (&self.agents, self.judge.as_ref().and_then(|judge| judge.agent.as_deref()));
        let named = [
            ("agent", self.agent.as_deref()),
            ("judge.agent", judge),
            ("agents.plan", agents.plan.as_deref()),
            ("agents.step", agents.step.as_deref()),
            ("agents.rework", agents.rework.as_deref()),
            ("agents.research", agents.research.as_deref()),
            ("agents.design", agents.design.as_deref()),
            ("agents.implement", agents.implement.as_deref()),
            ("agents.test", agents.test.as_deref()),
            ("agents.review", agents.review.as_deref()),
            ("agents.document", agents.document.as_deref()),
            ("agents.fallback", agents.fallback.as_deref()),
        ];
        named.into_iter().filter_map(|(key, name)| Some((key, name?)))
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
        (policy.agents.rework, policy.agents.step, policy.judge) = (None, None, None);
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
