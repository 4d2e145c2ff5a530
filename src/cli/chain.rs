//! Draws a chain as a tree: each step is below the last of the steps that it waits for.

use crate::report::words;
use adjutant_domain::directive::Directive;
use adjutant_domain::evaluation::Evaluation;
use adjutant_domain::ids::Usd;
use adjutant_domain::status::StepStatus;
use adjutant_domain::step::Step;

use super::text::{plain, table};

/// The chain of one generation, one line per step. `cost` returns the cost of a step's tasks.
pub(super) fn draw(steps: &[Step], waits: impl Fn(&Step) -> bool, cost: impl Fn(&Step) -> Usd) -> String {
    let parents: Vec<Option<usize>> = steps.iter().map(|step| parent(steps, step)).collect();
    let mut lines = Vec::new();
    branch(&parents, None, "", &mut lines);
    let rows: Vec<Vec<String>> = lines
        .into_iter()
        .map(|(at, prefix)| {
            let step = &steps[at];
            let others = others(steps, step, parents[at]);
            let mut row = vec![format!("{prefix}{} {}", mark(step, waits(step)), plain(step.name.as_str()))];
            row.extend(columns(step, waits(step), cost(step)));
            row.push(others);
            row
        })
        .collect();
    table(&rows, "  ")
}

/// The current chain with the final pull request below it.
pub(super) fn draw_current(directive: &Directive) -> String {
    let waits = |step: &Step| words::waiting_approval(directive, step).is_some();
    let cost = |step: &Step| words::cost(directive, step.id);
    let mut text = draw(&directive.steps, waits, cost);
    if let Some(final_step) = &directive.final_step {
        text.push_str(&draw(std::slice::from_ref(final_step), waits, cost));
    }
    text
}

/// The dependency that a step is drawn below: the deepest one, and the last of several.
fn parent(steps: &[Step], step: &Step) -> Option<usize> {
    let dependencies = steps.iter().enumerate().filter(|(_, other)| step.depends_on.contains(&other.name));
    dependencies.max_by_key(|(at, other)| (depth(steps, other, steps.len()), *at)).map(|(at, _)| at)
}

/// The length of the longest path of dependencies before a step. `left` bounds the search if the stored rows are wrong.
fn depth(steps: &[Step], step: &Step, left: usize) -> usize {
    if left == 0 {
        return 0;
    }
    let before = steps.iter().filter(|other| step.depends_on.contains(&other.name));
    before.map(|other| depth(steps, other, left - 1) + 1).max().unwrap_or(0)
}

/// The steps below `under`, each with the lines that connect it.
fn branch(parents: &[Option<usize>], under: Option<usize>, prefix: &str, lines: &mut Vec<(usize, String)>) {
    let children: Vec<usize> = (0..parents.len()).filter(|at| parents[*at] == under).collect();
    for (index, at) in children.iter().enumerate() {
        let is_last = index + 1 == children.len();
        let (here, below) = match (under.is_some(), is_last) {
            (false, _) => ("", ""),
            (true, true) => ("└─ ", "   "),
            (true, false) => ("├─ ", "│  "),
        };
        lines.push((*at, format!("{prefix}{here}")));
        branch(parents, Some(*at), &format!("{prefix}{below}"), lines);
    }
}

/// The dependencies that the drawing does not show.
fn others(steps: &[Step], step: &Step, parent: Option<usize>) -> String {
    let shown = parent.map(|at| &steps[at].name);
    let others: Vec<String> =
        step.depends_on.iter().filter(|name| Some(*name) != shown).map(|name| plain(name.as_str())).collect();
    if others.is_empty() { String::new() } else { format!("also after {}", others.join(", ")) }
}

/// Type, status, pull request, confidence, cost and reworks.
fn columns(step: &Step, waits: bool, cost: Usd) -> Vec<String> {
    let status = if waits { format!("{}, waits for a person", step.status()) } else { step.status().to_string() };
    let pull = step.pull.as_ref().map(|pull| {
        let draft = if pull.draft { " draft" } else { "" };
        format!("#{}{draft}", pull.number)
    });
    let reworks =
        if step.reworks > 0 { words::count(step.reworks as usize, "rework", "reworks") } else { String::new() };
    let report = if step.report().is_some() { "report".to_owned() } else { String::new() };
    vec![
        words::kind(step).to_owned(),
        status,
        pull.unwrap_or(report),
        step.state.evaluation().map(confidence).unwrap_or_default(),
        if cost == Usd::ZERO { String::new() } else { cost.to_string() },
        reworks,
    ]
}

fn confidence(evaluation: &Evaluation) -> String {
    let word = evaluation.confidence.as_str();
    evaluation.score.map_or_else(|| word.to_owned(), |score| format!("{word} {score:.2}"))
}

/// The status of a step as one character of normal width.
fn mark(step: &Step, waits: bool) -> char {
    match step.status() {
        StepStatus::Passed => '✓',
        StepStatus::Skipped => '-',
        _ if waits => '!',
        StepStatus::Pending => '·',
        StepStatus::Ready => '○',
        StepStatus::Running => '▶',
        StepStatus::Evaluating => '?',
        StepStatus::Rework => '↻',
        StepStatus::Blocked => '!',
        StepStatus::Failed => '✗',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_chain_is_drawn_as_a_tree_with_what_the_tree_does_not_show() {
        insta::assert_snapshot!(draw_current(&fixture::directive()), @r"
        ✓ parse        implement  passed                          #12  green 1.00   $0.61  1 rework
        ├─ ! convert   implement  evaluating, waits for a person  #13  yellow 0.67  $0.33
        └─ ▶ document  document   running
           └─ · prove  test       pending                                                            also after convert
        ");
    }

    #[test]
    fn the_final_pull_request_stands_below_the_chain() {
        let text = draw_current(&fixture::finishing());
        assert!(text.lines().last().unwrap().contains("final"), "{text}");
    }

    #[test]
    fn every_step_is_drawn_once_whatever_the_rows_say() {
        let mut directive = fixture::directive();
        // A cycle cannot be planned, but a broken row must not hang the command.
        directive.steps[0].depends_on = vec![directive.steps[3].name.clone()];
        draw_current(&directive);
    }
}
