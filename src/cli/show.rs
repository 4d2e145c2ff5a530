//! `adjutant directive show`: one directive, its progress, and its use of its limits.

use std::io::Write;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::chain;
use super::find::{find, name};
use super::text::{age, cut, plain, said, table, time};
use super::{CliError, Ended, ShowArgs};
use crate::report::{cause, question, words};
use crate::store::Store;
use crate::store::overview::{EarlierStep, Summary, TaskRun};
use adjutant_domain::approval::Approval;
use adjutant_domain::directive::{Directive, PlanOrigin};
use adjutant_domain::ids::Usd;
use adjutant_domain::status::StepStatus;
use adjutant_domain::step::Step;
use adjutant_domain::task::{Task, TaskStatus};

/// The longest text by people or agents that is shown, in characters.
const SENTENCE: usize = 300;

pub(super) async fn show(args: &ShowArgs, store: &Store, out: &mut impl Write) -> Result<(), Ended> {
    let all = store.summaries().await?;
    let summary = find(&all, &args.directive)?;
    let Some(directive) = store.directive(summary.id).await? else {
        return Err(CliError::Work(format!("directive {} does not exist any more", summary.id)).into());
    };
    let earlier = store.earlier_steps(&directive).await?;
    if args.json {
        let steps: Vec<Value> =
            earlier.iter().map(|it| json!({ "generation": it.generation, "step": it.step })).collect();
        let value = json!({ "directive": directive, "earlier_steps": steps });
        serde_json::to_writer_pretty(&mut *out, &value).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        let before = all
            .iter()
            .find(|it| it.repo == summary.repo && it.issue == summary.issue && it.ordinal + 1 == summary.ordinal);
        let runs = store.task_runs(summary.id).await?;
        write!(out, "{}", render(&directive, before, &earlier, &runs, Utc::now()))?;
    }
    Ok(())
}

fn render(
    directive: &Directive,
    before: Option<&Summary>,
    earlier: &[EarlierStep],
    runs: &[TaskRun],
    now: DateTime<Utc>,
) -> String {
    let number = if directive.ordinal > 1 { format!("-{}", directive.ordinal) } else { String::new() };
    let mut text =
        format!("{}#{}{number}  {}\n", directive.repo.full_name(), directive.issue, cut(&directive.title, 120));
    text.push_str(&table(&header(directive, before, now), "  "));
    if !directive.steps.is_empty() {
        text.push_str(&format!("\nChain, generation {}{}\n", directive.generation, origin(directive)));
        text.push_str(&chain::draw_current(directive));
    }
    text.push_str(&tasks(directive, runs));
    text.push_str(&stuck(directive));
    text.push_str(&waiting(directive, now));
    text.push_str(&generations(directive, earlier));
    text
}

fn header(directive: &Directive, before: Option<&Summary>, now: DateTime<Utc>) -> Vec<Vec<String>> {
    let mut rows = vec![
        ("id", directive.id.to_string()),
        ("status", format!("{}, {}", directive.status(), directive.policy.autonomy.as_str())),
        (
            "opened",
            format!(
                "{} UTC, {} ago, by {}",
                time(directive.created_at),
                age((now - directive.created_at).num_seconds()),
                plain(directive.requested_by.as_str())
            ),
        ),
        ("base", format!("{} at {}", plain(directive.base.branch.as_str()), directive.base.sha.short())),
    ];
    if let Some(pause) = directive.state.pause() {
        // Printed as it is stored, so that every reason can be shown.
        let why = serde_json::to_value(pause.reasons.first()).map(|reason| said(&reason)).unwrap_or_default();
        rows.push(("paused", format!("{why}; goes back to {}", pause.from.status())));
    }
    if let Some(failure) = directive.state.failure() {
        rows.push(("failed", cut(&cause::directive(failure), SENTENCE)));
    }
    if let Some(ended) = directive.state.ended_at() {
        rows.push(("ended", format!("{} UTC", time(ended))));
    }
    rows.push(("used", used(directive, now)));
    let running = directive.tasks.iter().filter(|task| task.status == TaskStatus::Running).count();
    if running > 0 {
        rows.push(("agents", format!("{running} running, {} at most", directive.policy.limits.parallel_tasks)));
    }
    if let Some(before) = before {
        rows.push(("follows", format!("{}, {}", name(before), before.status)));
    }
    rows.into_iter().map(|(what, text)| vec![what.to_owned(), text]).collect()
}

