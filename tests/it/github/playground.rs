//! The gateway and `runtime::ingest` with the playground: the same calls over the same wire as with GitHub.

use adjutant::github::{CheckRun, GitHubError, MergeOutcome, NewPull, OpenState, PullChange};
use adjutant_domain::check::{Annotation, AnnotationLevel, CheckAction, CheckState, Conclusion};
use adjutant_domain::{
    actor::Actor,
    command::Command,
    effect::Reaction,
    ids::{Branch, Login, Sha},
    merging::MergeMethod,
    signal::{Permission, Signal, Source, SourceKind},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::json;

use super::stage::Stage;
use crate::ingest::Kept;
use crate::support::until;

fn new_pull(head: &Branch, draft: bool) -> NewPull {
    NewPull {
        title: "Read units".to_owned(),
        body: "Part of #1".to_owned(),
        head: head.clone(),
        base: Branch::new("main"),
        draft,
    }
}

fn named(login: &str) -> Actor {
    Actor::Person(Login::new(login))
}

#[tokio::test]
async fn the_app_knows_itself_its_repository_and_its_people() {
    let stage = Stage::set().await;
    let app = stage.github.app().await.unwrap();
    assert_eq!(app.id, stage.playground.app_id);
    assert_eq!(app.bot_login, Login::new(format!("{}[bot]", stage.playground.app_slug)));

    let client = stage.client();
    let repository = client.repository().await.unwrap();
    assert_eq!((repository.full_name.as_str(), repository.default_branch.as_str()), ("acme/widgets", "main"));
    for (login, may) in [
        ("maintainer", Permission::Admin),
        ("writer", Permission::Write),
        ("triager", Permission::Read),
        ("outsider", Permission::Read),
        ("nobody-at-all", Permission::None),
    ] {
        assert_eq!(client.permission(&Login::new(login)).await.unwrap(), may, "{login}");
    }
    let policy = client.file(".github/adjutant.yml", None).await.unwrap().unwrap();
    assert!(policy.contains("verifiers"), "{policy}");
    assert_eq!(client.file("no/such/file", Some("main")).await.unwrap(), None);
}

#[tokio::test]
async fn branches_come_and_go() {
    let stage = Stage::set().await;
    let client = stage.client();
    let main = client.branch_head(&Branch::new("main")).await.unwrap().unwrap();
    let topic = Branch::new("adjutant/1-1/main");
    assert_eq!(client.branch_head(&topic).await.unwrap(), None);
    assert_eq!(client.create_branch(&topic, &main).await.unwrap(), main);
    assert_eq!(client.create_branch(&topic, &main).await.unwrap(), main);
    stage.commit("writer", &topic, "a.txt", "a").await;
    let moved = client.branch_head(&topic).await.unwrap().unwrap();
    assert_eq!(client.create_branch(&topic, &main).await.unwrap(), moved);
    client.delete_branch(&topic).await.unwrap();
    client.delete_branch(&topic).await.unwrap();
    assert_eq!(client.branch_head(&topic).await.unwrap(), None);
}

#[tokio::test]
async fn a_git_token_reads_contents_and_writes_no_comments() {
    let stage = Stage::set().await;
    let issue = stage.issue("outsider", "Units", "").await;
    let token = stage.github.git_token(&stage.repo).await.unwrap();
    let (status, _) = stage.try_with(token.expose_secret(), Method::GET, "/contents/README.md", json!(null)).await;
    assert_eq!(status, 200);
    let comments = format!("/issues/{issue}/comments");
    let (status, _) = stage.try_with(token.expose_secret(), Method::POST, &comments, json!({ "body": "x" })).await;
    assert_eq!(status, 403);
    assert_eq!(stage.github.git_url(&stage.repo), format!("{}/acme/widgets.git", stage.playground.url));
}

#[tokio::test]
async fn our_comment_is_found_on_the_second_page_and_edited_in_place() {
    let stage = Stage::set().await;
    let client = stage.client();
    let issue = stage.issue("outsider", "Units", "").await;
    assert_eq!(client.comment_with_marker(issue, "<!-- m -->").await.unwrap(), None);
    for _ in 0..100 {
        let quote = json!({ "body": "> <!-- m -->" });
        stage.act("outsider", Method::POST, &format!("/issues/{issue}/comments"), quote).await;
    }
    let written = client.create_comment(issue, "<!-- m --> planning").await.unwrap();
    let found = client.comment_with_marker(issue, "<!-- m -->").await.unwrap().unwrap();
    assert_eq!(found.id, written.id);
    let edited = client.update_comment(found.id, "<!-- m --> done").await.unwrap();
    assert_eq!(edited.body, "<!-- m --> done");
    stage.act("maintainer", Method::DELETE, &format!("/issues/comments/{}", found.id), json!(null)).await;
    let gone = client.update_comment(found.id, "x").await.unwrap_err();
    assert!(matches!(gone, GitHubError::Gone { .. }), "{gone}");
}

#[tokio::test]
async fn a_pull_request_is_opened_once_and_merged_at_its_head_only() {
    let stage = Stage::set().await;
    let client = stage.client();
    let topic = stage.branch("writer", "adjutant/1-1/g1-units", "units.txt", "units").await;
    assert_eq!(client.pull_by_head(&topic).await.unwrap(), None);
    let pull = client.create_pull(&new_pull(&topic, false)).await.unwrap();
    let again = client.create_pull(&new_pull(&topic, false)).await.unwrap();
    assert_eq!(pull.number, again.number);
    assert_eq!(client.pull_by_head(&topic).await.unwrap().unwrap().number, pull.number);

    let change = PullChange { title: Some("Read all units".to_owned()), ..PullChange::default() };
    assert_eq!(client.update_pull(pull.number, &change).await.unwrap().title, "Read all units");
    until("mergeability is known", || async { client.pull(pull.number).await.unwrap().mergeable == Some(true) }).await;

    let other = client.branch_head(&Branch::new("main")).await.unwrap().unwrap();
    let merge = async |head: &Sha| {
        client
            .merge_pull(pull.number, head, MergeMethod::Squash, "Read units (#1)", "Adjutant-Step: units")
            .await
            .unwrap()
    };
    assert_eq!(merge(&other).await, MergeOutcome::HeadMoved { head: pull.head_sha.clone() });
    let bot = stage.github.app().await.unwrap().bot_login;
    let MergeOutcome::Merged { sha, by } = merge(&pull.head_sha).await else { panic!("not merged") };
    assert_eq!((by.as_ref(), sha), (Some(&bot), client.branch_head(&Branch::new("main")).await.unwrap()));
    assert!(matches!(merge(&pull.head_sha).await, MergeOutcome::Merged { by, .. } if by.as_ref() == Some(&bot)));

    let found = client.pull_by_head(&topic).await.unwrap().unwrap();
    assert!(found.merged && found.state == OpenState::Closed && found.merged_by == Some(bot));
    client.delete_branch(&topic).await.unwrap();
}

#[tokio::test]
async fn a_draft_is_taken_out_of_draft_and_a_review_reacted_to() {
    let stage = Stage::set().await;
    let client = stage.client();
    let topic = stage.branch("writer", "topic", "units.txt", "units").await;
    let pull = client.create_pull(&new_pull(&topic, true)).await.unwrap();
    assert!(pull.draft);
    client.mark_ready(&pull.node_id).await.unwrap();
    assert!(!client.pull(pull.number).await.unwrap().draft);

    let path = format!("/pulls/{}/reviews", pull.number);
    let review = stage.act("maintainer", Method::POST, &path, json!({ "event": "COMMENT", "body": "/status" })).await;
    let source = Source {
        kind: SourceKind::Review,
        id: review["id"].as_u64().unwrap(),
        node_id: review["node_id"].as_str().unwrap().to_owned(),
        number: pull.number,
        index: 0,
    };
    client.react(&source, Reaction::Rocket).await.unwrap();
    client.react(&source, Reaction::Rocket).await.unwrap();
    let nowhere = Source { node_id: "PRR_nothing".to_owned(), ..source };
    assert!(client.react(&nowhere, Reaction::Rocket).await.unwrap_err().is_absent());
}

#[tokio::test]
async fn git_reads_and_pushes_with_the_token_as_its_password() {
    let stage = Stage::set().await;
    let token = stage.github.git_token(&stage.repo).await.unwrap();
    let header =
        format!("Authorization: Basic {}", STANDARD.encode(format!("x-access-token:{}", token.expose_secret())));
    let folder = tempfile::tempdir().unwrap();
    let git = async |arguments: &[&str]| {
        let status = tokio::process::Command::new("git")
            .args(arguments)
            .current_dir(folder.path())
            .envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "http.extraHeader"), ("GIT_TERMINAL_PROMPT", "0")])
            .env("GIT_CONFIG_VALUE_0", &header)
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .status();
        assert!(status.await.unwrap().success(), "{arguments:?}");
    };
    git(&["clone", "--quiet", &stage.github.git_url(&stage.repo), "."]).await;
    git(&["push", "--quiet", "origin", "HEAD:refs/heads/pushed"]).await;
    let client = stage.client();
    let pushed = client.branch_head(&Branch::new("pushed")).await.unwrap();
    assert_eq!(pushed, client.branch_head(&Branch::new("main")).await.unwrap());
}

