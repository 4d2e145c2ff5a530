//! The numbers of the rate limits.

use serde::{Deserialize, Serialize};

/// The numbers of the rate limits. The default is github.com's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimits {
    /// Requests per hour of a person, of the app itself, and of an installation on a small account.
    pub core: u32,
    /// Requests per hour without a token, for each address.
    pub anonymous: u32,
    /// An installation gets this many more requests per hour for each repository, and each person of its account, above
    /// `growth_above`.
    pub growth: u32,
    /// The number of repositories, and of people, above which an installation's limit grows.
    pub growth_above: u32,
    /// The most requests per hour of an installation.
    pub installation_most: u32,
    /// GraphQL points per hour.
    pub graphql: u32,
    /// Searches per minute.
    pub search: u32,
    /// Concurrent requests, REST and GraphQL together.
    pub concurrent: u32,
    /// REST points per minute: a read is 1, a write 5.
    pub rest_points: u32,
    /// GraphQL points per minute: a query is 1, a mutation 5.
    pub graphql_points: u32,
    /// Issues, pull requests, comments, reviews and similar content created per minute.
    pub content_minute: u32,
    /// The same per hour.
    pub content_hour: u32,
    /// The status of a refusal: 403 or 429.
    pub status: u16,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            core: 5_000,
            anonymous: 60,
            growth: 50,
            growth_above: 20,
            installation_most: 12_500,
            graphql: 5_000,
            search: 30,
            concurrent: 100,
            rest_points: 900,
            graphql_points: 2_000,
            content_minute: 80,
            content_hour: 500,
            status: 403,
        }
    }
}

impl RateLimits {
    /// The errors in the numbers, each with its place.
    pub(crate) fn faults(&self) -> Vec<String> {
        if [403, 429].contains(&self.status) {
            return Vec::new();
        }
        vec![format!("status: {} is not what GitHub refuses with; give 403 or 429", self.status)]
    }

    /// An installation's requests per hour, by the size of its account.
    /// <https://docs.github.com/en/apps/creating-github-apps/registering-a-github-app/rate-limits-for-github-apps>
    pub(crate) fn of_installation(&self, repositories: usize, people: usize) -> u32 {
        let beyond = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).saturating_sub(self.growth_above);
        let more = beyond(repositories).saturating_add(beyond(people)).saturating_mul(self.growth);
        // The limit only applies to the growth, so a larger `core` stays.
        self.core.saturating_add(more).min(self.installation_most.max(self.core))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_grows_with_its_account_up_to_a_bound() {
        let numbers = RateLimits::default();
        assert_eq!(numbers.of_installation(20, 20), 5_000);
        assert_eq!(numbers.of_installation(21, 20), 5_050);
        assert_eq!(numbers.of_installation(30, 25), 5_750);
        assert_eq!(numbers.of_installation(1_000, 1_000), 12_500);
        assert_eq!(numbers.of_installation(usize::MAX, usize::MAX), 12_500);
        assert!(numbers.faults().is_empty());
        assert!(!RateLimits { status: 418, ..numbers }.faults().is_empty());
    }
}
