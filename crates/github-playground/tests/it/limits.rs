//! Rate limits: none until they are switched on, then github.com's.

use std::time::Duration;

use github_playground::RateLimits;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Reply, wait_for};

fn number(reply: &Reply, name: &str) -> Option<i64> {
    reply.headers.get(format!("x-ratelimit-{name}")).map(|value| value.to_str().unwrap().parse().unwrap())
}

impl Harness {
    async fn read(&self, token: &str) -> Reply {
        self.call(Method::GET, "/repos/acme/widgets/issues", token, None).await
    }

    async fn open_issue(&self) -> Reply {
        self.as_user("writer", Method::POST, "/issues", json!({ "title": "One more" })).await
    }
}

#[tokio::test]
async fn without_limits_no_header_speaks_of_them_and_the_overview_says_so() {
    let harness = Harness::start().await;
    let reply = harness.read("playground-writer").await;
    assert!(!reply.headers.keys().any(|name| name.as_str().starts_with("x-ratelimit")), "{:?}", reply.headers);
    let overview = harness.call(Method::GET, "/rate_limit", "playground-writer", None).await;
    assert_eq!(overview.expect(404)["message"], "Rate limiting is not enabled.");
}

#[tokio::test]
async fn every_answer_says_how_much_is_left_and_the_overview_costs_nothing() {
    let harness = Harness::start().await;
    harness.playground.limit_rates(RateLimits::default());
    let token = harness.installation_token(json!({})).await;
    for used in 1..=3 {
        let reply = harness.read(&token).await;
        let numbers = ["limit", "used", "remaining"].map(|name| number(&reply, name).unwrap());
        assert_eq!(numbers, [5000, used, 5000 - used]);
        assert_eq!(reply.headers["x-ratelimit-resource"], "core");
        let ahead = number(&reply, "reset").unwrap() - chrono::Utc::now().timestamp();
        assert!((3590..=3600).contains(&ahead), "{ahead}");
    }
    harness.call(Method::GET, "/repos/acme/nothing", &token, None).await.expect(404);
    for _ in 0..2 {
        let overview = harness.call(Method::GET, "/rate_limit", &token, None).await.expect(200);
        assert_eq!(overview["resources"]["core"]["used"], 4, "an error counts, the question does not");
        assert_eq!(overview["rate"], overview["resources"]["core"]);
        assert_eq!(overview["resources"]["graphql"]["limit"], 5000);
    }
    let anonymous = harness.read("").await;
    assert_eq!(number(&anonymous, "limit"), Some(60));
    let nobody = harness.read("ghs_nobodys").await;
    assert_eq!((number(&nobody, "used"), nobody.status.as_u16()), (Some(2), 401), "it counts for the address");
    harness.playground.unlimit_rates();
    assert_eq!(number(&harness.read(&token).await, "limit"), None);
}

#[tokio::test]
async fn a_used_up_limit_is_reset_after_the_hour() {
    let harness = Harness::start().await;
    harness.playground.limit_rates(RateLimits { core: 2, ..RateLimits::default() });
    for _ in 0..2 {
        harness.read("playground-writer").await.expect(200);
    }
    let refused = harness.read("playground-writer").await;
    assert_eq!((number(&refused, "remaining"), number(&refused, "used")), (Some(0), Some(2)));
    assert!(!refused.headers.contains_key("retry-after"));
    let message = refused.expect(403)["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("API rate limit exceeded for user ID"), "{message}");
    harness.read("playground-maintainer").await.expect(200);
    harness.playground.advance(Duration::from_secs(3601));
    harness.read("playground-writer").await.expect(200);
}

#[tokio::test]
async fn a_304_does_not_count() {
    let harness = Harness::start().await;
    harness.playground.limit_rates(RateLimits { core: 2, ..RateLimits::default() });
    let first = harness.read("playground-writer").await;
    let request = || {
        let request = harness.client.get(format!("{}/api/v3/repos/acme/widgets/issues", harness.playground.url));
        request.bearer_auth("playground-writer").header("if-none-match", &first.headers["etag"])
    };
    for _ in 0..5 {
        let known = request().send().await.unwrap();
        assert_eq!((known.status().as_u16(), &known.headers()["x-ratelimit-used"]), (304, &"1".parse().unwrap()));
    }
    harness.read("playground-writer").await.expect(200);
    assert_eq!(request().send().await.unwrap().status(), 403, "what is used up is, also for what did not change");
}

#[tokio::test]
async fn haste_is_refused_until_the_minute_is_over() {
    let harness = Harness::start().await;
    harness.playground.limit_rates(RateLimits { rest_points: 12, ..RateLimits::default() });
    harness.open_issue().await.expect(201);
    harness.open_issue().await.expect(201);
    harness.read("playground-writer").await.expect(200);
    let refused = harness.open_issue().await;
    let after: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((50..=60).contains(&after), "{after}");
    assert_eq!(number(&refused, "used"), Some(3), "a refusal is not counted");
    let said = refused.expect(403)["message"].as_str().unwrap().to_owned();
    assert!(said.starts_with("You have exceeded a secondary rate limit"), "{said}");
    harness.read("playground-writer").await.expect(200);
    harness.read("playground-writer").await.expect(403);
    harness.playground.advance(Duration::from_secs(after));
    harness.open_issue().await.expect(201);
}

#[tokio::test]
async fn content_is_limited_by_the_minute_and_by_the_hour() {
    let harness = Harness::start().await;
    let limits = RateLimits { content_minute: 2, content_hour: 3, status: 429, ..RateLimits::default() };
    harness.playground.limit_rates(limits);
    harness.open_issue().await.expect(201);
    harness.open_issue().await.expect(201);
    harness.open_issue().await.expect(429);
    harness.as_user("writer", Method::POST, "/issues/1/labels", json!(["bug"])).await.expect(200);
    harness.playground.advance(Duration::from_secs(61));
    harness.open_issue().await.expect(201);
    let refused = harness.open_issue().await;
    let after: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3000..3600).contains(&after), "the hour's limit: {after}");
    refused.expect(429);
}

