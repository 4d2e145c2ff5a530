//! Short answers: to orders that were not taken, and words at an end.

use super::pull::titled;
use super::text::{MAX_BODY, code, fit, inline, quote};
use super::{Links, policy_fault, refusal, verification, words};
use adjutant_domain::directive::Directive;
use adjutant_domain::effect::Notice;
use adjutant_domain::ids::{Sha, StepId};
use adjutant_domain::status::StepStatus;
use adjutant_domain::step::{Step, Submission};

const COMMANDS: &str = "\
On a pull request a command means its step; on the issue the step's name follows it.

| Command | What it does |
|---|---|
| `/approve [STEP]` | accepts what waits: the plan, a step, the final pull request |
| `/unapprove [STEP]` | takes an approval back, until the merge is asked for |
| `/rework [STEP] WHAT` | does a step, or a plan that waits, again with these words |
| `/answer [NUMBER] ANSWER` | answers what an agent asked |
| `/tell [STEP] WORDS` | gives the step's agent these words with its next run, and starts none |
| `/retry [STEP]` | tries a step, or planning, again that could not be run |
| `/verify [STEP]` | runs the verifiers again, and no agent |
| `/skip [STEP]` | goes on without a step |
| `/pause [now]` | starts nothing new; with `now`, running agents are called off too |
| `/resume` | goes on; where money or time was used up, with the same again |
| `/budget USD` | sets another total that the directive may cost, up to the policy's ceiling |
| `/stop` | ends the directive; branches are kept |
| `/replan [WHY]` | plans anew, with the issue's text and the policy as they are now; what passed is kept |
| `/reload` | takes the policy as it is now, and verifies again what waits |
| `/autonomy LEVEL` | `manual`, `guardrails` or `full_auto`, up to the policy's level |
| `/status` | writes the status comment anew |
| `/help` | shows this |

A command stands at the start of a line. Only people with write access can run commands; approving or requesting changes in a \
review counts too.";

/// What is said to `mention`, whose order or label is answered. `directive` where there is one.
pub fn notice(notice: &Notice, directive: Option<&Directive>, mention: &str) -> String {
    fit(MAX_BODY, |chars| {
        let said = match notice {
            Notice::LabelRefused { login } => format!(
                "only people with write access to this repository can start Adjutant; {} does not have it. Ask a maintainer to set \
                 the label again.",
                code(login)
            ),
            Notice::PolicyBroken { faults } => {
                let told: Vec<_> = faults.iter().map(policy_fault::words).collect();
                let listed = list(&told, chars);
                format!(
                    "`.github/adjutant.yml` on the default branch cannot be used. Mend it there and set the label again:\n\n{listed}"
                )
            }
            Notice::BaseMissing { branch: Some(branch) } => format!(
                "the policy's base branch {} does not exist. Create it, or name another as `base` in `.github/adjutant.yml`, \
                 and set the label again.",
                code(branch)
            ),
            Notice::BaseMissing { branch: None } => {
                "the repository has no commit to start from. Push a first one and set the label again.".to_owned()
            }
            Notice::NotAllowed { login } => {
                format!(
                    "only people with write access to this repository can run commands; {} does not have it.",
                    code(login)
                )
            }
            Notice::NotUnderstood { word, problem } => {
                format!("{} `/help` lists the commands.", not_understood(word, problem.as_deref()))
            }
            Notice::Refused { reason } => {
                let reason = refusal::words(reason);
                let stop = if reason.trim_end().ends_with(['.', '?', '!']) { "" } else { "." };
                format!("{}{stop}", inline(&reason, chars.min(1_000)))
            }
            Notice::WhichApproval { steps } if steps.is_empty() => "nothing waits for an approval.".to_owned(),
            Notice::WhichApproval { steps } => {
                let choices: Vec<String> =
                    steps.iter().take(60).map(|step| format!("- {}", code(&format!("/approve {step}")))).collect();
                format!("several things wait; say which:\n\n{}", choices.join("\n"))
            }
            Notice::Reloaded { changed, base } => reloaded(changed, base.as_ref()),
            Notice::Told { step, status } => told(step.as_str(), *status),
            Notice::Help => format!("{}\n\n{COMMANDS}", standing(directive)),
        };
        format!("{}: {said}", mention_of(mention))
    })
}

/// Why a word after a slash is no command, as a sentence.
pub fn not_understood(word: &str, problem: Option<&str>) -> String {
    let problem = problem.unwrap_or("is no command");
    let stop = if problem.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{} {problem}{stop}", code(&format!("/{word}")))
}

fn standing(directive: Option<&Directive>) -> String {
    directive.map_or_else(
        || "this issue has no directive; set the label to start one.".to_owned(),
        |directive| {
            let done = words::count(directive.steps.len(), "step", "steps");
            format!("this directive is {}, {} of {done} done.", directive.status(), words::done(directive))
        },
    )
}

