//! A whole story with forms only: an issue, its labels and answers; a pull request, its review and its merge.

use reqwest::Method;
use serde_json::{Value, json};

use super::Browser;
use crate::support::{Harness, Receiver};

#[tokio::test]
async fn an_issue_is_answered_labelled_closed_and_reopened_by_forms_alone() {
    let harness = Harness::start().await;
    let hooks = Receiver::of(&harness).await;
    let new = json!({ "title": "Widgets have no size", "body": "**Please**" });
    harness.as_user("outsider", Method::POST, "/issues", new).await.expect(201);

    let mut outsider = Browser::acting_as(&harness, "outsider").await;
    let page = outsider.open("/acme/widgets/issues/1").await;
    assert!(!page.forms().contains(&"labels".to_owned()), "who only reads is offered no labels: {:?}", page.forms());
    let page = outsider.send(page.form("answer").write("body", "Any *news*?").press("Comment")).await;
    let heard = hooks.next("issue_comment", "created").await;
    assert_eq!((heard.signed, &heard.payload["sender"]["login"]), (true, &json!("outsider")));
    assert_eq!(heard.payload["comment"]["body"], "Any *news*?");
    let comment = heard.payload["comment"]["id"].to_string();
    assert_eq!(page.at, format!("/acme/widgets/issues/1#issuecomment-{comment}"), "it leads to what was said");
    assert_eq!(page.words_of(&format!("[id='issuecomment-{comment}'] em")), ["news"]);

    let mut triager = Browser::acting_as(&harness, "triager").await;
    let page = triager.open("/acme/widgets/issues/1").await;
    let page = triager.send(page.form("labels").tick("label", "enhancement").tick("label", "bug").press("Apply")).await;
    assert_eq!(hooks.next("issues", "labeled").await.payload["sender"]["login"], "triager");
    let page = triager.send(page.form("labels").untick("label", "bug").press("Apply")).await;
    assert_eq!(hooks.next("issues", "unlabeled").await.payload["label"]["name"], "bug");
    assert_eq!(page.words_of(".side section:first-child > p"), ["enhancement"]);
    let page = triager.send(page.form("assign").tick("assignee", "writer").press("Apply")).await;
    assert_eq!(harness.get("/issues/1").await["assignees"][0]["login"], "writer");

    let react = page.form(&format!("react-comment-{comment}"));
    let page = triager.send(react.press("React with rocket")).await;
    assert!(page.words_of(".reaction").contains(&"🚀 1".to_owned()), "{}", page.words());
    let page = triager.send(page.form(&format!("react-comment-{comment}")).press("React with rocket")).await;
    assert_eq!(page.words_of(".reaction"), [""; 0], "pressed again, it is taken back");

    let page = triager.send(page.form("answer").write("body", "Not now.").press("Close as not planned")).await;
    let closed = hooks.next("issues", "closed").await.payload["issue"].clone();
    assert_eq!((&closed["state_reason"], &closed["comments"]), (&json!("not_planned"), &json!(2)));
    let page = triager.send(page.form("answer").press("Reopen")).await;
    assert_eq!(hooks.next("issues", "reopened").await.payload["issue"]["state"], "open");
    assert!(page.words_of("#edit-issue").is_empty(), "who sorts issues leaves their texts alone");

    let page = outsider.open("/acme/widgets/issues/1").await;
    let page = outsider.send(page.form("edit-issue").write("title", "Widgets have a size").press("Save")).await;
    assert_eq!(page.words_of("h1"), ["Widgets have a size #1"]);
    let edit = page.form(&format!("edit-comment-{comment}"));
    assert_eq!(edit.value("body"), "Any *news*?");
    let page = outsider.send(edit.write("body", "No hurry").press("Save")).await;
    assert_eq!(hooks.next("issue_comment", "edited").await.payload["changes"]["body"]["from"], "Any *news*?");
    outsider.send(page.form(&format!("delete-comment-{comment}")).press("Delete for good")).await;
    assert_eq!(hooks.next("issue_comment", "deleted").await.payload["comment"]["body"], "No hurry");
}

