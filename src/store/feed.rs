//! The feed: every event as it is added, by whichever process, to whoever subscribes in this one.
//!
//! One loop reads the history on from the last event it passed on (events become visible in the order of their ids, see
//! [`super::history`]), when it hears news or else every second. A subscription gives what was there before, then what
//! comes, each event once and in order. One that cannot keep up reads what it missed from the history: nothing is lost,
//! and no reader holds another up.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};

use super::history::PastEvent;
use super::{Store, StoreError, listen};
use adjutant_domain::effect::Lane;
use adjutant_domain::ids::DirectiveId;

/// How often the history is looked at without being told.
const POLL: Duration = Duration::from_secs(1);
/// How many events are read at a time.
const PAGE: i64 = 200;
/// How many events a subscription may be behind before it reads them from the history.
const ROOM: usize = 1024;

/// Passes events on. Cheap to clone; [`Feed::run`] has to run once for them all.
#[derive(Debug, Clone)]
pub struct Feed {
    store: Store,
    sender: broadcast::Sender<Passed>,
}

/// What is passed on; nothing where the loop has just begun, and what was before is in the history alone.
type Passed = Option<Arc<PastEvent>>;

impl Feed {
    /// A feed of the events in this store.
    pub fn new(store: Store) -> Self {
        Self { store, sender: broadcast::channel(ROOM).0 }
    }

    /// Passes on what happens from now on. `woken` is told of the lanes in which any process queued work. Ends only
    /// by being dropped.
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

    /// Passes on every event after `last`; the first time only remembers where the history ends.
    async fn pass_on(&self, last: &mut Option<i64>) -> Result<(), StoreError> {
        let Some(last) = last else {
            *last = Some(self.store.newest_event().await?);
            // Who subscribed before this loop began reads on from the history, up to here at least.
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
                // Nobody may be there to hear it.
                let _ = self.sender.send(Some(Arc::new(event)));
            }
        }
    }

    /// Every event after the event `after` (0 for all), of one directive or of every one.
    pub fn subscribe(&self, of: Option<DirectiveId>, after: i64) -> Subscription {
        Subscription {
            feed: self.clone(),
            // Before the history is read, so that nothing falls between the two.
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
    /// The last event that was given.
    last: i64,
    ready: VecDeque<PastEvent>,
    /// Whether the history has more than was passed on.
    is_behind: bool,
}

impl Subscription {
    /// The next event, as soon as there is one. After an error the same call may be made again: none is left out.
    pub async fn next(&mut self) -> Result<PastEvent, StoreError> {
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
                    self.ready.push_back(PastEvent::clone(&event));
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(broadcast::error::RecvError::Lagged(_)) => self.is_behind = true,
                // The feed that this subscription holds has a sender.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// The id of the last event that was given: where another subscription goes on.
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
