//! The merge queue: each pull request is tested on top of those ahead, and is merged into the base when its checks have
//! passed.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Received, Receiver, wait_for};

const ENQUEUE: &str = "mutation($id: ID!, $jump: Boolean, $head: GitObjectID) {
    enqueuePullRequest(input: { pullRequestId: $id, jump: $jump, expectedHeadOid: $head }) {
        mergeQueueEntry { position state enqueuer { login } pullRequest { number } mergeQueue { url configuration { mergeMethod } } } } }";
const DEQUEUE: &str =
    "mutation($id: ID!) { dequeuePullRequest(input: { id: $id }) { mergeQueueEntry { pullRequest { number } } } }";

/// A harness whose `main` has a merge queue with the required check `ci`, and a receiver of all webhooks.
async fn queued_world(more: Value) -> (Harness, Receiver, Value) {
    let harness = Harness::start().await;
    harness.playground.subscribe(&["merge_group"]);
    let ruleset = harness.require_queue(more).await;
    let receiver = Receiver::of(&harness).await;
    (harness, receiver, ruleset)
}

/// Sets the status `ci` of a commit.
async fn status(harness: &Harness, sha: &Value, state: &str) {
    let path = format!("/statuses/{}", sha.as_str().unwrap());
    let body = json!({ "context": "ci", "state": state });
    harness.as_user("writer", Method::POST, &path, body).await.expect(201);
}

/// A pull request that may enter the queue.
async fn ready_pull(harness: &Harness, branch: &str, file: &str, text: &str) -> Value {
    let pull = harness.open_pull(branch, file, text, json!({})).await;
    status(harness, &pull["head"]["sha"], "success").await;
    harness.wait_mergeable(pull["number"].as_u64().unwrap(), true).await;
    pull
}

async fn enqueue(harness: &Harness, pull: &Value) -> Value {
    harness.graphql("writer", ENQUEUE, json!({ "id": pull["node_id"] })).await
}

fn refusal(answer: &Value) -> (&str, &str) {
    let error = &answer["errors"][0];
    (error["type"].as_str().unwrap_or_default(), error["message"].as_str().unwrap_or_default())
}

/// The newest group of a pull request for which checks were requested, after there are `least` of them.
async fn group(receiver: &Receiver, number: u64, least: usize) -> Value {
    wait_for("the merge group", async || {
        let part = format!("/pr-{number}-");
        let of = |all: &Received| {
            all.event == "merge_group"
                && all.payload["action"] == "checks_requested"
                && all.payload["merge_group"]["head_ref"].as_str().unwrap().contains(&part)
        };
        let groups: Vec<Received> = receiver.all().into_iter().filter(of).collect();
        (groups.len() >= least).then(|| groups.last().unwrap().payload["merge_group"].clone())
    })
    .await
}

/// The reason why a pull request left the queue, and who removed it.
async fn left(receiver: &Receiver, number: u64) -> (String, String) {
    wait_for("the pull request to leave the queue", async || {
        let of = |all: &Received| {
            all.event == "pull_request" && all.payload["action"] == "dequeued" && all.payload["number"] == number
        };
        let told = receiver.all().into_iter().find(of)?.payload;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some((text(&told["reason"]), text(&told["sender"]["login"])))
    })
    .await
}

/// The reasons why groups of a pull request ended, in the order in which they were sent, after there are `least`.
async fn destroyed(receiver: &Receiver, number: u64, least: usize) -> Vec<String> {
    wait_for("the end of merge groups", async || {
        let part = format!("/pr-{number}-");
        let ends = receiver.all().into_iter().filter(|all| {
            all.event == "merge_group"
                && all.payload["action"] == "destroyed"
                && all.payload["merge_group"]["head_ref"].as_str().unwrap().contains(&part)
        });
        let reasons: Vec<String> = ends.map(|all| all.payload["reason"].as_str().unwrap().to_owned()).collect();
        (reasons.len() >= least).then_some(reasons)
    })
    .await
}

