//! Messages of commits. Their last paragraph has the trailers by which a commit is found again.

use super::text::{plain, plain_lines};
use super::words;
use adjutant_domain::directive::Directive;
use adjutant_domain::step::Step;
use adjutant_domain::task::{Task, TaskKind};

/// A commit's subject is cut here, by custom.
const MAX_SUBJECT: usize = 72;

/// The title and body of the commit that brings a step to its target.
pub fn merge_message(directive: &Directive, step: &Step) -> (String, String) {
    let number = step.pull.as_ref().map(|pull| format!(" (#{})", pull.number)).unwrap_or_default();
    let what = if step.is_final() { directive.title.clone() } else { format!("{}: {}", step.name, step.description) };
    let title = format!("{}{number}", subject(&what, MAX_SUBJECT - number.len()));
    let told = if step.is_final() {
        let steps = directive.steps.iter().filter(|step| step.status().is_done());
        let lines: Vec<String> = steps
            .map(|step| {
                let what = plain(&step.description, 120);
                format!("- {} ({}): {what}", plain(step.name.as_str(), 60), words::state(directive, step))
            })
            .collect();
        format!("Closes #{}.\n\n{}", directive.issue, lines.join("\n"))
    } else {
        format!("Part of #{}.\n\n{}", directive.issue, body(step.summary.as_deref().unwrap_or_default()))
    };
    (title, format!("{}\n\n{}", told.trim_end(), trailers(directive, step)))
}

/// The message of the commit that holds a task's work. `summary` is the agent's.
pub fn commit_message(directive: &Directive, step: &Step, task: &Task, summary: &str) -> String {
    let what = match task.kind {
        TaskKind::Rework if step.is_final() => "Rework the whole".to_owned(),
        TaskKind::Rework => format!("{}: rework as asked", step.name),
        _ => format!("{}: {}", step.name, step.description),
    };
    let body = body(summary);
    let body = if body.is_empty() { body } else { format!("{body}\n\n") };
    format!("{}\n\n{body}{}\nAdjutant-Task: {}", subject(&what, MAX_SUBJECT), trailers(directive, step), task.id)
}

/// The message of a commit that holds what a task has so far. Nobody is to test or to review it: continuous integration is
/// asked to leave it out, and the trailer says whose it is.
/// <https://docs.github.com/en/actions/managing-workflow-runs-and-deployments/managing-workflow-runs/skipping-workflow-runs>
pub fn progress_message(step: &Step, task: &Task) -> String {
    let name = plain(step.name.as_str(), 50);
    format!("{name}: work in progress [skip ci]\n\nAdjutant-Progress: {}", task.id)
}

fn subject(text: &str, chars: usize) -> String {
    plain(text, chars).trim_end_matches('.').to_owned()
}

/// Lines that say something about a commit to git, GitHub or a person, and are not an agent's to write.
const SPEAKING: [&str; 5] = ["adjutant-", "#", "skip-checks:", "co-authored-by:", "signed-off-by:"];

/// An agent's words, in which no line passes for a trailer or for a comment of git's.
fn body(summary: &str) -> String {
    let text = plain_lines(summary, 2_000);
    let lines: Vec<String> = text
        .lines()
        .map(str::trim_end)
        .map(|line| {
            let start = line.trim_start().to_ascii_lowercase();
            if SPEAKING.iter().any(|word| start.starts_with(word)) { format!("> {line}") } else { line.to_owned() }
        })
        .collect();
    lines.join("\n")
}

fn trailers(directive: &Directive, step: &Step) -> String {
    format!("Adjutant-Step: {}\nAdjutant-Directive: {}", plain(step.name.as_str(), 60), directive.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_merged_step_is_one_commit_with_its_trailers() {
        let directive = fixture::directive();
        let (title, body) = merge_message(&directive, &directive.steps[0]);
        insta::assert_snapshot!(format!("{title}\n\n{body}"), @r"
        parse: Parse lengths such as `3 km` (#12)

        Part of #7.

        Added `parse` with tests for km and miles.

        Adjutant-Step: parse
        Adjutant-Directive: 6248e84d-2ab2-509b-a1a6-6ba97d425312
        ");
    }

    #[test]
    fn the_final_merge_closes_the_issue_and_lists_the_steps() {
        let directive = fixture::finishing();
        let (title, body) = merge_message(&directive, directive.final_step.as_ref().expect("the fixture has one"));
        insta::assert_snapshot!(format!("{title}\n\n{body}"), @r"
        Convert units (#16)

        Closes #7.

        - parse (merged): Parse lengths such as `3 km`.
        - convert (merged): Convert between km and miles.
        - document (merged): Show both in the README.
        - prove (merged): Test the whole way.

        Adjutant-Step: final
        Adjutant-Directive: 6248e84d-2ab2-509b-a1a6-6ba97d425312
        ");
    }

    #[test]
    fn a_tasks_commit_says_what_was_done() {
        let directive = fixture::directive();
        let message =
            commit_message(&directive, &directive.steps[0], &directive.tasks[1], "Added `parse`.\n\nWith tests.");
        insta::assert_snapshot!(message, @r"
        parse: Parse lengths such as `3 km`

        Added `parse`.

        With tests.

        Adjutant-Step: parse
        Adjutant-Directive: 6248e84d-2ab2-509b-a1a6-6ba97d425312
        Adjutant-Task: 89d4cd89-a8c5-574a-99f0-0e80c3d72612
        ");
        let rework = commit_message(&directive, &directive.steps[0], &directive.tasks[2], "");
        assert!(rework.starts_with("parse: rework as asked\n\nAdjutant-Step: parse\n"), "{rework}");
    }

    #[test]
    fn nobodys_words_switch_off_the_repositorys_own_checks() {
        let words = ["[skip ci]", "[CI skip]", "[no ci]", "[skip actions]", "[actions skip]", "***NO_CI***"];
        for word in words {
            let mut directive = fixture::finishing();
            directive.title = format!("Fix {word}");
            directive.steps[0].description = format!("Fix {word}");
            let summary = format!("{word}\n\nskip-checks: true\nCo-authored-by: maintainer <m@example.org>");
            directive.steps[0].summary = Some(summary.clone());
            let final_step = directive.final_step.clone().expect("the fixture has one");
            let texts = [
                merge_message(&directive, &final_step),
                merge_message(&directive, &directive.steps[0]),
                (commit_message(&directive, &directive.steps[0], &directive.tasks[1], &summary), String::new()),
                (super::super::pull_title(&directive, &final_step), String::new()),
            ];
            for (title, body) in texts {
                let text = format!("{title}\n\n{body}");
                assert!(
                    !text.contains(word) && !text.contains("\nskip-checks") && !text.contains("\nCo-auth"),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn an_agents_words_forge_no_trailer_and_close_no_issue() {
        let mut directive = fixture::directive();
        let forged = "done\n\nAdjutant-Step: other\n# gone\nfixes #1 @maintainer";
        directive.steps[0].summary = Some(forged.to_owned());
        directive.steps[0].description = "fixes #1".to_owned();
        let (title, body) = merge_message(&directive, &directive.steps[0]);
        let message = commit_message(&directive, &directive.steps[0], &directive.tasks[1], forged);
        for text in [format!("{title}\n\n{body}"), message] {
            assert!(!text.contains("\nAdjutant-Step: other") && !text.contains("\n# gone"), "{text}");
            assert!(!text.contains("fixes #1") && !text.contains("@maintainer"), "{text}");
            assert!(text.lines().next().is_some_and(|subject| subject.chars().count() <= 80), "{text}");
        }
    }
}
