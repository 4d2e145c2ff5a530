//! The gate of an installation. Writes pass one at a time within GitHub's rate limits, and nothing passes while GitHub
//! asks to wait.
//!
//! A server without `x-ratelimit` headers (a GitHub Enterprise Server with rate limiting off, the playground by
//! default) is not paced. Its `retry-after` is still obeyed.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use http::HeaderMap;

use super::error::{GitHubError, UNNAMED_LIMIT};

/// The longest wait that happens here. A longer one is returned as [`GitHubError::Retry`], so that a closed gate blocks
/// no worker.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many writes may pass at once before they are paced.
const BURST: f64 = 5.0;

/// Writes per second after the burst. GitHub asks for at least a second between writes. Together with the burst this
/// stays below GitHub's 80 content creations a minute.
///
/// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests>
const PACE: f64 = 1.0;

/// The content creations per hour that GitHub allows.
///
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>
const CREATIONS_PER_HOUR: usize = 500;

const HOUR: Duration = Duration::from_hours(1);

/// The longest time that repeated secondary limits close the gate if GitHub names no time.
const LONGEST_PENALTY: Duration = Duration::from_mins(15);

/// The kind of a write, as GitHub counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// Creates content for which GitHub sends notifications: a comment, a pull request.
    Creates,
    Changes,
}

#[derive(Debug)]
pub(crate) struct Gate {
    /// Locked while a write is running.
    pace: tokio::sync::Mutex<Pace>,
    closed: Mutex<Closed>,
    limited: AtomicBool,
}

#[derive(Debug, Default)]
struct Closed {
    until: Option<Instant>,
    /// How many limits in a row named no time. Each doubles the wait.
    strikes: u32,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            pace: tokio::sync::Mutex::new(Pace::new(Instant::now())),
            closed: Mutex::new(Closed::default()),
            limited: AtomicBool::new(false),
        }
    }

    /// Lets a read pass. Reads wait only while the gate is closed.
    pub(crate) async fn read(&self) -> Result<(), GitHubError> {
        loop {
            let wait = self.remaining(Instant::now());
            if wait.is_zero() {
                return Ok(());
            }
            sleep_or_refuse(wait).await?;
        }
    }

    /// Lets a write pass, and blocks all others until the guard is dropped.
    pub(crate) async fn write(&self, write: Write) -> Result<impl Drop + Send + use<'_>, GitHubError> {
        let mut pace = self.pace.lock().await;
        loop {
            let now = Instant::now();
            let mut wait = self.remaining(now);
            if wait.is_zero() && self.limited.load(Ordering::Relaxed) {
                wait = pace.take(write, now);
            }
            if wait.is_zero() {
                return Ok(pace);
            }
            sleep_or_refuse(wait).await?;
        }
    }

    /// Reads from an answer's headers whether this server has limits at all, and whether they are used up.
    pub(crate) fn observe(&self, headers: &HeaderMap, refused: Option<&GitHubError>) {
        if headers.contains_key("x-ratelimit-limit") {
            self.limited.store(true, Ordering::Relaxed);
        }
        let now = Instant::now();
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        match refused {
            Some(GitHubError::Retry { after, .. }) => {
                let after = if *after == UNNAMED_LIMIT && !headers.contains_key("retry-after") {
                    let doubled = UNNAMED_LIMIT.saturating_mul(2_u32.saturating_pow(closed.strikes));
                    closed.strikes += 1;
                    doubled.min(LONGEST_PENALTY)
                } else {
                    *after
                };
                closed.until = closed.until.max(Some(now + after));
            }
            Some(_) => {}
            None => {
                closed.strikes = 0;
                if let Some(after) = super::error::exhausted_for(headers, chrono::Utc::now()) {
                    closed.until = closed.until.max(Some(now + after));
                }
            }
        }
    }

    fn remaining(&self, now: Instant) -> Duration {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }
}

async fn sleep_or_refuse(wait: Duration) -> Result<(), GitHubError> {
    if wait > PATIENCE {
        return Err(GitHubError::Retry { after: wait, message: "the installation's rate limit is used up".to_owned() });
    }
    tokio::time::sleep(wait).await;
    Ok(())
}