async fn merged(harness: &Harness, number: u64) -> Value {
    wait_for("the merge", async || {
        let pull = harness.get(&format!("/pulls/{number}")).await;
        (pull["merged"] == true).then_some(pull)
    })
    .await
}

async fn queue_branches(harness: &Harness) -> usize {
    harness.get("/git/matching-refs/heads/gh-readonly-queue").await.as_array().unwrap().len()
}

#[tokio::test]
async fn a_pull_request_is_checked_on_a_branch_of_the_queue_and_merged_when_that_has_passed() {
    let (harness, receiver, _) = queued_world(json!({})).await;
    let pull = ready_pull(&harness, "feature", "notes.md", "one\n").await;
    assert_eq!(harness.get("/pulls/1").await["mergeable_state"], "clean");
    let refused = harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(405);
    let words = "Repository rule violations found\n\nChanges must be made through the merge queue\n\n";
    assert_eq!(refused["message"], words);
    let base = harness.get("/commits/main").await["sha"].clone();
    let entered = enqueue(&harness, &pull).await;
    let entry = &entered["data"]["enqueuePullRequest"]["mergeQueueEntry"];
    assert_eq!(
        (&entry["position"], &entry["enqueuer"]["login"], &entry["mergeQueue"]["configuration"]["mergeMethod"]),
        (&json!(1), &json!("writer"), &json!("MERGE"))
    );
    receiver.next("pull_request", "enqueued").await;
    let asked = group(&receiver, 1, 1).await;
    let branch = format!("gh-readonly-queue/main/pr-1-{}", base.as_str().unwrap());
    assert_eq!(asked["head_ref"], format!("refs/heads/{branch}"));
    assert_eq!((&asked["base_ref"], &asked["base_sha"]), (&json!("refs/heads/main"), &base));
    let commit = harness.get(&format!("/commits/{}", asked["head_sha"].as_str().unwrap())).await;
    let parents: Vec<&Value> = commit["parents"].as_array().unwrap().iter().map(|parent| &parent["sha"]).collect();
    assert_eq!(parents, [&base, &pull["head"]["sha"]]);
    assert_eq!(harness.get(&format!("/git/ref/heads/{branch}")).await["object"]["sha"], asked["head_sha"]);
    let look = "{ repository(owner: \"acme\", name: \"widgets\") { mergeQueue { entries(first: 5) { totalCount nodes {
        state headCommit { oid messageHeadline } baseCommit { oid } } } }
        pullRequest(number: 1) { isInMergeQueue isMergeQueueEnabled mergeQueueEntry { position state } } } }";
    let seen = harness.graphql("writer", look, json!({})).await;
    let node = &seen["data"]["repository"]["mergeQueue"]["entries"]["nodes"][0];
    assert_eq!((&node["state"], &node["headCommit"]["oid"]), (&json!("AWAITING_CHECKS"), &asked["head_sha"]), "{seen}");
    assert_eq!(seen["data"]["repository"]["pullRequest"]["isInMergeQueue"], true);
    let again = enqueue(&harness, &pull).await;
    assert_eq!(refusal(&again), ("UNPROCESSABLE", "Pull request is already in the queue"));
    status(&harness, &asked["head_sha"], "success").await;
    let done = merged(&harness, 1).await;
    assert_eq!((&done["merge_commit_sha"], &done["state"]), (&asked["head_sha"], &json!("closed")));
    assert_eq!(done["merged_by"]["login"], "github-merge-queue[bot]");
    assert_eq!(harness.get("/commits/main").await["sha"], asked["head_sha"]);
    assert_eq!(destroyed(&receiver, 1, 1).await, ["merged"]);
    assert_eq!(left(&receiver, 1).await, ("MERGE".to_owned(), "github-merge-queue[bot]".to_owned()));
    let log = harness.get("/issues/1/events").await;
    let logged: Vec<&str> = log.as_array().unwrap().iter().filter_map(|event| event["event"].as_str()).collect();
    let wanted = ["added_to_merge_queue", "removed_from_merge_queue", "merged", "closed"];
    assert!(wanted.iter().all(|event| logged.contains(event)), "{logged:?}");
    wait_for("the branch of the queue to go", async || (queue_branches(&harness).await == 0).then_some(())).await;
}

