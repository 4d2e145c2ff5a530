//! The engine: all of orchestration, as a pure function of state, signal and time.
//!
//! [`open`] makes a directive of a label, [`decide`] takes a directive one signal further. Both are
//! synchronous, total (every signal in every state has an answer, if only none) and deterministic. They never
//! read the clock, the world or a random number: what they need to know is in the signal, what they want
//! done is in the effects.
//!
//! A decision is made in one `transition::Transition`: the signal is applied by the file that its subject belongs to,
//! then `schedule` starts whatever has become possible, and the status comment is asked for where anything
//! changed.
//!
//! The files are layers, and each calls only those below it (a test reads the calls off the source): `commands`,
//! `lifecycle` and `schedule` at the top; below them what limits work (`pause`, `breakers`); then what comes back from
//! outside (`work`, `pulls`, `ci`, `verification`), planning, and the moves of a step; at the bottom `approvals` and
//! `transition`, which records what is decided.

mod approvals;
mod approving;
mod asking;
mod baseline;
mod breakers;
mod ci;
mod commands;
mod consent;
mod ending;
mod holds;
mod lifecycle;
mod overrides;
mod pause;
mod planning;
mod progress;
mod pulls;
mod reload;
mod replan;
mod schedule;
mod steps;
mod superseded;
pub mod table;
mod transition;
mod verification;
mod work;

use chrono::{DateTime, Utc};

use super::actor::Actor;
use super::baseline::BaselineState;
use super::cause::IssueEnd;
use super::directive::Directive;
use super::effect::{Effect, Notice};
use super::event::Event;
use super::signal::{Labelled, Signal};
use super::status::DirectiveStatus;
use super::step::{Step, StepState, VerifierProgress};
use super::task::{Task, TaskStatus};
use transition::{Followed, Ignored, Transition};

/// What a signal leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The directive as it is now; none where nothing was opened.
    pub directive: Option<Directive>,
    /// What is to be written into its history.
    pub events: Vec<Event>,
    /// What is to be done outside.
    pub effects: Vec<Effect>,
}

/// Opens a directive for a label, or says on the issue why not.
pub fn open(labelled: &Labelled, now: DateTime<Utc>) -> Decision {
    if labelled.actor.bot {
        return Decision { directive: None, events: Vec::new(), effects: Vec::new() };
    }
    if !labelled.actor.may_command() {
        return announce(labelled, Notice::LabelRefused { login: labelled.actor.login.to_string() });
    }
    let policy = match &labelled.policy {
        Ok(policy) => policy.clone(),
        Err(faults) => return announce(labelled, Notice::PolicyBroken { faults: faults.clone() }),
    };
    let unknown = overrides::unknown_agents(&policy, labelled.agents.as_deref());
    if !unknown.is_empty() {
        return announce(labelled, Notice::PolicyBroken { faults: unknown });
    }
    let Some(base) = labelled.base.clone() else {
        return announce(labelled, Notice::BaseMissing { branch: policy.base });
    };
    let mut transition = Transition::new(Directive::draft(labelled, &policy, base, now), now);
    transition.person(&labelled.actor.login);
    let (Ok(()) | Err(Ignored::Refused | Ignored::UnknownStep)) = transition.begin();
    transition.settle(None)
}

/// Takes a directive one signal further.
pub fn decide(directive: Directive, signal: &Signal, now: DateTime<Utc>) -> Decision {
    if directive.status().is_over() && is_about_work(signal) {
        return Decision { directive: Some(directive), events: Vec::new(), effects: Vec::new() };
    }
    let before = directive.clone();
    let mut transition = Transition::new(directive, now);
    // What was refused is in the history, and what is about an unknown step concerns nobody: nothing follows from either.
    let (Ok(()) | Err(Ignored::Refused | Ignored::UnknownStep)) = follow(&mut transition, signal);
    transition.settle(Some(&before))
}

