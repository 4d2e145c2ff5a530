//! Fault injection: each kind happens, is reported, and stops.

use std::time::Duration;

use github_playground::{Body, CallerKind, DeliveryAct, DeliveryFilter, FaultRule, RefAct, RequestAct, RequestFilter};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::support::{Harness, Received, Receiver, Reply, wait_for};

const ISSUES: &str = "/repos/{owner}/{repo}/issues";

fn issue() -> Value {
    json!({ "title": "Do it" })
}

impl Harness {
    /// Sends a request, and returns the error of the connection, if there was one.
    async fn try_call(&self, method: Method, path: &str, body: Value) -> Result<StatusCode, reqwest::Error> {
        let request = self.client.request(method, format!("{}/api/v3/repos/acme/widgets{path}", self.playground.url));
        let request = request.bearer_auth("playground-writer").timeout(Duration::from_secs(5));
        let response = if body.is_null() { request.send().await? } else { request.json(&body).send().await? };
        Ok(response.status())
    }

    async fn titles(&self) -> usize {
        self.get("/issues").await.as_array().unwrap().len()
    }

    fn done(&self) -> Vec<(String, String)> {
        self.playground.injected_faults().into_iter().map(|done| (done.act, done.what)).collect()
    }
}

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn every_refusal_comes_in_githubs_shape_and_nothing_is_done() {
    let harness = Harness::start().await;
    let cases = [
        (RequestAct::Unauthorized, 401, "Bad credentials"),
        (RequestAct::Forbidden, 403, "Resource not accessible by integration"),
        (RequestAct::NotFound, 404, "Not Found"),
        (RequestAct::Conflict, 409, "Conflict"),
        (RequestAct::Unprocessable, 422, "Validation Failed"),
        (RequestAct::ServerError, 500, "Server Error"),
        (RequestAct::BadGateway { body: Body::Json }, 502, "Server Error"),
        (RequestAct::Unavailable { body: Body::Json }, 503, "No server is currently available"),
    ];
    for (act, status, said) in cases {
        harness.playground.inject_fault(FaultRule::to("POST", ISSUES, act).once()).unwrap();
        let refused = harness.as_user("writer", Method::POST, "/issues", issue()).await.expect(status);
        assert!(refused["message"].as_str().unwrap().starts_with(said), "{refused}");
    }
    assert_eq!(harness.titles().await, 0);
    harness.as_user("writer", Method::POST, "/issues", issue()).await.expect(201);
    assert_eq!(harness.done().len(), 8);
    assert_eq!(harness.done()[0], ("unauthorized".to_owned(), "POST /repos/acme/widgets/issues".to_owned()));
}

#[tokio::test]
async fn a_gateway_answers_with_a_page_where_json_was_asked_for() {
    let harness = Harness::start().await;
    for (act, status) in
        [(RequestAct::BadGateway { body: Body::Html }, 502), (RequestAct::Unavailable { body: Body::Html }, 503)]
    {
        harness.playground.inject_fault(FaultRule::to("GET", ISSUES, act).once()).unwrap();
        let page = harness.as_user("writer", Method::GET, "/issues", Value::Null).await;
        assert_eq!(page.status.as_u16(), status);
        assert_eq!(header(&page, "content-type"), Some("text/html; charset=utf-8"));
    }
}

#[tokio::test]
async fn limits_are_refused_as_github_words_them_with_and_without_a_time() {
    let harness = Harness::start().await;
    for (status, retry_after) in [(403, None), (403, Some(7)), (429, Some(2))] {
        let act = RequestAct::SecondaryLimit { status, retry_after };
        harness.playground.inject_fault(FaultRule::to("POST", ISSUES, act).once()).unwrap();
        let reply = harness.as_user("writer", Method::POST, "/issues", issue()).await;
        let after = retry_after.map(|seconds| seconds.to_string());
        assert_eq!(header(&reply, "retry-after"), after.as_deref());
        let body = reply.expect(status);
        assert!(body["message"].as_str().unwrap().starts_with("You have exceeded a secondary rate limit"), "{body}");
        assert!(body["documentation_url"].as_str().unwrap().ends_with("#about-secondary-rate-limits"), "{body}");
    }
    harness.playground.advance(Duration::from_secs(1000));
    let act = RequestAct::PrimaryLimit { reset_in: 30 };
    harness.playground.inject_fault(FaultRule::to("POST", ISSUES, act).once()).unwrap();
    let reply = harness.as_user("writer", Method::POST, "/issues", issue()).await;
    assert_eq!((header(&reply, "x-ratelimit-remaining"), header(&reply, "retry-after")), (Some("0"), None));
    let reset: i64 = header(&reply, "x-ratelimit-reset").unwrap().parse().unwrap();
    let ahead = reset - chrono::Utc::now().timestamp();
    assert!((1025..=1030).contains(&ahead), "{ahead} s ahead: it is the playground's clock that counts");
    assert!(reply.expect(403)["message"].as_str().unwrap().starts_with("API rate limit exceeded"));
}