#[tokio::test]
async fn a_pull_request_is_reviewed_line_by_line_and_merged_by_forms_alone() {
    let harness = Harness::start().await;
    let hooks = Receiver::of(&harness).await;
    harness.open_pull("feature", "notes.txt", "one\ntwo\n", json!({ "draft": true })).await;

    let mut writer = Browser::acting_as(&harness, "writer").await;
    let page = writer.open("/acme/widgets/pull/1").await;
    assert!(!page.forms().contains(&"merge".to_owned()), "a draft is not merged");
    let page = writer.send(page.form("ready").press("Ready for review")).await;
    hooks.next("pull_request", "ready_for_review").await;
    let page = writer.send(page.form("reviewers").tick("reviewer", "maintainer").press("Apply")).await;
    assert_eq!(page.refusal(), "");
    let asked = hooks.next("pull_request", "review_requested").await;
    assert_eq!(asked.payload["requested_reviewer"]["login"], "maintainer");

    let mut maintainer = Browser::acting_as(&harness, "maintainer").await;
    let page = maintainer.open("/acme/widgets/pull/1/files").await;
    let line = page.links("a[aria-label='Comment on line 2 of notes.txt']");
    let line = line[0].split('#').next().unwrap();
    let page = maintainer.open(&format!("/acme/widgets/pull/1/files{line}")).await;
    let page = maintainer.send(page.form("remark").write("body", "Why two?").press("Comment")).await;
    assert_eq!(page.at, "/acme/widgets/pull/1/files", "the form is gone once it was sent");
    let said = hooks.next("pull_request_review_comment", "created").await.payload["comment"].clone();
    assert_eq!((&said["path"], &said["line"], &said["body"]), (&json!("notes.txt"), &json!(2), &json!("Why two?")));
    let thread = format!("reply-{}", said["id"]);

    let page = writer.open("/acme/widgets/pull/1/files").await;
    let page = writer.send(page.form(&thread).write("body", "Two are few.").press("Reply")).await;
    assert_eq!(page.words_of(".thread .markdown"), ["Why two?", "Two are few."]);
    let page = writer.send(page.form("review").choose("event", "APPROVE").press("Submit review")).await;
    assert!(page.refusal().contains("Can not approve your own pull request"), "{}", page.refusal());
    assert_eq!(page.status, 422);

    let page = maintainer.open("/acme/widgets/pull/1").await;
    let page = maintainer
        .send(page.form("review").write("body", "Good.").choose("event", "APPROVE").press("Submit review"))
        .await;
    assert_eq!(hooks.next("pull_request_review", "submitted").await.payload["review"]["state"], "commented");
    assert!(page.words().contains("maintainer approved these changes"), "{}", page.words());
    harness.wait_mergeable(1, true).await;
    let page = maintainer.open("/acme/widgets/pull/1").await;
    let page = maintainer.send(page.form("merge").choose("method", "squash").press("Merge #1")).await;
    assert_eq!(page.words_of(".badge"), ["Merged"]);
    let merged = hooks.next("pull_request", "closed").await.payload["pull_request"].clone();
    assert_eq!((&merged["merged"], &merged["merged_by"]["login"]), (&json!(true), &json!("maintainer")));
    let commit = harness.get(&format!("/commits/{}", merged["merge_commit_sha"].as_str().unwrap())).await;
    assert_eq!(commit["parents"].as_array().unwrap().len(), 1, "it was squashed");
}

