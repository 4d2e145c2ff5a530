//! A run's way to a model: a port of its own in the sandbox, a key that is worth nothing elsewhere, and what it came to.

use std::sync::Arc;

use model_gateway::{BudgetStatus, Ledger, Pot, Run, RunSettings, Served, Totals, Upstream, serve};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::result_file::ReportedError;
use crate::workspace::sandbox::{Door, DoorListener, Sandbox};
use adjutant_domain::failure::AgentErrorKind;
use adjutant_domain::ids::Usd;
use adjutant_domain::network::Network;

/// Seconds until a provider is asked again that names none: where it is busy, and where its credit is used up.
const BUSY: u64 = 60;
const NO_CREDIT: u64 = 3_600;
/// The same request so often among a run's last forty is a loop.
const MAX_REPEATS: u32 = 5;

/// What a run of an agent may ask of a model.
#[derive(Clone)]
pub struct ModelAccess {
    /// The run, in the ledger.
    pub run: Uuid,
    pub upstream: Arc<Upstream>,
    pub pot: Pot,
    pub ledger: Arc<dyn Ledger>,
    /// How the program is told that the money does not suffice.
    pub budget_status: BudgetStatus,
    /// The most tokens of one answer.
    pub max_output: u64,
}

impl std::fmt::Debug for ModelAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelAccess")
            .field("run", &self.run)
            .field("upstream", &self.upstream.name)
            .finish_non_exhaustive()
    }
}

/// What a run's requests to a model came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelUse {
    pub run: Uuid,
    pub requests: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cost: Usd,
    /// Requests whose model has no price.
    pub unpriced: u64,
    /// Requests whose cost is an upper bound.
    pub bounds: u64,
    /// Why a request was not passed on: a word, and a sentence for people.
    pub refused: Option<(String, String)>,
    /// The last error of the provider that no answer followed.
    pub error: Option<ModelError>,
}

/// An error of a model's provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelError {
    pub provider: String,
    pub status: u16,
    /// In seconds.
    pub retry_after: Option<u64>,
    pub message: String,
}

impl ModelUse {
    fn new(access: &ModelAccess, totals: Totals) -> Self {
        let provider = access.upstream.name.clone();
        Self {
            run: access.run,
            requests: totals.requests,
            input_tokens: totals.tokens.all_input(),
            output_tokens: totals.tokens.output,
            cost: Usd(i64::try_from(totals.cost.micros()).unwrap_or(i64::MAX)),
            unpriced: totals.unpriced,
            bounds: totals.bounds,
            refused: totals.refused.map(|(word, words)| (word.to_owned(), words)),
            error: totals.error.map(|error| ModelError {
                provider,
                status: error.status,
                retry_after: error.retry_after.map(|time| time.as_secs()),
                message: error.message,
            }),
        }
    }
}

impl ModelUse {
    /// Why a run that failed did so, as the gateway knows it: what it refused, or the provider's last error.
    pub(super) fn reason(&self) -> Option<ReportedError> {
        if let Some((word, message)) = &self.refused {
            let (kind, retry_after) = match word.as_str() {
                "budget" => (AgentErrorKind::Budget, None),
                // Our own database was away.
                "purse" => (AgentErrorKind::Overloaded, Some(BUSY)),
                _ => (AgentErrorKind::Tool, None),
            };
            return Some(ReportedError { kind, message: message.clone(), retry_after });
        }
        let ModelError { provider, status, retry_after, message } = self.error.as_ref()?;
        let (kind, wait) = match status {
            401 | 403 => (AgentErrorKind::Auth, None),
            402 => (AgentErrorKind::Quota, Some(NO_CREDIT)),
            429 => (AgentErrorKind::Quota, Some(BUSY)),
            500.. => (AgentErrorKind::Overloaded, Some(BUSY)),
            _ => (AgentErrorKind::Tool, None),
        };
        let message = format!("{provider} answered {status}: {message}");
        Some(ReportedError { kind, message, retry_after: wait.map(|wait| retry_after.unwrap_or(wait)) })
    }
}

/// The gateway of one run, from before its start to after its end.
pub(super) struct Gateway {
    access: ModelAccess,
    run: Arc<Run>,
    opening: JoinHandle<Option<Served>>,
    pub(super) door: Door,
    /// What the run's requests have to come with.
    pub(super) key: String,
}

impl Gateway {
    /// Makes a port for a run with this network, and serves it once the run has opened it.
    pub(super) async fn open(sandbox: &Sandbox, network: &Network, access: ModelAccess) -> std::io::Result<Self> {
        let (door, opened) = sandbox.door(network).await?;
        let key = format!("adjutant-run-{}", Uuid::new_v4().simple());
        let run = Run::new(RunSettings {
            id: access.run.to_string(),
            key: key.clone(),
            upstream: Arc::clone(&access.upstream),
            pot: access.pot.clone(),
            limited: true,
            budget_status: access.budget_status,
            max_output: access.max_output,
            max_repeats: MAX_REPEATS,
            ledger: Arc::clone(&access.ledger),
        });
        let opening = tokio::spawn(served(opened, Arc::clone(&run)));
        Ok(Self { access, run, opening, door, key })
    }

    /// Its address for the run.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.door.port)
    }

    pub(super) fn max_output(&self) -> u64 {
        self.access.max_output
    }

    /// The run has ended: waits until everything is counted.
    pub(super) async fn end(self) -> ModelUse {
        // The run's side of the door is closed now, whether it was opened or not.
        drop(self.door);
        let totals = match self.opening.await {
            Ok(Some(served)) => served.end().await,
            _ => self.run.totals(),
        };
        ModelUse::new(&self.access, totals)
    }
}

async fn served(opened: DoorListener, run: Arc<Run>) -> Option<Served> {
    Some(serve(opened.await.ok()?, run))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_knows_why_a_run_failed() {
        let of = |refused: Option<&str>, status: Option<u16>| {
            let refused = refused.map(|word| (word.to_owned(), "said".to_owned()));
            let error = status.map(|status| ModelError {
                provider: "anthropic".to_owned(),
                status,
                retry_after: Some(7),
                message: "no".to_owned(),
            });
            let reason = ModelUse { refused, error, ..ModelUse::default() }.reason();
            reason.map(|reason| (reason.kind, reason.retry_after, reason.message))
        };
        let told = |kind, wait, message: &str| Some((kind, wait, message.to_owned()));
        assert_eq!(of(None, None), None);
        assert_eq!(of(Some("budget"), Some(500)), told(AgentErrorKind::Budget, None, "said"));
        assert_eq!(of(Some("purse"), None), told(AgentErrorKind::Overloaded, Some(BUSY), "said"));
        assert_eq!(of(Some("repeated"), None), told(AgentErrorKind::Tool, None, "said"));
        assert_eq!(of(None, Some(401)), told(AgentErrorKind::Auth, None, "anthropic answered 401: no"));
        assert_eq!(of(None, Some(429)), told(AgentErrorKind::Quota, Some(7), "anthropic answered 429: no"));
        assert_eq!(of(None, Some(529)), told(AgentErrorKind::Overloaded, Some(7), "anthropic answered 529: no"));
        assert_eq!(of(None, Some(400)), told(AgentErrorKind::Tool, None, "anthropic answered 400: no"));
    }
}