#[tokio::test]
async fn a_failed_pull_request_leaves_the_queue_and_those_behind_it_are_checked_without_it() {
    let (harness, receiver, _) = queued_world(json!({ "merge_method": "SQUASH" })).await;
    let first = ready_pull(&harness, "first", "one.md", "one\n").await;
    let second = ready_pull(&harness, "second", "two.md", "two\n").await;
    enqueue(&harness, &first).await;
    let on_main = group(&receiver, 1, 1).await;
    enqueue(&harness, &second).await;
    let on_first = group(&receiver, 2, 1).await;
    assert_eq!(on_first["base_sha"], on_main["head_sha"]);
    status(&harness, &on_first["head_sha"], "success").await;
    status(&harness, &on_main["head_sha"], "failure").await;
    assert_eq!(left(&receiver, 1).await, ("CI_FAILURE".to_owned(), "github-merge-queue[bot]".to_owned()));
    assert_eq!(destroyed(&receiver, 1, 1).await, ["dequeued"]);
    let alone = group(&receiver, 2, 2).await;
    assert_eq!(alone["base_sha"], on_main["base_sha"]);
    assert_eq!(destroyed(&receiver, 2, 1).await, ["invalidated"]);
    status(&harness, &alone["head_sha"], "success").await;
    merged(&harness, 2).await;
    let commit = harness.get("/commits/main").await;
    assert_eq!((&commit["sha"], &commit["commit"]["message"]), (&alone["head_sha"], &json!("Write two.md (#2)")));
    assert_eq!(commit["parents"][0]["sha"], on_main["base_sha"]);
    assert_eq!(harness.get("/pulls/1").await["state"], "open");
    harness.as_user("writer", Method::GET, "/contents/one.md", Value::Null).await.expect(404);
}

#[tokio::test]
async fn those_that_are_green_are_merged_together() {
    let (harness, receiver, _) = queued_world(json!({ "min_entries_to_merge": 2 })).await;
    let first = ready_pull(&harness, "first", "one.md", "one\n").await;
    let second = ready_pull(&harness, "second", "two.md", "two\n").await;
    enqueue(&harness, &first).await;
    let group_of_one = group(&receiver, 1, 1).await;
    status(&harness, &group_of_one["head_sha"], "success").await;
    enqueue(&harness, &second).await;
    let group_of_two = group(&receiver, 2, 1).await;
    assert_eq!(harness.get("/pulls/1").await["merged"], false);
    status(&harness, &group_of_two["head_sha"], "success").await;
    assert_eq!(merged(&harness, 1).await["merge_commit_sha"], group_of_one["head_sha"]);
    assert_eq!(merged(&harness, 2).await["merge_commit_sha"], group_of_two["head_sha"]);
    assert_eq!(harness.get("/commits/main").await["sha"], group_of_two["head_sha"]);
    let third = ready_pull(&harness, "third", "three.md", "three\n").await;
    enqueue(&harness, &third).await;
    let alone = group(&receiver, 3, 1).await;
    status(&harness, &alone["head_sha"], "success").await;
    harness.playground.advance(Duration::from_mins(5));
    merged(&harness, 3).await;
}

