//! Lists: pages with `Link`, and sorting.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::support::Harness;

impl Harness {
    async fn numbers(&self, path: &str, field: &str) -> Vec<Value> {
        self.get(path).await.as_array().unwrap().iter().map(|item| item[field].clone()).collect()
    }

    /// The addresses of the `Link` header by their relation, each as `page=N` and the like.
    async fn links(&self, path: &str) -> Vec<(String, String)> {
        let reply = self.as_user("maintainer", Method::GET, path, Value::Null).await;
        let link = reply.headers.get("link").map(|link| link.to_str().unwrap().to_owned()).unwrap_or_default();
        let split = |part: &str| {
            let (address, rel) = part.trim().split_once(">; rel=\"")?;
            Some((rel.trim_end_matches('"').to_owned(), address.split_once('?')?.1.to_owned()))
        };
        link.split(',').filter_map(split).collect()
    }
}

fn pair(rel: &str, query: &str) -> (String, String) {
    (rel.to_owned(), query.to_owned())
}

#[tokio::test]
async fn every_list_is_cut_into_pages_that_link_to_each_other() {
    let harness = Harness::start().await;
    for at in 0..3 {
        harness.as_user("writer", Method::POST, "/issues", json!({ "title": format!("{at}") })).await.expect(201);
        harness.as_user("writer", Method::POST, "/issues/1/comments", json!({ "body": "Hm" })).await.expect(201);
        harness.as_user("writer", Method::POST, "/issues/1/labels", json!([format!("label-{at}")])).await.expect(200);
        let file = format!("{at}.md");
        harness.open_pull(&format!("branch-{at}"), &file, "text\n", json!({})).await;
        let review = json!({ "event": "COMMENT", "body": "Hm" });
        harness.as_user("maintainer", Method::POST, "/pulls/2/reviews", review).await.expect(200);
        let sha = harness.get("/git/ref/heads/main").await["object"]["sha"].clone();
        let run = json!({ "name": format!("run-{at}"), "head_sha": sha });
        harness.as_app(Method::POST, "/check-runs", run).await.expect(201);
        let status = json!({ "state": "success", "context": format!("status-{at}") });
        harness
            .as_user("writer", Method::POST, &format!("/statuses/{}", sha.as_str().unwrap()), status)
            .await
            .expect(201);
    }
    for path in [
        "/issues",
        "/issues/comments",
        "/issues/1/comments",
        "/issues/1/labels",
        "/issues/1/events",
        "/issues/1/timeline",
        "/labels",
        "/pulls",
        "/pulls/2/reviews",
        "/branches",
        "/collaborators",
        "/git/matching-refs/heads",
        "/commits/main/check-runs",
        "/commits/main/statuses",
        "/issues?state=all",
    ] {
        let sign = if path.contains('?') { "&" } else { "?" };
        let links = harness.links(&format!("{path}{sign}per_page=2")).await;
        let rels: Vec<&str> = links.iter().map(|(rel, _)| rel.as_str()).collect();
        assert_eq!(rels, ["next", "last"], "{path}: {links:?}");
        assert!(links[0].1.contains("per_page=2") && links[0].1.ends_with("page=2"), "{path}: {links:?}");
    }
    let links = harness.links("/issues?state=all&per_page=2&page=2").await;
    let all = |page: u32| format!("state=all&per_page=2&page={page}");
    assert_eq!(links, [pair("prev", &all(1)), pair("next", &all(3)), pair("last", &all(3)), pair("first", &all(1))]);
    assert_eq!(harness.links("/issues?per_page=100").await, []);
    assert_eq!(harness.numbers("/issues?page=9", "number").await, Vec::<Value>::new());
}

#[tokio::test]
async fn the_number_of_pages_follows_what_opens_closes_and_goes() {
    let harness = Harness::start().await;
    let pages = async |query: &str| -> usize {
        let links = harness.links(&format!("/issues?per_page=1&{query}")).await;
        let last = links.into_iter().find(|(rel, _)| rel == "last");
        last.map_or(1, |(_, query)| query.rsplit_once("page=").unwrap().1.parse().unwrap())
    };
    let counted = async || {
        let counts = [pages("state=open").await, pages("state=closed").await, pages("state=all").await];
        // The same if a filter has to read all of them.
        let since = "since=2000-01-01T00:00:00Z";
        for (state, count) in ["open", "closed", "all"].iter().zip(counts) {
            assert_eq!(pages(&format!("state={state}&{since}")).await, count, "{state}");
        }
        assert_eq!(harness.get("").await["open_issues_count"], counts[0]);
        counts
    };
    for title in ["one", "two", "three"] {
        harness.as_user("maintainer", Method::POST, "/issues", json!({ "title": title })).await.expect(201);
    }
    harness.open_pull("topic", "a.md", "text\n", json!({})).await;
    let set = async |number: u32, state: &str| {
        let path = format!("/issues/{number}");
        harness.as_user("maintainer", Method::PATCH, &path, json!({ "state": state })).await.expect(200);
    };
    set(1, "closed").await;
    set(2, "closed").await;
    assert_eq!(counted().await, [2, 2, 4]);
    harness.as_user("maintainer", Method::PUT, "/pulls/4/merge", json!({})).await.expect(200);
    set(3, "closed").await;
    set(1, "open").await;
    assert_eq!(counted().await, [1, 3, 4]);
}

