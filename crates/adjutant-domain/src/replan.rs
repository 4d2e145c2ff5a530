//! Planning anew: what is kept of the chains before, and why there is another.
//!
//! A replan supersedes the chain as it stands. Its steps move to [`Directive::earlier`], where they stay as they were
//! left; those that are done are *carried*: the next plan takes them over in place of doing them again. What tells of
//! a superseded step later (its pull request was merged after all, say) is still recorded there.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::brief::Brief;
use super::cause::Cause;
use super::directive::Directive;
use super::ids::{StepId, StepName};
use super::plan::PlannedStep;
use super::step::Step;

/// One time that the work was planned anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replan {
    /// The generation that it began.
    pub generation: u32,
    /// Who asked for it.
    pub by: Actor,
    /// Why.
    pub reason: ReplanReason,
    /// Whether the chain before had been started. One that had not takes none of the plans that the policy allows.
    pub started: bool,
    /// When.
    pub at: DateTime<Utc>,
}

/// Why the work is planned anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplanReason {
    /// A person asked for it, in these words; empty where they gave none.
    Words(String),
    /// The automatic reworks of a step are used up.
    Step {
        /// Which step.
        step: StepName,
        /// Why it would be done again.
        cause: Cause,
    },
    /// What version 1 wrote: a person's words or a sentence of its own, shown as it is.
    #[serde(untagged)]
    Legacy(String),
}

/// An issue's text, as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueText {
    /// Its title.
    pub title: String,
    /// What its body asks for.
    pub brief: Brief,
}

impl Directive {
    /// Which of the plans that the policy allows this is, counted from one.
    pub fn plan_number(&self) -> u32 {
        let replans = self.replans.iter().filter(|replan| replan.started).count();
        u32::try_from(replans).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The step of that id, of this generation or an earlier one.
    pub fn any_step(&self, id: StepId) -> Option<&Step> {
        self.step(id).or_else(|| self.earlier_step(id))
    }

    /// The step of that id, where its chain was superseded.
    pub fn earlier_step(&self, id: StepId) -> Option<&Step> {
        self.earlier.iter().find(|step| step.id == id)
    }

    /// The superseded step of that id, to change it.
    pub fn earlier_step_mut(&mut self, id: StepId) -> Option<&mut Step> {
        self.earlier.iter_mut().find(|step| step.id == id)
    }

    /// The newest superseded step whose pull request has that number.
    pub fn earlier_of_pull(&self, number: u64) -> Option<&Step> {
        self.earlier.iter().rfind(|step| step.pull.as_ref().is_some_and(|pull| pull.number == number))
    }

    /// What earlier chains left done, each name once as it was left last, oldest first.
    pub fn carried(&self) -> Vec<&Step> {
        let mut seen = BTreeSet::new();
        let done = self.earlier.iter().rev().filter(|step| step.status().is_done() && !step.is_final());
        let mut newest: Vec<&Step> = done.filter(|step| seen.insert(step.name.as_str())).collect();
        newest.reverse();
        newest
    }

    /// The newest done step of earlier chains with that name and an unchanged task.
    pub fn carried_as(&self, planned: &PlannedStep) -> Option<&Step> {
        let mut done = self.earlier.iter().rev().filter(|step| step.status().is_done() && step.name == planned.name);
        if planned.done { done.next() } else { done.find(|step| is_task_of(step, planned)) }
    }

    /// Whether the integration branch holds work of an earlier chain.
    pub fn has_landed(&self) -> bool {
        self.earlier.iter().any(|step| step.is_merged() && !self.reaches_base(step))
    }

    /// Whether work of an earlier chain was merged straight into the base.
    pub fn has_reached_base(&self) -> bool {
        self.earlier.iter().any(|step| step.is_merged() && self.reaches_base(step))
    }
}

/// Whether a step's task is the planned one: the same kind, the same words in description and task plan (however they
/// are spaced), and the same requirements and criteria covered. What it depends on is no part of it: that says when
/// it is done, and not what.
pub fn is_task_of(step: &Step, planned: &PlannedStep) -> bool {
    is_same_task(
        step,
        (planned.kind, &planned.description, &planned.task_plan),
        (&planned.requirements, &planned.criteria),
    )
}

/// Whether two steps have the same task, as [`is_task_of`] means it.
pub fn is_task_of_step(one: &Step, other: &Step) -> bool {
    is_same_task(one, (other.kind, &other.description, &other.task_plan), (&other.requirements, &other.criteria))
}

fn is_same_task(
    step: &Step,
    (kind, description, task_plan): (super::step::StepKind, &str, &str),
    (requirements, criteria): (&[String], &[String]),
) -> bool {
    step.kind == kind
        && same_words(&step.description, description)
        && same_words(&step.task_plan, task_plan)
        && same_ids(&step.requirements, requirements)
        && same_ids(&step.criteria, criteria)
}

fn same_words(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

fn same_ids(one: &[String], other: &[String]) -> bool {
    one.iter().collect::<BTreeSet<_>>() == other.iter().collect()
}

/// A step's covered ids in the numbering of another brief. Ids count positions, so that an edit may move them: what has
/// the same words keeps its place, and what was changed or taken away becomes an id that no brief has.
pub fn renumber(step: &mut Step, from: &Brief, to: &Brief) {
    let requirements = |brief: &Brief| -> Vec<(String, String)> {
        brief.requirements.iter().map(|it| (it.id.clone(), it.description.clone())).collect()
    };
    let criteria = |brief: &Brief| -> Vec<(String, String)> {
        brief.criteria.iter().map(|it| (it.id.clone(), it.criterion.clone())).collect()
    };
    step.requirements = renumbered(&step.requirements, &requirements(from), &requirements(to));
    step.criteria = renumbered(&step.criteria, &criteria(from), &criteria(to));
}

fn renumbered(ids: &[String], from: &[(String, String)], to: &[(String, String)]) -> Vec<String> {
    ids.iter()
        .map(|id| {
            let text = from.iter().find(|(known, _)| known == id).map(|(_, text)| text);
            let now = text.and_then(|text| to.iter().find(|(_, other)| same_words(text, other)));
            now.map_or_else(|| format!("{} as it was", id.trim_end_matches(" as it was")), |(now, _)| now.clone())
        })
        .collect()
}
