//! The words, icons and numbers that several texts share.

use chrono::{DateTime, Utc};

use super::text::{self, code};
use adjutant_domain::approval::{Approval, ApprovalKind};
use adjutant_domain::directive::{Directive, PauseReason};
use adjutant_domain::evaluation::{Confidence, Evaluation, Verdict};
use adjutant_domain::failure::AgentErrorKind;
use adjutant_domain::ids::{StepId, Usd};
use adjutant_domain::status::StepStatus;
use adjutant_domain::step::{Hold, PassedBy, Step, StepKind, StepState};
use adjutant_domain::task::{CapacityLimit, QueueReason, Task, TaskStatus};

/// How a step stands, drawn.
pub fn icon(directive: &Directive, step: &Step) -> &'static str {
    if waits_for_person(directive, step) {
        return "✋";
    }
    match step.status() {
        StepStatus::Pending => "⚪",
        StepStatus::Ready => "🔵",
        StepStatus::Running => "🛠️",
        StepStatus::Evaluating => "🔎",
        StepStatus::Passed => "✅",
        StepStatus::Rework => "🔁",
        StepStatus::Blocked => "✋",
        StepStatus::Failed => "❌",
        StepStatus::Skipped => "⏭️",
    }
}

/// How a step stands, in words.
pub fn state(directive: &Directive, step: &Step) -> String {
    if let Some(holder) = directive.held_by(step) {
        let how = if holder.status() == StepStatus::Failed { "could not be run" } else { "is blocked" };
        return format!("waits for {}, which {how}", code(holder.name.as_str()));
    }
    let state = match &step.state {
        StepState::Passed { by: PassedBy::Merge, .. } => "merged",
        StepState::Passed { by: PassedBy::Report | PassedBy::NoChange, .. } => "done",
        StepState::Skipped { .. } => "skipped",
        _ if waits_for_person(directive, step) => "waits for a person",
        StepState::Pending => "waits for others",
        StepState::Ready { .. } => "queued",
        StepState::Working { task, .. } => match directive.task(*task) {
            Some(task) if task.agent_pause.is_some() => "waits for its agent",
            Some(task) if task.held.is_some() => "waits for a place",
            Some(task) if task.not_before.is_some() => "waits to be tried again",
            Some(task) if task.status == TaskStatus::Queued => "queued",
            _ => "in work",
        },
        StepState::Integrating { .. } => "in work",
        StepState::HandedIn { .. }
        | StepState::Verifying { .. }
        | StepState::Judging { .. }
        | StepState::AwaitingDecision { .. } => "being proved",
        StepState::AwaitingCi { .. } => "waits for the repository's CI",
        StepState::Merging { .. } if step.hold().is_some() => "held back as a draft",
        StepState::Merging { .. } => "merging",
        StepState::Reworking { .. } | StepState::AwaitingSteps { .. } => "goes to rework",
        StepState::Blocked { .. } => "blocked",
        StepState::Failed { .. } => "could not be run",
    };
    state.to_owned()
}

/// Who holds a pull request back, and how it goes on.
pub fn held_back(hold: &Hold) -> String {
    format!(
        "{} converted it to a draft: it is merged once it is marked as ready for review, or once they or an administrator \
         approve it.",
        text::actor(&hold.by)
    )
}

/// The question about a step that waits for a person.
pub fn waiting_approval<'a>(directive: &'a Directive, step: &Step) -> Option<&'a Approval> {
    directive.waiting().find(|approval| approval.step == Some(step.id))
}

/// What a task waits for, and what makes room.
pub fn full(held: QueueReason) -> String {
    let taken = held.taken as usize;
    match held.by {
        CapacityLimit::OpenPulls => format!(
            "{} of this repository {} for a person or {} on the way there (at most {}). An answer to one makes room",
            count(taken, "pull request", "pull requests"),
            if taken == 1 { "waits" } else { "wait" },
            if taken == 1 { "is" } else { "are" },
            held.limit
        ),
        CapacityLimit::Verifiers => format!("{taken} of {} verifications are at work", held.limit),
        CapacityLimit::Installation => format!(
            "{} of this installation {} at work (at most {})",
            count(taken, "agent", "agents"),
            if taken == 1 { "is" } else { "are" },
            held.limit
        ),
    }
}

/// Why an agent has to wait, after its name.
pub fn unavailable(why: AgentErrorKind) -> &'static str {
    match why {
        AgentErrorKind::Overloaded => "has a provider without capacity",
        _ => "is out of quota",
    }
}

/// The waiting approvals as they are shown: the most urgent first, among these the oldest.
pub fn by_urgency(directive: &Directive) -> Vec<&Approval> {
    let mut waiting: Vec<_> = directive.waiting().collect();
    waiting.sort_by_key(|approval| std::cmp::Reverse(approval.urgency));
    waiting
}

