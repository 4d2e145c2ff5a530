//! Questions that agents put to people.
//!
//! The run that asks has ended: nothing is held while people think. Their answers are told to the next run of the same
//! work, and to every run after it.

use super::transition::{CommandResult, Followed, Transition, refused};
use crate::actor::Actor;
use crate::approval::{Approval, ApprovalKind, ApprovalStatus, Subject};
use crate::asking::{AgentQuestion, Answer, AskedQuestion, MOST_QUESTIONS, MOST_ROUNDS};
use crate::cause::Cause;
use crate::effect::Effect;
use crate::event::EventKind;
use crate::ids::{ApprovalId, Login, StepId};
use crate::question::Question;
use crate::refusal::Refusal;
use crate::step::StepState;

impl Transition {
    /// An agent asks. Gives whether people are asked: not by a run that asks too often, or nothing.
    pub(super) fn agent_asks(&mut self, step: Option<StepId>, asked: &[AgentQuestion]) -> Followed<bool> {
        let same = |approval: &&Approval| approval.step == step && approval.question.asked().is_some();
        if asked.is_empty() || self.directive.approvals.iter().filter(same).count() >= MOST_ROUNDS {
            return Ok(false);
        }
        let known = self.directive.approvals.iter().filter_map(|approval| approval.question.asked());
        let first = known.map(<[AskedQuestion]>::len).sum::<usize>() + 1;
        let numbers = (u32::try_from(first).unwrap_or(u32::MAX)..).take(MOST_QUESTIONS);
        let questions = numbers.zip(asked).map(|(number, question)| AskedQuestion {
            number,
            question: question.clone(),
            answer: None,
        });
        let questions = questions.collect();
        let Some(id) = step else {
            let question = Question::Asked { step: None, questions };
            let shown = Subject::Question(question.digest());
            self.ask(ApprovalKind::Plan, None, shown, question);
            return Ok(true);
        };
        let step = self.step(id)?;
        let (name, instructions, last) = (step.name.clone(), self.assignment(step), step.last());
        let question = Question::Asked { step: Some(name), questions };
        let shown = Subject::Question(question.digest());
        self.move_step(id, StepState::Blocked { cause: Cause::AgentAsks, instructions, last })?;
        self.ask(ApprovalKind::StepBlocked, Some(id), shown, question);
        Ok(true)
    }

    /// A person answers one question. The last answer sends the work on.
    pub(super) fn answer_question(&mut self, number: Option<u32>, words: &str, by: &Login) -> CommandResult {
        let open: Vec<(ApprovalId, u32)> = self
            .directive
            .waiting()
            .filter_map(|approval| Some((approval.id, approval.question.asked()?)))
            .flat_map(|(id, questions)| questions.iter().map(move |it| (id, it)))
            .filter(|(_, it)| number.is_some() || it.answer.is_none())
            .map(|(id, it)| (id, it.number))
            .collect();
        let found = match number {
            Some(number) => open.iter().find(|(_, open)| *open == number),
            None if open.len() == 1 => open.first(),
            None => None,
        };
        let Some((approval, number)) = found.copied() else {
            let open = open.into_iter().map(|(_, number)| number).collect();
            return Err(refused(Refusal::WhichQuestion { number, open }));
        };
        self.note_answer(approval, number, words, Some(by));
        let waits = self.directive.waiting().find(|it| it.id == approval);
        let complete =
            waits.and_then(|it| it.question.asked()).is_some_and(|all| all.iter().all(|it| it.answer.is_some()));
        if complete {
            self.answers_complete(approval, Some(by))?;
        }
        Ok(())
    }

    /// Takes the agents' own answers for what is open of an approval. Gives false, and takes none, where one is missing.
    pub(super) fn take_defaults(&mut self, approval: &Approval, by: Option<&Login>) -> Followed<bool> {
        let Some(questions) = approval.question.asked() else { return Ok(false) };
        let open: Vec<&AskedQuestion> = questions.iter().filter(|it| it.answer.is_none()).collect();
        if open.iter().any(|it| it.question.default.is_none()) {
            return Ok(false);
        }
        for it in open {
            let default = it.question.default.clone().unwrap_or_default();
            self.note_answer(approval.id, it.number, &default, None);
        }
        self.answers_complete(approval.id, by)?;
        Ok(true)
    }

    /// A person leaves it to the agent.
    pub(super) fn accept_defaults(&mut self, approval: &Approval, by: &Login) -> CommandResult {
        if self.take_defaults(approval, Some(by))? {
            return Ok(());
        }
        let questions = approval.question.asked().unwrap_or_default();
        let open = questions.iter().filter(|it| it.answer.is_none()).map(|it| it.number).collect();
        Err(refused(Refusal::WhichQuestion { number: None, open }))
    }

    /// Takes the defaults of what nobody answered in time, and says so.
    pub(super) fn take_overdue_defaults(&mut self) -> Followed {
        if self.is_put_to_sleep() {
            return Ok(());
        }
        let overdue = self.directive.waiting().filter(|it| it.expires_at.is_some_and(|at| at <= self.now));
        let overdue: Vec<Approval> = overdue.filter(|it| it.question.asked().is_some()).cloned().collect();
        for approval in overdue {
            if self.take_defaults(&approval, None)? {
                self.effect(Effect::Remind { approval: approval.id });
            }
        }
        Ok(())
    }

    fn note_answer(&mut self, approval: ApprovalId, number: u32, words: &str, by: Option<&Login>) {
        let approval = self.directive.approvals.iter_mut().find(|it| it.id == approval);
        let Some(Question::Asked { questions, .. }) = approval.map(|it| &mut it.question) else { return };
        let Some(asked) = questions.iter_mut().find(|it| it.number == number) else { return };
        let text = asked.question.understand(words);
        asked.answer = Some(Answer { text: text.clone(), by: by.cloned() });
        let question = asked.question.text.clone();
        self.record(EventKind::QuestionAnswered { number, question, answer: text, by: by.cloned() }, None);
    }

    /// Every question of an approval has its answer: the work goes on.
    fn answers_complete(&mut self, id: ApprovalId, by: Option<&Login>) -> Followed {
        let step = self.directive.approvals.iter().find(|it| it.id == id).and_then(|it| it.step);
        match by {
            Some(by) => self.answer_those(|it| it.id == id, ApprovalStatus::Approved, Some(by), None),
            None => self.close_approvals(step, ApprovalStatus::Approved, |it| it.id == id),
        }
        let by = std::mem::replace(&mut self.by, Actor::Adjutant);
        if let Some(step) = step {
            self.back_in_line(step, None)?;
        }
        self.by = by;
        Ok(())
    }
}