#[tokio::test]
async fn a_conflict_is_not_merged_and_says_why() {
    let stage = Stage::set().await;
    let client = stage.client();
    let topic = stage.branch("writer", "topic", "same.txt", "one").await;
    stage.commit("maintainer", &Branch::new("main"), "same.txt", "two").await;
    let pull = client.create_pull(&new_pull(&topic, false)).await.unwrap();
    let outcome = client.merge_pull(pull.number, &pull.head_sha, MergeMethod::Squash, "t", "m").await.unwrap();
    assert!(matches!(&outcome, MergeOutcome::NotMergeable { reason, .. } if !reason.is_empty()), "{outcome:?}");
    let closed = PullChange { state: Some(OpenState::Closed), ..PullChange::default() };
    assert_eq!(client.update_pull(pull.number, &closed).await.unwrap().state, OpenState::Closed);
}

#[tokio::test]
async fn a_check_run_is_updated_under_its_external_id() {
    let stage = Stage::set().await;
    let client = stage.client();
    let head = client.branch_head(&Branch::new("main")).await.unwrap().unwrap();
    let mut check = CheckRun {
        name: "adjutant / test".to_owned(),
        head_sha: head.clone(),
        external_id: "units-1".to_owned(),
        state: CheckState::InProgress,
        title: "running".to_owned(),
        summary: "…".to_owned(),
        text: None,
        actions: Vec::new(),
        annotations: Vec::new(),
    };
    let id = client.put_check(&check).await.unwrap();
    check.state = CheckState::Completed(Conclusion::ActionRequired);
    check.summary = "ü".repeat(40_000);
    let approve = ["Approve", "Accept this head as it is", "approve"].map(str::to_owned);
    let [label, description, identifier] = approve;
    check.actions = vec![CheckAction { label, description, identifier }];
    assert_eq!(client.put_check(&check).await.unwrap(), id);
    let found = client.find_check(&head, "adjutant / test", "units-1").await.unwrap().unwrap();
    assert_eq!((found.id, found.conclusion.as_deref()), (id, Some("action_required")));

    check.external_id = "units-2".to_owned();
    check.state = CheckState::InProgress;
    let other = client.put_check(&check).await.unwrap();
    assert_ne!(other, id);
    client.complete_check(other, Conclusion::Cancelled).await.unwrap();
    let own = client.own_checks(&head).await.unwrap();
    assert_eq!(own.len(), 2);
    assert!(own.iter().all(adjutant::github::ExistingCheck::is_completed));
}