fn waits_for_person(directive: &Directive, step: &Step) -> bool {
    !directive.status().is_over() && waiting_approval(directive, step).is_some()
}

/// A confidence, drawn.
pub fn light(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Green => "🟢",
        Confidence::Yellow => "🟡",
        Confidence::Red => "🔴",
    }
}

/// A confidence with its score.
pub fn confidence(evaluation: &Evaluation) -> String {
    let word = evaluation.confidence.as_str();
    match evaluation.score {
        Some(score) => format!("{} {word} ({score:.2})", light(evaluation.confidence)),
        None => format!("{} {word}", light(evaluation.confidence)),
    }
}

/// A verdict, drawn.
pub fn verdict_icon(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✅",
        Verdict::Fail => "❌",
        Verdict::Neutral => "➖",
    }
}

/// What kind of step it is.
pub fn kind(step: &Step) -> &'static str {
    if step.kind == StepKind::Final { "final" } else { step.kind.as_str() }
}

/// A span of time, rounded to what matters.
pub fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        _ if seconds % 3_600 < 60 => format!("{} h", seconds / 3_600),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A count with its noun.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What the tasks of a step cost.
pub fn cost(directive: &Directive, step: StepId) -> Usd {
    directive.tasks.iter().filter(|task| task.step == Some(step)).fold(Usd::ZERO, |sum, task| sum + task.cost)
}

/// What a directive cost so far: `$0.40`, or `≥ $0.40 (3 runs unknown)` where nobody knows all of it.
pub fn spent(directive: &Directive) -> String {
    match directive.unknown_runs() {
        0 => directive.spent().to_string(),
        runs => format!("≥ {} ({} unknown)", directive.spent(), count(runs as usize, "run", "runs")),
    }
}

/// How long agents worked on a step until `now`; empty where none did.
pub fn time(directive: &Directive, step: StepId, now: DateTime<Utc>) -> String {
    let worked = directive.tasks.iter().filter(|task| task.step == Some(step));
    let spans: Vec<i64> =
        worked.filter_map(|task| Some((task.finished_at.unwrap_or(now) - task.started_at?).num_seconds())).collect();
    if spans.is_empty() { String::new() } else { duration(spans.iter().sum()) }
}

/// The tokens of all tasks, where agents counted any: read and written.
pub fn tokens(directive: &Directive) -> Option<String> {
    let sum = |count: fn(&Task) -> u64| directive.tasks.iter().map(count).fold(0, u64::saturating_add);
    let (input, output) = (sum(|task| task.input_tokens), sum(|task| task.output_tokens));
    (input > 0 || output > 0).then(|| format!("{} tokens read, {} written", short(input), short(output)))
}

/// A large number, rounded to what matters.
fn short(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{}.{}k", number / 1_000, number % 1_000 / 100),
        _ => format!("{}.{}M", number / 1_000_000, number % 1_000_000 / 100_000),
    }
}

/// What all of it took: steps, reworks, money, tokens, time at work.
pub fn totals(directive: &Directive) -> String {
    let reworks: u32 = directive.all_steps().map(|step| step.reworks).sum();
    let mut parts = vec![
        count(directive.steps.len(), "step", "steps"),
        count(reworks as usize, "rework", "reworks"),
        spent(directive),
    ];
    parts.extend(tokens(directive));
    // No time is passed in: while the clock runs, what is told is what had been counted when it was started.
    let time = directive.state.ended_at().map_or(directive.clock.seconds, |at| directive.clock.at(at));
    if time > 0 {
        parts.push(format!("{} at work", duration(time)));
    }
    parts.join(" · ")
}

/// How many steps are done.
pub fn done(directive: &Directive) -> usize {
    directive.steps.iter().filter(|step| step.status().is_done()).count()
}

/// Whether people gave up every step.
pub fn all_skipped(directive: &Directive) -> bool {
    directive.steps.iter().all(|step| step.status() == StepStatus::Skipped)
}

/// What may be answered when money or time is used up.
pub fn more(directive: &Directive) -> String {
    let (spent, limits) = (directive.spent(), &directive.policy.limits);
    let ceiling = limits.cost_ceiling();
    let for_money = directive.state.pause().is_some_and(|pause| pause.is_for(&PauseReason::Cost));
    if !for_money {
        "`/resume` grants the same again, `/stop` ends the directive".to_owned()
    } else if spent >= ceiling {
        format!("`/stop` ends the directive; the policy allows {ceiling} in total, and no more")
    } else {
        let total = (directive.budget() + limits.cost).max(spent + limits.cost).min(ceiling);
        format!(
            "`/resume` grants the same again, `/budget {}` sets another total (at most {ceiling}), `/stop` ends the directive",
            total.dollars()
        )
    }
}