#[tokio::test]
async fn a_reset_ends_the_connection_and_the_request_is_not_done() {
    let harness = Harness::start().await;
    harness.playground.inject_fault(FaultRule::to("POST", ISSUES, RequestAct::Reset).once()).unwrap();
    let error = harness.try_call(Method::POST, "/issues", issue()).await.unwrap_err();
    assert!(!error.is_timeout(), "{error:?}");
    assert!(format!("{error:?}").contains("ConnectionReset"), "{error:?}");
    assert_eq!(harness.titles().await, 0);
    assert_eq!(harness.try_call(Method::POST, "/issues", issue()).await.unwrap(), 201);
}

#[tokio::test]
async fn a_request_whose_answer_was_lost_stays_done() {
    let harness = Harness::start().await;
    for (at, act) in
        [RequestAct::DoneThenReset, RequestAct::DoneThenBadGateway, RequestAct::DoneThenSilence].into_iter().enumerate()
    {
        harness.playground.inject_fault(FaultRule::to("POST", ISSUES, act.clone()).once()).unwrap();
        let call = harness.try_call(Method::POST, "/issues", issue());
        match act {
            RequestAct::DoneThenReset => assert!(format!("{:?}", call.await.unwrap_err()).contains("ConnectionReset")),
            RequestAct::DoneThenBadGateway => assert_eq!(call.await.unwrap(), 502),
            _ => {
                // The client stops waiting, but the issue is created.
                tokio::select! {
                    answer = call => panic!("{answer:?}"),
                    () = wait_for("the issue", async || (harness.titles().await == 3).then_some(())) => {}
                }
            }
        }
        assert_eq!(harness.titles().await, at + 1);
    }
}