#[tokio::test]
async fn a_conflict_with_one_ahead_counts_when_that_is_merged() {
    let (harness, receiver, _) = queued_world(json!({})).await;
    let first = ready_pull(&harness, "first", "same.md", "one\n").await;
    let second = ready_pull(&harness, "second", "same.md", "two\n").await;
    enqueue(&harness, &first).await;
    let asked = group(&receiver, 1, 1).await;
    enqueue(&harness, &second).await;
    let state = "{ repository(owner: \"acme\", name: \"widgets\") { pullRequest(number: 2) { mergeQueueEntry { position state } } } }";
    wait_for("the conflict", async || {
        let seen = harness.graphql("writer", state, json!({})).await;
        let entry = &seen["data"]["repository"]["pullRequest"]["mergeQueueEntry"];
        (*entry == json!({ "position": 2, "state": "UNMERGEABLE" })).then_some(())
    })
    .await;
    status(&harness, &asked["head_sha"], "success").await;
    merged(&harness, 1).await;
    assert_eq!(left(&receiver, 2).await.0, "MERGE_CONFLICT");
    assert_eq!(harness.get("/pulls/2").await["state"], "open");
}

#[tokio::test]
async fn checks_that_nobody_reports_time_out_and_rules_that_turn_against_it_take_it_out() {
    let (harness, receiver, ruleset) = queued_world(json!({})).await;
    let first = ready_pull(&harness, "first", "one.md", "one\n").await;
    enqueue(&harness, &first).await;
    group(&receiver, 1, 1).await;
    harness.playground.advance(Duration::from_hours(1));
    assert_eq!(left(&receiver, 1).await.0, "CI_TIMEOUT");
    let second = ready_pull(&harness, "second", "two.md", "two\n").await;
    enqueue(&harness, &second).await;
    group(&receiver, 2, 1).await;
    let protection = json!({
        "required_status_checks": null, "enforce_admins": true, "restrictions": null,
        "required_pull_request_reviews": { "required_approving_review_count": 1 },
    });
    harness.as_user("maintainer", Method::PUT, "/branches/main/protection", protection).await.expect(200);
    assert_eq!(left(&receiver, 2).await.0, "BRANCH_PROTECTIONS");
    harness.as_user("maintainer", Method::DELETE, "/branches/main/protection", Value::Null).await.expect(204);
    let third = ready_pull(&harness, "third", "three.md", "three\n").await;
    enqueue(&harness, &third).await;
    group(&receiver, 3, 1).await;
    let draft =
        "mutation($id: ID!) { convertPullRequestToDraft(input: { pullRequestId: $id }) { pullRequest { isDraft } } }";
    let drafted = harness.graphql("writer", draft, json!({ "id": third["node_id"] })).await;
    assert_eq!(drafted["data"]["convertPullRequestToDraft"]["pullRequest"]["isDraft"], true);
    assert_eq!(left(&receiver, 3).await.0, "BRANCH_PROTECTIONS");
    let fourth = ready_pull(&harness, "fourth", "four.md", "four\n").await;
    enqueue(&harness, &fourth).await;
    group(&receiver, 4, 1).await;
    let path = format!("/rulesets/{}", ruleset["id"]);
    harness.as_user("maintainer", Method::DELETE, &path, Value::Null).await.expect(204);
    assert_eq!(left(&receiver, 4).await.0, "QUEUE_CLEARED");
    wait_for("the branches of the queue to go", async || (queue_branches(&harness).await == 0).then_some(())).await;
}

#[tokio::test]
async fn a_user_with_a_bypass_merges_past_the_queue_and_its_entries_are_checked_again() {
    let (harness, receiver, ruleset) = queued_world(json!({})).await;
    let admins = json!([{ "actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always" }]);
    let path = format!("/rulesets/{}", ruleset["id"]);
    harness.as_user("maintainer", Method::PUT, &path, json!({ "bypass_actors": admins })).await.expect(200);
    let first = ready_pull(&harness, "first", "one.md", "one\n").await;
    let second = ready_pull(&harness, "second", "two.md", "two\n").await;
    enqueue(&harness, &first).await;
    let before = group(&receiver, 1, 1).await;
    enqueue(&harness, &second).await;
    group(&receiver, 2, 1).await;
    let merged_past = harness.as_user("maintainer", Method::PUT, "/pulls/2/merge", json!({})).await.expect(200);
    assert_eq!(left(&receiver, 2).await, ("ALREADY_MERGED".to_owned(), "maintainer".to_owned()));
    assert_eq!(destroyed(&receiver, 2, 1).await, ["dequeued"]);
    let after = group(&receiver, 1, 2).await;
    assert_eq!(
        (&after["base_sha"], destroyed(&receiver, 1, 1).await),
        (&merged_past["sha"], vec!["invalidated".to_owned()])
    );
    status(&harness, &before["head_sha"], "success").await;
    assert_eq!(harness.get("/pulls/1").await["merged"], false, "what was checked before is not what would be merged");
    status(&harness, &after["head_sha"], "success").await;
    assert_eq!(merged(&harness, 1).await["merge_commit_sha"], after["head_sha"]);
}

