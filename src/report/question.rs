//! What a person is asked, in a sentence or two.

use super::text::{inline, login};
use super::{baseline, cause, failure, reason};
use adjutant_domain::asking::{AgentQuestion, Answer, AskedQuestion};
use adjutant_domain::evaluation::{Confidence, EvaluationReason};
use adjutant_domain::ids::{StepName, Usd};
use adjutant_domain::question::{Question, Wanted};

/// The question.
pub fn words(question: &Question) -> String {
    match question {
        Question::Plan => "May this plan start?".to_owned(),
        Question::NotPlanned { tries, failure } => {
            let tried = if *tries > 1 { format!(", tried {tries} times") } else { String::new() };
            format!("The planner could not be run{tried}: {}", failure::words(failure))
        }
        Question::Baseline { report } => baseline::question(report),
        Question::Budget { budget, spent, ceiling } => {
            format!("The budget of {budget} is used up ({spent} spent). {}", more_money(*spent, *ceiling))
        }
        Question::WorkingTime { seconds } => format!("The working time of {} is used up.", time(*seconds)),
        Question::Review { step, confidence, reasons, wanted } => review(step, *confidence, reasons, *wanted),
        Question::Unmerged { step, problem } => format!(
            "GitHub did not merge `{step}`: {}. Merge it by hand, or `/approve` to try again.",
            failure::unmerged(problem)
        ),
        // It stands below a link with the step's name.
        Question::Blocked { cause, .. } => format!("It needs a person: {}", cause::words(cause)),
        Question::NotRun { step, tries, failure } => {
            format!("The agent could not be run on `{step}`, tried {tries} times: {}", failure::words(failure))
        }
        Question::Asked { questions, .. } => {
            let texts: Vec<String> =
                questions.iter().map(|it| format!("{}. {}", it.number, it.question.text)).collect();
            texts.join(" ")
        }
        Question::PreApproved => "Accepted before it was proved.".to_owned(),
        Question::Legacy(text) => text.clone(),
    }
}

/// What an agent asks, in a line of Markdown each: the answers to choose from, and what is taken where nobody answers.
pub fn asked(questions: &[AskedQuestion], chars: usize) -> Vec<String> {
    let line = |asked: &AskedQuestion| {
        let AskedQuestion { number, question, answer } = asked;
        let why =
            if question.why.trim().is_empty() { String::new() } else { format!(" {}", inline(&question.why, chars)) };
        let options: Vec<String> = (0..)
            .zip(&question.options)
            .map(|(index, option)| format!("**{}** {}", AgentQuestion::letter(index), inline(option, 200)))
            .collect();
        let options = if options.is_empty() { String::new() } else { format!(" — {}", options.join(" · ")) };
        let end = match (answer, &question.default) {
            (Some(answer), _) => format!(" → {}", answered(answer)),
            (None, Some(default)) => format!(" (without an answer: {})", inline(default, 200)),
            (None, None) => String::new(),
        };
        format!("**{number}.** {}{why}{options}{end}", inline(&question.text, chars))
    };
    questions.iter().map(line).collect()
}

/// An answer, and whose it is.
pub fn answered(answer: &Answer) -> String {
    let by = answer.by.as_ref().map_or_else(|| "the agent's own, as nobody answered".to_owned(), login);
    format!("{} ({by})", inline(&answer.text, 500))
}

fn more_money(spent: Usd, ceiling: Usd) -> String {
    if spent < ceiling {
        format!("The policy allows up to {ceiling} in total.")
    } else {
        format!("That is all that the policy allows in total ({ceiling}).")
    }
}

fn review(step: &StepName, confidence: Confidence, reasons: &[EvaluationReason], wanted: Wanted) -> String {
    let wanted = match wanted {
        Wanted::AcceptReport => "May this report be accepted?",
        Wanted::MergeIntoBase => "May this be merged into the base?",
        Wanted::Merge => "May this step be merged?",
    };
    if reasons.is_empty() {
        return format!("`{step}` is {}. {wanted}", confidence.as_str());
    }
    format!("`{step}` is {}: {}. {wanted}", confidence.as_str(), reason::list(reasons).trim_end_matches('.'))
}

fn time(seconds: i64) -> String {
    match (seconds / 3600, seconds % 3600 / 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adjutant_domain::cause::Cause;
    use adjutant_domain::failure::{Failure, MergeProblem};

    #[test]
    fn the_words_of_every_question() {
        let (step, usd) = (|| StepName::new("parse"), Usd::from_dollars);
        let review = |confidence, reasons, wanted| Question::Review { step: step(), confidence, reasons, wanted };
        let lint = EvaluationReason::VerifierFailed { verifier: "lint".to_owned(), required: false };
        let questions = [
            Question::Plan,
            Question::NotPlanned { tries: 1, failure: Failure::NoAgent },
            Question::NotPlanned { tries: 3, failure: Failure::NoResult },
            Question::Budget { budget: usd(1.0), spent: usd(1.2), ceiling: usd(5.0) },
            Question::Budget { budget: usd(5.0), spent: usd(5.0), ceiling: usd(5.0) },
            Question::WorkingTime { seconds: 45 },
            Question::WorkingTime { seconds: 5_400 },
            review(Confidence::Green, Vec::new(), Wanted::Merge),
            review(Confidence::Yellow, vec![lint, EvaluationReason::NothingVerified], Wanted::MergeIntoBase),
            review(Confidence::Green, Vec::new(), Wanted::AcceptReport),
            Question::Unmerged {
                step: step(),
                problem: MergeProblem::Refused { answer: "A review is required.".to_owned() },
            },
            Question::Blocked { step: step(), cause: Cause::NothingChanged },
            Question::NotRun { step: step(), tries: 3, failure: Failure::NoResult },
            Question::PreApproved,
            Question::Legacy("as version 1 said it".to_owned()),
        ];
        for question in &questions {
            let written = serde_json::to_value(question).unwrap();
            assert_eq!(serde_json::from_value::<Question>(written).unwrap(), *question);
        }
        insta::assert_snapshot!(questions.iter().map(words).collect::<Vec<_>>().join("\n"), @"
        May this plan start?
        The planner could not be run: no agent is set up: the operator sets ADJUTANT_AGENT_COMMAND or `[agents.NAME]`
        The planner could not be run, tried 3 times: The agent ended without leaving a result file.
        The budget of $1.00 is used up ($1.20 spent). The policy allows up to $5.00 in total.
        The budget of $5.00 is used up ($5.00 spent). That is all that the policy allows in total ($5.00).
        The working time of 45 s is used up.
        The working time of 1 h 30 min is used up.
        `parse` is green. May this step be merged?
        `parse` is yellow: the optional verifier `lint` failed; nothing was verified. May this be merged into the base?
        `parse` is green. May this report be accepted?
        GitHub did not merge `parse`: A review is required. Merge it by hand, or `/approve` to try again.
        It needs a person: nothing was changed
        The agent could not be run on `parse`, tried 3 times: The agent ended without leaving a result file.
        Accepted before it was proved.
        as version 1 said it
        ");
    }
}
