//! What became of a run: its outcome with the reason that people read, and a pause of its agent.

use super::{Job, for_people, measure};
use crate::agent::{AgentOutcome, AgentRun, ResultFile};
use crate::report::failure;
use adjutant_domain::failure::{AgentErrorKind, Failure};
use adjutant_domain::ids::Usd;
use adjutant_domain::signal::TaskOutcome;
use adjutant_domain::task::AgentPause;

/// The most lines and bytes of a failed run's output that people are shown.
const LINES: usize = 20;
const OUTPUT: usize = 2_000;
/// In seconds.
const DAY: u64 = 86_400;

impl Job<'_> {
    /// Lets every task of the agent wait where its provider wants to be left alone.
    pub(super) async fn pause_agent(&self, agent: &str, run: &AgentRun) {
        let Some((why, pause)) = run.outcome.failure().as_ref().and_then(Failure::wants_pause) else { return };
        let until = chrono::Utc::now() + pause;
        tracing::warn!(agent, why = why.as_str(), %until, "the agent's provider takes no task; those of the agent wait");
        let pause = AgentPause { agent: agent.to_owned(), why, until };
        if let Err(error) = self.app.store.pause_agent(&pause).await {
            // The task itself waits all the same, and so does the next one that is refused.
            tracing::warn!(%error, agent, "the pause of agent {agent} could not be stored; its other tasks start");
        }
    }

    /// The outcome of a run, and its cost. A failed run also has a cost.
    pub(super) fn ended(
        &self,
        run: AgentRun,
        use_result: impl FnOnce(ResultFile) -> TaskOutcome,
    ) -> (TaskOutcome, Usd) {
        let cost = measure::cost(&run);
        let outcome = match (run.outcome, run.result) {
            (AgentOutcome::Cancelled, _) => TaskOutcome::Cancelled,
            (AgentOutcome::Finished, Some(result)) => use_result(result),
            (failed, _) => TaskOutcome::Failed { reason: failed.failure().unwrap_or(Failure::NoResult) },
        };
        let TaskOutcome::Failed { reason } = outcome else { return (outcome, cost) };
        tracing::warn!(
            task = %self.task.id, reason = failure::words(&reason), output = last_lines(&run.tail), log = %run.log.display(),
            "the agent failed"
        );
        let reason = with_output(reason, &run.tail);
        (TaskOutcome::Failed { reason: for_people(&reason, &self.app.settings.data_dir) }, cost)
    }
}

/// A run that failed for a limit of the day waits for the next one (UTC): no person can grant more.
pub(super) fn wait_for_tomorrow(ran: &mut AgentRun, day_is_over: bool) {
    let lacks_money = ran.outcome.failure().is_some_and(|failure| failure.lacks_money());
    if let AgentOutcome::Reported(error) = &mut ran.outcome
        && day_is_over
        && lacks_money
    {
        let seconds = u64::from(chrono::Timelike::num_seconds_from_midnight(&chrono::Utc::now()));
        error.kind = AgentErrorKind::Quota;
        error.retry_after = Some(DAY.saturating_sub(seconds).max(1));
    }
}

/// The failure with the last lines of the output, unless the agent named the reason itself.
fn with_output(reason: Failure, output: &str) -> Failure {
    match &reason {
        Failure::AgentReported { message, .. } if !message.is_empty() => reason,
        _ => reason.and_output(last_lines(output)),
    }
}

/// The last lines of an output, few enough for an issue.
fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output.trim_end().lines().collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
    last[last.ceil_char_boundary(last.len().saturating_sub(OUTPUT))..].to_owned()
}
