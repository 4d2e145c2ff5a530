//! Counts requests: one tally for each caller.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::TimeDelta;

use super::{
    RateLimits,
    cost::{Cost, Resource},
};
use crate::state::{Id, Time};

/// The caller whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum LimitKey {
    /// An unknown caller at this address.
    Address(IpAddr),
    User(Id),
    App(Id),
    Installation(Id),
}

/// The present rate limits, if any.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    on: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    numbers: RateLimits,
    tallies: HashMap<LimitKey, Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    primary: HashMap<Resource, Window>,
    points: HashMap<Resource, Window>,
    content_minute: Window,
    content_hour: Window,
    at_once: u32,
}

/// A span of time that begins with its first request.
#[derive(Debug, Default, Clone, Copy)]
struct Window {
    ends: Option<Time>,
    used: u32,
}

/// The state of a primary limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitStatus {
    pub(crate) resource: Resource,
    pub(crate) limit: u32,
    pub(crate) used: u32,
    pub(crate) reset: Time,
}

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LimitExceeded {
    /// The requests of the hour are used up.
    Primary(LimitStatus),
    /// A secondary limit was exceeded. The number is the seconds until the next request is allowed.
    Secondary(LimitStatus, u64),
}

/// An admitted request. It counts as running until this is dropped.
pub(crate) struct Admitted {
    pub(crate) standing: LimitStatus,
    who: LimitKey,
    limits: Arc<Limits>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(tally) = self.limits.inner().tallies.get_mut(&self.who) {
            tally.at_once = tally.at_once.saturating_sub(1);
        }
    }
}

impl Window {
    fn at(&mut self, now: Time, long: TimeDelta) -> &mut Self {
        if self.ends.is_none_or(|ends| ends <= now) {
            *self = Self { ends: Some(now + long), used: 0 };
        }
        self
    }

    /// The whole seconds until the window ends, rounded up.
    fn left(&self, now: Time) -> u64 {
        let millis = self.ends.map_or(0, |ends| (ends - now).num_milliseconds());
        u64::try_from(millis).unwrap_or_default().div_ceil(1000).max(1)
    }
}

fn length(resource: Resource) -> TimeDelta {
    if resource == Resource::Search { TimeDelta::minutes(1) } else { TimeDelta::hours(1) }
}

impl Limits {
    /// Whether there are limits.
    pub(crate) fn are_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    /// Sets the limits with nothing used; `None` turns them off.
    pub(crate) fn set(&self, numbers: Option<RateLimits>) {
        let mut inner = self.inner();
        self.on.store(numbers.is_some(), Ordering::Release);
        inner.tallies.clear();
        inner.numbers = numbers.unwrap_or_default();
    }

    /// The present limits, if any.
    pub(crate) fn numbers(&self) -> Option<RateLimits> {
        self.are_on().then(|| self.inner().numbers.clone())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request, or refuses it. `limit` is the caller's primary limit for the resource.
    pub(crate) fn admit(
        self: &Arc<Self>,
        now: Time,
        who: &LimitKey,
        limit: u32,
        cost: Cost,
    ) -> Result<Admitted, LimitExceeded> {
        let mut inner = self.inner();
        let numbers = inner.numbers.clone();
        let tally = inner.tallies.entry(who.clone()).or_default();
        let standing = tally.standing(now, cost.resource, limit);
        if standing.used >= limit {
            return Err(LimitExceeded::Primary(standing));
        }
        if let Some(seconds) = tally.haste(now, &numbers, cost) {
            return Err(LimitExceeded::Secondary(standing, seconds));
        }
        tally.count(cost);
        tally.at_once += 1;
        let standing = LimitStatus { used: standing.used + 1, ..standing };
        drop(inner);
        Ok(Admitted { standing, who: who.clone(), limits: self.clone() })
    }

    /// Takes back the cost of a request that turned out to be free, and returns the state after that.
    pub(crate) fn give_back(&self, admitted: &Admitted) -> LimitStatus {
        let mut inner = self.inner();
        let resource = admitted.standing.resource;
        let tally = inner.tallies.entry(admitted.who.clone()).or_default();
        if let Some(window) = tally.primary.get_mut(&resource) {
            window.used = window.used.saturating_sub(1);
        }
        LimitStatus { used: admitted.standing.used.saturating_sub(1), ..admitted.standing }
    }

    /// The state of a caller's limit. This is not counted.
    pub(crate) fn standing(&self, now: Time, who: &LimitKey, resource: Resource, limit: u32) -> LimitStatus {
        self.inner().tallies.entry(who.clone()).or_default().standing(now, resource, limit)
    }
}

impl Tally {
    fn standing(&mut self, now: Time, resource: Resource, limit: u32) -> LimitStatus {
        let long = length(resource);
        let window = self.primary.entry(resource).or_default().at(now, long);
        LimitStatus { resource, limit, used: window.used, reset: window.ends.unwrap_or(now + long) }
    }

    /// The seconds to wait if this would exceed a secondary limit.
    fn haste(&mut self, now: Time, numbers: &RateLimits, cost: Cost) -> Option<u64> {
        if self.at_once >= numbers.concurrent {
            return Some(60);
        }
        let is_graphql = cost.resource == Resource::Graphql;
        let most = if is_graphql { numbers.graphql_points } else { numbers.rest_points };
        let key = if is_graphql { Resource::Graphql } else { Resource::Core };
        let points = self.points.entry(key).or_default().at(now, TimeDelta::minutes(1));
        if points.used.saturating_add(cost.points) > most {
            return Some(points.left(now));
        }
        let (minute, hour) = (TimeDelta::minutes(1), TimeDelta::hours(1));
        let (minute, hour) = (self.content_minute.at(now, minute), self.content_hour.at(now, hour));
        if !cost.creates {
            return None;
        }
        if hour.used >= numbers.content_hour {
            return Some(hour.left(now));
        }
        (minute.used >= numbers.content_minute).then(|| minute.left(now))
    }

    /// Counts a request that passed both checks.
    fn count(&mut self, cost: Cost) {
        let key = if cost.resource == Resource::Graphql { Resource::Graphql } else { Resource::Core };
        self.primary.entry(cost.resource).or_default().used += 1;
        self.points.entry(key).or_default().used += cost.points;
        if cost.creates {
            self.content_minute.used += 1;
            self.content_hour.used += 1;
        }
    }
}
