//! What became of a run: its outcome with the reason that people read, its measurements, and a pause of its agent.

use super::{Job, for_people};
use crate::agent::{AgentOutcome, AgentRun, ResultFile};
use crate::report::failure;
use crate::workspace::sandbox::Exit;
use adjutant_domain::failure::Failure;
use adjutant_domain::ids::Usd;
use adjutant_domain::signal::TaskOutcome;
use adjutant_domain::task::{AgentPause, Measure};

/// The most lines and bytes of a failed run's output that people are shown.
const LINES: usize = 20;
const OUTPUT: usize = 2_000;

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
        let cost = cost(&run);
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

/// What a run cost: as the gateway counted it, else as the agent says.
fn cost(ran: &AgentRun) -> Usd {
    match &ran.models {
        Some(counted) => counted.cost,
        None => ran.result.as_ref().map_or(Usd::ZERO, ResultFile::cost),
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

/// The measurements of a run that are stored for every outcome.
pub(super) fn measure(ran: &AgentRun) -> Measure {
    let said = ran.result.as_ref().and_then(|result| result.usage).unwrap_or_default();
    let (input_tokens, output_tokens) = match &ran.models {
        Some(counted) => (counted.input_tokens, counted.output_tokens),
        None => (said.input_tokens, said.output_tokens),
    };
    let exit = match ran.exit {
        Exit::Code(code) => format!("exit {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
        Exit::TimedOut => "timeout".to_owned(),
        Exit::OutputLimit => "output limit".to_owned(),
        Exit::DiskLimit => "disk limit".to_owned(),
        Exit::DiskFull => "disk full".to_owned(),
        Exit::Cancelled => "cancelled".to_owned(),
    };
    Measure {
        run: ran.models.as_ref().map_or_else(uuid::Uuid::new_v4, |counted| counted.run),
        exit,
        cost: cost(ran),
        input_tokens,
        output_tokens,
    }
}
