//! Orders from people: who may give them, what they answer, and why one is refused.

use super::transition::{CommandResult, Transition, refused};
use crate::actor::Actor;
use crate::approval::{ApprovalKind, ApprovalStatus};
use crate::cause::{Cause, StopReason};
use crate::command::Command;
use crate::directive::{PauseReason, TurnedDown};
use crate::effect::{Effect, Notice, Reaction};
use crate::event::EventKind;
use crate::ids::StepId;
use crate::refusal::Refusal;
use crate::signal::Commanded;
use crate::status::{DirectiveStatus, StepStatus};
use crate::step::{StepState, ToldWords};
use crate::text::truncate;

/// The most of somebody's words that the history repeats, in bytes; an approval has them whole.
const LONGEST_TOLD: usize = 500;

impl Transition {
    /// Carries out an order, or says why not. Bots give none, and get no answer; people without write access get one.
    pub(super) fn commanded(&mut self, commanded: &Commanded) {
        if commanded.actor.bot {
            return;
        }
        let login = &commanded.actor.login;
        let unanswered = if commanded.actor.may_command() {
            self.directive.turned_away.covers(login, commanded.at)
        } else {
            !self.directive.turned_away.note(login, commanded.at)
        };
        if unanswered {
            self.silent = true;
            return;
        }
        self.person(login);
        let taken = if commanded.actor.may_command() {
            self.obey(commanded)
        } else {
            Err(Notice::NotAllowed { login: commanded.actor.login.to_string() })
        };
        let (command, order) = (commanded.command.word().to_owned(), told(&commanded.command));
        let pull = commanded.pull;
        match taken {
            Ok(()) => {
                self.record(EventKind::CommandTaken { command, order, pull }, None);
                self.effect(Effect::React { source: commanded.source.clone(), reaction: Reaction::Rocket });
            }
            Err(notice) => {
                let why = notice.clone();
                self.record(EventKind::CommandRefused { command, order: Some(order), pull, why }, None);
                self.effect(Effect::React { source: commanded.source.clone(), reaction: Reaction::ThumbsDown });
                let to = commanded.actor.login.clone();
                self.effect(Effect::Reply { source: commanded.source.clone(), to, notice });
            }
        }
    }

    fn obey(&mut self, commanded: &Commanded) -> CommandResult {
        match &commanded.command {
            Command::Help => {
                let to = commanded.actor.login.clone();
                self.effect(Effect::Reply { source: commanded.source.clone(), to, notice: Notice::Help });
                return Ok(());
            }
            Command::Status => {
                self.effect(Effect::WriteStatus);
                return Ok(());
            }
            Command::Unknown { word, problem } => {
                return Err(Notice::NotUnderstood { word: word.clone(), problem: problem.clone() });
            }
            _ => {}
        }
        if self.directive.status().is_over() {
            let from = self.directive.status();
            return Err(refused(match wanted_status(&commanded.command) {
                Some(to) => Refusal::NotPossible { from, to },
                None => Refusal::Ended { status: from },
            }));
        }
        let by = &commanded.actor.login;
        match &commanded.command {
            Command::Approve { step } => self.approve(commanded, step.as_deref()),
            Command::Unapprove { step } => {
                let id = match (commanded.pull, step) {
                    (None, None) => self.only_approved()?,
                    _ => self.addressed(commanded, step.as_deref())?,
                };
                self.unapprove(id, commanded)
            }
            Command::Rework { text } => self.rework_by_person(commanded, text),
            Command::Answer { number, text } => self.answer_question(*number, text, by),
            Command::Tell { text } => self.tell(commanded, text),
            Command::Retry { step } => self.retry(commanded, step.as_deref()),
            Command::Verify { step } => self.verify_by_person(commanded, step.as_deref()),
            Command::Skip { step } => self.skip(commanded, step.as_deref()),
            Command::Pause { now } => self.pause_by_person(commanded, *now),
            Command::Resume => self.resume(commanded),
            Command::Stop => {
                Ok(self.stop(&Actor::Person(by.clone()), StopReason::Command, commanded.words.as_deref())?)
            }
            Command::Autonomy { level } => self.set_autonomy(level),
            Command::Replan { reason } => self.replan_by_person(commanded, reason),
            Command::Reload => self.reload(commanded),
            Command::Budget { usd } => self.set_budget(commanded, *usd),
            Command::Help | Command::Status | Command::Unknown { .. } => Ok(()),
        }
    }