/// A token bucket, and the times of the last hour's creations.
#[derive(Debug)]
struct Pace {
    tokens: f64,
    at: Instant,
    creations: VecDeque<Instant>,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { tokens: BURST, at: now, creations: VecDeque::new() }
    }

    /// Takes a token, or returns the time until there is one.
    fn take(&mut self, write: Write, now: Instant) -> Duration {
        self.tokens = (self.tokens + now.saturating_duration_since(self.at).as_secs_f64() * PACE).min(BURST);
        self.at = now;
        while self.creations.front().is_some_and(|made| now.saturating_duration_since(*made) >= HOUR) {
            self.creations.pop_front();
        }
        if write == Write::Creates
            && self.creations.len() >= CREATIONS_PER_HOUR
            && let Some(oldest) = self.creations.front()
        {
            return HOUR.saturating_sub(now.saturating_duration_since(*oldest));
        }
        if self.tokens < 1.0 {
            // One millisecond more than the exact time, because rounding could leave the bucket just below one token.
            return Duration::from_secs_f64((1.0 - self.tokens) / PACE) + Duration::from_millis(1);
        }
        self.tokens -= 1.0;
        if write == Write::Creates {
            self.creations.push_back(now);
        }
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_write_a_second() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for _ in 0..5 {
            assert_eq!(pace.take(Write::Changes, start), Duration::ZERO);
        }
        let wait = pace.take(Write::Changes, start);
        assert!(wait >= Duration::from_secs(1) && wait < Duration::from_millis(1100), "{wait:?}");
        assert_eq!(pace.take(Write::Changes, start + wait), Duration::ZERO);
    }

    #[test]
    fn the_five_hundred_and_first_creation_waits_for_the_hour_and_other_writes_do_not() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for second in 0..500 {
            assert_eq!(pace.take(Write::Creates, start + Duration::from_secs(second)), Duration::ZERO);
        }
        let now = start + Duration::from_mins(10);
        assert_eq!(pace.take(Write::Creates, now), Duration::from_mins(50));
        assert_eq!(pace.take(Write::Changes, now), Duration::ZERO);
        assert_eq!(pace.take(Write::Creates, start + HOUR), Duration::ZERO);
    }

    /// A gate that lacks tokens for an hour, so that a paced write is refused and does not wait.
    async fn without_tokens() -> Gate {
        let gate = Gate::new();
        gate.pace.lock().await.tokens = -HOUR.as_secs_f64() * PACE;
        gate
    }

    #[tokio::test]
    async fn a_server_that_reports_no_limits_is_not_paced() {
        let gate = without_tokens().await;
        for _ in 0..50 {
            drop(gate.write(Write::Creates).await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_server_that_reports_limits_is_paced_from_then_on() {
        let gate = without_tokens().await;
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-limit", "5000".parse().unwrap());
        gate.observe(&headers, None);
        assert!(gate.write(Write::Changes).await.err().unwrap().is_transient());
    }

    #[tokio::test]
    async fn a_used_up_hour_closes_the_gate_before_anything_is_refused() {
        let gate = Gate::new();
        let mut headers = HeaderMap::new();
        let reset = chrono::Utc::now().timestamp() + 600;
        headers.insert("x-ratelimit-remaining", "0".parse().unwrap());
        headers.insert("x-ratelimit-reset", reset.to_string().parse().unwrap());
        gate.observe(&headers, None);
        assert!(gate.read().await.unwrap_err().retry_after().unwrap() > Duration::from_secs(590));
    }

    #[tokio::test]
    async fn retry_after_closes_the_gate_for_reads_and_writes() {
        let gate = Gate::new();
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "30".parse().unwrap());
        let refusal = GitHubError::Retry { after: Duration::from_secs(30), message: String::new() };
        gate.observe(&headers, Some(&refusal));
        assert!(gate.read().await.unwrap_err().retry_after().unwrap() > Duration::from_secs(25));
        assert!(gate.write(Write::Changes).await.err().unwrap().is_transient());
    }

    #[tokio::test]
    async fn limits_without_a_time_double() {
        let gate = Gate::new();
        let refusal = GitHubError::Retry { after: UNNAMED_LIMIT, message: String::new() };
        gate.observe(&HeaderMap::new(), Some(&refusal));
        gate.observe(&HeaderMap::new(), Some(&refusal));
        assert!(gate.read().await.unwrap_err().retry_after().unwrap() > Duration::from_secs(110));
    }
}