#[tokio::test]
async fn silence_lasts_until_the_client_gives_up_or_the_playground_stops() {
    let harness = Harness::start().await;
    let rule = FaultRule::to_requests(
        RequestFilter { path: Some("graphql".to_owned()), ..RequestFilter::default() },
        RequestAct::Silence,
    );
    harness.playground.inject_fault(rule).unwrap();
    let query = harness.client.post(format!("{}/api/graphql", harness.playground.url)).bearer_auth("playground-writer");
    let asked = tokio::spawn(query.json(&json!({ "query": "{ viewer { login } }" })).send());
    wait_for("the report", async || (harness.done() == [("silence".into(), "POST graphql".into())]).then_some(()))
        .await;
    assert!(!asked.is_finished());
    harness.playground.shutdown().await;
    asked.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn slow_answers_are_late_and_right() {
    let harness = Harness::start().await;
    harness.playground.inject_fault(FaultRule::to("GET", ISSUES, RequestAct::Slow { ms: 300 }).once()).unwrap();
    harness.get("/issues").await;
    assert_eq!(harness.done()[0].0, "slow");
}

#[tokio::test]
async fn a_push_may_be_done_although_git_gets_an_error() {
    let harness = Harness::start().await;
    let clone = harness.clone_as("playground-writer").await;
    clone.commit_on("topic", "notes.md", "one\n").await;
    harness
        .playground
        .inject_fault(FaultRule::to("POST", "git/**/git-receive-pack", RequestAct::DoneThenReset))
        .unwrap();
    clone.git(&["push", "--quiet", "origin", "topic"]).await.unwrap_err();
    harness.get("/branches/topic").await;
    harness.playground.clear_faults();
    // Git first sends no credentials. Only the second answer is a refusal of its credentials.
    let refusal = FaultRule::to("GET", "git", RequestAct::Unauthorized).after(1).once();
    harness.playground.inject_fault(refusal).unwrap();
    let refused = clone.git(&["push", "--quiet", "origin", "HEAD:refs/heads/other"]).await.unwrap_err();
    assert!(refused.contains("Authentication failed"), "{refused}");
    harness.as_user("writer", Method::GET, "/branches/other", Value::Null).await.expect(404);
}

#[tokio::test]
async fn a_revoked_token_is_noticed_by_the_request_that_uses_it() {
    let harness = Harness::start().await;
    let token = harness.installation_token(json!({})).await;
    harness.playground.inject_fault(FaultRule::to("GET", "/**", RequestAct::RevokeToken).once()).unwrap();
    harness.get("/issues").await;
    let path = "/repos/acme/widgets/issues";
    harness.call(Method::GET, path, &token, None).await.expect(401);
    harness.call(Method::GET, path, &token, None).await.expect(401);
    let fresh = harness.installation_token(json!({})).await;
    harness.call(Method::GET, path, &fresh, None).await.expect(200);
    assert_eq!(harness.done().len(), 1, "people's tokens are not met");
    harness.playground.revoke_tokens();
    harness.call(Method::GET, path, &fresh, None).await.expect(401);
}

#[tokio::test]
async fn a_rule_meets_only_the_callers_it_names() {
    let harness = Harness::start().await;
    let rule = FaultRule::to("GET", ISSUES, RequestAct::ServerError).of_caller(CallerKind::Anonymous);
    harness.playground.inject_fault(rule).unwrap();
    harness.get("/issues").await;
    harness.as_app(Method::GET, "/issues", Value::Null).await.expect(200);
    harness.call(Method::GET, "/repos/acme/widgets/issues", "", None).await.expect(500);
}

#[tokio::test]
async fn mergeability_stays_unknown_for_as_many_reads_of_each_pull_request() {
    let harness = Harness::start().await;
    harness.open_pull("one", "one.md", "1\n", json!({})).await;
    harness.open_pull("two", "two.md", "2\n", json!({})).await;
    harness.wait_mergeable(1, true).await;
    harness.wait_mergeable(2, true).await;
    let rule = FaultRule::to("GET", "/repos/*/*/pulls/*", RequestAct::MergeableUnknown);
    harness.playground.inject_fault(rule.times(2).for_each()).unwrap();
    for number in [1, 2] {
        for wanted in [Value::Null, Value::Null, json!(true)] {
            let pull = harness.get(&format!("/pulls/{number}")).await;
            assert_eq!(pull["mergeable"], wanted);
            assert_eq!(pull["mergeable_state"] == "unknown", wanted.is_null());
        }
    }
}

#[tokio::test]
async fn a_fresh_ref_is_unknown_for_a_while_to_refs_branches_and_pull_requests() {
    let harness = Harness::start().await;
    let rule = FaultRule::to_new_refs("refs/heads/top*", RefAct::Hidden { reads: Some(3), ms: None });
    harness.playground.inject_fault(rule).unwrap();
    let clone = harness.clone_as("playground-writer").await;
    clone.commit_on("topic", "notes.md", "one\n").await;
    clone.git(&["push", "--quiet", "origin", "topic"]).await.unwrap();
    let pull = json!({ "title": "Notes", "head": "topic", "base": "main" });
    let refused = harness.as_user("writer", Method::POST, "/pulls", pull.clone()).await.expect(422);
    assert_eq!(refused["errors"], json!([{ "resource": "PullRequest", "field": "head", "code": "invalid" }]));
    harness.as_user("writer", Method::GET, "/git/ref/heads/topic", Value::Null).await.expect(404);
    harness.as_user("writer", Method::GET, "/branches/topic", Value::Null).await.expect(404);
    harness.as_user("writer", Method::POST, "/pulls", pull).await.expect(201);
    assert_eq!(harness.done().len(), 4, "its creation, and three looks");

    let rule = FaultRule::to_new_refs("refs/heads/late", RefAct::Hidden { reads: None, ms: Some(60_000) });
    harness.playground.inject_fault(rule).unwrap();
    let sha = harness.get("/git/ref/heads/main").await["object"]["sha"].clone();
    let made = json!({ "ref": "refs/heads/late", "sha": sha });
    harness.as_user("writer", Method::POST, "/git/refs", made).await.expect(201);
    harness.as_user("writer", Method::GET, "/git/ref/heads/late", Value::Null).await.expect(404);
    harness.playground.advance(Duration::from_secs(61));
    harness.get("/git/ref/heads/late").await;
}

/// The titles in the webhooks of issues, in order of arrival.
fn arrived(receiver: &Receiver) -> Vec<(String, String)> {
    let said = |all: Received| {
        let title = all.payload["issue"]["title"].as_str()?.to_owned();
        Some((all.payload["action"].as_str()?.to_owned(), title))
    };
    receiver.all().into_iter().filter_map(said).collect()
}

async fn issues_arrive(receiver: &Receiver, wanted: &[(&str, &str)]) {
    let wanted: Vec<(String, String)> = wanted.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    wait_for(&format!("{wanted:?}"), async || (arrived(receiver) == wanted).then_some(())).await;
}

async fn listed(harness: &Harness, query: &str) -> Vec<Value> {
    let list = harness.call(Method::GET, &format!("/app/hook/deliveries?{query}"), &harness.app_token(), None).await;
    list.expect(200).as_array().unwrap().clone()
}

#[tokio::test]
async fn deliveries_are_dropped_or_fail_and_only_the_failed_are_listed() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.playground.inject_fault(FaultRule::to_webhook("issues", "opened", DeliveryAct::Drop).once()).unwrap();
    harness.playground.inject_fault(FaultRule::to_webhook("issues", "opened", DeliveryAct::Fail).once()).unwrap();
    for title in ["dropped", "failed", "sent"] {
        harness.as_user("writer", Method::POST, "/issues", json!({ "title": title })).await.expect(201);
    }
    issues_arrive(&receiver, &[("opened", "sent")]).await;
    let failed = listed(&harness, "status=failure").await;
    assert_eq!(failed.len(), 1);
    assert_eq!((&failed[0]["status"], &failed[0]["status_code"]), (&json!("failed to connect to host"), &json!(502)));
    let again = format!("/app/hook/deliveries/{}/attempts", failed[0]["id"]);
    harness.call(Method::POST, &again, &harness.app_token(), None).await.expect(202);
    issues_arrive(&receiver, &[("opened", "sent"), ("opened", "failed")]).await;
    let guids: Vec<Option<String>> = harness.playground.injected_faults().into_iter().map(|done| done.guid).collect();
    assert_eq!(guids[1].as_deref(), failed[0]["guid"].as_str());
}