/// What may be answered to a question, each command with what it does; with the step's name where it is answered
/// on the issue.
pub fn answers(directive: &Directive, approval: &Approval, step: Option<&Step>, place: Place) -> String {
    let name = step.filter(|_| place == Place::Issue).map(|step| format!(" {}", step.name)).unwrap_or_default();
    let rework = format!("`/rework{name} WHAT` sends it back");
    let skip = format!("`/skip{name}` goes on without it");
    let replan = "`/replan WHY` plans what is left anew";
    // No command is offered that would be refused.
    let is_final = step.is_some_and(Step::is_final);
    let plans_left = directive.plan_number() < directive.policy.limits.chain_generations;
    let otherwise = [(!is_final, skip.as_str()), (plans_left, replan), (true, "`/stop` ends the directive")];
    let otherwise: Vec<_> = otherwise.into_iter().filter_map(|(may, what)| may.then_some(what)).collect();
    let otherwise = otherwise.join(", ");
    match approval.kind {
        ApprovalKind::Plan | ApprovalKind::StepBlocked if approval.question.asked().is_some() => {
            let first = approval.question.asked().unwrap_or_default().iter().find(|it| it.answer.is_none());
            let (number, goes_on) = (first.map_or(1, |it| it.number), if step.is_some() { skip + ", " } else { String::new() });
            format!(
                "`/answer {number} a` or `/answer {number} YOUR WORDS` answers, `/approve{name}` leaves it to the agent, \
                 {goes_on}`/stop` ends the directive"
            )
        }
        ApprovalKind::Plan if approval.question.is_about_an_agent() => {
            "`/retry` plans again once that is mended, `/approve` takes the default plan, `/stop` ends the directive"
                .to_owned()
        }
        ApprovalKind::Plan => {
            "`/approve` starts it, `/rework WHAT` asks for another plan, `/stop` ends the directive".to_owned()
        }
        ApprovalKind::StepReview => {
            let accepts = if step.is_some_and(|step| step.report().is_some()) { "accepts it" } else { "merges it" };
            format!("`/approve{name}` {accepts}, {rework}, {skip}")
        }
        ApprovalKind::StepBlocked if step.is_some_and(|step| step.submission().is_none()) => {
            format!("`/retry{name}` tries again, {otherwise}")
        }
        ApprovalKind::StepBlocked if approval.question.is_about_an_agent() => {
            format!("`/retry{name}` tries again, `/approve{name}` accepts what was handed in before, {otherwise}")
        }
        ApprovalKind::StepBlocked if approval.question.is_about_a_run() => format!(
            "`/verify{name}` runs the verifiers again, `/reload` takes the policy as it is by now and does so too, \
             `/approve{name}` accepts it without that verifier, {otherwise}"
        ),
        ApprovalKind::StepBlocked => {
            format!("`/approve{name}` accepts it as it is, `/rework{name} WHAT` runs it once more, {otherwise}")
        }
        ApprovalKind::Final => {
            format!("merge it, or `/approve{name}` merges it where the branch's rules allow; {rework}")
        }
        ApprovalKind::Baseline => {
            "`/approve` begins all the same, `/verify` verifies it again, `/reload` takes the policy and the base branch as they \
             are by now, `/stop` ends the directive"
                .to_owned()
        }
        ApprovalKind::Budget => "`/resume` grants the same again, `/stop` ends the directive".to_owned(),
    }
}

/// Where a command is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the issue, where the step must be named.
    Issue,
    /// On the step's pull request.
    Pull,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use adjutant_domain::command::{self, Command};
    use adjutant_domain::question::Question;

    #[test]
    fn every_command_that_is_suggested_is_understood() {
        let directive = fixture::directive();
        let unborn = &directive.steps[3];
        for kind in ApprovalKind::ALL {
            for (step, place) in
                [(&directive.steps[1], Place::Issue), (&directive.steps[1], Place::Pull), (unborn, Place::Issue)]
            {
                let asked =
                    answers(&directive, &fixture::approval(1, *kind, Some(step), Question::Plan), Some(step), place);
                let suggested: Vec<&str> = asked.split('`').skip(1).step_by(2).collect();
                assert!(!suggested.is_empty(), "{asked}");
                for command in suggested {
                    let understood = command::parse(command);
                    assert!(!matches!(understood[..], [] | [Command::Unknown { .. }]), "{command}: {understood:?}");
                }
            }
        }
    }

    #[test]
    fn a_large_number_is_short() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1.0k"), (12_345, "12.3k"), (1_950_000, "1.9M")] {
            assert_eq!(short(number), text);
        }
    }

    #[test]
    fn a_duration_is_rounded_to_what_matters() {
        for (seconds, text) in
            [(-5, "0 s"), (59, "59 s"), (61, "1 min"), (3_600, "1 h"), (3_659, "1 h"), (7_500, "2 h 05 min")]
        {
            assert_eq!(duration(seconds), text);
        }
    }
}
