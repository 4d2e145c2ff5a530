//! The model gateway before the scripted model, with money that is all there is.

use std::sync::{Arc, Mutex};

use agent_presets::Config;
use futures_util::future::BoxFuture;
use model_gateway::{
    Amount, BudgetStatus, Credential, MemoryLedger, Pot, PriceTable, Purse, PurseEmpty, PurseError, Rates, Run,
    RunSettings, Served, Upstream, Withdrawal, serve,
};
use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::sandbox::Booked;

/// The key of the provider, which no agent may see.
pub(crate) const PROVIDERS_KEY: &str = "the-key-of-the-provider";

pub(crate) struct Gateway {
    pub(crate) url: String,
    served: Served,
}

/// A fixed sum.
struct Fixed(Mutex<Amount>);

impl Purse for Fixed {
    fn take(&self, least: Amount, wanted: Amount) -> BoxFuture<'_, Result<Withdrawal, PurseError>> {
        let mut left = self.0.lock().unwrap();
        let amount = wanted.min(*left);
        let taken = if amount < least {
            Err(PurseEmpty { limit: "the budget of this test".to_owned(), left: *left, held: Amount::ZERO }.into())
        } else {
            *left = *left - amount;
            Ok(Withdrawal { amount, left: *left })
        };
        Box::pin(async { taken })
    }

    fn give_back(&self, amount: Amount) -> BoxFuture<'_, ()> {
        *self.0.lock().unwrap() += amount;
        Box::pin(async {})
    }
}

pub(crate) async fn start(model: &str, config: &Config, budget: u64) -> Gateway {
    let mut prices = PriceTable::shipped();
    prices.set("scripted", Rates { input: 1.0, output: 5.0, ..Rates::default() }).unwrap();
    let key = Credential::Key(SecretString::from(PROVIDERS_KEY));
    let upstream = Upstream::new("scripted", model, key, Arc::new(prices)).unwrap();
    let status =
        if config.preset.refusal_status == 400 { BudgetStatus::BadRequest } else { BudgetStatus::PaymentRequired };
    let settings = RunSettings {
        id: "test".to_owned(),
        key: config.key.clone(),
        upstream: Arc::new(upstream),
        pot: Pot::new(Arc::new(Fixed(Mutex::new(Amount::from_micros(budget)))), Amount::ZERO),
        limited: true,
        budget_status: status,
        max_output: config.max_output_tokens,
        max_repeats: 5,
        ledger: Arc::new(MemoryLedger::default()),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    Gateway { url, served: serve(listener, Run::new(settings)) }
}

impl Gateway {
    pub(crate) async fn end(self) -> Booked {
        let totals = self.served.end().await;
        Booked {
            requests: totals.requests,
            input_tokens: totals.tokens.all_input(),
            output_tokens: totals.tokens.output,
            cost: totals.cost.micros(),
            refused: totals.refused.map(|(name, _)| name.to_owned()),
        }
    }
}