#[tokio::test]
async fn more_than_a_hundred_a_page_is_a_hundred() {
    let harness = Harness::start().await;
    for at in 0..101 {
        harness
            .as_user("maintainer", Method::POST, "/labels", json!({ "name": format!("label-{at}") }))
            .await
            .expect(201);
    }
    assert_eq!(harness.numbers("/labels?per_page=1000", "name").await.len(), 100);
    assert_eq!(harness.numbers("/labels?per_page=0", "name").await.len(), 1, "a page holds something");
    assert_eq!(harness.numbers("/labels?per_page=x", "name").await.len(), 30);
}

#[tokio::test]
async fn issues_and_comments_come_in_the_order_that_is_asked_for() {
    let harness = Harness::start().await;
    let minute = || harness.playground.advance(Duration::from_mins(1));
    for title in ["one", "two", "three"] {
        harness.as_user("writer", Method::POST, "/issues", json!({ "title": title })).await.expect(201);
        minute();
    }
    let mut comments = Vec::new();
    for number in [1, 1, 2] {
        let path = format!("/issues/{number}/comments");
        let made = harness.as_user("writer", Method::POST, &path, json!({ "body": "Hm" })).await.expect(201);
        comments.push(made);
        minute();
    }
    let edited = format!("/issues/comments/{}", comments[0]["id"]);
    harness.as_user("writer", Method::PATCH, &edited, json!({ "body": "Oh" })).await.expect(200);
    let issues = async |query: &str| json!(harness.numbers(&format!("/issues?{query}"), "number").await);
    assert_eq!(issues("").await, json!([3, 2, 1]));
    assert_eq!(issues("direction=asc").await, json!([1, 2, 3]));
    assert_eq!(issues("sort=updated").await, json!([1, 2, 3]));
    assert_eq!(issues("sort=comments&direction=asc").await, json!([3, 2, 1]));
    let since = comments[2]["created_at"].as_str().unwrap();
    assert_eq!(issues(&format!("since={since}")).await, json!([2, 1]));
    assert_eq!(issues("assignee=*").await, json!([]));
    assert_eq!(issues("assignee=none&direction=asc").await, json!([1, 2, 3]));
    let ids = |order: [usize; 3]| json!(order.map(|at| comments[at]["id"].clone()));
    let listed = async |query: &str| json!(harness.numbers(&format!("/issues/comments?{query}"), "id").await);
    assert_eq!(listed("").await, ids([0, 1, 2]));
    assert_eq!(listed("direction=desc").await, ids([0, 1, 2]), "a direction without a sort is ignored");
    assert_eq!(listed("sort=created&direction=desc").await, ids([2, 1, 0]));
    assert_eq!(listed("sort=updated").await, ids([1, 2, 0]));
    assert_eq!(listed(&format!("since={since}")).await, json!([comments[0]["id"], comments[2]["id"]]));
}

#[tokio::test]
async fn pull_requests_come_in_the_order_that_is_asked_for() {
    let harness = Harness::start().await;
    for at in 1..=3 {
        harness.open_pull(&format!("branch-{at}"), &format!("{at}.md"), "text\n", json!({})).await;
        harness.playground.advance(Duration::from_mins(1));
    }
    let comment = json!({ "body": "Hm" });
    harness.as_user("writer", Method::POST, "/issues/1/comments", comment.clone()).await.expect(201);
    let pulls = async |query: &str| json!(harness.numbers(&format!("/pulls?{query}"), "number").await);
    assert_eq!(pulls("").await, json!([3, 2, 1]));
    assert_eq!(pulls("sort=created").await, json!([3, 2, 1]));
    assert_eq!(pulls("sort=updated").await, json!([2, 3, 1]), "by anything but age the least comes first");
    assert_eq!(pulls("sort=popularity&direction=desc").await, json!([1, 3, 2]));
    assert_eq!(pulls("sort=long-running").await, json!([]));
    harness.playground.advance(Duration::from_hours(31 * 24));
    harness.as_user("writer", Method::POST, "/issues/2/comments", comment).await.expect(201);
    assert_eq!(pulls("sort=long-running").await, json!([2]));
}
