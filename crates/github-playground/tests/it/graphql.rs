//! GraphQL: requests are parsed and validated against GitHub's schema, and the answers match it.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Harness, Receiver, wait_for};

async fn ask(harness: &Harness, query: &str, variables: Value) -> Value {
    harness.graphql("writer", query, variables).await
}

/// The first error's code, message and path.
async fn fault(harness: &Harness, query: &str, variables: Value) -> (String, String, Value) {
    let answer = ask(harness, query, variables).await;
    let error = &answer["errors"][0];
    assert!(answer.get("data").is_none(), "nothing is run of what is wrong: {answer}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&error["extensions"]["code"]), text(&error["message"]), error["path"].clone())
}

#[tokio::test]
async fn a_request_that_does_not_match_the_schema_gets_githubs_errors() {
    let harness = Harness::start().await;
    let cases = [
        ("{ viewer { shoeSize } }", "undefinedField", "Field 'shoeSize' doesn't exist on type 'User'"),
        (
            "{ viewer }",
            "selectionMismatch",
            "Field must have selections (field 'viewer' returns User but has no selections. Did you mean 'viewer { ... }'?)",
        ),
        (
            "{ viewer { login { x } } }",
            "selectionMismatch",
            "Selections can't be made on scalars (field 'login' returns String but has selections)",
        ),
        (
            "{ repository(owner: \"acme\") { id } }",
            "missingRequiredArguments",
            "Field 'repository' is missing required arguments: name",
        ),
        ("{ viewer(loud: true) { login } }", "argumentNotAccepted", "Field 'viewer' doesn't accept argument 'loud'"),
        ("query A($n: Int) { viewer { login } }", "variableNotUsed", "Variable $n is declared by A but not used"),
        ("{ node(id: $id) { id } }", "variableNotDefined", "Variable $id is used by anonymous query but not declared"),
        (
            "query($n: String!) { repository(owner: \"a\", name: \"b\") { issue(number: $n) { id } } }",
            "variableMismatch",
            "Type mismatch on variable $n and argument number (String! / Int!)",
        ),
        (
            "{ repository(owner: \"a\", name: \"b\") { issue(number: \"1\") { id } } }",
            "argumentLiteralsIncompatible",
            "Argument 'number' on Field 'issue' has an invalid value (\"1\"). Expected type 'Int!'.",
        ),
        ("{ viewer { ...F } }", "useAndDefineFragment", "Fragment F was used, but not defined"),
        (
            "{ viewer { ... on Spaceship { id } } }",
            "undefinedType",
            "No such type Spaceship, so it can't be a fragment condition",
        ),
        ("{ viewer { ... on Issue { id } } }", "cannotSpreadFragment", "Fragment on Issue can't be spread inside User"),
        (
            "mutation { addReaction(input: { subjectId: \"x\" }) { clientMutationId } }",
            "missingRequiredInputObjectAttribute",
            "Argument 'content' on InputObject 'AddReactionInput' is required. Expected type ReactionContent!",
        ),
    ];
    for (query, code, message) in cases {
        let told = fault(&harness, query, json!({})).await;
        assert_eq!((told.0.as_str(), told.1.as_str()), (code, message), "{query}");
    }
    let (_, _, path) = fault(&harness, "query Who { viewer { shoeSize } }", json!({})).await;
    assert_eq!(path, json!(["query Who", "viewer", "shoeSize"]));
}

#[tokio::test]
async fn variables_are_of_the_types_that_were_declared() {
    let harness = Harness::start().await;
    let react = "mutation($input: AddReactionInput!) { addReaction(input: $input) { reaction { content } } }";
    let (_, message, _) = fault(&harness, react, json!({})).await;
    assert_eq!(message, "Variable $input of type AddReactionInput! was provided invalid value");
    let wrong = json!({ "input": { "subjectId": "x", "content": "SHRUG" } });
    let answer = ask(&harness, react, wrong).await;
    let problem = &answer["errors"][0]["extensions"]["problems"][0];
    assert_eq!(problem["path"], json!(["content"]));
    assert!(problem["explanation"].as_str().unwrap().starts_with("Expected \"SHRUG\" to be one of: "), "{answer}");
    let with_default = "query($owner: String = \"acme\", $deep: Boolean = false) {\n  repository(owner: $owner, name: \"widgets\") { name url @include(if: $deep) id @skip(if: true) } }";
    let answer = ask(&harness, with_default, json!({})).await;
    assert_eq!(answer["data"]["repository"], json!({ "name": "widgets" }));
    let answer = ask(&harness, with_default, json!({ "deep": true })).await;
    assert!(answer["data"]["repository"]["url"].is_string());
}

#[tokio::test]
async fn a_pull_request_is_looked_at_from_all_sides() {
    let harness = Harness::start().await;
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Broken" })).await.expect(201);
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({ "body": "Fixes #1" })).await;
    let status = json!({ "context": "ci", "state": "failure" });
    let sha = pull["head"]["sha"].as_str().unwrap();
    harness.as_user("writer", Method::POST, &format!("/statuses/{sha}"), status).await.expect(201);
    let ask_reviewer = json!({ "reviewers": ["maintainer"] });
    harness.as_user("writer", Method::POST, "/pulls/2/requested_reviewers", ask_reviewer).await.expect(201);
    let protection = json!({ "required_status_checks": null, "enforce_admins": null, "required_pull_request_reviews": {}, "restrictions": null });
    harness.as_user("maintainer", Method::PUT, "/branches/main/protection", protection).await.expect(200);
    harness.wait_mergeable(2, true).await;
    let query = "query($n: Int!) { repository(owner: \"acme\", name: \"widgets\") {
        defaultBranchRef { name target { oid __typename } }
        ref(qualifiedName: \"feature\") { name prefix target { ... on Commit { messageHeadline } } }
        nothing: ref(qualifiedName: \"nowhere\") { name }
        object(expression: \"feature:notes.md\") { ... on Blob { text byteSize } }
        pullRequests(first: 10, states: [OPEN], headRefName: \"feature\") { totalCount nodes { number } }
        pullRequest(number: $n) {
            id title state isDraft mergeable mergeStateStatus reviewDecision headRefOid
            repository { nameWithOwner }
            closingIssuesReferences(first: 5) { nodes { number title } }
            reviewRequests(first: 5) { nodes { requestedReviewer { ... on User { login } } } }
            commits(last: 1) { totalCount nodes { commit { oid statusCheckRollup { state contexts(first: 5) { nodes { ... on StatusContext { context state } ... on CheckRun { name } } } } } } }
        } } }";
    let answer = ask(&harness, query, json!({ "n": 2 })).await;
    assert_eq!(answer.get("errors"), None, "{answer}");
    let repository = &answer["data"]["repository"];
    assert_eq!(
        (&repository["defaultBranchRef"]["name"], &repository["defaultBranchRef"]["target"]["__typename"]),
        (&json!("main"), &json!("Commit"))
    );
    assert_eq!(
        repository["ref"],
        json!({ "name": "feature", "prefix": "refs/heads/", "target": { "messageHeadline": "Write notes.md" } })
    );
    assert_eq!(
        (&repository["nothing"], &repository["object"]),
        (&Value::Null, &json!({ "text": "one\n", "byteSize": 4 }))
    );
    assert_eq!(repository["pullRequests"], json!({ "totalCount": 1, "nodes": [{ "number": 2 }] }));
    let pull = &repository["pullRequest"];
    assert_eq!(
        (&pull["mergeStateStatus"], &pull["reviewDecision"], &pull["mergeable"]),
        (&json!("BLOCKED"), &json!("REVIEW_REQUIRED"), &json!("MERGEABLE"))
    );
    assert_eq!(pull["closingIssuesReferences"]["nodes"], json!([{ "number": 1, "title": "Broken" }]));
    assert_eq!(pull["reviewRequests"]["nodes"], json!([{ "requestedReviewer": { "login": "maintainer" } }]));
    let commit = &pull["commits"]["nodes"][0]["commit"];
    assert_eq!(commit["statusCheckRollup"]["state"], "FAILURE");
    assert_eq!(commit["statusCheckRollup"]["contexts"]["nodes"], json!([{ "context": "ci", "state": "FAILURE" }]));
    let by_id = ask(
        &harness,
        "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on PullRequest { number } } }",
        json!({ "ids": [pull["id"]] }),
    )
    .await;
    assert_eq!(by_id["data"]["nodes"], json!([{ "id": pull["id"], "number": 2 }]));
    let absent = ask(
        &harness,
        "{ repository(owner: \"acme\", name: \"widgets\") { pullRequest(number: 1) { id } } }",
        json!({}),
    )
    .await;
    assert_eq!((&absent["errors"][0]["type"], &absent["data"]["repository"]), (&json!("NOT_FOUND"), &Value::Null));
    let unpaged =
        ask(&harness, "{ repository(owner: \"acme\", name: \"widgets\") { pullRequests { totalCount } } }", json!({}))
            .await;
    assert_eq!(unpaged["errors"][0]["type"], "MISSING_PAGINATION_BOUNDARIES");
    let limit = ask(&harness, "{ rateLimit { limit remaining resetAt } viewer { login } }", json!({})).await;
    assert_eq!(
        (&limit["data"]["rateLimit"]["limit"], &limit["data"]["viewer"]["login"]),
        (&json!(5000), &json!("writer"))
    );
}

#[tokio::test]
async fn conversations_are_resolved_and_that_lets_a_merge_go_on() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    harness.playground.subscribe(&["pull_request_review_thread"]);
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let protection = json!({
        "required_status_checks": null, "enforce_admins": true, "required_pull_request_reviews": null, "restrictions": null,
        "required_conversation_resolution": true,
    });
    harness.as_user("maintainer", Method::PUT, "/branches/main/protection", protection).await.expect(200);
    let comment =
        json!({ "body": "Why?", "path": "notes.md", "line": 1, "side": "RIGHT", "commit_id": pull["head"]["sha"] });
    let first =
        harness.as_user("maintainer", Method::POST, "/pulls/1/comments", comment).await.expect(201)["id"].clone();
    let reply = json!({ "body": "Because." });
    harness.as_user("writer", Method::POST, &format!("/pulls/1/comments/{first}/replies"), reply).await.expect(201);
    let refused = harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(405);
    assert_eq!(refused["message"], "All comments must be resolved.");
    let threads = "{ repository(owner: \"acme\", name: \"widgets\") { pullRequest(number: 1) { reviewThreads(first: 5) {
        nodes { id isResolved isOutdated path line resolvedBy { login } pullRequest { number }
            comments(first: 1) { totalCount pageInfo { hasNextPage endCursor } nodes { body author { login } } } } } } } }";
    let thread = async || {
        let answer = ask(&harness, threads, json!({})).await;
        answer["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"][0].clone()
    };
    let open = thread().await;
    assert_eq!(
        (&open["isResolved"], &open["comments"]["totalCount"], &open["comments"]["pageInfo"]["hasNextPage"]),
        (&json!(false), &json!(2), &json!(true))
    );
    let resolve = "mutation($id: ID!) { resolveReviewThread(input: { threadId: $id }) { thread { isResolved } } }";
    let input = json!({ "id": open["id"] });
    let refused = harness.graphql("outsider", resolve, input.clone()).await;
    assert_eq!(refused["errors"][0]["type"], "FORBIDDEN");
    let resolved = ask(&harness, resolve, input.clone()).await;
    assert_eq!(resolved["data"]["resolveReviewThread"]["thread"]["isResolved"], true);
    assert_eq!(thread().await["resolvedBy"]["login"], "writer");
    let told = receiver.next("pull_request_review_thread", "resolved").await.payload;
    assert_eq!(told["thread"]["comments"].as_array().unwrap().len(), 2);
    let reopen = "mutation($id: ID!) { unresolveReviewThread(input: { threadId: $id }) { thread { isResolved } } }";
    ask(&harness, reopen, input.clone()).await;
    receiver.next("pull_request_review_thread", "unresolved").await;
    harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(405);
    ask(&harness, resolve, input).await;
    harness.as_user("writer", Method::PUT, "/pulls/1/merge", json!({})).await.expect(200);
}

