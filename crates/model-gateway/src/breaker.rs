//! One breaker for each provider: while it asks to wait, nothing is sent.

use std::time::{Duration, Instant};

/// Waiting where the provider names no time.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest waiting that is believed.
const LONGEST: Duration = Duration::from_hours(24 * 8);

/// Closed, or open until a time.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Option<(Instant, String)>);

impl Breaker {
    /// The provider refused for reasons of load or quota.
    pub(crate) fn open(&mut self, retry_after: Option<Duration>, reason: String) {
        let pause = retry_after.unwrap_or(PAUSE).min(LONGEST);
        self.0 = Instant::now().checked_add(pause).map(|until| (until, reason));
    }

    /// How long to wait yet, and why.
    pub(crate) fn waiting(&mut self) -> Option<(Duration, String)> {
        let (until, reason) = self.0.as_ref()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            self.0 = None;
            return None;
        }
        Some((left, reason.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_open_for_as_long_as_the_provider_says() {
        let mut breaker = Breaker::default();
        assert!(breaker.waiting().is_none());
        breaker.open(Some(Duration::from_hours(1)), "quota".to_owned());
        let (left, reason) = breaker.waiting().unwrap();
        assert!(left > Duration::from_mins(59) && reason == "quota");
        breaker.open(Some(Duration::ZERO), "now".to_owned());
        assert!(breaker.waiting().is_none());
    }
}