/// Applies a signal, by the file that its subject belongs to.
fn follow(transition: &mut Transition, signal: &Signal) -> Followed {
    match signal {
        Signal::Labelled(labelled) => transition.labelled(&labelled.actor),
        Signal::Unlabelled { actor } => transition.unlabelled(actor),
        Signal::PolicyOverridden { actor, policy_override } => transition.overridden(actor, policy_override),
        Signal::IssueClosed { actor, final_merged } => transition.issue_closed(actor, *final_merged, IssueEnd::Closed),
        Signal::IssueGone { actor, final_merged } => transition.issue_closed(actor, *final_merged, IssueEnd::Gone),
        Signal::IssueRead(text) => {
            transition.issue_read(text);
            Ok(())
        }
        Signal::Commanded(commanded) => {
            transition.commanded(commanded);
            Ok(())
        }
        Signal::SourceRead { kind, id, commands, by } => transition.source_read(*kind, *id, commands, by),
        Signal::TaskStarted { task } => {
            transition.task_started(*task);
            Ok(())
        }
        Signal::TaskFinished { task, outcome, cost } => transition.task_finished(*task, outcome, *cost),
        Signal::TaskPushes { task, head } => {
            transition.task_pushes(*task, head);
            Ok(())
        }
        Signal::TaskPushed { task } => {
            transition.task_pushed(*task);
            Ok(())
        }
        Signal::TaskMeasured { task, measure } => {
            transition.task_measured(*task, measure);
            Ok(())
        }
        Signal::TaskQueued { task, held } => {
            transition.task_held(*task, *held);
            Ok(())
        }
        Signal::AgentPaused { task, pause } => {
            transition.agent_paused(*task, pause);
            Ok(())
        }
        Signal::BaseRenamed { from, to } => {
            transition.base_renamed(from, to);
            Ok(())
        }
        Signal::AgentUnmetered { task, agent } => transition.agent_unmetered(*task, agent),
        Signal::IntegrationCut => {
            transition.integration_cut();
            Ok(())
        }
        Signal::PullOpened { step, pull } => transition.pull_opened(*step, pull),
        Signal::PullReady { step, by } => {
            transition.pull_ready(*step, by.as_ref());
            Ok(())
        }
        Signal::PullDrafted { step, by } => transition.pull_drafted(*step, by),
        Signal::BaseVerified { round, report } => transition.base_verified(*round, report),
        Signal::BaseNotVerified { round, reason } => transition.base_not_verified(*round, reason),
        Signal::VerifierProgress { step, round, progress } => {
            transition.verifier_progress(*step, *round, *progress);
            Ok(())
        }
        Signal::Verified { step, head, results, findings } => transition.verified(*step, head, results, findings),
        Signal::CiChanged { step, head } => transition.ci_changed(*step, head),
        Signal::CiRead { step, head, report } => transition.ci_read(*step, head, report),
        Signal::Conflicted { step, head, paths } => transition.conflicted(*step, head, paths),
        Signal::HeadMoved { step, head, by } => transition.head_moved(*step, head, by),
        Signal::PullMerged { step, by, .. } => transition.pull_merged(*step, by),
        // It only counts for what the score was worth.
        Signal::Reverted { .. } => Ok(()),
        Signal::PullClosed { step, by, may_decide } => transition.pull_closed(*step, by, *may_decide),
        Signal::PullReopened { step, by } => transition.pull_reopened(*step, by),
        Signal::MergeRefused { step, head, reason } => transition.merge_refused(*step, head, reason),
        Signal::Integrated { head, differs } => transition.integrated(head, *differs),
        Signal::Rerequested { step, head, by } => transition.rerequested(*step, head, by),
        Signal::EffectFailed { step, reason } => transition.effect_failed(*step, reason),
        Signal::Tick => transition.look_after_ci(),
    }
}

impl Transition {
    /// Ends the turn: starts what has become possible and asks for the status comment where anything changed.
    pub(super) fn settle(mut self, before: Option<&Directive>) -> Decision {
        self.by = Actor::Adjutant;
        // What was refused is in the history, and nothing follows from it.
        let (Ok(()) | Err(Ignored::Refused | Ignored::UnknownStep)) = self.advance();
        self.drive_clock();
        if let Some(before) = before {
            self.keep_pulls_in_step(before);
        }
        if !self.silent && before != Some(&self.directive) {
            self.effect(Effect::WriteStatus);
        }
        self.decision()
    }

    /// The stop watch runs while something is worked on. It stands while people are waited for, while the directive is
    /// paused, and while its tasks wait for a worker or a place: other directives' work is not this one's time.
    fn drive_clock(&mut self) {
        let working = matches!(self.directive.status(), DirectiveStatus::Planning | DirectiveStatus::Active)
            && (self.directive.tasks.iter().any(is_at_work)
                || self.directive.all_steps().any(|step| self.is_moving(step)));
        self.directive.clock.set_running(working, self.now);
    }

    /// Whether a step goes on without a person's word, and without waiting for its turn.
    fn is_moving(&self, step: &Step) -> bool {
        let own = |task: &&Task| task.step == Some(step.id) && task.status.is_live();
        let by_itself = match step.state {
            StepState::Working { .. }
            | StepState::Integrating { .. }
            | StepState::Verifying { progress: VerifierProgress::Running, .. }
            | StepState::Merging { .. } => true,
            // It may wait for the base commit to be verified, and for what a person says about it.
            StepState::HandedIn { .. } => match self.directive.baseline.state {
                BaselineState::Running => self.directive.baseline.progress == VerifierProgress::Running,
                BaselineState::Asked => false,
                BaselineState::Missing | BaselineState::Settled => true,
            },
            // A judge at work counts as a task, and the repository's CI is nobody's work here.
            _ => false,
        };
        by_itself
            && self.directive.tasks.iter().filter(own).all(is_at_work)
            && !self.directive.waiting().any(|approval| approval.step == Some(step.id))
    }
}

fn is_at_work(task: &Task) -> bool {
    task.status == TaskStatus::Running && task.held.is_none() && task.agent_pause.is_none()
}

/// Whether a signal only says how work goes on, which after the end is of no concern: nothing is verified, asked or started
/// any more.
fn is_about_work(signal: &Signal) -> bool {
    matches!(
        signal,
        Signal::TaskStarted { .. }
            | Signal::SourceRead { .. }
            | Signal::IntegrationCut
            | Signal::VerifierProgress { .. }
            | Signal::Verified { .. }
            | Signal::CiChanged { .. }
            | Signal::CiRead { .. }
            | Signal::Conflicted { .. }
            | Signal::HeadMoved { .. }
            | Signal::MergeRefused { .. }
            | Signal::Integrated { .. }
            | Signal::Rerequested { .. }
            | Signal::EffectFailed { .. }
            | Signal::Tick
    )
}

fn announce(labelled: &Labelled, notice: Notice) -> Decision {
    let to = labelled.actor.login.clone();
    let effect = Effect::Announce { repo: labelled.repo.clone(), issue: labelled.issue, to, notice };
    Decision { directive: None, events: Vec::new(), effects: vec![effect] }
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "a test hands its values over and is done with them")]
mod tests;