/// What it used of its limits.
fn used(directive: &Directive, now: DateTime<Utc>) -> String {
    #[allow(clippy::cast_possible_truncation)] // the policy bounds the hours
    let allowed = (directive.policy.limits.wall_time_hours * 3_600.0) as i64 + directive.clock.granted;
    let limits = &directive.policy.limits;
    format!(
        "{} of {} · {} of {} at work · {} of {} steps done · at most {} of {} automatic reworks a step",
        words::spent(directive),
        directive.budget(),
        words::duration(directive.clock.at(now)),
        words::duration(allowed),
        words::done(directive),
        directive.steps.len(),
        directive.steps.iter().map(|step| step.rework_cycles).max().unwrap_or(0),
        limits.rework_cycles
    )
}

fn origin(directive: &Directive) -> &'static str {
    match directive.plan.as_ref().map(|plan| plan.origin) {
        Some(PlanOrigin::Repaired) => " (by the planner, repaired once)",
        Some(PlanOrigin::Default) => " (the default chain)",
        _ => "",
    }
}

/// The runs of agents, each with its agent, tokens, cost and log.
fn tasks(directive: &Directive, runs: &[TaskRun]) -> String {
    let rows: Vec<Vec<String>> = directive
        .tasks
        .iter()
        .map(|task| {
            let run = runs.iter().find(|run| run.task == task.id);
            let mut row = task_in_cells(directive, task, run.map(|run| run.agent.as_str()));
            row.push(run.map(|run| plain(&run.log)).unwrap_or_default());
            row
        })
        .collect();
    if rows.is_empty() { String::new() } else { format!("\nTasks\n{}", table(&rows, "  ")) }
}

/// A run in one line, above its log.
pub(super) fn run_in_a_line(directive: &Directive, task: &Task, run: &TaskRun) -> String {
    let cells = task_in_cells(directive, task, Some(&run.agent));
    let cells: Vec<String> = cells.into_iter().filter(|cell| !cell.is_empty()).collect();
    format!("Task {} · {}", cells.join(" · "), plain(&run.log))
}

fn task_in_cells(directive: &Directive, task: &Task, agent: Option<&str>) -> Vec<String> {
    let step = task.step.and_then(|id| directive.step(id));
    let attempt = if task.attempt > 1 { format!(", try {}", task.attempt) } else { String::new() };
    let tokens = match (task.input_tokens, task.output_tokens) {
        (0, 0) => String::new(),
        (read, written) => format!("{read} tokens read, {written} written"),
    };
    vec![
        task.number.to_string(),
        format!("{}{attempt}", task.kind.as_str()),
        step.map(|step| plain(step.name.as_str())).unwrap_or_default(),
        task.status.to_string(),
        agent.map(plain).unwrap_or_default(),
        task.cost.to_string(),
        tokens,
    ]
}

/// Why steps are stuck.
fn stuck(directive: &Directive) -> String {
    let steps = directive.all_steps();
    let stuck = steps.filter(|step| matches!(step.status(), StepStatus::Blocked | StepStatus::Failed));
    let rows: Vec<Vec<String>> = stuck
        .filter_map(|step| Some(vec![plain(step.name.as_str()), cut(&cause::words(step.state.cause()?), SENTENCE)]))
        .collect();
    if rows.is_empty() { String::new() } else { format!("\nStuck\n{}", table(&rows, "  ")) }
}

