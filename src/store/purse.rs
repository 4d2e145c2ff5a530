//! The purse of an agent's run: its money is taken from the database in blocks, and counted there request by request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use model_gateway::{Amount, Ledger, LedgerEntry, Pot, Purse, PurseEmpty, PurseError, Withdrawal};
use uuid::Uuid;

use super::Store;
use super::spending::{DayLimits, Grant, NewModelRun, SpendingLimit};
use adjutant_domain::ids::Usd;

/// What a run takes beyond its need, so that few requests wait for the database: a twentieth of the directive's budget.
const BLOCK_SHARE: u64 = 20;
/// And no more than half a dollar, which is lost at most when a process dies.
const LARGEST_BLOCK: Amount = Amount(500_000_000_000);
/// How often the database is asked where it is away.
const TRIES: u32 = 5;

/// The money of one run, as the database has it.
pub struct RunPurse {
    store: Store,
    run: NewModelRun,
    limits: DayLimits,
    /// A limit of the day was reached.
    day_is_over: AtomicBool,
}

impl RunPurse {
    /// The purse of a run that the database knows ([`Store::begin_model_run`]).
    pub fn new(store: Store, run: NewModelRun, limits: DayLimits) -> Arc<Self> {
        Arc::new(Self { store, run, limits, day_is_over: AtomicBool::new(false) })
    }

    /// Whether a limit of the day was reached: nobody can grant more, and tomorrow it is as new.
    pub fn day_is_over(&self) -> bool {
        self.day_is_over.load(Ordering::Relaxed)
    }

    /// The run has ended, and all that it asked for is counted.
    pub async fn end(&self) {
        if let Err(error) = self.store.end_model_run(self.run.run).await {
            tracing::warn!(%error, "the end of a run could not be stored; what it holds of the budget is freed when it is booked");
        }
    }

    /// The run's name.
    pub fn run(&self) -> Uuid {
        self.run.run
    }

    /// The pot of the run, for a directive with this budget.
    pub fn pot(self: &Arc<Self>, budget: Usd) -> Pot {
        let budget = Amount::from_micros(u64::try_from(budget.0).unwrap_or_default());
        let block = Amount(budget.0 / BLOCK_SHARE).min(LARGEST_BLOCK);
        Pot::new(Arc::clone(self) as Arc<dyn Purse>, block)
    }
}

impl Purse for RunPurse {
    fn take(&self, least: Amount, wanted: Amount) -> BoxFuture<'_, Result<Withdrawal, PurseError>> {
        Box::pin(async move {
            let mut turn = 1;
            let granted = loop {
                match self.store.grant(&self.run, self.limits, least, wanted).await {
                    Err(_) if turn < TRIES => pause(turn).await,
                    granted => break granted,
                }
                turn += 1;
            };
            match granted {
                Ok(Grant::Given { amount, left }) => Ok(Withdrawal { amount, left }),
                Ok(Grant::Short { limit, left, held }) => {
                    let is_of_day = !matches!(limit, SpendingLimit::Directive(_));
                    self.day_is_over.fetch_or(is_of_day, Ordering::Relaxed);
                    Err(PurseEmpty { limit: words(limit), left, held }.into())
                }
                Ok(Grant::Over) => Err(PurseError::Closed("another process has taken the task over".to_owned())),
                Err(error) => {
                    tracing::warn!(%error, "no money could be set aside for a request of an agent; it is refused");
                    Err(PurseError::Closed("Adjutant's database does not answer".to_owned()))
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

impl Ledger for RunPurse {
    fn record(&self, entry: LedgerEntry) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let key = Uuid::new_v4();
            for turn in 1..=TRIES {
                match self.store.keep_model_request(self.run.run, key, &entry).await {
                    Ok(()) => return,
                    Err(error) if turn == TRIES => {
                        tracing::error!(%error, cost = ?entry.cost, "a request of an agent is missing in the ledger");
                    }
                    Err(_) => pause(turn).await,
                }
            }
        })
    }
}

async fn pause(turn: u32) {
    tokio::time::sleep(Duration::from_millis(200 * u64::from(turn))).await;
}

fn words(limit: SpendingLimit) -> String {
    match limit {
        SpendingLimit::Directive(limit) => format!("the budget of this directive ({limit})"),
        SpendingLimit::RepositoryDay(limit) => format!("what this repository may cost today ({limit})"),
        SpendingLimit::InstallationDay(limit) => format!("what this installation may cost today ({limit})"),
    }
}
