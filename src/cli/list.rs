//! `adjutant directive list`: one row per directive.

use std::io::Write;

use chrono::Utc;

use super::find::{is_repo, name};
use super::text::{age, cut, said, table};
use super::{Ended, ListArgs};
use crate::store::Store;
use crate::store::overview::{Question, Summary};
use adjutant_domain::approval::ApprovalKind;
use adjutant_domain::status::DirectiveStatus;

/// The longest title shown, in characters.
const TITLE: usize = 48;

pub(super) async fn list(args: &ListArgs, store: &Store, out: &mut impl Write) -> Result<(), Ended> {
    let mut summaries = store.summaries().await?;
    summaries.retain(|summary| {
        (args.all || !summary.status.is_over()) && args.repo.as_ref().is_none_or(|repo| is_repo(summary, repo))
    });
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &summaries).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else if summaries.is_empty() {
        writeln!(
            out,
            "{}",
            if args.all {
                "There is no directive."
            } else {
                "No directive is running; --all shows those that have ended."
            }
        )?;
    } else {
        write!(out, "{}", render(&summaries))?;
    }
    Ok(())
}

fn render(summaries: &[Summary]) -> String {
    let head = ["DIRECTIVE", "STATUS", "STEPS", "COST", "AGE", "WAITS FOR", "TITLE"].map(str::to_owned).to_vec();
    let rows = summaries.iter().map(|summary| {
        vec![
            name(summary),
            summary.status.to_string(),
            format!("{}/{}", summary.steps_done, summary.steps),
            summary.cost.to_string(),
            age((Utc::now() - summary.created_at).num_seconds()),
            waits_for(summary),
            cut(&summary.title, TITLE),
        ]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), "")
}

pub(super) fn waits_for(summary: &Summary) -> String {
    let questions: Vec<String> = summary.waiting.iter().map(asked).collect();
    match summary.status {
        status if status.is_over() => "–".to_owned(),
        DirectiveStatus::Paused if questions.is_empty() => {
            format!("/resume ({})", summary.pause.as_ref().map_or_else(|| "paused".to_owned(), said))
        }
        _ if !questions.is_empty() => questions.join(", "),
        _ if summary.running == 1 => "an agent".to_owned(),
        _ if summary.running > 1 => format!("{} agents", summary.running),
        _ => "–".to_owned(),
    }
}

fn asked(question: &Question) -> String {
    let step = question.step.as_deref().unwrap_or("a step");
    match question.kind {
        ApprovalKind::Plan => "a word on the plan".to_owned(),
        ApprovalKind::Budget => "a budget".to_owned(),
        ApprovalKind::Baseline => "a word on the base commit".to_owned(),
        ApprovalKind::StepReview => format!("review of {step}"),
        ApprovalKind::StepBlocked => format!("a word on {step}"),
        ApprovalKind::Final => "the merge into the base".to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use adjutant_domain::ids::{DirectiveId, Usd};

    pub(in crate::cli) fn summary(repo: &str, issue: u64, ordinal: u32) -> Summary {
        let number = u64::try_from(repo.len()).unwrap();
        Summary {
            id: DirectiveId::of(number, issue, ordinal),
            repo: repo.to_owned(),
            issue,
            ordinal,
            title: "Print lengths".to_owned(),
            status: DirectiveStatus::Active,
            steps_done: 1,
            steps: 3,
            cost: Usd(1_200_000),
            running: 0,
            pause: None,
            waiting: Vec::new(),
            created_at: Utc::now() - chrono::Duration::minutes(130),
            ended_at: None,
        }
    }

    #[test]
    fn a_row_says_how_far_a_directive_is_and_what_it_waits_for() {
        let mut asks = summary("acme/widgets", 12, 2);
        asks.waiting = vec![Question { kind: ApprovalKind::StepReview, step: Some("parse".to_owned()) }];
        let mut paused = summary("acme/gears", 7, 1);
        paused.status = DirectiveStatus::Paused;
        paused.pause = Some(json!({ "commanded": "maintainer" }));
        paused.title = "\u{1b}[31mred".to_owned();
        let working = Summary { running: 2, ..summary("acme/gears", 8, 1) };
        insta::assert_snapshot!(render(&[asks, paused, working]), @r"
        DIRECTIVE          STATUS  STEPS  COST   AGE  WAITS FOR                       TITLE
        acme/widgets#12-2  active  1/3    $1.20  2 h  review of parse                 Print lengths
        acme/gears#7       paused  1/3    $1.20  2 h  /resume (commanded=maintainer)  \u{1b}[31mred
        acme/gears#8       active  1/3    $1.20  2 h  2 agents                        Print lengths
        ");
    }
}