/// The questions that wait for people: since when, and the possible answers.
fn waiting(directive: &Directive, now: DateTime<Utc>) -> String {
    let mut text = String::new();
    for approval in directive.waiting() {
        let step = approval.step.and_then(|id| directive.step(id));
        let of = step.map(|step| format!(" of {}", plain(step.name.as_str()))).unwrap_or_default();
        let since = age((now - approval.asked_at).num_seconds());
        text.push_str(&format!("  {}{of}, for {since}{}\n", approval.kind.as_str(), urgency(approval)));
        text.push_str(&format!("    {}\n", cut(&question::words(&approval.question), SENTENCE)));
        text.push_str(&format!("    {}\n", plain(&words::answers(directive, approval, step, words::Place::Issue))));
    }
    if text.is_empty() { text } else { format!("\nWaits for a person\n{text}") }
}

/// A question's urgency and expiry, if it has them.
fn urgency(approval: &Approval) -> String {
    let fields = serde_json::to_value(approval).unwrap_or_default();
    let part = |name: &str, word: &str| {
        let value = fields.get(name).filter(|value| !value.is_null())?;
        Some(format!(", {word} {}", said(value)))
    };
    [part("urgency", "urgency"), part("expires_at", "expires")].into_iter().flatten().collect()
}

/// The chains before this one.
fn generations(directive: &Directive, earlier: &[EarlierStep]) -> String {
    let mut text = String::new();
    for group in earlier.chunk_by(|a, b| a.generation == b.generation) {
        let steps: Vec<Step> = group.iter().map(|it| it.step.clone()).collect();
        let cost = |step: &Step| -> Usd { words::cost(directive, step.id) };
        text.push_str(&format!("\nGeneration {}, superseded\n", group[0].generation));
        text.push_str(&chain::draw(&steps, |_| false, cost));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::list::tests::summary;
    use crate::report::fixture;
    use adjutant_domain::question::Question;

    #[test]
    fn a_directive_is_shown_with_its_limits_its_chain_and_what_waits() {
        let mut directive = fixture::directive();
        directive.ordinal = 2;
        let earlier = vec![EarlierStep { generation: 0, step: directive.steps[0].clone() }];
        let before = summary("acme/widgets", 7, 1);
        let (task, log) = (directive.tasks[0].id, "/data/logs/first.log".to_owned());
        let runs = [TaskRun { task, agent: "claude".to_owned(), log }];
        insta::assert_snapshot!(render(&directive, Some(&before), &earlier, &runs, fixture::now()), @r"
        acme/widgets#7-2  Convert units
          id       6248e84d-2ab2-509b-a1a6-6ba97d425312
          status   active, guardrails
          opened   2026-11-20 11:35:00 UTC, 25 min ago, by maintainer
          base     main at 0000000
          used     $1.06 of $10.00 · 25 min of 8 h at work · 1 of 4 steps done · at most 1 of 3 automatic reworks a step
          agents   1 running, 3 at most
          follows  acme/widgets#7, active

        Chain, generation 1
          ✓ parse        implement  passed                          #12  green 1.00   $0.61  1 rework
          ├─ ! convert   implement  evaluating, waits for a person  #13  yellow 0.67  $0.33
          └─ ▶ document  document   running
             └─ · prove  test       pending                                                            also after convert

        Tasks
          1  plan              succeeded  claude  $0.12    /data/logs/first.log
          2  step    parse     succeeded          $0.41
          3  rework  parse     succeeded          $0.20
          4  step    convert   succeeded          $0.33
          5  step    document  running            $0.00

        Waits for a person
          step_review of convert, for 0 s, urgency normal
            `convert` is yellow: the optional verifier `lint` failed. May this step be merged?
            `/approve convert` merges it, `/rework convert WHAT` sends it back, `/skip convert` goes on without it

        Generation 0, superseded
          ✓ parse  implement  passed  #12  green 1.00  $0.61  1 rework
        ");
    }

    #[test]
    fn foreign_texts_contain_no_control_sequences_for_the_terminal() {
        let evil = "x\u{1b}]0;owned\u{7}\n\u{202e}";
        let mut directive = fixture::directive();
        directive.title = evil.to_owned();
        directive.state = fixture::failed(evil);
        directive.steps[1].state = fixture::blocked(evil, directive.steps[1].last());
        for approval in &mut directive.approvals {
            approval.question = Question::Legacy(evil.to_owned());
        }
        let shown = render(&directive, None, &[], &[], fixture::now());
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{shown:?}");
    }
}