fn told(step: &str, status: StepStatus) -> String {
    let then = match status {
        StepStatus::Pending | StepStatus::Ready | StepStatus::Rework => "",
        StepStatus::Running => " The run that is under way goes on without them.",
        _ => " No run is due; `/rework` starts one.",
    };
    format!("the agent of {} gets these words with its next run.{then}", code(step))
}

fn reloaded(changed: &[String], base: Option<&Sha>) -> String {
    let keys: Vec<String> = changed.iter().map(|key| code(key)).collect();
    let policy = match keys.as_slice() {
        [] => "the policy says what it said before".to_owned(),
        keys => format!("the policy was taken as it is now: {} changed", keys.join(", ")),
    };
    let base = base.map(|sha| format!(", and the work starts from {}", code(sha.short()))).unwrap_or_default();
    format!("{policy}{base}. The base commit is verified again.")
}

fn list(items: &[String], chars: usize) -> String {
    let lines: Vec<String> = items.iter().take(50).map(|item| format!("- {}", inline(item, chars.min(500)))).collect();
    lines.join("\n")
}

/// Calls somebody by their login, if it can be one; bots are not called.
/// <https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#mentioning-people-and-teams>
fn mention_of(login: &str) -> String {
    let callable =
        !login.is_empty() && login.len() <= 39 && login.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if callable { format!("@{login}") } else { code(login) }
}

/// The hidden first line by which the comment with a step's report is found again.
pub fn report_marker(step: StepId, head: &Sha) -> String {
    format!("<!-- adjutant:report:{step}:{head} -->")
}

/// The comment on the issue with a step's report, collapsed.
pub fn report_comment(directive: &Directive, step: &Step) -> String {
    let report = step.report().unwrap_or_default();
    let head = step.submission().map_or_else(|| Sha::of_text(report), Submission::hash);
    let summary = inline(step.summary.as_deref().unwrap_or_default(), 300);
    let summary = if summary.is_empty() { summary } else { format!(" {summary}") };
    let confidence = step.state.evaluation().map(|evaluation| format!(" {}", words::confidence(evaluation)));
    // Enough for any report that is read; what does not fit is cut from its end.
    let mut chars = 60_000;
    loop {
        let comment = format!(
            "{}\nReport of the {} step {} of directive {}.{}{summary}\n\n<details><summary>Report</summary>\n\n{}\n\n</details>",
            report_marker(step.id, &head),
            words::kind(step),
            code(step.name.as_str()),
            directive.ordinal,
            confidence.as_deref().unwrap_or_default(),
            quote(report, chars)
        );
        if comment.len() <= MAX_BODY || chars == 0 {
            return comment;
        }
        chars = chars * 3 / 4;
    }
}

/// What is said on the issue when Adjutant closes it.
pub fn completion_word(directive: &Directive, links: &Links) -> String {
    fit(MAX_BODY, |chars| {
        let proof = proof_of_completion(directive, links, chars);
        format!("Completed. {}\n\n{proof}\n\n<sub>{}</sub>", merged_into(directive, links), words::totals(directive))
            .replace("\n\n\n\n", "\n\n")
    })
}

/// Where what was done has landed.
pub(super) fn merged_into(directive: &Directive, links: &Links) -> String {
    let base = code(directive.base.branch.as_str());
    let merged = |step: &Step| step.status() == StepStatus::Passed && step.open_pull().is_some();
    match directive.final_step.as_ref().and_then(|final_step| final_step.pull.as_ref()) {
        Some(pull) => format!("Merged into {base} with [#{}]({}).", pull.number, links.pull(pull.number)),
        None if directive.steps.iter().any(merged) => format!("Everything is merged into {base}."),
        None if words::all_skipped(directive) => "Nothing was merged: every step was skipped.".to_owned(),
        None => "Nothing in the tree had to change; the reports are on the issue.".to_owned(),
    }
}

