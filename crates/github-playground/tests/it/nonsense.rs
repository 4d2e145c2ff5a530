//! Every request gets a valid answer: in GitHub's shape, in time, never a 5xx. A refused request changes nothing.

mod bodies;
mod callers;
mod ground;
mod packs;
mod places;
mod raw;

use reqwest::Method;
use serde_json::Value;

use super::support::Harness;

#[tokio::test]
async fn odd_addresses_are_not_found_and_nothing_worse() {
    let harness = Harness::start().await;
    for path in [
        "/branches/%2e%2e",
        "/branches/-x",
        "/git/ref/heads/..",
        "/git/ref/-x",
        "/git/trees/-x?recursive=1",
        "/git/blobs/HEAD:x",
        "/git/commits/--all",
        "/commits/-x",
        "/commits/%00",
        "/commits/a%20b/status",
        "/compare/...",
        "/compare/-x...--help",
        "/compare/main",
        "/contents/%2e%2e%2fx",
        "/contents/-x?ref=--help",
        "/contents?ref=%00",
        "/issues/99999999999999999999",
        "/issues?page=99999999999999999999&per_page=-1",
        "/issues?page=18446744073709551615",
        "/labels/%ff",
        "/pulls/0/files",
        "/check-runs/18446744073709551615",
        "/commits?sha=-x",
        "/commits/main/check-runs?status=odd",
        "/git/matching-refs/..",
    ] {
        let reply = harness.as_user("writer", Method::GET, path, Value::Null).await;
        assert!(!reply.status.is_server_error(), "{path}: {} {}", reply.status, reply.body);
    }
}
