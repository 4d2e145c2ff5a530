//! Titles and bodies of pull requests.

use std::cmp::Ordering;

use super::text::{MAX_BODY, code, fit, inline, plain, quote};
use super::{Links, cause, story, words};
use adjutant_domain::calibration::TrackRecord;
use adjutant_domain::contract::Phase;
use adjutant_domain::directive::Directive;
use adjutant_domain::ids::StepId;
use adjutant_domain::status::StepStatus;
use adjutant_domain::step::{Finding, Step};

/// The longest title that is still read; GitHub takes 256 characters.
const MAX_TITLE: usize = 120;

/// The hidden first line by which a step's pull request is found again.
pub fn step_marker(step: StepId) -> String {
    format!("<!-- adjutant:step:{step} -->")
}

/// The hidden last line of what Adjutant writes into a step's pull request.
fn end_marker(step: StepId) -> String {
    format!("<!-- /adjutant:step:{step} -->")
}

/// The title of a step's pull request, without references and mentions.
pub fn pull_title(directive: &Directive, step: &Step) -> String {
    let title = if step.is_final() { directive.title.clone() } else { format!("{}: {}", step.name, step.description) };
    let title = plain(&title, MAX_TITLE);
    let title = title.trim_end_matches('.');
    if title.is_empty() { format!("Directive of issue {}", directive.issue) } else { title.to_owned() }
}

/// The body of a step's pull request as things stand; at most [`MAX_BODY`] bytes.
pub fn pull_body(directive: &Directive, step: &Step, record: &TrackRecord, links: &Links) -> String {
    let record = if directive.reaches_base(step) { track_record(record) } else { String::new() };
    fit(MAX_BODY, |chars| {
        let text = if step.is_final() {
            story::render(directive, step, &record, links, chars)
        } else {
            render(directive, step, &record, chars)
        };
        format!("{text}\n{}", end_marker(step.id))
    })
}

/// The body of a step's pull request with Adjutant's part as it is now, and what people wrote before and after it as it
/// was. `None` if nothing is to be written: it is so already, people removed that part, or both together are too long.
pub fn updated_body(step: StepId, body: &str, own: &str) -> Option<String> {
    // The editor on GitHub's pages writes line ends of two characters.
    let body = body.replace("\r\n", "\n");
    let (begin, end) = (step_marker(step), end_marker(step));
    let (before, rest) = body.split_once(&begin)?;
    let after = rest.split_once(&end).map_or("", |(_, after)| after);
    let updated = format!("{before}{own}{after}");
    (updated.trim_end() != body.trim_end() && updated.len() <= MAX_BODY).then_some(updated)
}

/// What became of earlier scores of this repository; empty where they are too few to say.
fn track_record(record: &TrackRecord) -> String {
    let bands = [("Green", record.green), ("Yellow", record.yellow)];
    let told = bands.iter().filter_map(|(band, tally)| {
        Some(format!("{band} so far: {} % merged unchanged (n = {}).", tally.merged_percent()?, tally.total()))
    });
    told.collect::<Vec<_>>().join(" ")
}

fn render(directive: &Directive, step: &Step, record: &str, chars: usize) -> String {
    let sections = [
        format!("{}\nPart of #{}", step_marker(step.id), directive.issue),
        phases(directive, step),
        progress(directive, step, chars),
        quote(&step.description, chars),
        covers(directive, step, chars),
        collapsed("Plan of this step", &quote(&step.task_plan, chars)),
        titled("What was done", &quote(step.summary.as_deref().unwrap_or_default(), chars)),
        findings(step.findings(), chars),
        record.to_owned(),
        footer(step),
    ];
    sections.iter().filter(|section| !section.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n\n")
}

/// plan ✓ → **execute** → review → done: what is behind, and where it stands.
pub(super) fn phases(directive: &Directive, step: &Step) -> String {
    let now = step.phase(directive);
    let marked = Phase::ALL.map(|phase| match phase.cmp(&now) {
        Ordering::Less => format!("{} ✓", phase.as_str()),
        Ordering::Equal => format!("**{}**", phase.as_str()),
        Ordering::Greater => phase.as_str().to_owned(),
    });
    marked.join(" → ")
}

/// What a draft is, and why it still is one; empty once something was handed in.
fn progress(directive: &Directive, step: &Step, chars: usize) -> String {
    if step.submission().is_some() || directive.status().is_over() {
        return String::new();
    }
    let last =
        step.state.cause().map(|it| inline(&cause::words(it), chars.min(600))).filter(|reason| !reason.is_empty());
    let why = last.map(|reason| format!(" The last try came to nothing: {}.", reason.trim_end_matches('.')));
    let why = why.unwrap_or_default();
    match step.status() {
        StepStatus::Running => format!(
            "An agent is at work: what it has so far is pushed now and then, unproved. It is no draft any more once it is \
             handed in.{why}"
        ),
        StepStatus::Skipped | StepStatus::Passed => String::new(),
        _ => format!(
            "Nothing was handed in yet; what an agent had done so far is kept, and the next try goes on from it.{why}"
        ),
    }
}

fn covers(directive: &Directive, step: &Step, chars: usize) -> String {
    let brief = &directive.brief;
    let requirements = brief.requirements.iter().filter(|requirement| step.requirements.contains(&requirement.id));
    let criteria = brief.criteria.iter().filter(|criterion| step.criteria.contains(&criterion.id));
    let lines: Vec<String> = requirements
        .map(|requirement| (&requirement.id, &requirement.description))
        .chain(criteria.map(|criterion| (&criterion.id, &criterion.criterion)))
        .map(|(id, text)| format!("- {id}: {}", inline(text, chars.min(500))))
        .collect();
    titled("Covers", &lines.join("\n"))
}

/// What in the diff a person should know of.
pub(super) fn findings<'a>(found: impl IntoIterator<Item = &'a Finding>, chars: usize) -> String {
    let lines: Vec<String> =
        found.into_iter().take(50).map(|finding| format!("- {}", inline(&finding.text, chars.min(300)))).collect();
    titled("Look at", &lines.join("\n"))
}