#[tokio::test]
async fn people_and_closing_remove_a_pull_request_from_the_queue_and_its_head_cannot_move_in_it() {
    let (harness, receiver, _) = queued_world(json!({})).await;
    let pull = ready_pull(&harness, "feature", "notes.md", "one\n").await;
    let id = json!({ "id": pull["node_id"] });
    let absent = harness.graphql("writer", DEQUEUE, id.clone()).await;
    assert_eq!(refusal(&absent), ("UNPROCESSABLE", "Failed to remove PR #1 from the merge queue"));
    enqueue(&harness, &pull).await;
    group(&receiver, 1, 1).await;
    let clone = harness.clone_as("playground-writer").await;
    clone.git(&["checkout", "--quiet", "feature"]).await.unwrap();
    clone.commit_on("feature", "notes.md", "two\n").await;
    let declined = clone.git(&["push", "--quiet", "origin", "feature"]).await.unwrap_err();
    assert!(declined.contains("GH006") && declined.contains("has been added to a merge queue"), "{declined}");
    let outsider = harness.graphql("outsider", DEQUEUE, id.clone()).await;
    assert_eq!(refusal(&outsider).0, "FORBIDDEN");
    let out = harness.graphql("writer", DEQUEUE, id.clone()).await;
    assert_eq!(out["data"]["dequeuePullRequest"]["mergeQueueEntry"]["pullRequest"]["number"], 1);
    assert_eq!(left(&receiver, 1).await, ("MANUAL".to_owned(), "writer".to_owned()));
    wait_for("the branch of the queue to go", async || (queue_branches(&harness).await == 0).then_some(())).await;
    clone.git(&["push", "--quiet", "origin", "feature"]).await.unwrap();
    let other = ready_pull(&harness, "other", "other.md", "one\n").await;
    enqueue(&harness, &other).await;
    group(&receiver, 2, 1).await;
    harness.as_user("writer", Method::PATCH, "/pulls/2", json!({ "state": "closed" })).await.expect(200);
    assert_eq!(left(&receiver, 2).await, ("MANUAL".to_owned(), "writer".to_owned()));
    assert_eq!(destroyed(&receiver, 2, 1).await, ["dequeued"]);
}