#[tokio::test]
async fn a_button_of_a_check_asks_the_app_and_so_does_running_it_again() {
    let harness = Harness::start().await;
    let hooks = Receiver::of(&harness).await;
    let pull = harness.open_pull("feature", "notes.txt", "one\n", json!({})).await;
    let run = json!({
        "name": "Verdict", "head_sha": pull["head"]["sha"], "status": "completed", "conclusion": "action_required",
        "output": { "title": "Your word", "summary": "Is **this** right?" },
        "actions": [{ "label": "Approve", "description": "Let it pass", "identifier": "approve" }],
    });
    let run = harness.as_app(Method::POST, "/check-runs", run).await.expect(201)["id"].to_string();

    let mut outsider = Browser::acting_as(&harness, "outsider").await;
    let page = outsider.open("/acme/widgets/pull/1/checks").await;
    assert!(!page.forms().contains(&format!("press-{run}")), "who only reads presses nothing");
    let mut maintainer = Browser::acting_as(&harness, "maintainer").await;
    let page = maintainer.open("/acme/widgets/pull/1/checks").await;
    assert_eq!(page.words_of(".check .markdown strong"), ["this"]);
    let page = maintainer.send(page.form(&format!("press-{run}")).press("Approve")).await;
    let pressed = hooks.next("check_run", "requested_action").await.payload;
    assert_eq!(
        (&pressed["requested_action"]["identifier"], &pressed["sender"]["login"]),
        (&json!("approve"), &json!("maintainer"))
    );
    let page = maintainer.send(page.form(&format!("rerun-{run}")).press("Run again")).await;
    hooks.next("check_run", "rerequested").await;
    maintainer.send(page.form(&format!("rerun-suite-of-{run}")).press("Run all again")).await;
    hooks.next("check_suite", "rerequested").await;
    let page = maintainer.open(&format!("/acme/widgets/runs/{run}")).await;
    assert_eq!(page.words_of("h1"), ["Verdict"]);
}

#[tokio::test]
async fn a_refusal_is_shown_in_place_and_what_was_typed_is_kept() {
    let harness = Harness::start().await;
    harness.as_user("outsider", Method::POST, "/issues", json!({ "title": "Long" })).await.expect(201);
    let mut outsider = Browser::acting_as(&harness, "outsider").await;
    let page = outsider.open("/acme/widgets/issues/1").await;
    let long = "x".repeat(65_537);
    let page = outsider.send(page.form("answer").write("body", &long).press("Comment")).await;
    assert_eq!(page.status, 422);
    assert!(page.refusal().contains("body is too long"), "{}", page.refusal());
    assert_eq!(page.form("answer").value("body").len(), long.len());
    assert_eq!(page.links("[role=alert] a"), ["#answer"]);
    let page = outsider.send(page.form("answer").write("body", "\nshort <b>").press("Comment")).await;
    assert_eq!((page.status.as_u16(), page.refusal().as_str()), (200, ""));
    assert_eq!(harness.get("/issues/1/comments").await[0]["body"], "\nshort <b>", "and the form works again");
    let page = outsider.open("/acme/widgets/issues/1").await;
    let page = outsider.send(page.form("answer").write("body", " ").press("Comment")).await;
    assert!(page.refusal().contains("`body` is missing"), "{}", page.refusal());
    assert_eq!(harness.get("/issues/1").await["comments"], Value::from(1));
}

#[tokio::test]
async fn a_list_is_cut_into_pages_searched_and_filtered() {
    let harness = Harness::start().await;
    for number in 1..=27 {
        let title = if number % 2 == 0 { format!("Even {number}") } else { format!("Odd & {number}") };
        harness.as_user("writer", Method::POST, "/issues", json!({ "title": title })).await.expect(201);
    }
    harness.as_user("triager", Method::POST, "/issues/4/labels", json!(["bug"])).await.expect(200);
    let mut nobody = Browser::of(&harness);
    let page = nobody.open("/acme/widgets/issues").await;
    assert_eq!(page.words_of(".issues .title").len(), 25);
    let older = page.links(".pages a");
    assert_eq!(nobody.open(&older[0]).await.words_of(".issues .title"), ["Even 2", "Odd & 1"]);
    let found = nobody.open("/acme/widgets/issues?q=odd+2&state=open").await;
    assert_eq!(found.words_of(".issues .title"), ["Odd & 27", "Odd & 25", "Odd & 23", "Odd & 21"]);
    assert_eq!(nobody.open("/acme/widgets/issues?label=bug").await.words_of(".issues .title"), ["Even 4"]);
    assert_eq!(nobody.open("/acme/widgets/issues?author=maintainer").await.words_of(".issues .title"), [""; 0]);
    let odd = nobody.open("/acme/widgets/issues?page=9999&q=%26").await;
    assert_eq!(odd.form_value("q"), "&");
}
