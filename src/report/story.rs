//! The body of the final pull request: the whole story of a directive.

use super::pull::{collapsed, findings, step_marker, titled};
use super::text::{inline, login, quote};
use super::{Links, verification, words};
use adjutant_domain::directive::Directive;
use adjutant_domain::step::Step;

/// The story, with at most `chars` characters of each text of others.
pub(super) fn render(directive: &Directive, final_step: &Step, record: &str, links: &Links, chars: usize) -> String {
    let sections = [
        format!("{}\nCloses #{}", step_marker(final_step.id), directive.issue),
        quote(&directive.brief.goal, chars.min(1_000)),
        steps(directive, links),
        titled("Acceptance criteria", &verification::criteria_table(directive, final_step, links, chars)),
        summaries(directive, chars),
        titled("Last rework of the whole", &quote(final_step.summary.as_deref().unwrap_or_default(), chars)),
        all_findings(directive, final_step, chars),
        record.to_owned(),
        footer(directive),
    ];
    sections.iter().filter(|section| !section.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n\n")
}

fn steps(directive: &Directive, links: &Links) -> String {
    let rows = directive.steps.iter().map(|step| {
        let name = inline(step.name.as_str(), 60);
        let pull = step.pull.as_ref().map_or_else(
            || if step.report().is_some() { "report".to_owned() } else { String::new() },
            |pull| format!("[#{}]({})", pull.number, links.pull(pull.number)),
        );
        let confidence = step.state.evaluation().map(words::confidence).unwrap_or_default();
        format!(
            "| {name} | {} | {pull} | {} {} | {confidence} | {} | {} |",
            words::kind(step),
            words::icon(directive, step),
            words::state(directive, step),
            step.reworks,
            words::cost(directive, step.id)
        )
    });
    let rows: Vec<String> = rows.collect();
    format!(
        "| Step | Kind | Pull request | Status | Confidence | Reworks | Cost |\n|---|---|---|---|---|---:|---:|\n{}",
        rows.join("\n")
    )
}

fn summaries(directive: &Directive, chars: usize) -> String {
    let told: Vec<String> = directive
        .steps
        .iter()
        .filter_map(|step| {
            let summary = quote(step.summary.as_deref()?, chars.min(2_000));
            (!summary.is_empty()).then(|| format!("**{}**\n\n{summary}", inline(step.name.as_str(), 60)))
        })
        .collect();
    collapsed("What each step did", &told.join("\n\n"))
}

fn all_findings(directive: &Directive, final_step: &Step, chars: usize) -> String {
    findings(directive.steps.iter().chain([final_step]).flat_map(Step::findings), chars)
}

fn footer(directive: &Directive) -> String {
    format!(
        "<sub>{} · asked for by {} · `/approve` merges it where the branch's rules allow, `/rework WHAT` sends it back</sub>",
        words::totals(directive),
        login(&directive.requested_by)
    )
}
