//! The feed: passes every event of every process to the subscribers in this process.
//!
//! One loop reads the history from the last event it passed on, after each notification and at least every second.
//! (Events become visible in the order of their ids, see [`super::history`].) A subscription gives the earlier events
//! and then the new ones, each once and in order. A subscription that falls behind reads the missed events from the
//! history, so no event is lost and no reader delays another.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};

use super::history::RecordedEvent;
use super::{Store, StoreError, listen};
use adjutant_domain::effect::Lane;
use adjutant_domain::ids::DirectiveId;

/// How often the history is polled in case a notification was missed.
const POLL: Duration = Duration::from_secs(1);
/// How many events are read at a time.
const PAGE: i64 = 200;
/// How many events a subscription may fall behind before it reads them from the history.
const ROOM: usize = 1024;

/// Passes events on. Cheap to clone; [`Feed::run`] has to run once for all clones.
#[derive(Debug, Clone)]
pub struct Feed {
    store: Store,
    sender: broadcast::Sender<Passed>,
}

/// An event that is passed on. `None` means that the loop has just begun, and earlier events are only in the history.
type Passed = Option<Arc<RecordedEvent>>;

impl Feed {
    /// A feed of the events in this store.
    pub fn new(store: Store) -> Self {
        Self { store, sender: broadcast::channel(ROOM).0 }
    }

    /// Passes on new events. Calls `woken` with each lane in which any process queued work. Runs until it is dropped.
    pub async fn run(&self, woken: impl Fn(Lane)) {
        let (heard, mut news) = mpsc::channel(64);
        let listening = listen::listen(self.store.clone(), heard);
        let passing = async {
            let mut last = None;
            loop {
                if let Err(error) = self.pass_on(&mut last).await {
                    tracing::debug!(%error, "the history cannot be read; trying again");
                }
                tokio::select! {
                    Some(news) = news.recv() => news.lanes.into_iter().for_each(&woken),
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        };
        tokio::join!(listening, passing);
    }

    /// Passes on every event after `last`. The first call only sets `last` to the newest event.
    async fn pass_on(&self, last: &mut Option<i64>) -> Result<(), StoreError> {
        let Some(last) = last else {
            *last = Some(self.store.newest_event().await?);
            // Subscribers from before this loop began read the history up to here.
            let _ = self.sender.send(None);
            return Ok(());
        };
        loop {
            let events = self.store.events_after(*last, PAGE).await?;
            if events.is_empty() {
                return Ok(());
            }
            for event in events {
                *last = event.id;
                // Fails if there is no subscriber, which is fine.
                let _ = self.sender.send(Some(Arc::new(event)));
            }
        }
    }

    /// Every event after the event `after` (0 for all), of one directive or of all.
    pub fn subscribe(&self, of: Option<DirectiveId>, after: i64) -> Subscription {
        Subscription {
            feed: self.clone(),
            // Subscribed before the history is read, so that no event falls between the two.
            receiver: self.sender.subscribe(),
            of,
            last: after,
            ready: VecDeque::new(),
            is_behind: true,
        }
    }
}

/// Events, each once and in order.
#[derive(Debug)]
pub struct Subscription {
    feed: Feed,
    receiver: broadcast::Receiver<Passed>,
    of: Option<DirectiveId>,
    /// The last event that was returned.
    last: i64,
    ready: VecDeque<RecordedEvent>,
    /// Whether the history has events that were not passed on.
    is_behind: bool,
}

impl Subscription {
    /// The next event, as soon as there is one. After an error the call can be repeated, and no event is skipped.
    pub async fn next(&mut self) -> Result<RecordedEvent, StoreError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.last = event.id;
                return Ok(event);
            }
            if self.is_behind {
                self.catch_up().await?;
                continue;
            }
            match self.receiver.recv().await {
                Ok(Some(event)) if event.id > self.last && self.of.is_none_or(|of| of == event.directive) => {
                    self.ready.push_back(RecordedEvent::clone(&event));
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(broadcast::error::RecvError::Lagged(_)) => self.is_behind = true,
                // Unreachable: the feed in this subscription holds a sender.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// The id of the last event that was returned. Another subscription can continue there.
    pub fn last(&self) -> i64 {
        self.last
    }

    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let store = &self.feed.store;
        let page = match self.of {
            Some(of) => store.events_of(of, self.last, PAGE).await?,
            None => store.events_after(self.last, PAGE).await?,
        };
        self.is_behind = i64::try_from(page.len()).is_ok_and(|read| read == PAGE);
        self.ready.extend(page);
        Ok(())
    }
}