#[tokio::test]
async fn annotations_go_in_several_requests_and_each_is_written_once() {
    let stage = Stage::set().await;
    let client = stage.client();
    let head = client.branch_head(&Branch::new("main")).await.unwrap().unwrap();
    let annotation = |line: u32| Annotation {
        path: "README.md".to_owned(),
        start_line: line,
        end_line: line + 1,
        level: AnnotationLevel::Failure,
        title: if line.is_multiple_of(2) { "a rule".to_owned() } else { String::new() },
        message: format!("  line {line}\nis wrong\n"),
    };
    let mut check = CheckRun {
        name: "adjutant/lint".to_owned(),
        head_sha: head.clone(),
        external_id: "units-1".to_owned(),
        state: CheckState::Completed(Conclusion::Failure),
        title: "120 problems".to_owned(),
        summary: "s".to_owned(),
        text: Some("the text".to_owned()),
        actions: Vec::new(),
        annotations: (1..=120).map(annotation).collect(),
    };
    let id = client.put_check(&check).await.unwrap();
    let shown = async || {
        let run = stage.act("maintainer", Method::GET, &format!("/check-runs/{id}"), json!(null)).await;
        (run["output"]["annotations_count"].as_u64().unwrap(), run["output"]["text"].clone())
    };
    assert_eq!(shown().await, (120, json!("the text")));
    // The process that wrote it may have been killed before it could say so.
    assert_eq!(client.put_check(&check).await.unwrap(), id);
    assert_eq!(shown().await.0, 120);
    check.annotations = (101..=160).map(annotation).collect();
    client.put_check(&check).await.unwrap();
    assert_eq!(shown().await.0, 160, "only those that were not there");
    check.annotations = (1..=1_000).map(annotation).collect();
    client.put_check(&check).await.unwrap();
    assert_eq!(shown().await.0, 200, "no more than are allowed");
}

