//! `LISTEN` and `NOTIFY`: a transaction notifies the waiting loops of all processes.
//!
//! A transaction notifies once, whatever it contains, because a notification for each row would halve the rate of
//! commits. The notification (the newest event's id, the lanes with work) is only a reason to read the tables. A lost
//! notification therefore costs only the time until the next poll, and every listener also polls.

use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::PgListener;
use tokio::sync::mpsc;

use super::{Store, StoreError};
use adjutant_domain::effect::Lane;

/// The channel that all processes use.
const CHANNEL: &str = "adjutant";
/// The pause before a lost connection is opened again.
const AGAIN: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct News {
    /// Whether events were added.
    pub(in crate::store) events: bool,
    /// The lanes in which work was queued.
    pub(in crate::store) lanes: Vec<Lane>,
}

impl News {
    /// Anything may have happened.
    fn everything() -> Self {
        Self { events: true, lanes: Lane::ALL.to_vec() }
    }

    fn of(payload: &str) -> Self {
        let Some((newest, lanes)) = payload.split_once(' ') else { return Self::everything() };
        let lanes = lanes.split(',').filter_map(|word| Lane::ALL.iter().copied().find(|lane| lane.as_str() == word));
        Self { events: newest != "0", lanes: lanes.collect() }
    }
}

/// Notifies when the transaction commits.
pub(super) async fn notify(
    connection: &mut PgConnection,
    newest: Option<i64>,
    lanes: &[Lane],
) -> Result<(), StoreError> {
    let lanes: Vec<&str> = Lane::ALL.iter().filter(|lane| lanes.contains(lane)).map(|lane| lane.as_str()).collect();
    let payload = format!("{} {}", newest.unwrap_or(0), lanes.join(","));
    sqlx::query!("SELECT pg_notify($1, $2)", CHANNEL, payload).execute(connection).await?;
    Ok(())
}

/// Passes on notifications until the receiver is dropped. After a lost connection is opened again, it reports that
/// anything may have happened, because notifications were missed.
pub(super) async fn listen(store: Store, heard: mpsc::Sender<News>) {
    while !heard.is_closed() {
        match hear(&store, &heard).await {
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => tracing::debug!(%error, "notifications cannot be received; the tables are polled"),
            Ok(()) => {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Listens on one connection until it is lost.
async fn hear(store: &Store, heard: &mpsc::Sender<News>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(store.pool()).await?;
    // The caller opens the new connection, so that it knows that notifications were missed.
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    let mut news = News::everything();
    loop {
        if heard.send(news).await.is_err() {
            return Ok(());
        }
        let told = tokio::select! {
            told = listener.try_recv() => told?,
            () = heard.closed() => return Ok(()),
        };
        match told {
            Some(told) => news = News::of(told.payload()),
            None => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_name_the_lanes_and_whether_there_are_events() {
        let news = |events, lanes: &[Lane]| News { events, lanes: lanes.to_vec() };
        assert_eq!(News::of("17 short,verifier"), news(true, &[Lane::Short, Lane::Verifier]));
        assert_eq!(News::of("0 agent"), news(false, &[Lane::Agent]));
        assert_eq!(News::of("17 "), news(true, &[]));
        assert_eq!(News::of("what a newer version may say"), news(true, &[]));
        assert_eq!(News::of("nonsense"), News::everything());
    }
}
