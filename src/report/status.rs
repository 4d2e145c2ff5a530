//! The one status comment of a directive, edited in place.

use chrono::{DateTime, Utc};

use super::text::{MAX_BODY, code, fence, fit, inline, login, quote};
use super::{Links, baseline, cause, failure, graph, notice, overrides, plan_fault, question, replan, words};
use adjutant_domain::approval::{Approval, ApprovalKind, ApprovalStatus};
use adjutant_domain::asking::AskedQuestion;
use adjutant_domain::baseline::BaselineState;
use adjutant_domain::directive::{Directive, DirectiveState, PauseReason, PlanOrigin};
use adjutant_domain::ids::DirectiveId;
use adjutant_domain::status::{DirectiveStatus, StepStatus};
use adjutant_domain::step::{Step, StepState, VerifierProgress};
use adjutant_domain::task::{AgentPause, CapacityLimit, Task, TaskKind, TaskStatus};

/// The most characters of an agent's output that are shown.
const MOST_OUTPUT: usize = 2_000;
/// Cells of the progress bar.
const CELLS: usize = 20;

/// The hidden first line by which the comment is found again.
pub fn status_marker(directive: DirectiveId) -> String {
    format!("<!-- adjutant:status:{directive} -->")
}

/// The status comment as things stand at `now`; at most [`MAX_BODY`] bytes, and it mentions nobody.
pub fn status_comment(directive: &Directive, links: &Links, now: DateTime<Utc>) -> String {
    fit(MAX_BODY, |chars| render(directive, links, now, chars))
}