#[tokio::test]
async fn graphql_is_counted_apart_and_refuses_in_its_own_way() {
    let harness = Harness::start().await;
    harness.playground.limit_rates(RateLimits { graphql: 1, ..RateLimits::default() });
    let query = "{ viewer { login } }";
    assert_eq!(harness.graphql("writer", query, json!({})).await["data"]["viewer"]["login"], "writer");
    let refused = harness.graphql("writer", query, json!({})).await;
    assert_eq!(refused["errors"][0]["type"], "RATE_LIMITED");
    harness.read("playground-writer").await.expect(200);
    harness.playground.limit_rates(RateLimits { graphql_points: 4, ..RateLimits::default() });
    let mutation = json!({ "query": "mutation { addReaction(input: {}) { subject { id } } }" });
    let request =
        harness.client.post(format!("{}/api/graphql", harness.playground.url)).bearer_auth("playground-writer");
    assert_eq!(request.json(&mutation).send().await.unwrap().status(), 403, "a mutation is five points");
    assert_eq!(harness.graphql("writer", query, json!({})).await["data"]["viewer"]["login"], "writer");
}

#[tokio::test]
async fn only_so_many_requests_are_answered_at_once() {
    let harness = Harness::start().await;
    harness.playground.limit_rates(RateLimits { concurrent: 1, ..RateLimits::default() });
    // Creating a ref waits for git. During that time, another request exceeds the limit.
    let sha = harness.get("/git/ref/heads/main").await["object"]["sha"].clone();
    let mut refused = None;
    for round in 0..20 {
        let made = |name: &str| json!({ "ref": format!("refs/heads/{name}-{round}"), "sha": sha });
        let (one, two) = tokio::join!(
            harness.as_user("writer", Method::POST, "/git/refs", made("one")),
            harness.as_user("writer", Method::POST, "/git/refs", made("two")),
        );
        harness.playground.limit_rates(RateLimits { concurrent: 1, ..RateLimits::default() });
        refused = [one, two].into_iter().find(|reply| reply.status.as_u16() == 403);
        if refused.is_some() {
            break;
        }
    }
    assert_eq!(refused.unwrap().headers["retry-after"], "60");
    wait_for("the others to end", async || (harness.open_issue().await.status.as_u16() == 201).then_some(())).await;
}

#[tokio::test]
async fn an_installation_on_a_large_account_may_ask_more() {
    let harness = Harness::start().await;
    for at in 0..22 {
        let login = format!("person-{at}");
        harness.playground.add_user(&login);
        assert!(harness.playground.set_permission(&login, "write"));
    }
    harness.playground.limit_rates(RateLimits::default());
    let token = harness.installation_token(json!({})).await;
    // With the four people of the seed there are 26, which is six above twenty.
    assert_eq!(number(&harness.read(&token).await, "limit"), Some(5300));
}

#[tokio::test]
async fn the_admin_api_switches_limits_on_and_off() {
    let harness = Harness::start().await;
    let url = format!("{}/_playground/rate-limits", harness.playground.url);
    let put = |body: Value| harness.client.put(&url).json(&body).send();
    assert_eq!(put(json!({ "core": 7 })).await.unwrap().status(), 200);
    assert_eq!(number(&harness.read("playground-writer").await, "limit"), Some(7));
    assert_eq!(put(json!({ "cores": 7 })).await.unwrap().status(), 422);
    assert_eq!(put(json!({ "status": 500 })).await.unwrap().status(), 422);
    assert_eq!(number(&harness.read("playground-writer").await, "used"), Some(2), "what is at fault changes nothing");
    let shown: Value = harness.client.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!((&shown["rate_limits"]["core"], &shown["rate_limits"]["rest_points"]), (&json!(7), &json!(900)));
    assert_eq!(harness.client.delete(&url).send().await.unwrap().status(), 204);
    assert_eq!(number(&harness.read("playground-writer").await, "limit"), None);
}
