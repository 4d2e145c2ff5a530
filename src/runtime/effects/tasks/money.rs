//! The money of an agent's run: taken from the database in blocks, and counted there line by line.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use model_gateway::{Amount, Ledger, Line, Pot, Purse, PurseEmpty, Taken};

use crate::store::Store;
use crate::store::spending::{DayLimits, Grant, NewModelRun, SpendingLimit};
use adjutant_domain::ids::Usd;
use uuid::Uuid;

/// What a run takes beyond its need, so that few requests wait for the database: a twentieth of the directive's budget.
const BLOCK_SHARE: u64 = 20;
/// And no more than half a dollar, which is lost at most when a process dies.
const LARGEST_BLOCK: Amount = Amount(500_000_000_000);
/// How often a line is written again where the database is away.
const TRIES: u32 = 5;

/// The part of the database that one run's money is in.
pub(super) struct TaskPurse {
    store: Store,
    run: NewModelRun,
    limits: DayLimits,
    /// A limit of the day was reached.
    day_is_over: AtomicBool,
}

impl TaskPurse {
    pub(super) fn new(store: Store, run: NewModelRun, limits: DayLimits) -> Arc<Self> {
        Arc::new(Self { store, run, limits, day_is_over: AtomicBool::new(false) })
    }

    /// Whether a limit of the day was reached: nobody can grant more, and tomorrow it is as new.
    pub(super) fn day_is_over(&self) -> bool {
        self.day_is_over.load(Ordering::Relaxed)
    }

    /// The run has ended, and all that it asked for is counted.
    pub(super) async fn end(&self) {
        if let Err(error) = self.store.end_model_run(self.run.run).await {
            tracing::warn!(%error, "the end of a run could not be stored; what it holds of the budget is freed when it is booked");
        }
    }

    /// The run's name.
    pub(super) fn run(&self) -> Uuid {
        self.run.run
    }

    /// The pot of the run, for a directive with this budget.
    pub(super) fn pot(self: &Arc<Self>, budget: Usd) -> Pot {
        let budget = Amount::from_micros(u64::try_from(budget.0).unwrap_or_default());
        let block = Amount(budget.0 / BLOCK_SHARE).min(LARGEST_BLOCK);
        Pot::new(Arc::clone(self) as Arc<dyn Purse>, block)
    }
}

impl Purse for TaskPurse {
    fn take(&self, least: Amount, wanted: Amount) -> BoxFuture<'_, Result<Taken, PurseEmpty>> {
        Box::pin(async move {
            let nothing = |limit: String| PurseEmpty { limit, left: Amount::ZERO, held: Amount::ZERO };
            match self.store.grant(&self.run, self.limits, least, wanted).await {
                Ok(Grant::Given { amount, left }) => Ok(Taken { amount, left }),
                Ok(Grant::Short { limit, left, held }) => {
                    let is_of_day = !matches!(limit, SpendingLimit::Directive(_));
                    self.day_is_over.fetch_or(is_of_day, Ordering::Relaxed);
                    Err(PurseEmpty { limit: words(limit), left, held })
                }
                Ok(Grant::Over) => Err(nothing("the money of a run that has ended".to_owned())),
                Err(error) => {
                    tracing::warn!(%error, "no money could be set aside for a request of an agent; it is refused");
                    Err(nothing("the database, which cannot be reached,".to_owned()))
                }
            }
        })
    }

    fn give_back(&self, amount: Amount) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Err(error) = self.store.return_grant(self.run.run, amount).await {
                tracing::warn!(%error, "money that a run did not need could not be put back; it is when the run is booked");
            }
        })
    }
}

impl Ledger for TaskPurse {
    fn record(&self, line: Line) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            for turn in 1..=TRIES {
                match self.store.keep_model_request(self.run.run, &line).await {
                    Ok(()) => return,
                    Err(error) if turn == TRIES => {
                        tracing::error!(%error, cost = ?line.cost, "a request of an agent is missing in the ledger");
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(200 * u64::from(turn))).await,
                }
            }
        })
    }
}

fn words(limit: SpendingLimit) -> String {
    match limit {
        SpendingLimit::Directive(limit) => format!("the budget of this directive ({limit})"),
        SpendingLimit::RepositoryDay(limit) => format!("what this repository may cost today ({limit})"),
        SpendingLimit::InstallationDay(limit) => format!("what this installation may cost today ({limit})"),
    }
}