#[tokio::test]
async fn mutations_have_the_same_effect_as_rest() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    let issue = harness.as_user("writer", Method::POST, "/issues", json!({ "title": "One" })).await.expect(201);
    let id = json!({ "id": issue["node_id"] });
    let comment = "mutation($id: ID!) { addComment(input: { subjectId: $id, body: \"Hello\", clientMutationId: \"c1\" }) { clientMutationId subject { id } } }";
    let answer = ask(&harness, comment, id.clone()).await;
    assert_eq!(
        answer["data"]["addComment"],
        json!({ "clientMutationId": "c1", "subject": { "id": issue["node_id"] } })
    );
    assert_eq!(harness.get("/issues/1/comments").await[0]["body"], "Hello");
    let close = "mutation($id: ID!) { closeIssue(input: { issueId: $id, stateReason: NOT_PLANNED }) { issue { state stateReason closed } } }";
    let closed = ask(&harness, close, id.clone()).await;
    assert_eq!(
        closed["data"]["closeIssue"]["issue"],
        json!({ "state": "CLOSED", "stateReason": "NOT_PLANNED", "closed": true })
    );
    let reopened =
        ask(&harness, "mutation($id: ID!) { reopenIssue(input: { issueId: $id }) { issue { state } } }", id).await;
    assert_eq!(reopened["data"]["reopenIssue"]["issue"]["state"], "OPEN");
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    harness.wait_mergeable(2, true).await;
    let merge = "mutation($id: ID!, $head: GitObjectID) { mergePullRequest(input: { pullRequestId: $id, mergeMethod: SQUASH, expectedHeadOid: $head, commitHeadline: \"All of it\" }) { pullRequest { merged state mergeCommit { oid } mergedBy { login } } } }";
    let moved = json!({ "id": pull["node_id"], "head": "0123456789012345678901234567890123456789" });
    let refused = ask(&harness, merge, moved).await;
    assert_eq!(
        (&refused["errors"][0]["type"], &refused["errors"][0]["message"]),
        (&json!("UNPROCESSABLE"), &json!("Head branch was modified. Review and try the merge again."))
    );
    let merged = ask(&harness, merge, json!({ "id": pull["node_id"] })).await;
    let shown = &merged["data"]["mergePullRequest"]["pullRequest"];
    assert_eq!((&shown["state"], &shown["mergedBy"]["login"]), (&json!("MERGED"), &json!("writer")));
    assert_eq!(
        harness.get("/commits/main").await["commit"]["message"].as_str().unwrap().lines().next(),
        Some("All of it")
    );
    receiver.next("pull_request", "closed").await;
}

