//! What was proved, as tables: verifiers and acceptance criteria.

use super::pull::titled;
use super::text::{code, fence, inline, link, quote};
use super::{Links, reason, words};
use adjutant_domain::brief::Criterion;
use adjutant_domain::directive::Directive;
use adjutant_domain::evaluation::{
    CriterionJudgement, CriterionVerdict, Evaluation, Evidence, EvidencePlace, TestCounts, Verdict, VerifierResult,
};
use adjutant_domain::ids::Sha;
use adjutant_domain::status::StepStatus;
use adjutant_domain::step::Step;

/// What is said of a criterion that nothing speaks for.
const CHECK: &str = "👀 a person must check";
/// What is said of a criterion whose work was accepted although a required verifier did not pass.
const UNVERIFIED: &str = "⚠️ not verified";

/// Each verifier with what it found; empty where none ran.
pub fn verifier_table(evaluation: &Evaluation, chars: usize) -> String {
    if evaluation.results.is_empty() && evaluation.judgement.is_none() {
        return String::new();
    }
    let mut lines = vec!["| Verifier | Result | Counts | Time |".to_owned(), "|---|---|---|---:|".to_owned()];
    for result in &evaluation.results {
        lines.push(format!(
            "| {} | {} {} | {} | {} |",
            inline(&result.name, 60),
            if result.flaky { "⚠️" } else { words::verdict_icon(result.verdict) },
            inline(&found(result), chars.min(200)),
            counts(result),
            seconds(result.duration_ms)
        ));
    }
    if let Some(judge) = &evaluation.judgement {
        let score = judge.score.map_or_else(|| "gave no score".to_owned(), |score| format!("scored {score:.2}"));
        lines.push(format!("| judge | {score} | optional, weight {} | |", judge.weight));
    }
    lines.join("\n")
}

/// What a verifier found, in one line: how many tests passed and failed where that is known, else its own words.
pub fn found(result: &VerifierResult) -> String {
    if result.flaky {
        return "flaky: failed and passed on this commit".to_owned();
    }
    if let Some(counts) = tests(result) {
        return counts;
    }
    match (result.summary.trim(), result.verdict) {
        ("", Verdict::Pass) => "passed".to_owned(),
        ("", Verdict::Fail) => "failed".to_owned(),
        ("", Verdict::Neutral) => "does not apply".to_owned(),
        (summary, _) => summary.to_owned(),
    }
}

/// How many tests passed and failed. `None` where it is not known, or where it does not explain the verdict: tests that
/// all passed are not why a verifier failed.
pub fn tests(result: &VerifierResult) -> Option<String> {
    let TestCounts { passed, failed, skipped } = result.counts;
    let some_failed = failed.is_some_and(|failed| failed > 0);
    match result.verdict {
        _ if result.flaky => return None,
        Verdict::Neutral => return None,
        Verdict::Fail if !some_failed => return None,
        // A run of nothing says so in its own words.
        Verdict::Pass if !some_failed && passed.unwrap_or(0) == 0 => return None,
        Verdict::Pass | Verdict::Fail => {}
    }
    let skipped = skipped.filter(|skipped| *skipped > 0);
    let failed = failed.filter(|failed| *failed > 0);
    let all = [(passed, "passed"), (failed, "failed"), (skipped, "skipped")];
    let told: Vec<String> = all.iter().filter_map(|(count, word)| Some(format!("{} {word}", (*count)?))).collect();
    Some(told.join(", "))
}

/// The names of the tests that failed, at most ten; empty where none is known.
pub fn failing(result: &VerifierResult) -> String {
    let names: Vec<String> = result.failing.iter().take(10).map(|name| format!("- {}", code(name))).collect();
    let known = result.counts.failed.map_or(result.failing.len(), |failed| failed as usize).max(result.failing.len());
    let more = known.saturating_sub(names.len());
    let more = if names.is_empty() || more == 0 { String::new() } else { format!("\n- and {more} more") };
    titled("Failed tests", &format!("{}{more}", names.join("\n")))
}

/// How much a verifier counts.
pub fn counts(result: &VerifierResult) -> String {
    let half = if result.flaky { ", counts half" } else { "" };
    format!("{}, weight {}{half}", if result.required { "required" } else { "optional" }, result.weight)
}