fn render(directive: &Directive, links: &Links, now: DateTime<Utc>, chars: usize) -> String {
    let sections = [
        format!("{}\n### {}", status_marker(directive.id), headline(directive)),
        explanation(directive, links, chars),
        replan::newer_text(directive),
        progress(directive),
        waiting(directive, links, chars),
        failures(directive, links, chars),
        outputs(directive, chars),
        answers(directive, chars),
        baseline::section(directive, chars),
        graph::mermaid(directive),
        table(directive, links, now),
        running(directive, now),
        before(directive, links),
        held(directive),
        held_back(directive, links),
        origin(directive, chars),
        overrides::overrides(directive),
        footer(directive, now),
    ];
    sections.iter().filter(|section| !section.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n\n")
}

/// The state in words.
fn headline(directive: &Directive) -> String {
    let steps = directive.steps.len();
    let progress = format!("{} of {} done", words::done(directive), words::count(steps, "step", "steps"));
    let waiting = directive.waiting().count();
    match directive.status() {
        DirectiveStatus::Draft => "Getting ready".to_owned(),
        DirectiveStatus::Planning if directive.baseline.state == BaselineState::Asked => {
            "✋ The base commit needs a person".to_owned()
        }
        DirectiveStatus::Planning if waiting > 0 && directive.plan.is_none() => "✋ Planning needs a person".to_owned(),
        DirectiveStatus::Planning if waiting > 0 => "✋ The plan waits for a person".to_owned(),
        DirectiveStatus::Planning if directive.baseline.state == BaselineState::Running => {
            "Verifying the base commit".to_owned()
        }
        DirectiveStatus::Planning if !directive.replans.is_empty() => "Planning anew".to_owned(),
        DirectiveStatus::Planning => "Planning".to_owned(),
        DirectiveStatus::Active if directive.final_step.is_some() && waiting > 0 => {
            format!("✋ {progress}; the final pull request waits for a person")
        }
        DirectiveStatus::Active if waiting > 0 => {
            format!("✋ {progress}; {} for a person", words::count(waiting, "question waits", "questions wait"))
        }
        DirectiveStatus::Active => progress,
        DirectiveStatus::Paused => format!("⏸️ Paused; {progress}"),
        DirectiveStatus::Completed => "✅ Completed".to_owned(),
        DirectiveStatus::Failed => "❌ Ended without its goal".to_owned(),
        DirectiveStatus::Archived if directive.state.is_completed() => "✅ Completed, archived".to_owned(),
        DirectiveStatus::Archived => "❌ Ended without its goal, archived".to_owned(),
    }
}

/// What the headline means, and what a person can do about it.
fn explanation(directive: &Directive, links: &Links, chars: usize) -> String {
    match &directive.state {
        DirectiveState::Draft | DirectiveState::Active => String::new(),
        DirectiveState::Planning if directive.waiting().next().is_some() => String::new(),
        DirectiveState::Planning if directive.baseline.state == BaselineState::Running => {
            "Dependencies are installed, and the verifiers run once before anything is planned.".to_owned()
        }
        DirectiveState::Planning if !directive.planning_faults.is_empty() => {
            "The first plan had faults; the planner mends it.".to_owned()
        }
        DirectiveState::Planning if !directive.replans.is_empty() => replan::planning(directive, links, chars),
        DirectiveState::Planning => "An agent reads the repository and proposes the steps.".to_owned(),
        DirectiveState::Paused(pause) => {
            pause.reasons.iter().map(|reason| paused(directive, reason)).collect::<Vec<_>>().join("\n\n")
        }
        DirectiveState::Completed { .. } | DirectiveState::Archived { failure: None, .. } => {
            let merged = notice::merged_into(directive, links);
            let proof = notice::proof_of_completion(directive, links, chars);
            format!("{merged} {}.\n\n{proof}", words::totals(directive)).trim_end().to_owned()
        }
        DirectiveState::Failed { failure, .. } | DirectiveState::Archived { failure: Some(failure), .. } => {
            inline(&cause::directive(failure), chars.max(200))
        }
    }
}

fn paused(directive: &Directive, reason: &PauseReason) -> String {
    match reason {
        PauseReason::Unlabelled(by) => format!(
            "{} took the label off: what runs finishes, nothing new starts. Put the label {} back to go on.",
            login(by),
            code(&directive.policy.label)
        ),
        PauseReason::Commanded(by) => {
            format!("{} said `/pause`: what runs finishes, nothing new starts. `/resume` goes on.", login(by))
        }
        PauseReason::Cost => {
            format!("The budget of {} is used up. {}.", directive.budget(), words::more(directive))
        }
        PauseReason::WallTime => format!("The working time is used up. {}.", words::more(directive)),
    }
}

/// The bar is full only when all is over.
fn progress(directive: &Directive) -> String {
    if directive.steps.is_empty() {
        return String::new();
    }
    let mut cells = words::done(directive) * CELLS / directive.steps.len();
    if !directive.state.is_completed() {
        cells = cells.min(CELLS - 1);
    }
    format!("`{}{}` {} %", "█".repeat(cells), "░".repeat(CELLS - cells), cells * 100 / CELLS)
}

/// What waits for a person, each with the commands that answer it.
fn waiting(directive: &Directive, links: &Links, chars: usize) -> String {
    if directive.status().is_over() {
        return String::new();
    }
    let waiting = words::by_urgency(directive);
    let mut questions: Vec<String> =
        waiting.iter().take(30).map(|approval| asked(directive, approval, links, chars.min(600))).collect();
    let more = waiting.len() - questions.len();
    if questions.is_empty() {
        return String::new();
    }
    questions.insert(0, "**Waiting for a maintainer**".to_owned() + "\n");
    if more > 0 {
        questions.push(format!("- … and {more} more"));
    }
    questions.join("\n")
}

/// A question in a line, and in a second one the commands that answer it.
pub(super) fn asked(directive: &Directive, approval: &Approval, links: &Links, chars: usize) -> String {
    let step = approval.step.and_then(|id| directive.step(id));
    let what = match (approval.kind, step) {
        (ApprovalKind::Plan, _) if approval.question.is_about_an_agent() || approval.question.asked().is_some() => {
            "planning".to_owned()
        }
        (ApprovalKind::Plan, _) => "the plan".to_owned(),
        (ApprovalKind::Budget, _) => "the budget".to_owned(),
        (ApprovalKind::Baseline, _) => "the base commit".to_owned(),
        (_, Some(step)) => named(step, links),
        (_, None) => "a step".to_owned(),
    };
    let asked = match approval.question.asked() {
        Some(questions) => {
            let lines = question::asked(questions, chars);
            format!("the agent asks\n{}", lines.iter().map(|line| format!("  - {line}")).collect::<Vec<_>>().join("\n"))
        }
        None => inline(&question::words(&approval.question), chars),
    };
    let shown = if asked.is_empty() { String::new() } else { format!(": {asked}") };
    let pull = step.and_then(|step| step.pull.as_ref());
    let place = pull.map_or_else(
        || "Here".to_owned(),
        |pull| format!("Here (or in [#{}]({}) without the name)", pull.number, links.pull(pull.number)),
    );
    let since = match approval.status {
        ApprovalStatus::Expired => format!(" (since {})", approval.asked_at.format("%Y-%m-%d %H:%M UTC")),
        _ => String::new(),
    };
    let answers = match approval.kind {
        ApprovalKind::Budget => words::more(directive),
        _ => words::answers(directive, approval, step, words::Place::Issue),
    };
    format!("- **{what}**{shown}{since}\n  {place}: {answers}.")
}

/// Steps that are stuck, and why, where their question does not say it.
fn failures(directive: &Directive, links: &Links, chars: usize) -> String {
    let mut rows: Vec<String> = Vec::new();
    for step in directive.all_steps() {
        if !matches!(step.status(), StepStatus::Blocked | StepStatus::Failed) {
            continue;
        }
        let reason = step.state.cause().map_or_else(|| "no reason was given".to_owned(), cause::words);
        let asked = words::waiting_approval(directive, step).filter(|_| !directive.status().is_over());
        if asked.is_none_or(|approval| {
            !question::words(&approval.question).contains(&reason) && step.state.cause().is_some()
        }) {
            let state = if step.status() == StepStatus::Failed { "could not be run" } else { "is blocked" };
            rows.push(format!("- **{}** {state}: {}", named(step, links), inline(&reason, chars.min(600))));
        }
    }
    if let Some(task) = last_failed_planning(directive) {
        let reason = inline(&task.failure.as_ref().map(failure::words).unwrap_or_default(), chars.min(600));
        rows.push(format!("- **planning** failed: {reason}"));
    }
    if rows.is_empty() { String::new() } else { format!("**Stuck**\n\n{}", rows.join("\n")) }
}

fn last_failed_planning(directive: &Directive) -> Option<&Task> {
    let last = directive.tasks.iter().rfind(|task| task.kind == TaskKind::Plan)?;
    let asked = directive.waiting().any(|approval| approval.kind == ApprovalKind::Plan);
    (last.status == TaskStatus::Failed && directive.plan.is_none() && !asked).then_some(last)
}

/// What agents asked, and what they were answered.
fn answers(directive: &Directive, chars: usize) -> String {
    let closed = directive.approvals.iter().filter(|approval| !approval.status.is_waiting());
    let asked = closed.filter_map(|approval| approval.question.asked()).flatten();
    let line = |it: &AskedQuestion| {
        let answer = question::answered(it.answer.as_ref()?);
        Some(format!("- {} → {answer}", inline(&it.question.text, chars.min(300))))
    };
    let lines: Vec<String> = asked.filter_map(line).take(30).collect();
    if lines.is_empty() { String::new() } else { format!("**Answers to agents**\n\n{}", lines.join("\n")) }
}

/// The last lines of what agents printed that a person is asked about.
fn outputs(directive: &Directive, chars: usize) -> String {
    if directive.status().is_over() || chars == 0 {
        return String::new();
    }
    let block = |approval: &&Approval| {
        let output = approval.question.failure()?.output()?;
        let step = approval.step.and_then(|id| directive.step(id));
        let name = step.map_or_else(|| "planning".to_owned(), |step| inline(step.name.as_str(), 60));
        let output = fence(output, chars.min(MOST_OUTPUT));
        Some(format!("<details><summary>What the agent printed last ({name})</summary>\n\n{output}\n\n</details>"))
    };
    let blocks: Vec<String> = words::by_urgency(directive).iter().filter_map(block).take(5).collect();
    blocks.join("\n\n")
}

fn named(step: &Step, links: &Links) -> String {
    let name = if step.is_final() { "final pull request".to_owned() } else { inline(step.name.as_str(), 60) };
    match &step.pull {
        Some(pull) => format!("[{name}]({})", links.pull(pull.number)),
        None => name,
    }
}

fn table(directive: &Directive, links: &Links, now: DateTime<Utc>) -> String {
    if directive.steps.is_empty() {
        return String::new();
    }
    let mut rows = vec![
        "| Step | Kind | Status | Confidence | Reworks | Cost | Time |".to_owned(),
        "|---|---|---|---|---:|---:|---:|".to_owned(),
    ];
    for step in directive.all_steps() {
        let confidence = step.state.evaluation().map(words::confidence).unwrap_or_default();
        let reworks = if step.reworks > 0 { step.reworks.to_string() } else { String::new() };
        rows.push(format!(
            "| {} | {} | {} {} | {confidence} | {reworks} | {} | {} |",
            named(step, links),
            words::kind(step),
            words::icon(directive, step),
            words::state(directive, step),
            words::cost(directive, step.id),
            words::time(directive, step.id, now)
        ));
    }
    rows.join("\n")
}

fn running(directive: &Directive, now: DateTime<Utc>) -> String {
    let tasks: Vec<String> = directive
        .tasks
        .iter()
        .filter(|task| task.status == TaskStatus::Running)
        .take(20)
        .map(|task| {
            let what = match task.kind {
                TaskKind::Plan => "planning",
                TaskKind::Step => "working on",
                TaskKind::Rework => "reworking",
                TaskKind::Judge => "judging",
            };
            let step = task.step.and_then(|id| directive.step(id));
            let name = step.map(|step| format!(" {}", code(step.name.as_str()))).unwrap_or_default();
            let since = task.started_at.map_or(0, |started| (now - started).num_seconds());
            let attempt = if task.attempt > 1 { format!(", try {}", task.attempt) } else { String::new() };
            format!("{what}{name} ({}{attempt})", words::duration(since))
        })
        .collect();
    if tasks.is_empty() { String::new() } else { format!("Agents now: {}.", tasks.join(", ")) }
}

/// That the issue had a directive before.
fn before(directive: &Directive, links: &Links) -> String {
    if directive.predecessor.is_none() {
        return String::new();
    }
    let before = links
        .before(directive.issue)
        .map_or_else(|| "the one before".to_owned(), |url| format!("[the one before]({url})"));
    format!("Directive {} of this issue, after {before}.", directive.ordinal)
}

/// Pull requests that people hold back as drafts.
fn held_back(directive: &Directive, links: &Links) -> String {
    if directive.status().is_over() {
        return String::new();
    }
    let steps = directive.all_steps().filter(|step| !step.status().is_done());
    let lines: Vec<String> = steps
        .filter_map(|step| Some(format!("- **{}**: {}", named(step, links), words::held_back(step.hold()?))))
        .collect();
    if lines.is_empty() { String::new() } else { format!("**Held back**\n\n{}", lines.join("\n")) }
}

/// Tasks that wait for capacity, once for each limit.
fn held(directive: &Directive) -> String {
    let mut lines = Vec::new();
    for house in [CapacityLimit::OpenPulls, CapacityLimit::Installation] {
        let waiting = directive.tasks.iter().filter(|task| task.status.is_live());
        let waiting: Vec<_> =
            waiting.filter_map(|task| Some((task, task.held.filter(|held| held.by == house)?))).collect();
        let Some((_, held)) = waiting.first() else { continue };
        let names: Vec<String> = waiting.iter().take(20).map(|(task, _)| worked_on(directive, task)).collect();
        let verb = if names.len() == 1 { "waits" } else { "wait" };
        lines.push(format!("{} {verb} for a free place: {}.", names.join(", "), words::full(*held)));
    }
    lines.extend(agents_that_wait(directive));
    lines.extend(tried_again(directive));
    lines.extend(unverified(directive));
    lines.join("\n\n")
}

/// The agents whose providers want to be left alone, each with the tasks that wait for it.
fn agents_that_wait(directive: &Directive) -> Vec<String> {
    let live = || directive.tasks.iter().filter(|task| task.status.is_live());
    let mut pauses: Vec<&AgentPause> = Vec::new();
    for pause in live().filter_map(|task| task.agent_pause.as_ref()) {
        match pauses.iter_mut().find(|known| known.agent == pause.agent) {
            Some(known) if known.until < pause.until => *known = pause,
            Some(_) => {}
            None => pauses.push(pause),
        }
    }
    let line = |pause: &&AgentPause| {
        let waits = |task: &&Task| task.agent_pause.as_ref().is_some_and(|it| it.agent == pause.agent);
        let names: Vec<String> = live().filter(waits).take(20).map(|task| worked_on(directive, task)).collect();
        let verb = if names.len() == 1 { "waits" } else { "wait" };
        let (until, why) = (pause.until.format("%Y-%m-%d %H:%M UTC"), words::unavailable(pause.why));
        format!("{} {why} until {until}: {} {verb}.", code(&pause.agent), names.join(", "))
    };
    pauses.iter().map(line).collect()
}

/// Tasks that wait after a try that could not be run.
fn tried_again(directive: &Directive) -> Vec<String> {
    let line = |task: &Task| {
        let at = task.not_before.filter(|_| task.status == TaskStatus::Queued && task.agent_pause.is_none())?;
        let why = task.step.and_then(|id| directive.step(id)).and_then(|step| step.state.cause());
        let why = why.map(|why| format!(" {}", inline(&cause::words(why), 300))).unwrap_or_default();
        Some(format!("{} is tried again at {}.{why}", worked_on(directive, task), at.format("%Y-%m-%d %H:%M UTC")))
    };
    directive.tasks.iter().filter_map(line).take(20).collect()
}

/// The commits whose verifiers wait for a free place.
fn unverified(directive: &Directive) -> Option<String> {
    let base = (BaselineState::Running == directive.baseline.state)
        .then_some(("The base commit".to_owned(), directive.baseline.progress));
    let steps = directive.all_steps().filter_map(|step| match step.state {
        StepState::Verifying { progress, .. } => Some((code(step.name.as_str()), progress)),
        _ => None,
    });
    let queued = base.into_iter().chain(steps).filter_map(|(name, progress)| match progress {
        VerifierProgress::Queued(held) => Some((name, held)),
        VerifierProgress::Waiting | VerifierProgress::Running => None,
    });
    let queued: Vec<_> = queued.take(20).collect();
    let held = queued.first()?.1;
    let names: Vec<&str> = queued.iter().map(|(name, _)| name.as_str()).collect();
    let verb = if names.len() == 1 { "waits" } else { "wait" };
    Some(format!("{} {verb} to be verified: {}.", names.join(", "), words::full(held)))
}

fn worked_on(directive: &Directive, task: &Task) -> String {
    let step = task.step.and_then(|id| directive.step(id));
    step.map_or_else(|| "Planning".to_owned(), |step| code(step.name.as_str()))
}

/// Who asked, and where the plan came from.
fn origin(directive: &Directive, chars: usize) -> String {
    let asked = format!(
        "Asked for by {} on {}, {}",
        login(&directive.requested_by),
        directive.created_at.format("%Y-%m-%d %H:%M UTC"),
        code(directive.policy.autonomy.as_str())
    );
    let Some(plan) = &directive.plan else { return format!("{asked}.") };
    let made = match plan.origin {
        PlanOrigin::Planned => "by the planner",
        PlanOrigin::Repaired => "by the planner, mended once",
        PlanOrigin::Default => "the default chain, because the planner gave no usable one",
    };
    let mut text = match replan::because(directive, chars) {
        Some(because) => format!("{asked}. {because} It was made {made}."),
        None => format!("{asked}. Plan: {made}."),
    };
    let mut details = Vec::new();
    if !plan.rationale.trim().is_empty() && chars > 0 {
        details.push(quote(&plan.rationale, chars));
    }
    let faults: Vec<String> = plan
        .faults
        .iter()
        .take(20)
        .map(|fault| format!("- {}", inline(&plan_fault::words(fault), chars.min(300))))
        .collect();
    if chars > 0 {
        details.extend(plan_steps(directive, chars));
    }
    if !faults.is_empty() && chars > 0 {
        details.push(format!("What was wrong with the planner's proposal:\n\n{}", faults.join("\n")));
    }
    if !details.is_empty() {
        let asked = directive.waiting().any(|approval| approval.kind == ApprovalKind::Plan);
        let open = if asked && !directive.status().is_over() { " open" } else { "" };
        let details = details.join("\n\n");
        text = format!("{text}\n\n<details{open}><summary>The plan</summary>\n\n{details}\n\n</details>");
    }
    text
}

/// What each step is to do, and what of the brief it covers.
fn plan_steps(directive: &Directive, chars: usize) -> Option<String> {
    let rows: Vec<String> = directive
        .steps
        .iter()
        .map(|step| {
            let ids: Vec<String> = step.requirements.iter().chain(&step.criteria).map(|id| inline(id, 10)).collect();
            let covers = if ids.is_empty() { String::new() } else { format!(" ({})", ids.join(", ")) };
            let what = inline(&step.description, chars.min(300));
            format!("- **{}**: {what}{covers}", inline(step.name.as_str(), 60))
        })
        .collect();
    (!rows.is_empty()).then(|| rows.join("\n"))
}

fn footer(directive: &Directive, now: DateTime<Utc>) -> String {
    let tokens = words::tokens(directive).map(|tokens| format!(" · {tokens}")).unwrap_or_default();
    format!(
        "<sub>{} of {}{tokens} · {} of {} at work · `/help` lists the commands</sub>",
        words::spent(directive),
        directive.budget(),
        words::duration(directive.clock.at(now)),
        words::duration(directive.allowed_seconds())
    )
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
