//! Deliveries that are lost, duplicated, late, out of order or out of date.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use github_playground::{DeliveryAct, DeliveryFilter, RequestAct};
use reqwest::Method;
use serde_json::json;

use super::{BY_ITSELF, FaultRule, Stage, of_the_bot, stage};

/// A person approves the plan and the first step; everything else is automatic.
const ASKING: &str =
    "autonomy: manual\nmerge: auto\nplan_approval: true\nsetup: []\nverifiers:\n  - name: test\n    run: \"true\"\n";

fn all(act: DeliveryAct) -> FaultRule {
    FaultRule::to_deliveries(DeliveryFilter::default(), act)
}

impl Stage {
    /// Waits until this many questions wait for a person.
    async fn asks(&self, kind: &str) {
        let waiting = format!("SELECT count(*) FROM approvals WHERE kind = '{kind}' AND status = 'pending'");
        self.wait(&format!("the {kind} waits"), async || (self.count(&waiting).await == 1).then_some(())).await;
    }

    async fn last_pull(&self) -> u64 {
        let pulls = self.pulls().await;
        pulls.iter().filter_map(|pull| pull["number"].as_u64()).max().unwrap()
    }

    async fn review(&self, pull: u64) {
        let path = format!("/pulls/{pull}/reviews");
        self.act("maintainer", Method::POST, &path, json!({ "event": "APPROVE" })).await;
    }

    /// People answer, each in another way, and one merges by hand.
    async fn is_answered(&self, issue: u64) {
        self.asks("plan").await;
        self.comment(issue, "/approve").await;
        self.asks("step_review").await;
        self.comment(self.last_pull().await, "/approve").await;
        self.wait("alpha has passed", async || {
            let passed = "SELECT count(*) FROM steps WHERE name = 'alpha' AND status = 'passed'";
            (self.count(passed).await == 1).then_some(())
        })
        .await;
        self.asks("step_review").await;
        self.review(self.last_pull().await).await;
        self.asks("final").await;
        let path = format!("/pulls/{}/merge", self.last_pull().await);
        self.act("maintainer", Method::PUT, &path, json!({})).await;
    }

    async fn one_order_each(&self) {
        let orders = "SELECT count(*) FROM events WHERE name IN ('command_taken', 'command_refused')";
        assert_eq!(self.count(orders).await, 3, "{}", self.told().await);
    }
}