#[tokio::test]
async fn a_label_and_a_comment_become_signals() {
    let mut stage = Stage::set().await;
    let body = "### Goal\n\nRead units.\n\n### Requirements\n\n- Metres\n- Feet\n";
    let issue = stage.issue("outsider", "Units", body).await;
    let labels = format!("/issues/{issue}/labels");
    stage.act("maintainer", Method::POST, &labels, json!({ "labels": ["directive"] })).await;
    let Signal::Labelled(labelled) = stage.signal(&Kept::nothing().await).await else { panic!("no label") };
    assert_eq!((labelled.issue, labelled.author.as_str()), (issue, "outsider"));
    assert_eq!(labelled.actor.permission, Permission::Admin);
    assert_eq!(labelled.brief.requirements.len(), 2);
    let main = stage.client().branch_head(&Branch::new("main")).await.unwrap().unwrap();
    assert_eq!(labelled.base.as_ref().unwrap().sha, main);

    let kept = Kept::opened_by(&labelled).await;
    let comments = format!("/issues/{issue}/comments");
    stage.act("triager", Method::POST, &comments, json!({ "body": "Nice.\n\n/stop" })).await;
    let Signal::Commanded(given) = stage.signal(&kept).await else { panic!("no command") };
    assert_eq!((given.command, given.pull), (Command::Stop, None));
    assert!(!given.actor.may_command());
    stage.client().react(&given.source, Reaction::ThumbsDown).await.unwrap();

    stage.act("outsider", Method::PATCH, &format!("/issues/{issue}"), json!({ "state": "closed" })).await;
    let closed = stage.signal(&kept).await;
    assert!(matches!(&closed, Signal::IssueClosed { final_merged: false, actor } if *actor == named("outsider")));
}

#[tokio::test]
async fn what_people_do_to_our_pull_request_becomes_signals() {
    let mut stage = Stage::set().await;
    let issue = stage.issue("outsider", "Units", "Read units.").await;
    let name = format!("adjutant/{issue}-1/g1-parse");
    let topic = stage.branch("writer", &name, "units.txt", "one\ntwo\n").await;
    let client = stage.client();
    let pull = client.create_pull(&new_pull(&topic, false)).await.unwrap();
    let kept = Kept::with_pull(&stage.repo, issue, &pull).await;
    let path = format!("/pulls/{}", pull.number);

    let remark = json!({ "path": "units.txt", "line": 2, "side": "RIGHT", "body": "Say three." });
    let review = json!({ "event": "REQUEST_CHANGES", "body": "Not yet.", "comments": [remark] });
    stage.act("maintainer", Method::POST, &format!("{path}/reviews"), review).await;
    let Signal::Commanded(given) = stage.signal(&kept).await else { panic!("no command") };
    let Command::Rework { text } = &given.command else { panic!("{given:?}") };
    assert!(text.contains("Not yet.") && text.contains("`units.txt`, line 2") && text.contains("Say three."), "{text}");
    assert!(text.contains("+two"), "{text}");
    assert_eq!((given.sha, given.pull), (Some(pull.head_sha.clone()), Some(pull.number)));

    let approve = ["Approve", "Merge it as it is", "approve"].map(str::to_owned);
    let [label, description, identifier] = approve;
    let check = CheckRun {
        name: "adjutant".to_owned(),
        head_sha: pull.head_sha.clone(),
        external_id: "x".to_owned(),
        state: CheckState::Completed(Conclusion::ActionRequired),
        title: "yellow".to_owned(),
        summary: "s".to_owned(),
        text: None,
        actions: vec![CheckAction { label, description, identifier }],
        annotations: Vec::new(),
    };
    let check = client.put_check(&check).await.unwrap();
    let press = format!("/check-runs/{check}/requested_action");
    stage.act("writer", Method::POST, &press, json!({ "identifier": "approve" })).await;
    let Signal::Commanded(given) = stage.signal(&kept).await else { panic!("no command") };
    assert_eq!((given.command, given.sha), (Command::Approve { step: None }, Some(pull.head_sha.clone())));
    assert_eq!((given.actor.login.as_str(), given.pull), ("writer", Some(pull.number)));
    client.react(&given.source, Reaction::Eyes).await.unwrap();

    stage.commit("writer", &topic, "more.txt", "more").await;
    let head = client.branch_head(&topic).await.unwrap().unwrap();
    let moved = stage.signal(&kept).await;
    assert!(
        matches!(&moved, Signal::HeadMoved { head: to, by, .. } if *to == head && *by == named("writer")),
        "{moved:?}"
    );

    stage.act("writer", Method::POST, &format!("{path}/reviews"), json!({ "event": "APPROVE" })).await;
    let approval = loop {
        // The pull request itself may report the push a second time.
        match stage.signal(&kept).await {
            Signal::HeadMoved { .. } => {}
            Signal::Commanded(given) => break given,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((approval.command, approval.sha), (Command::Approve { step: None }, Some(head)));

    stage.act("maintainer", Method::PUT, &format!("{path}/merge"), json!({ "merge_method": "squash" })).await;
    let merged = stage.signal(&kept).await;
    assert!(matches!(&merged, Signal::PullMerged { by, sha: Some(_), .. } if *by == named("maintainer")), "{merged:?}");
}
