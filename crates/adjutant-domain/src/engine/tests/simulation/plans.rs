//! Replans and edited issues in the simulation, and what must hold of them.

use super::*;
use crate::replan::is_task_of_step;

impl Simulation {
    pub(super) fn verify_base(&mut self, round: u32) {
        let faulty = self.chaos && self.dice.one_in(4);
        let report = if faulty { Box::new(faulty_base()) } else { Box::default() };
        self.tell(Signal::BaseVerified { round, report });
    }

    /// What passed is kept and not done again unless its task changed, and nobody but somebody with write access has
    /// the brief taken from an edited issue.
    pub(super) fn check_plans(&self, before: &Directive, signal: &Signal, effects: &[Effect]) {
        let directive = &self.directive;
        for step in before.all_steps().chain(&before.earlier) {
            let now = directive.any_step(step.id).unwrap_or_else(|| panic!("{} is lost", step.name));
            assert!(!step.status().is_done() || now.status() == step.status(), "{} was done", step.name);
        }
        for effect in effects {
            let Effect::RunTask { task } = effect else { continue };
            let task = directive.task(*task).unwrap();
            let Some(step) = task.step.and_then(|step| directive.step(step)) else { continue };
            let mut done =
                directive.earlier.iter().filter(|earlier| earlier.status().is_done() && earlier.name == step.name);
            assert!(!done.any(|earlier| is_task_of_step(earlier, step)), "{} is done again", step.name);
        }
        let ordered = matches!(signal, Signal::Commanded(commanded)
            if commanded.actor.may_command() && matches!(commanded.command, Command::Replan { .. }));
        assert!(
            ordered || (&directive.brief, &directive.title) == (&before.brief, &before.title),
            "the brief changed by itself"
        );
        assert!(
            directive.status() != DirectiveStatus::Active || !directive.unapproved_text,
            "edited text is worked on unapproved"
        );
        assert!(
            directive.plan_number() <= directive.policy.limits.chain_generations,
            "plan {}",
            directive.plan_number()
        );
    }

    /// No pull request of a superseded step stays open.
    pub(super) fn check_left_open(&mut self) {
        while self.work() {}
        let left = self
            .directive
            .earlier
            .iter()
            .filter(|step| step.open_pull().is_some() && step.status() != StepStatus::Passed);
        for step in left {
            // A step that was taken over has the pull request of the one before it.
            let number = step.pull.as_ref().map(|pull| pull.number);
            let settled = self.closed.iter().chain(&self.merged).any(|id| self.pulls.get(id).copied() == number);
            assert!(
                settled,
                "the pull request of the superseded {} ({}, {}) is open",
                step.name,
                step.id,
                step.status()
            );
        }
    }

    /// A plan, on a replan with tasks that are worded anew, declared done, or left out as they are done.
    pub(super) fn any_plan(&mut self) -> Value {
        let carried: Vec<_> = self.directive.carried().into_iter().map(|step| step.name.to_string()).collect();
        if let Some(name) = self.dice.pick(&carried)
            && self.dice.one_in(4)
        {
            return json!({ "steps": [
                { "name": "d", "type": "implement", "description": "D.", "depends_on": [name], "requirements": ["R1"] },
            ]});
        }
        let mut plan = if self.dice.one_in(4) { single() } else { diamond() };
        for step in plan["steps"].as_array_mut().unwrap() {
            if self.dice.one_in(5) {
                step["description"] = json!(format!("Otherwise, {}.", self.dice.roll(2)));
            }
            if carried.iter().any(|name| step["name"] == name.as_str()) && self.dice.one_in(4) {
                step["done"] = json!(true);
            }
        }
        plan
    }

    /// As the handlers do it, which look first; one that had looked before the replan goes on.
    pub(super) fn is_superseded(&mut self, step: StepId) -> bool {
        self.directive.step(step).is_none() && !self.dice.one_in(3)
    }

    pub(super) fn close_pull(&mut self, step: StepId) {
        if self.merged.contains(&step) {
            return self.tell(Signal::PullMerged { step, by: Actor::Adjutant, sha: None });
        }
        self.closed.insert(step);
        if self.directive.step(step).is_none() {
            self.tell(Signal::PullClosed { step, by: Actor::Adjutant, may_decide: false });
        }
    }

    /// Somebody edits the issue, or edits it back; of one edit in three nobody is told.
    pub(super) fn edit(&mut self) {
        let Labelled { title, brief, .. } = labelled(Policy::default());
        let wanted = |words: &[&str]| -> Vec<Requirement> {
            let numbered = (1..).zip(words);
            numbered.map(|(at, it)| Requirement { id: format!("R{at}"), description: (*it).to_owned() }).collect()
        };
        let requirements = match self.dice.roll(3) {
            0 => wanted(&["Print."]),
            1 => wanted(&["Shout.", "Print."]),
            _ => wanted(&["Print loudly."]),
        };
        self.text = IssueText { title, brief: Brief { requirements, ..brief } };
        if !self.dice.one_in(3) {
            self.tell(Signal::IssueRead(self.text.clone()));
        }
    }
}