const ARM: &str = "mutation($id: ID!) { enablePullRequestAutoMerge(input: { pullRequestId: $id, mergeMethod: SQUASH }) { pullRequest { autoMergeRequest { mergeMethod enabledBy { login } } } } }";

#[tokio::test]
async fn auto_merge_merges_a_pull_request_once_the_rules_allow_it() {
    let harness = Harness::start().await;
    let receiver = Receiver::of(&harness).await;
    let pull = harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let id = json!({ "id": pull["node_id"] });
    let refused = ask(&harness, ARM, id.clone()).await;
    assert_eq!(refused["errors"][0]["message"], "Pull request Auto merge is not allowed for this repository");
    harness.as_user("maintainer", Method::PATCH, "", json!({ "allow_auto_merge": true })).await.expect(200);
    harness.wait_mergeable(1, true).await;
    let refused = ask(&harness, ARM, id.clone()).await;
    assert_eq!(refused["errors"][0]["message"], "Pull request is in clean status");
    let protection = json!({
        "required_status_checks": { "strict": false, "contexts": ["ci"] }, "enforce_admins": false,
        "required_pull_request_reviews": null, "restrictions": null,
    });
    harness.as_user("maintainer", Method::PUT, "/branches/main/protection", protection).await.expect(200);
    let armed = ask(&harness, ARM, id.clone()).await;
    let request = &armed["data"]["enablePullRequestAutoMerge"]["pullRequest"]["autoMergeRequest"];
    assert_eq!(*request, json!({ "mergeMethod": "SQUASH", "enabledBy": { "login": "writer" } }));
    assert_eq!(
        receiver.next("pull_request", "auto_merge_enabled").await.payload["pull_request"]["auto_merge"]["merge_method"],
        "squash"
    );
    assert_eq!(harness.get("/pulls/1").await["auto_merge"]["enabled_by"]["login"], "writer");
    let disarm =
        "mutation($id: ID!) { disablePullRequestAutoMerge(input: { pullRequestId: $id }) { actor { login } } }";
    assert_eq!(
        ask(&harness, disarm, id.clone()).await["data"]["disablePullRequestAutoMerge"]["actor"]["login"],
        "writer"
    );
    receiver.next("pull_request", "auto_merge_disabled").await;
    ask(&harness, ARM, id).await;
    let path = format!("/statuses/{}", pull["head"]["sha"].as_str().unwrap());
    harness.as_user("writer", Method::POST, &path, json!({ "context": "ci", "state": "pending" })).await.expect(201);
    assert_eq!(harness.get("/pulls/1").await["state"], "open");
    harness.as_user("writer", Method::POST, &path, json!({ "context": "ci", "state": "success" })).await.expect(201);
    let merged = wait_for("the merge", async || {
        let pull = harness.get("/pulls/1").await;
        (pull["merged"] == true).then_some(pull)
    })
    .await;
    assert_eq!(merged["merged_by"]["login"], "writer");
}
