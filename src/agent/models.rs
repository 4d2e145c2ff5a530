//! A run's way to a model: a port of its own in the sandbox, a key that is worth nothing elsewhere, and what it came to.

use std::sync::Arc;

use model_gateway::{BudgetStatus, Ledger, Pot, Run, RunSettings, Served, Totals, Upstream, serve};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::workspace::sandbox::{Door, DoorListener, Sandbox};
use adjutant_domain::ids::Usd;
use adjutant_domain::network::Network;

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
