//! The issue's text: it is read after an edit and for a `/replan`. Also pull requests of earlier plans.

use adjutant_domain::brief;
use adjutant_domain::replan::IssueText;

use super::*;

fn edited() -> Value {
    json!({
        "action": "edited", "sender": { "login": "outsider", "type": "User" }, "changes": { "body": { "from": "x" } },
        "issue": { "number": 7, "title": "Units", "body": "as it was then", "user": { "login": "outsider" } },
    })
}

fn text_now() -> Signal {
    Signal::IssueRead(IssueText { title: "Units".to_owned(), brief: brief::parse("Units", "edited since") })
}

#[tokio::test]
async fn an_edit_by_anybody_brings_the_present_text_of_the_issue() {
    let server = Scripted::start(good_day).await;
    assert_eq!(only(read(&server, &Kept::directive(&directive()).await, "issues", edited()).await), text_now());
    assert!(reason(read(&server, &Kept::nothing().await, "issues", edited()).await).contains("no live directive"));
    let gone = Scripted::start(|call| {
        let gone = is(call, "GET", "/issues/7").then(|| Reply::Json(404, json!({ "message": "Not Found" })));
        gone.or_else(|| good_day(call))
    })
    .await;
    assert!(reason(read(&gone, &Kept::directive(&directive()).await, "issues", edited()).await).contains("deleted"));
}

#[tokio::test]
async fn a_replan_of_somebody_who_may_command_comes_after_the_text_that_it_adopts() {
    let server = Scripted::start(good_day).await;
    let kept = Kept::directive(&directive()).await;
    let said = |author: Value, body: &str| commented(7, &Value::Null, &author, body);
    let found = signals(read(&server, &kept, "issue_comment", said(maintainer(), "/status\n/replan too large")).await);
    assert_eq!(found.len(), 3);
    assert_eq!(found[0].signal, text_now());
    let Signal::Commanded(given) = &found[2].signal else { panic!("{found:?}") };
    assert_eq!(given.command, Command::Replan { reason: "too large".to_owned() });
    // Nothing is read for a refused command, nor for other commands.
    let outsider = json!({ "login": "outsider", "type": "User" });
    assert_eq!(commands(read(&server, &kept, "issue_comment", said(outsider, "/replan")).await).len(), 1);
    assert_eq!(commands(read(&server, &kept, "issue_comment", said(maintainer(), "/status")).await).len(), 1);
}

#[tokio::test]
async fn a_pull_request_of_an_earlier_plan_that_was_merged_after_all_is_found() {
    let merged = json!({ "state": "closed", "merged": true, "merged_by": { "login": "writer" } });
    let server = Scripted::start(move |call: &Call| {
        is(call, "GET", "/pulls/8").then(|| pull(&merged)).or_else(|| good_day(call))
    })
    .await;
    let mut superseded = directive();
    superseded.earlier = std::mem::take(&mut superseded.steps);
    let step = superseded.earlier[0].id;
    superseded.generation += 1;
    let closed = json!({ "action": "closed", "pull_request": { "number": 8 } });
    let signal = only(read(&server, &Kept::directive(&superseded).await, "pull_request", closed).await);
    assert_eq!(signal, Signal::PullMerged { step, by: Actor::Person(Login::new("writer")), sha: None });
}