#[tokio::test]
async fn a_duplicate_has_the_same_guid_unless_a_new_one_is_asked_for() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    for (new_guid, guids) in [(false, 1), (true, 3)] {
        let act = DeliveryAct::Duplicate { new_guid };
        harness.playground.inject_fault(FaultRule::to_webhook("issues", "opened", act).once()).unwrap();
        harness.as_user("writer", Method::POST, "/issues", issue()).await.expect(201);
        let count = if new_guid { 4 } else { 2 };
        wait_for("both", async || (arrived(&receiver).len() == count).then_some(())).await;
        let different: std::collections::BTreeSet<String> = receiver.all().into_iter().map(|all| all.guid).collect();
        assert_eq!(different.len(), guids);
    }
    assert!(receiver.all().iter().all(|all| all.signed));
}

#[tokio::test]
async fn a_delayed_delivery_comes_later_with_the_payload_of_its_moment() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness
        .playground
        .inject_fault(FaultRule::to_webhook("issues", "opened", DeliveryAct::Delay { ms: 400 }).once())
        .unwrap();
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "old" })).await.expect(201);
    harness.as_user("writer", Method::PATCH, "/issues/1", json!({ "title": "new" })).await.expect(200);
    issues_arrive(&receiver, &[("edited", "new"), ("opened", "old")]).await;
}

#[tokio::test]
async fn a_reordered_delivery_comes_after_as_many_later_ones() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    let act = DeliveryAct::Reorder { behind: 2 };
    harness.playground.inject_fault(FaultRule::to_webhook("issues", "", act).once()).unwrap();
    for (at, title) in ["one", "two", "three"].into_iter().enumerate() {
        harness.as_user("writer", Method::POST, "/issues", json!({ "title": title })).await.expect(201);
        // One after another, so that only the held delivery changes the order.
        wait_for("the delivery", async || (at == 0 || arrived(&receiver).len() >= at).then_some(())).await;
    }
    issues_arrive(&receiver, &[("opened", "two"), ("opened", "three"), ("opened", "one")]).await;
}

#[tokio::test]
async fn a_stale_delivery_arrives_after_a_later_one_about_the_same_subject() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.playground.inject_fault(FaultRule::to_webhook("issues", "opened", DeliveryAct::Stale).once()).unwrap();
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "first" })).await.expect(201);
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "another" })).await.expect(201);
    issues_arrive(&receiver, &[("opened", "another")]).await;
    harness.as_user("writer", Method::PATCH, "/issues/1", json!({ "title": "second" })).await.expect(200);
    issues_arrive(&receiver, &[("opened", "another"), ("edited", "second"), ("opened", "first")]).await;
}

#[tokio::test]
async fn behaving_again_sends_what_was_held_back() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.playground.inject_fault(FaultRule::to_deliveries(DeliveryFilter::default(), DeliveryAct::Stale)).unwrap();
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "held" })).await.expect(201);
    assert_eq!(harness.done(), [("stale".to_owned(), "issues.opened acme/widgets#1".to_owned())]);
    harness.playground.clear_faults();
    issues_arrive(&receiver, &[("opened", "held")]).await;
}