    fn rework_by_person(&mut self, commanded: &Commanded, text: &str) -> CommandResult {
        let by = &commanded.actor.login;
        let (id, words) = if commanded.pull.is_some() {
            (self.addressed(commanded, None)?, text.trim())
        } else if self.directive.waiting().any(|approval| approval.kind == ApprovalKind::Plan) {
            // No step has been worked on yet, so that the plan is meant, whichever step the words begin with.
            self.answer_own(ApprovalKind::Plan, ApprovalStatus::Denied, by, Some(text.trim()));
            self.plan_again(TurnedDown { by: Some(by.clone()), words: text.trim().to_owned() });
            return Ok(());
        } else {
            let (first, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
            let step = self.directive.step_named(first).ok_or_else(|| self.which_step("rework", first))?;
            (step.id, rest.trim())
        };
        let step = self.step(id)?;
        let name = step.name.clone();
        let text = format!("{by} asks for changes:\n\n{words}");
        match &step.state {
            StepState::Passed { .. } => Err(refused(Refusal::AlreadyMerged)),
            StepState::Skipped { .. } => Err(refused(Refusal::Skipped { step: name })),
            // A second reviewer's words, while an agent still does what the first one said.
            StepState::Working { .. } if !step.is_final() && self.assignment(step).is_some() => {
                self.with_step(id, |step| step.ask_afterwards(&text));
                Ok(())
            }
            StepState::Pending
            | StepState::Ready { .. }
            | StepState::Working { .. }
            | StepState::Integrating { .. } => Err(refused(Refusal::NoResultYet { step: name, status: step.status() })),
            // The rework of the whole is a step of its own, and so is what a second reviewer wants of it.
            StepState::AwaitingSteps { .. } => {
                self.add_follow_up(&text);
                Ok(())
            }
            StepState::Reworking { .. } => {
                self.with_step(id, |step| {
                    if let StepState::Reworking { instructions, .. } = &mut step.state {
                        instructions.text = format!("{}\n\n{text}", instructions.text);
                    }
                });
                Ok(())
            }
            StepState::HandedIn { .. }
            | StepState::Verifying { .. }
            | StepState::AwaitingCi { .. }
            | StepState::Judging { .. }
            | StepState::AwaitingDecision { .. }
            | StepState::Merging { .. }
            | StepState::Blocked { .. }
            | StepState::Failed { .. } => {
                self.answer(id, ApprovalStatus::Denied, Some(by), Some(words));
                self.with_step(id, |step| step.failures = 0);
                Ok(self.rework(id, &text, false, Cause::ChangesRequested { by: by.clone() })?)
            }
        }
    }

    /// `/tell`: the words wait for the step's next run, and start none.
    fn tell(&mut self, commanded: &Commanded, text: &str) -> CommandResult {
        let (name, words) = match (commanded.pull, text.trim().split_once(char::is_whitespace)) {
            (Some(_), _) => (None, text.trim()),
            (None, Some((name, words))) => (Some(name), words.trim()),
            (None, None) => (Some(text.trim()), ""),
        };
        let id = self.addressed(commanded, name)?;
        let step = self.step(id)?;
        let (name, status) = (step.name.clone(), step.status());
        match status {
            StepStatus::Passed => return Err(refused(Refusal::AlreadyMerged)),
            StepStatus::Skipped => return Err(refused(Refusal::Skipped { step: name })),
            _ if words.is_empty() => return Err(refused(Refusal::NothingTold { step: name })),
            _ => {}
        }
        let told = ToldWords { by: commanded.actor.login.clone(), words: words.to_owned(), task: None };
        self.with_step(id, |step| step.told.push(told));
        let (source, to) = (commanded.source.clone(), commanded.actor.login.clone());
        self.effect(Effect::Reply { source, to, notice: Notice::Told { step: name, status } });
        Ok(())
    }

    fn retry(&mut self, commanded: &Commanded, name: Option<&str>) -> CommandResult {
        if commanded.pull.is_none() && matches!(name, None | Some("plan")) && self.planner_question().is_some() {
            let (by, words) = (&commanded.actor.login, commanded.words.as_deref());
            self.answer_own(ApprovalKind::Plan, ApprovalStatus::Denied, by, words);
            self.plan_once_more();
            return Ok(());
        }
        let id = self.addressed(commanded, name)?;
        let step = self.step(id)?;
        if !matches!(step.status(), StepStatus::Failed | StepStatus::Blocked) {
            return Err(refused(Refusal::NotFailed { step: step.name.clone(), status: step.status() }));
        }
        self.answer(id, ApprovalStatus::Denied, Some(&commanded.actor.login), commanded.words.as_deref());
        self.with_step(id, |step| step.failures = 0);
        Ok(self.back_in_line(id, None)?)
    }

    /// Runs verifiers again, and no agent: on the base commit where that is asked about, else on the step that is named, else
    /// on every step that waits for people.
    fn verify_by_person(&mut self, commanded: &Commanded, name: Option<&str>) -> CommandResult {
        let by = &commanded.actor.login;
        if commanded.pull.is_none() && name.is_none() {
            let again = self.verify_base_again(by, commanded.words.as_deref());
            let steps: Vec<StepId> = self.directive.all_steps().map(|step| step.id).collect();
            let mut any = again;
            for id in steps {
                any |= self.verify_again(id, by)?;
            }
            return if any { Ok(()) } else { Err(refused(Refusal::NothingToVerify)) };
        }
        let id = self.addressed(commanded, name)?;
        if self.verify_again(id, by)? { Ok(()) } else { Err(refused(Refusal::NothingToVerify)) }
    }

    fn skip(&mut self, commanded: &Commanded, name: Option<&str>) -> CommandResult {
        let id = self.addressed(commanded, name)?;
        let step = self.step(id)?;
        if step.status().is_done() {
            return Err(refused(Refusal::AlreadyDone { step: step.name.clone(), status: step.status() }));
        }
        if step.is_final() {
            return Err(refused(Refusal::FinalStep));
        }
        let by = &commanded.actor.login;
        self.answer(id, ApprovalStatus::Denied, Some(by), commanded.words.as_deref());
        Ok(self.skip_step(id, &Actor::Person(by.clone()))?)
    }

    /// `/pause`, and `/pause now` even where it is paused already.
    pub(super) fn pause_by_person(&mut self, commanded: &Commanded, now: bool) -> Result<(), Notice> {
        let paused = self.pause(PauseReason::Commanded(commanded.actor.login.clone()))?;
        let running = now && self.directive.tasks.iter().any(|task| task.status.is_live());
        if !paused && !running {
            let (from, to) = (self.directive.status(), DirectiveStatus::Paused);
            return Err(refused(Refusal::NotPossible { from, to }));
        }
        if now {
            self.call_off(|_| true)?;
        }
        Ok(())
    }

    /// `/resume`: lifts every reason, with as much money or time again where those had run out.
    pub(super) fn resume(&mut self, commanded: &Commanded) -> Result<(), Notice> {
        let Some(pause) = self.directive.state.pause() else {
            return Err(refused(Refusal::NothingPaused { status: self.directive.status() }));
        };
        let (by_person, used_up): (Vec<_>, Vec<_>) = pause.reasons.iter().partition(|reason| reason.is_by_person());
        let (by_person, used_up) = (!by_person.is_empty(), !used_up.is_empty());
        if used_up {
            let granted = self.grant(&commanded.actor.login, commanded.at, commanded.words.as_deref());
            // Written before the question about money or time, it still is about the pause that was there then.
            if !by_person {
                return granted;
            }
        }
        Ok(self.lift(PauseReason::is_by_person)?)
    }
}

/// A command as the history has it: with texts of bounded length.
fn told(command: &Command) -> Command {
    let mut told = command.clone();
    match &mut told {
        Command::Approve { step }
        | Command::Unapprove { step }
        | Command::Retry { step }
        | Command::Skip { step }
        | Command::Verify { step } => step.iter_mut().for_each(cut),
        Command::Rework { text } | Command::Answer { text, .. } | Command::Tell { text } => cut(text),
        Command::Replan { reason } => cut(reason),
        Command::Autonomy { level } => cut(level),
        Command::Unknown { word, problem } => {
            cut(word);
            problem.iter_mut().for_each(cut);
        }
        Command::Pause { .. }
        | Command::Resume
        | Command::Stop
        | Command::Reload
        | Command::Budget { .. }
        | Command::Status
        | Command::Help => {}
    }
    told
}

fn cut(text: &mut String) {
    *text = truncate(text, LONGEST_TOLD).to_string();
}

/// The status that an order asks for, where it asks for one.
fn wanted_status(command: &Command) -> Option<DirectiveStatus> {
    match command {
        Command::Pause { .. } => Some(DirectiveStatus::Paused),
        Command::Resume => Some(DirectiveStatus::Active),
        Command::Stop => Some(DirectiveStatus::Failed),
        Command::Replan { .. } => Some(DirectiveStatus::Planning),
        _ => None,
    }
}