async fn survives(act: DeliveryAct, name: &str) {
    let stage = stage(ASKING).await;
    stage.inject([all(act)]);
    let serve = stage.serve().await;
    let issue = stage.label(&format!("Deliveries: {name}")).await;
    stage.is_answered(issue).await;
    stage.judged(issue).await;
    stage.one_order_each().await;
    assert!(stage.met(name, "issues.labeled") > 0, "{:?}", stage.playground.injected_faults());
    assert!(stage.met(name, "issue_comment.created") > 0, "{:?}", stage.playground.injected_faults());
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_without_a_delivery_are_found_by_a_look() {
    survives(DeliveryAct::Drop, "drop").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_that_failed_are_requested_again() {
    let stage = stage(BY_ITSELF).await;
    stage.inject([FaultRule::to_webhook("issues", "labeled", DeliveryAct::Fail)]);
    let serve = stage.serve().await;
    let issue = stage.label("Failed to connect").await;
    stage.wait("it failed", async || (stage.met("fail", "issues.labeled") > 0).then_some(())).await;
    stage.playground.clear_faults();
    stage.judged(issue).await;
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_in_two_deliveries_counts_once() {
    survives(DeliveryAct::Duplicate { new_guid: true }, "duplicate").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicated_delivery_counts_once() {
    survives(DeliveryAct::Duplicate { new_guid: false }, "duplicate").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_deliveries_do_not_bring_back_old_state() {
    survives(DeliveryAct::Delay { ms: 1500 }, "delay").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_out_of_order_have_the_same_result() {
    survives(DeliveryAct::Reorder { behind: 2 }, "reorder").await;
}

/// The label's delivery arrives after the label was removed from the issue again.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_out_of_date_starts_nothing() {
    let stage = stage(BY_ITSELF).await;
    stage.inject([FaultRule::to_webhook("issues", "labeled", DeliveryAct::Stale)]);
    let serve = stage.serve().await;
    let stray = stage.label("Labelled, and not").await;
    stage.act("maintainer", Method::DELETE, &format!("/issues/{stray}/labels/directive"), json!(null)).await;
    let read = "SELECT count(*) FROM deliveries WHERE action = 'labeled' AND status IN ('processed', 'ignored')";
    stage.wait("the label's delivery was read", async || (stage.count(read).await == 1).then_some(())).await;
    assert_eq!(stage.met("stale", "issues.labeled"), 1, "{:?}", stage.playground.injected_faults());
    stage.playground.clear_faults();
    let issue = stage.label("Labelled").await;
    stage.judged(issue).await;
    assert_eq!(stage.count("SELECT count(*) FROM directives").await, 1);
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_a_removed_label_and_a_closing_without_a_delivery_are_found() {
    let stage = stage(ASKING).await;
    let serve = stage.serve().await;
    let issue = stage.label("Looked after").await;
    stage.asks("plan").await;
    stage.inject([all(DeliveryAct::Drop)]);
    let path = format!("/issues/{issue}");
    stage.act("maintainer", Method::PATCH, &path, json!({ "title": "Looked after, and edited" })).await;
    let read = "SELECT count(*) FROM events WHERE name = 'issue_text_read'";
    stage.wait("the edit is read", async || (stage.count(read).await == 1).then_some(())).await;
    stage.act("maintainer", Method::DELETE, &format!("{path}/labels/directive"), json!(null)).await;
    let paused = "SELECT count(*) FROM directives WHERE status = 'paused'";
    stage.wait("it is paused", async || (stage.count(paused).await == 1).then_some(())).await;
    stage.act("maintainer", Method::POST, &format!("{path}/labels"), json!({ "labels": ["directive"] })).await;
    stage.wait("it goes on", async || (stage.count(paused).await == 0).then_some(())).await;
    stage.act("maintainer", Method::PATCH, &path, json!({ "state": "closed" })).await;
    let stopped = "SELECT count(*) FROM directives WHERE status = 'failed' AND state #>> '{state,failed,failure}' LIKE '%maintainer%'";
    stage.wait("it is stopped", async || (stage.count(stopped).await == 1).then_some(())).await;
    assert!(stage.met("drop", "issues.closed") > 0);
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_be_interpreted_blocks_no_other_command() {
    let stage = stage(ASKING).await;
    let serve = stage.serve().await;
    let issue = stage.label("Stuck").await;
    stage.asks("plan").await;
    let asked = "/repos/*/*/collaborators/outsider/permission";
    stage.inject([all(DeliveryAct::Drop), of_the_bot(&["GET"], asked, RequestAct::ServerError)]);
    stage.act("outsider", Method::POST, &format!("/issues/{issue}/comments"), json!({ "body": "/approve" })).await;
    stage.comment(issue, "/approve").await;
    stage.asks("step_review").await;
    assert!(stage.met("server_error", "outsider") > 0, "{:?}", stage.playground.injected_faults());
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_without_a_delivery_is_found_and_the_issue_left_alone() {
    let stage = stage(ASKING).await;
    let serve = stage.serve().await;
    let issue = stage.label("Moved away").await;
    stage.asks("plan").await;
    stage.inject([all(DeliveryAct::Drop)]);
    let http = reqwest::Client::new();
    let post = async |path: &str, body: serde_json::Value| -> serde_json::Value {
        let request = http.post(format!("{}/api{path}", stage.playground.url)).bearer_auth("playground-maintainer");
        request.json(&body).send().await.unwrap().json().await.unwrap()
    };
    let to = post("/v3/orgs/acme/repos", json!({ "name": "gears", "auto_init": true })).await["node_id"].clone();
    let id = stage.get(&format!("/issues/{issue}")).await["node_id"].clone();
    let query = "mutation($id: ID!, $to: ID!) { transferIssue(input: { issueId: $id, repositoryId: $to, createLabelsIfMissing: true }) { issue { number } } }";
    let moved = post("/graphql", json!({ "query": query, "variables": { "id": id, "to": to } })).await;
    assert_eq!(moved["data"]["transferIssue"]["issue"]["number"], 1, "{moved}");
    let stopped = "SELECT count(*) FROM directives WHERE status = 'failed' AND state #>> '{state,failed,failure}' LIKE '%transferred or deleted%'";
    stage.wait("it is stopped", async || (stage.count(stopped).await == 1).then_some(())).await;
    assert!(stage.met("drop", "issues.transferred") > 0);
    drop(serve);
}

/// Every URL in a repository called `pull` contains `/pull/`.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_repository_called_pull_a_look_finds_commands_on_issues() {
    const REPOSITORY: &str = "acme/pull";
    let stage = stage(ASKING).await;
    let created = reqwest::Client::new()
        .post(format!("{}/api/v3/orgs/acme/repos", stage.playground.url))
        .bearer_auth(stage.playground.token("maintainer"))
        .json(&json!({ "name": "pull", "auto_init": true }));
    assert!(created.send().await.unwrap().status().is_success());
    assert!(stage.playground.add_repository_to_installation(REPOSITORY));
    let act = async |method: Method, path: &str, body: serde_json::Value| {
        stage.act_in(REPOSITORY, "maintainer", method, path, body).await
    };
    let content = STANDARD.encode(ASKING);
    act(Method::PUT, "/contents/.github/adjutant.yml", json!({ "message": "Set the policy", "content": content }))
        .await;
    let serve = stage.serve().await;
    let issue = act(Method::POST, "/issues", json!({ "title": "In a repository called pull", "body": "Do it." })).await;
    let issue = format!("/issues/{}", issue["number"]);
    act(Method::POST, &format!("{issue}/labels"), json!({ "labels": ["directive"] })).await;
    stage.asks("plan").await;
    stage.inject([all(DeliveryAct::Drop)]);
    let written = act(Method::POST, &format!("{issue}/comments"), json!({ "body": "/approve" })).await;
    assert!(written["html_url"].as_str().unwrap().contains("/pull/"), "{written}");
    stage.asks("step_review").await;
    assert!(stage.met("drop", "issue_comment.created") > 0, "{:?}", stage.playground.injected_faults());
    drop(serve);
}