#[tokio::test]
async fn only_what_could_be_merged_at_once_enters_and_administrators_may_jump() {
    let (harness, receiver, _) = queued_world(json!({})).await;
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({ "draft": true })).await;
    harness.wait_mergeable(1, true).await;
    let draft = enqueue(&harness, &pull).await;
    assert_eq!(refusal(&draft), ("UNPROCESSABLE", "Pull request is in draft status"));
    let ready = "mutation($id: ID!) { markPullRequestReadyForReview(input: { pullRequestId: $id }) { pullRequest { isDraft } } }";
    harness.graphql("writer", ready, json!({ "id": pull["node_id"] })).await;
    let unchecked = enqueue(&harness, &pull).await;
    assert_eq!(refusal(&unchecked), ("UNPROCESSABLE", "Pull request Required status check \"ci\" is expected."));
    status(&harness, &pull["head"]["sha"], "success").await;
    let moved = json!({ "id": pull["node_id"], "head": "0123456789012345678901234567890123456789" });
    assert_eq!(refusal(&harness.graphql("writer", ENQUEUE, moved).await).0, "UNPROCESSABLE");
    assert_eq!(refusal(&harness.graphql("triager", ENQUEUE, json!({ "id": pull["node_id"] })).await).0, "FORBIDDEN");
    let elsewhere = harness.get("/commits/main").await["sha"].clone();
    let branch = json!({ "ref": "refs/heads/release", "sha": elsewhere });
    harness.as_user("maintainer", Method::POST, "/git/refs", branch).await.expect(201);
    let other = harness.open_pull("other", "other.md", "one\n", json!({ "base": "release" })).await;
    harness.wait_mergeable(2, true).await;
    assert_eq!(
        refusal(&enqueue(&harness, &other).await),
        ("UNPROCESSABLE", "Pull request base branch has no merge queue")
    );
    enqueue(&harness, &pull).await;
    let urgent = ready_pull(&harness, "urgent", "urgent.md", "one\n").await;
    let jump = json!({ "id": urgent["node_id"], "jump": true });
    assert_eq!(refusal(&harness.graphql("writer", ENQUEUE, jump.clone()).await).0, "UNPROCESSABLE");
    let jumped = harness.graphql("maintainer", ENQUEUE, jump).await;
    assert_eq!(jumped["data"]["enqueuePullRequest"]["mergeQueueEntry"]["position"], 1, "{jumped}");
    let ahead = group(&receiver, 3, 1).await;
    assert_eq!(group(&receiver, 1, 2).await["base_sha"], ahead["head_sha"]);
}

#[tokio::test]
async fn auto_merge_enters_the_queue_and_workflows_check_the_group() {
    let (harness, receiver, _) = queued_world(json!({})).await;
    harness.as_user("maintainer", Method::PATCH, "", json!({ "allow_auto_merge": true })).await.expect(200);
    let workflow =
        "on: [pull_request, merge_group]\njobs:\n  ci:\n    runs-on: ubuntu-latest\n    steps: [{ run: make }]\n";
    harness.playground.ci("- { job: ci, event: pull_request, never: in_progress }").unwrap();
    let clone = harness.clone_as("playground-maintainer").await;
    std::fs::create_dir_all(clone.path.join(".github/workflows")).unwrap();
    clone.commit_on("feature", ".github/workflows/ci.yml", workflow).await;
    clone.git(&["push", "--quiet", "origin", "feature"]).await.unwrap();
    let body = json!({ "title": "Check", "head": "feature", "base": "main" });
    let pull = harness.as_user("writer", Method::POST, "/pulls", body).await.expect(201);
    harness.wait_mergeable(1, true).await;
    let arm = "mutation($id: ID!) { enablePullRequestAutoMerge(input: { pullRequestId: $id }) { pullRequest { autoMergeRequest { enabledBy { login } } } } }";
    let armed = harness.graphql("writer", arm, json!({ "id": pull["node_id"] })).await;
    let by = &armed["data"]["enablePullRequestAutoMerge"]["pullRequest"]["autoMergeRequest"]["enabledBy"]["login"];
    assert_eq!(*by, "writer", "{armed}");
    assert_eq!(harness.get("/issues/1/events").await.as_array().unwrap().len(), 0, "it waits for its check");
    harness.playground.ci("- { job: ci }").unwrap();
    let entered = receiver.next("pull_request", "enqueued").await.payload;
    assert_eq!((&entered["sender"]["login"], &entered["pull_request"]["auto_merge"]), (&json!("writer"), &Value::Null));
    let done = merged(&harness, 1).await;
    let runs = harness.get("/actions/runs?event=merge_group").await;
    let run = &runs["workflow_runs"][0];
    assert_eq!(
        (&run["head_sha"], &run["actor"]["login"]),
        (&done["merge_commit_sha"], &json!("github-merge-queue[bot]"))
    );
    assert!(run["head_branch"].as_str().unwrap().starts_with("gh-readonly-queue/main/pr-1-"), "{run}");
}