/// How long a verifier took.
pub fn seconds(milliseconds: u64) -> String {
    let tenths = (milliseconds + 50) / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

/// Links to the pages of others on which more can be read of a verifier; empty where there are none.
pub fn pages(evaluation: &Evaluation) -> String {
    let told = evaluation.results.iter().filter(|result| !result.pages.is_empty()).map(|result| {
        let each: Vec<String> = result.pages.iter().map(|page| link(&page.name, &page.url)).collect();
        format!("{}: {}", code(&result.name), each.join(", "))
    });
    told.collect::<Vec<_>>().join("\n\n")
}

/// The last lines of every verifier that failed, collapsed.
pub fn failed_tails(evaluation: &Evaluation, chars: usize) -> String {
    let failed = evaluation.results.iter().filter(|result| result.verdict == Verdict::Fail && !result.tail.is_empty());
    let tails: Vec<String> = failed
        .map(|result| {
            let name = inline(&result.name, 60);
            let tail = fence(&result.tail, chars);
            format!("<details open><summary>{name}: its last lines</summary>\n\n{tail}\n\n</details>")
        })
        .collect();
    tails.join("\n\n")
}

/// What the judge said; empty where none did.
pub fn judge_note(evaluation: &Evaluation, chars: usize) -> String {
    match &evaluation.judgement {
        Some(judge) if !judge.note.trim().is_empty() => {
            format!("**The judge's note**\n\n{}", quote(&judge.note, chars))
        }
        _ => String::new(),
    }
}

/// What speaks for a criterion.
struct Standing {
    /// How it stands.
    state: &'static str,
    /// Where that can be seen, in Markdown.
    evidence: String,
    /// Why, in words of others.
    note: String,
}

impl Standing {
    fn of(state: &'static str, note: impl Into<String>) -> Self {
        Self { state, evidence: String::new(), note: note.into() }
    }
}

/// The acceptance criteria that `step` covers (for the final pull request, all), each with what speaks for it;
/// empty where there are none.
pub fn criteria_table(directive: &Directive, step: &Step, links: &Links, chars: usize) -> String {
    let covered = directive.criteria_of(step);
    table(
        directive,
        |criterion| covered.contains(&criterion.id),
        |criterion| standing(directive, step, criterion, links),
        chars,
    )
}

/// All acceptance criteria at the end: as the final pull request proved them, else each as the steps did that cover it.
pub fn completion_table(directive: &Directive, links: &Links, chars: usize) -> String {
    if let Some(final_step) = directive.final_step.as_ref().filter(|final_step| final_step.state.evaluation().is_some())
    {
        return criteria_table(directive, final_step, links, chars);
    }
    let best = |criterion: &Criterion| {
        let passed = covering(directive, criterion).filter(|step| step.status() == StepStatus::Passed);
        let found: Vec<_> = passed.map(|step| (step, standing(directive, step, criterion, links))).collect();
        // What one of them leaves unmet is not met, and a judge's word weighs more than a verifier's.
        let rank = |step: &Step| match verdict(step, criterion) {
            Some(CriterionVerdict::Unmet) => 0,
            Some(CriterionVerdict::Met) => 1,
            _ if passing(step).next().is_some() && not_passed(step).is_empty() => 2,
            _ => 3,
        };
        let best = found.into_iter().min_by_key(|(step, _)| rank(step));
        best.map_or_else(|| Standing::of(CHECK, ""), |(_, standing)| standing)
    };
    table(directive, |_| true, best, chars)
}

fn table(
    directive: &Directive,
    covered: impl Fn(&Criterion) -> bool,
    standing: impl Fn(&Criterion) -> Standing,
    chars: usize,
) -> String {
    let rows: Vec<String> = directive
        .brief
        .criteria
        .iter()
        .filter(|criterion| covered(criterion))
        .map(|criterion| {
            let Standing { state, evidence, note } = standing(criterion);
            let note = inline(&note, chars.min(300));
            let note = if note.is_empty() { note } else { format!(": {note}") };
            let by: Vec<String> = covering(directive, criterion).map(|step| code(step.name.as_str())).collect();
            let words = inline(&criterion.criterion, chars.min(300));
            format!("| {} | {words} | {} | {state}{evidence}{note} |", criterion.id, by.join(", "))
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("| | Criterion | Covered by | Standing |\n|---|---|---|---|\n{}", rows.join("\n"))
}

fn covering<'a>(directive: &'a Directive, criterion: &'a Criterion) -> impl Iterator<Item = &'a Step> {
    directive.steps.iter().filter(|step| step.criteria.contains(&criterion.id))
}

/// What speaks for a criterion: the judge on `step`, else the verifiers of what covers it. Verifiers prove a
/// commit and no single criterion, so without a judge it stays for a person to check.
fn standing(directive: &Directive, step: &Step, criterion: &Criterion, links: &Links) -> Standing {
    let state = match verdict(step, criterion) {
        Some(CriterionVerdict::Met) => "✅ judged met",
        Some(CriterionVerdict::Unmet) => "❌ judged unmet",
        Some(CriterionVerdict::NotJudged(why)) => {
            return verified(directive, step, criterion, Some(reason::not_judged(&why)));
        }
        None => return verified(directive, step, criterion, None),
    };
    let evaluation = step.state.evaluation();
    let criteria = evaluation.and_then(|it| it.judgement.as_ref()).map(|judgement| judgement.criteria.as_slice());
    let judged = criteria.unwrap_or_default().iter().filter(|judged| judged.id == criterion.id);
    // Of two words on one criterion the worse counts.
    let Some(judged) = judged.min_by_key(|judged| judged.met) else { return Standing::of(state, "") };
    let commit = step.head().unwrap_or(&directive.base.sha);
    Standing { state, evidence: evidence(judged, commit, links), note: judged.note.clone() }
}

/// What the verifiers say for a criterion, with what is wrong with a judge's word on it.
fn verified(directive: &Directive, step: &Step, criterion: &Criterion, judge: Option<String>) -> Standing {
    let missing = not_passed(step);
    if !missing.is_empty() {
        return Standing::of(UNVERIFIED, format!("{} had to pass and did not", missing.join(", ")));
    }
    let flaky: Vec<&str> =
        results(step).iter().filter(|it| it.required && it.flaky).map(|it| it.name.as_str()).collect();
    if !flaky.is_empty() {
        return Standing::of(UNVERIFIED, format!("{} failed and passed on this commit", flaky.join(", ")));
    }
    let own = std::iter::once(step);
    let passed: Vec<&str> = if step.is_final() {
        let done = covering(directive, criterion).filter(|step| step.status() == StepStatus::Passed).count();
        if done > 0 { own.flat_map(passing).collect() } else { Vec::new() }
    } else {
        own.flat_map(passing).collect()
    };
    if passed.is_empty() {
        Standing::of(CHECK, judge.unwrap_or_default())
    } else {
        let judge = judge.unwrap_or_else(|| "nobody judged the criterion itself".to_owned());
        Standing::of("🧪 verified", format!("{} passed; {judge}", passed.join(", ")))
    }
}

/// The first places that a judge named and that are there, each with a link.
fn evidence(judged: &CriterionJudgement, commit: &Sha, links: &Links) -> String {
    let there: Vec<&Evidence> = judged.evidence.iter().filter(|evidence| evidence.fault.is_none()).collect();
    let shown = there.iter().take(3).map(|evidence| {
        let (first, last) = (evidence.first_line, evidence.last_line);
        let lines = if last > first { format!("{first}-{last}") } else { first.to_string() };
        match &evidence.place {
            EvidencePlace::File(path) => {
                format!("[{}]({})", code(&format!("{path}:{lines}")), links.lines(commit, path, first, last))
            }
            EvidencePlace::Report => format!("line {lines} of the report"),
        }
    });
    let mut shown: Vec<String> = shown.collect();
    if there.len() > shown.len() {
        shown.push(format!("{} more", there.len() - shown.len()));
    }
    if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) }
}

/// What counts of a judge's word on a criterion; `None` where no judge was asked about it.
fn verdict(step: &Step, criterion: &Criterion) -> Option<CriterionVerdict> {
    let judgement = step.state.evaluation()?.judgement.as_ref()?;
    Some(judgement.verdict(&criterion.id))
}

fn results(step: &Step) -> &[VerifierResult] {
    step.state.evaluation().map(|evaluation| evaluation.results.as_slice()).unwrap_or_default()
}

fn passing(step: &Step) -> impl Iterator<Item = &str> {
    let passed = results(step).iter().filter(|result| result.verdict == Verdict::Pass && !result.flaky);
    passed.map(|result| result.name.as_str())
}

/// The required verifiers that did not pass: whoever accepted the work did so in spite of them.
fn not_passed(step: &Step) -> Vec<&str> {
    let missing = results(step).iter().filter(|result| result.required && result.verdict != Verdict::Pass);
    missing.map(|result| result.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use adjutant_domain::evaluation::Page;

    #[test]
    fn each_criterion_says_what_speaks_for_it() {
        let directive = fixture::finishing();
        let final_step = directive.final_step.as_ref().expect("the fixture has one");
        insta::assert_snapshot!(criteria_table(&directive, final_step, &fixture::links(), 500), @r"
        | | Criterion | Covered by | Standing |
        |---|---|---|---|
        | A1 | `3 km` parses | `parse`, `prove` | ✅ judged met ([`tests/parse.rs:12-20`](https://github.com/acme/widgets/blob/dddddddddddddddddddddddddddddddddddddddd/tests/parse.rs?plain=1#L12-L20)): `parse` is tested |
        | A2 | 1 km is 0.62 miles | `convert`, `prove` | ✅ judged met ([`src/lib.rs:7`](https://github.com/acme/widgets/blob/dddddddddddddddddddddddddddddddddddddddd/src/lib.rs?plain=1#L7)): 1 km gives 0.6214 |
        | A3 | The README shows both | `document` | 🧪 verified: test, lint passed; the judge said nothing about it |
        ");
    }

    #[test]
    fn a_criterion_whose_required_verifier_did_not_pass_is_not_verified_by_another() {
        let mut directive = fixture::finishing();
        let evaluation = directive.final_step.as_mut().unwrap().state.candidate_mut().unwrap().evaluation.as_mut();
        evaluation.unwrap().results[0] = fixture::verifier("test", true, Verdict::Fail);
        let final_step = directive.final_step.as_ref().unwrap();
        let table = criteria_table(&directive, final_step, &fixture::links(), 500);
        let row = table.lines().last().unwrap();
        assert!(row.ends_with("| ⚠️ not verified: test had to pass and did not |"), "{row}");
    }

    #[test]
    fn a_flaky_verifier_is_named_and_verifies_nothing() {
        let mut directive = fixture::finishing();
        let evaluation = directive.final_step.as_mut().unwrap().state.candidate_mut().unwrap().evaluation.as_mut();
        let evaluation = evaluation.unwrap();
        evaluation.results[0] = fixture::verifier("test", true, Verdict::Fail).into_flaky();
        let table = verifier_table(evaluation, 500);
        let row = "| test | ⚠️ flaky: failed and passed on this commit | required, weight 1, counts half | 1.8 s |";
        assert_eq!(table.lines().nth(2), Some(row));
        let final_step = directive.final_step.as_ref().unwrap();
        let table = criteria_table(&directive, final_step, &fixture::links(), 500);
        let row = table.lines().last().unwrap();
        assert!(row.ends_with("| ⚠️ not verified: test failed and passed on this commit |"), "{row}");
    }

    #[test]
    fn the_pages_of_checks_are_linked_where_their_addresses_are_safe() {
        let mut directive = fixture::finishing();
        let evaluation = directive.final_step.as_mut().unwrap().state.candidate_mut().unwrap().evaluation.as_mut();
        let evaluation = evaluation.unwrap();
        assert_eq!(pages(evaluation), "");
        let page = |name: &str, url: &str| Page { name: name.to_owned(), url: url.to_owned() };
        evaluation.results[0].pages =
            vec![page("build", "https://ci.example/1"), page("<b>@all</b>", "javascript:alert(1)")];
        assert_eq!(pages(evaluation), "`test`: [build](https://ci.example/1), &lt;b&gt;@\u{200b}all&lt;/b&gt;");
    }

    #[test]
    fn a_criterion_that_nothing_proved_is_for_a_person() {
        let directive = fixture::directive();
        insta::assert_snapshot!(criteria_table(&directive, &directive.steps[2], &fixture::links(), 500), @r"
        | | Criterion | Covered by | Standing |
        |---|---|---|---|
        | A3 | The README shows both | `document` | 👀 a person must check |
        ");
        assert_eq!(
            criteria_table(
                &directive,
                &{
                    let mut step = directive.steps[2].clone();
                    step.criteria.clear();
                    step
                },
                &fixture::links(),
                500
            ),
            ""
        );
    }

    #[test]
    fn without_a_final_pull_request_each_criterion_is_as_the_steps_proved_it_that_cover_it() {
        let mut directive = fixture::finishing();
        directive.final_step = None;
        if let Some(candidate) = directive.steps[1].state.candidate_mut() {
            candidate.evaluation = Some(fixture::evaluation(fixture::sha('b'), Verdict::Pass, Some(false)));
        }
        directive.steps[2].state = fixture::skipped(directive.steps[2].last());
        insta::assert_snapshot!(completion_table(&directive, &fixture::links(), 500), @r"
        | | Criterion | Covered by | Standing |
        |---|---|---|---|
        | A1 | `3 km` parses | `parse`, `prove` | 🧪 verified: test, lint passed; nobody judged the criterion itself |
        | A2 | 1 km is 0.62 miles | `convert`, `prove` | ❌ judged unmet ([`src/lib.rs:7`](https://github.com/acme/widgets/blob/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/src/lib.rs?plain=1#L7)): 1 km gives 0.6214 |
        | A3 | The README shows both | `document` | 👀 a person must check |
        ");
    }

    #[test]
    fn verifiers_are_listed_with_their_share() {
        let evaluation = fixture::evaluation(fixture::sha('a'), Verdict::Fail, Some(false));
        insta::assert_snapshot!(verifier_table(&evaluation, 500), @r"
        | Verifier | Result | Counts | Time |
        |---|---|---|---:|
        | test | ✅ 7 tests passed | required, weight 1 | 1.8 s |
        | lint | ❌ exit status 1 | optional, weight 0.5 | 1.8 s |
        | judge | scored 0.40 | optional, weight 1 | |
        ");
    }
}