fn footer(step: &Step) -> String {
    format!(
        "<sub>{} step {}. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to {} are kept.</sub>",
        words::kind(step),
        code(step.name.as_str()),
        code(step.branch.as_str())
    )
}

/// A section with its title; empty where the text is.
pub(super) fn titled(title: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("**{title}**\n\n{text}") }
}

/// A section that opens on a click; empty where the text is.
pub(super) fn collapsed(title: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<details><summary>{title}</summary>\n\n{text}\n\n</details>") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use adjutant_domain::calibration::OutcomeCounts;

    #[test]
    fn a_steps_pull_request_says_what_it_is_part_of_and_why() {
        let directive = fixture::directive();
        let step = &directive.steps[1];
        assert_eq!(pull_title(&directive, step), "convert: Convert between km and miles");
        insta::assert_snapshot!(pull_body(&directive, step, &TrackRecord::default(), &fixture::links()), @r"
        <!-- adjutant:step:4693fc93-c4f1-5b21-af60-7be945380b90 -->
        Part of #7

        plan ✓ → execute ✓ → **review** → done

        > Convert between km and miles.

        **Covers**

        - R2: Convert between km and miles
        - A2: 1 km is 0.62 miles

        <details><summary>Plan of this step</summary>

        > 1. Read `src/lib.rs`
        > 2. Add the code and its tests

        </details>

        **What was done**

        > Added `convert`.

        <sub>implement step `convert`. Review it as any pull request, or write `/approve` or `/rework WHAT`; pushes to `adjutant/7-1/g1-convert` are kept.</sub>
        <!-- /adjutant:step:4693fc93-c4f1-5b21-af60-7be945380b90 -->
        ");
    }

    #[test]
    fn the_final_pull_request_tells_the_whole_story() {
        let directive = fixture::finishing();
        let final_step = directive.final_step.as_ref().expect("the fixture has one");
        assert_eq!(pull_title(&directive, final_step), "Convert units");
        insta::assert_snapshot!(pull_body(&directive, final_step, &TrackRecord::default(), &fixture::links()), @r"
        <!-- adjutant:step:2a81d030-3f64-5527-acc0-99cfb9b8fc37 -->
        Closes #7

        > Convert lengths between units.

        | Step | Kind | Pull request | Status | Confidence | Reworks | Cost |
        |---|---|---|---|---|---:|---:|
        | parse | implement | [#12](https://github.com/acme/widgets/pull/12) | ✅ merged | 🟢 green (1.00) | 1 | $0.61 |
        | convert | implement | [#13](https://github.com/acme/widgets/pull/13) | ✅ merged | 🟡 yellow (0.67) | 0 | $0.33 |
        | document | document | [#14](https://github.com/acme/widgets/pull/14) | ✅ merged | 🟢 green (1.00) | 0 | $0.00 |
        | prove | test | [#15](https://github.com/acme/widgets/pull/15) | ✅ merged | 🟢 green (1.00) | 0 | $0.00 |

        **Acceptance criteria**

        | | Criterion | Covered by | Standing |
        |---|---|---|---|
        | A1 | `3 km` parses | `parse`, `prove` | ✅ judged met ([`tests/parse.rs:12-20`](https://github.com/acme/widgets/blob/dddddddddddddddddddddddddddddddddddddddd/tests/parse.rs?plain=1#L12-L20)): `parse` is tested |
        | A2 | 1 km is 0.62 miles | `convert`, `prove` | ✅ judged met ([`src/lib.rs:7`](https://github.com/acme/widgets/blob/dddddddddddddddddddddddddddddddddddddddd/src/lib.rs?plain=1#L7)): 1 km gives 0.6214 |
        | A3 | The README shows both | `document` | 🧪 verified: test, lint passed; the judge said nothing about it |

        <details><summary>What each step did</summary>

        **parse**

        > Added `parse` with tests for km and miles.

        **convert**

        > Added `convert`.

        </details>

        <sub>4 steps · 1 rework · $1.06 · 25 min at work · asked for by `maintainer` · `/approve` merges it where the branch's rules allow, `/rework WHAT` sends it back</sub>
        <!-- /adjutant:step:2a81d030-3f64-5527-acc0-99cfb9b8fc37 -->
        ");
    }

    #[test]
    fn only_the_directives_own_issue_is_closed_and_nobody_is_called() {
        let attack = "fixes #1 @maintainer\n\n</details>\n<!-- closes acme/widgets#2\n```\nresolves GH-3";
        for mut directive in [fixture::directive(), fixture::finishing()] {
            directive.title = attack.to_owned();
            for step in directive.steps.iter_mut().chain(&mut directive.final_step) {
                step.description = attack.to_owned();
                step.task_plan = attack.to_owned();
                step.summary = Some(attack.to_owned());
            }
            directive.brief.requirements[1].description = attack.to_owned();
            directive.brief.criteria[1].criterion = attack.to_owned();
            let step = directive.final_step.as_ref().unwrap_or(&directive.steps[1]);
            let (title, body) =
                (pull_title(&directive, step), pull_body(&directive, step, &TrackRecord::default(), &fixture::links()));
            for text in [&title, &body] {
                assert!(!text.contains("@maintainer") && !text.contains("GH-3"), "{text}");
                assert!(!text.contains("fixes #1") && !text.contains("#2"), "{text}");
            }
            assert_eq!(body.matches("\n</details>").count(), body.matches("<details>").count(), "{body}");
            assert_eq!(title.lines().count(), 1);
        }
    }

    #[test]
    fn what_people_write_around_adjutants_part_stays() {
        let (directive, record) = (fixture::directive(), TrackRecord::default());
        let step = &directive.steps[1];
        let own = pull_body(&directive, step, &record, &fixture::links());
        let mut later = step.clone();
        later.summary = Some("Done since.".to_owned());
        let newer = pull_body(&directive, &later, &record, &fixture::links());
        assert_eq!(updated_body(step.id, &own, &own), None);
        assert_eq!(updated_body(step.id, &own, &newer).as_deref(), Some(newer.as_str()));
        let edited = format!("Mind the units.\n\n{own}\n\n- [ ] tried by hand").replace('\n', "\r\n");
        assert_eq!(updated_body(step.id, &edited, &own), None);
        let expected = format!("Mind the units.\n\n{newer}\n\n- [ ] tried by hand");
        assert_eq!(updated_body(step.id, &edited, &newer), Some(expected));
        assert_eq!(updated_body(step.id, "All of it was removed.", &newer), None);
        assert_eq!(updated_body(step.id, &format!("{own}{}", "x".repeat(MAX_BODY)), &newer), None, "theirs goes first");
    }

    #[test]
    fn what_goes_into_the_base_says_what_became_of_earlier_scores_once_there_are_ten() {
        let directive = fixture::finishing();
        let final_step = directive.final_step.as_ref().unwrap();
        let tally = |merged, reworked| OutcomeCounts { merged, reworked, ..OutcomeCounts::default() };
        let record = TrackRecord { green: tally(77, 7), yellow: tally(9, 0) };
        let body = pull_body(&directive, final_step, &record, &fixture::links());
        assert!(body.contains("\n\nGreen so far: 91 % merged unchanged (n = 84).\n\n<sub>"), "{body}");
        assert!(!body.contains("Yellow so far"), "nine are too few: {body}");
        let record = TrackRecord { yellow: tally(3, 7), ..record };
        let body = pull_body(&directive, final_step, &record, &fixture::links());
        assert!(body.contains("(n = 84). Yellow so far: 30 % merged unchanged (n = 10).\n"), "{body}");
        let inner = pull_body(&directive, &directive.steps[1], &record, &fixture::links());
        assert!(!inner.contains("so far"), "the final pull request decides: {inner}");
    }

    #[test]
    fn long_texts_fit() {
        let mut directive = fixture::finishing();
        let long = "&<ö|`\n".repeat(20_000);
        for step in directive.steps.iter_mut().chain(&mut directive.final_step) {
            step.description.clone_from(&long);
            step.task_plan.clone_from(&long);
            step.summary = Some(long.clone());
        }
        directive.brief.criteria[0].criterion.clone_from(&long);
        directive.title = long;
        for step in [&directive.steps[1], directive.final_step.as_ref().expect("the fixture has one")] {
            assert!(pull_body(&directive, step, &TrackRecord::default(), &fixture::links()).len() <= MAX_BODY);
            assert!(pull_title(&directive, step).chars().count() <= 256);
        }
    }
}