/// The acceptance criteria, each with what speaks for it; empty where there are none.
pub(super) fn proof_of_completion(directive: &Directive, links: &Links, chars: usize) -> String {
    titled("Acceptance criteria", &verification::completion_table(directive, links, chars))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use adjutant_domain::policy::{self, PolicyFault};
    use adjutant_domain::refusal::Refusal;

    fn said(what: &Notice) -> String {
        notice(what, Some(&fixture::directive()), "writer")
    }

    #[test]
    fn every_refusal_names_its_remedy() {
        let told = [
            Notice::LabelRefused { login: "triager".to_owned() },
            Notice::PolicyBroken { faults: policy::parse("label: ''").unwrap_err() },
            Notice::BaseMissing { branch: Some("trunk".to_owned()) },
            Notice::BaseMissing { branch: None },
            Notice::NotAllowed { login: "outsider".to_owned() },
            Notice::NotUnderstood {
                word: "aprove".to_owned(),
                problem: Some("is no command; did you mean `/approve`?".to_owned()),
            },
            Notice::NotUnderstood {
                word: "budget".to_owned(),
                problem: Some("needs an amount in US dollars".to_owned()),
            },
            Notice::NotUnderstood { word: "foo".to_owned(), problem: None },
            Notice::Refused { reason: Refusal::Legacy("`parse` is merged already".to_owned()) },
            Notice::WhichApproval { steps: vec!["parse".to_owned(), "convert".to_owned()] },
            Notice::WhichApproval { steps: Vec::new() },
        ];
        insta::assert_snapshot!(told.iter().map(said).collect::<Vec<_>>().join("\n\n"), @r"
        @writer: only people with write access to this repository can start Adjutant; `triager` does not have it. Ask a maintainer to set the label again.

        @writer: `.github/adjutant.yml` on the default branch cannot be used. Mend it there and set the label again:

        - Line 1: `label` must be a text of 1 to 50 characters, but is empty.

        @writer: the policy's base branch `trunk` does not exist. Create it, or name another as `base` in `.github/adjutant.yml`, and set the label again.

        @writer: the repository has no commit to start from. Push a first one and set the label again.

        @writer: only people with write access to this repository can run commands; `outsider` does not have it.

        @writer: `/aprove` is no command; did you mean `/approve`? `/help` lists the commands.

        @writer: `/budget` needs an amount in US dollars. `/help` lists the commands.

        @writer: `/foo` is no command. `/help` lists the commands.

        @writer: `parse` is merged already.

        @writer: several things wait; say which:

        - `/approve parse`
        - `/approve convert`

        @writer: nothing waits for an approval.
        ");
    }

    #[test]
    fn help_lists_every_command() {
        let help = said(&Notice::Help);
        for word in [
            "approve", "rework", "answer", "retry", "verify", "skip", "pause", "resume", "stop", "replan", "reload",
            "autonomy", "budget", "status",
        ] {
            assert!(help.contains(&format!("| `/{word}")), "{word}");
        }
        assert!(help.starts_with("@writer: this directive is active, 1 of 4 steps done.\n\n"), "{help}");
        assert!(notice(&Notice::Help, None, "ci[bot]").starts_with("`ci[bot]`: this issue has no directive"));
    }

    #[test]
    fn only_the_person_who_is_answered_is_called() {
        let attack = "`@maintainer` fixes #1 <!-- \n@owner".to_owned();
        for what in [
            Notice::Refused { reason: Refusal::Legacy(attack.clone()) },
            Notice::NotAllowed { login: attack.clone() },
            Notice::NotUnderstood { word: attack.clone(), problem: None },
            Notice::WhichApproval { steps: vec![attack.clone()] },
            Notice::PolicyBroken { faults: vec![PolicyFault::Legacy(attack); 100] },
        ] {
            let text = said(&what);
            let live = text.replace("@writer", "");
            assert!(!live.contains("fixes #1") && !live.contains("\n@owner"), "{text}");
        }
    }

    #[test]
    fn a_report_is_collapsed_and_stays_inside() {
        let (directive, step) = fixture::reported();
        insta::assert_snapshot!(report_comment(&directive, &step).replace('\u{200b}', "·"), @r"
        <!-- adjutant:report:1af1fe78-b1c8-574a-9241-debeb29e322f:46f861d380654f4a45a39ce0d01f3f11320ddc295edea3a55af595e337de30c5 -->
        Report of the research step `parse` of directive 1. Added `parse` with tests for km and miles.

        <details><summary>Report</summary>

        > # Findings
        >
        > Units are parsed in `src/lib.rs`.
        >
        > &lt;/details> cc @·maintainer, fixes #·1

        </details>
        ");
    }

    #[test]
    fn a_report_of_any_length_fits() {
        let (directive, mut step) = fixture::reported();
        if let Some(candidate) = step.state.candidate_mut() {
            candidate.submission = Submission::report(&"<ö\n".repeat(100_000));
        }
        let comment = report_comment(&directive, &step);
        assert!(comment.len() <= MAX_BODY && comment.ends_with("</details>"), "{}", comment.len());
    }

    #[test]
    fn the_last_words_are_short() {
        let directive = fixture::completed();
        insta::assert_snapshot!(completion_word(&directive, &fixture::links()), @r"
        Completed. Merged into `main` with [#16](https://github.com/acme/widgets/pull/16).

        **Acceptance criteria**

        | | Criterion | Covered by | Standing |
        |---|---|---|---|
        | A1 | `3 km` parses | `parse`, `prove` | ✅ judged met ([`tests/parse.rs:12-20`](https://github.com/acme/widgets/blob/dddddddddddddddddddddddddddddddddddddddd/tests/parse.rs?plain=1#L12-L20)): `parse` is tested |
        | A2 | 1 km is 0.62 miles | `convert`, `prove` | ✅ judged met ([`src/lib.rs:7`](https://github.com/acme/widgets/blob/dddddddddddddddddddddddddddddddddddddddd/src/lib.rs?plain=1#L7)): 1 km gives 0.6214 |
        | A3 | The README shows both | `document` | 🧪 verified: test, lint passed; the judge said nothing about it |

        <sub>4 steps · 1 rework · $1.06 · 25 min at work</sub>
        ");
    }
}
