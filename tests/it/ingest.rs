//! From deliveries to signals: what is read live, who gets the signal, and what is ignored.

mod edited;

use adjutant::github::PullRequest;
use adjutant::report::policy_fault;
use adjutant::runtime::ingest::{Addressed, Interpretation, Target, Webhook, interpret, parse};
use adjutant::store::Store;
use adjutant_domain::{
    actor::Actor,
    command::Command,
    directive::{Base, Directive},
    engine,
    ids::{Branch, Login, Repo, Sha, StepId, StepName},
    policy::Policy,
    signal::{Commanded, Labelled, Permission, Requester, Signal},
    step::{Candidate, Pull, Step, StepKind, StepState, Submission},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::DateTime;
use serde_json::{Value, json};

use super::github::scripted::{Call, REPO, Reply, Scripted, head, is, repo};
use super::support::pg::TestDatabase;

/// A database with at most one directive.
pub(crate) struct Kept {
    pub(crate) store: Store,
    database: TestDatabase,
}

impl Kept {
    pub(crate) async fn nothing() -> Self {
        let database = TestDatabase::new().await;
        Self { store: database.store().await, database }
    }

    async fn directive(directive: &Directive) -> Self {
        let kept = Self::nothing().await;
        let mut transaction = kept.store.begin().await.unwrap();
        transaction.save(None, directive, directive.created_at).await.unwrap();
        transaction.commit().await.unwrap();
        kept
    }

    /// The directive that a label opens.
    pub(crate) async fn opened_by(labelled: &Labelled) -> Self {
        Self::directive(&engine::open(labelled, DateTime::UNIX_EPOCH).directive.unwrap()).await
    }

    /// A directive with one step that has this pull request.
    pub(crate) async fn with_pull(repo: &Repo, issue: u64, pull: &PullRequest) -> Self {
        let mut directive = Directive { repo: repo.clone(), issue, ..directive() };
        directive.steps = vec![step("parse", pull.head_branch.as_str(), pull.number)];
        directive.steps[0].state = at(pull.head_sha.clone());
        Self::directive(&directive).await
    }
}

/// A directive of issue 7 with one step, `parse`, whose pull request is 8 and whose head is `aaa`.
fn directive() -> Directive {
    let actor = Requester { login: Login::new("maintainer"), permission: Permission::Admin, bot: false };
    let labelled = Labelled {
        repo: repo(),
        issue: 7,
        earlier: 0,
        title: "Units".to_owned(),
        author: Login::new("outsider"),
        actor,
        brief: adjutant_domain::brief::parse("Units", "Read units."),
        policy: Ok(Policy::default()),
        base: Some(Base { branch: Branch::new("main"), sha: Sha::new("base"), is_default: true }),
        overrides: Vec::new(),
        agents: None,
    };
    let mut directive = engine::open(&labelled, DateTime::UNIX_EPOCH).directive.unwrap();
    directive.steps.push(step("parse", "adjutant/7-1/g1-parse", 8));
    directive
}

fn step(name: &str, branch: &str, pull: u64) -> Step {
    let id = StepId(uuid::Uuid::from_u128(0x6f2b_7f5e_0000_5000_8000_0000_0000_0001));
    let (branch, target) = (Branch::new(branch), Branch::new("adjutant/7-1/main"));
    Step {
        state: at(Sha::new("aaa")),
        pull: Some(Pull::new(pull, "PR_8".to_owned(), false)),
        ..Step::new(id, StepName::new(name), StepKind::Implement, branch, target)
    }
}

/// A head that is being verified.
fn at(head: Sha) -> StepState {
    let candidate = Candidate::new(Submission::Commit { head }, DateTime::UNIX_EPOCH);
    StepState::Verifying { candidate: Box::new(candidate), progress: adjutant_domain::step::VerifierProgress::Running }
}

/// `acme/widgets` without faults: its people, its default branch, issue 7 open with the label, pull request 8 open.
fn good_day(call: &Call) -> Option<Reply> {
    let path = call.line.strip_prefix(&format!("GET {REPO}"))?;
    let permission = |word: &str| Reply::Json(200, json!({ "permission": word }));
    Some(match path {
        "" => Reply::Json(
            200,
            json!({ "id": 9, "name": "widgets", "full_name": "acme/widgets", "owner": { "login": "acme" }, "default_branch": "main" }),
        ),
        "/git/ref/heads/main" => head("base"),
        "/collaborators/maintainer/permission" => permission("admin"),
        "/collaborators/outsider/permission" => permission("read"),
        "/issues/7" => issue("open", &["directive"]),
        "/issues/comments/31" => Reply::Json(200, json!({ "id": 31, "body": "/approve" })),
        "/pulls/8" => pull(&json!({})),
        "/pulls/8/reviews/41" => Reply::Json(200, json!({ "id": 41, "state": "APPROVED", "body": null })),
        _ => return None,
    })
}

fn issue(state: &str, labels: &[&str]) -> Reply {
    let labels: Vec<Value> = labels.iter().map(|name| json!({ "name": name })).collect();
    let issue = json!({
        "number": 7, "title": "Units", "body": "edited since", "state": state, "user": { "login": "outsider" },
        "labels": labels, "updated_at": "2026-01-02T03:04:05Z", "html_url": "u",
    });
    Reply::Json(200, issue)
}

fn pull(more: &Value) -> Reply {
    let mut pull = json!({
        "number": 8, "node_id": "PR_8", "title": "t", "body": null, "state": "open", "draft": false, "merged": false,
        "head": { "ref": "adjutant/7-1/g1-parse", "sha": "aaa" }, "base": { "ref": "adjutant/7-1/main", "sha": "b" },
        "user": { "login": "adjutant[bot]" }, "html_url": "u",
    });
    for (key, value) in more.as_object().unwrap() {
        pull[key] = value.clone();
    }
    Reply::Json(200, pull)
}

async fn read(server: &Scripted, kept: &Kept, event: &str, body: Value) -> Interpretation {
    let common = json!({
        "sender": { "login": "maintainer", "type": "User" }, "installation": { "id": 5 },
        "repository": { "id": 9, "name": "widgets", "owner": { "login": "acme" } },
    });
    let mut all = common;
    for (key, value) in body.as_object().unwrap() {
        all[key] = value.clone();
    }
    match parse(event, all.to_string().as_bytes()).unwrap() {
        Webhook::Fact(fact) => interpret(&server.github(), &kept.store, *fact).await.unwrap(),
        Webhook::Ignored(reason) => Interpretation::Ignored(reason),
    }
}

fn signals(reading: Interpretation) -> Vec<Addressed> {
    match reading {
        Interpretation::Signals(signals) => signals,
        other => panic!("no signals: {other:?}"),
    }
}

fn only(reading: Interpretation) -> Signal {
    let mut signals = signals(reading);
    assert_eq!(signals.len(), 1);
    signals.remove(0).signal
}

fn commands(reading: Interpretation) -> Vec<Commanded> {
    let given = signals(reading).into_iter().map(|addressed| match addressed.signal {
        Signal::Commanded(commanded) => commanded,
        other => panic!("{other:?}"),
    });
    given.collect()
}

fn reason(reading: Interpretation) -> String {
    match reading {
        Interpretation::Ignored(reason) => reason,
        other => panic!("not ignored: {other:?}"),
    }
}

fn labelled(label: &str) -> Value {
    json!({
        "action": "labeled", "label": { "name": label },
        "issue": { "number": 7, "title": "Units", "body": "Read units.", "user": { "login": "outsider" } },
    })
}

fn commented(number: u64, on_pull: &Value, author: &Value, body: &str) -> Value {
    json!({
        "action": "created", "sender": author,
        "issue": { "number": number, "title": "t", "user": null, "pull_request": on_pull },
        "comment": { "id": 31, "node_id": "IC_31", "body": body, "user": author, "created_at": "2026-01-02T03:04:05Z" },
    })
}

fn maintainer() -> Value {
    json!({ "login": "maintainer", "type": "User" })
}

fn reviewed(state: &str, body: &str) -> Value {
    json!({
        "action": "submitted", "pull_request": { "number": 8 },
        "review": {
            "id": 41, "node_id": "PRR_41", "body": body, "state": state, "commit_id": "aaa", "user": maintainer(),
            "submitted_at": "2026-01-02T03:04:05Z",
        },
    })
}

#[tokio::test]
async fn the_label_opens_a_directive_with_the_brief_as_it_was_written_then() {
    let server = Scripted::start(good_day).await;
    let mut found = signals(read(&server, &Kept::nothing().await, "issues", labelled("Directive")).await);
    let Addressed { target, signal } = found.remove(0);
    assert_eq!(target, Target::Issue { repo: repo(), issue: 7 });
    let Signal::Labelled(labelled) = signal else { panic!("{signal:?}") };
    assert_eq!(labelled.brief.goal, "Read units.", "not the text that was edited since");
    assert_eq!(labelled.actor.permission, Permission::Admin);
    assert_eq!(labelled.base, Some(Base { branch: Branch::new("main"), sha: Sha::new("base"), is_default: true }));
    assert_eq!((labelled.policy, labelled.earlier), (Ok(Policy::default()), 0));
}

#[tokio::test]
async fn the_label_of_a_live_directive_goes_to_it() {
    let server = Scripted::start(good_day).await;
    let directive = directive();
    let id = directive.id;
    let found = signals(read(&server, &Kept::directive(&directive).await, "issues", labelled("directive")).await);
    assert_eq!(found[0].target, Target::Directive(id));
}

#[tokio::test]
async fn labels_beside_it_and_options_in_the_text_come_with_the_label() {
    let server = Scripted::start(|call| {
        let issue = || issue("open", &["directive", "Directive:Manual", "bug", "other:manual"]);
        is(call, "GET", "/issues/7").then(issue).or_else(|| good_day(call))
    })
    .await;
    let mut delivery = labelled("directive");
    delivery["issue"]["body"] = json!("Read units.\r\n\r\n### Options\r\n\r\nbudget: 2\r\n");
    // It was removed since, but it was there when the label was set.
    delivery["issue"]["labels"] = json!([{ "name": "directive" }, { "name": "directive:plan-approval" }]);
    let signal = only(read(&server, &Kept::nothing().await, "issues", delivery).await);
    let Signal::Labelled(labelled) = signal else { panic!("{signal:?}") };
    let shown: Vec<_> = labelled.overrides.iter().map(|policy_override| policy_override.shown.as_str()).collect();
    assert_eq!(shown, ["directive:plan-approval", "Directive:Manual", "budget: 2"]);
}

#[tokio::test]
async fn a_stricter_label_goes_only_to_the_live_directive() {
    let server = Scripted::start(good_day).await;
    let found =
        signals(read(&server, &Kept::directive(&directive()).await, "issues", labelled("directive:manual")).await);
    assert_eq!(found[0].target, Target::Directive(directive().id));
    assert!(matches!(&found[0].signal, Signal::PolicyOverridden { actor, policy_override }
        if actor.permission == Permission::Admin && (policy_override.key.as_str(), policy_override.value.as_str()) == ("autonomy", "manual")));
    reason(read(&server, &Kept::nothing().await, "issues", labelled("directive:manual")).await);
    reason(read(&server, &Kept::directive(&directive()).await, "issues", labelled("area:manual")).await);
}

#[tokio::test]
async fn the_policy_on_the_default_branch_names_the_label_even_when_it_is_broken() {
    let policy = |yaml: &'static str| {
        move |call: &Call| {
            let content = json!({ "encoding": "base64", "content": STANDARD.encode(yaml) });
            let file = is(call, "GET", "/contents/.github/adjutant.yml").then_some(Reply::Json(200, content));
            let issue = is(call, "GET", "/issues/7").then(|| issue("open", &["do it", "directive"]));
            file.or(issue).or_else(|| good_day(call))
        }
    };
    let server = Scripted::start(policy("label: do it\n")).await;
    assert!(reason(read(&server, &Kept::nothing().await, "issues", labelled("directive")).await).contains("do it"));
    assert_eq!(server.calls("GET /api/v3/repos").len(), 1, "another label costs one read");
    only(read(&server, &Kept::nothing().await, "issues", labelled("do it")).await);

    let server = Scripted::start(policy("label: do it\nautonomy: nonsense\n")).await;
    let signal = only(read(&server, &Kept::nothing().await, "issues", labelled("do it")).await);
    let Signal::Labelled(labelled) = signal else { panic!("{signal:?}") };
    let faults = labelled.policy.unwrap_err();
    assert!(faults.iter().any(|fault| policy_fault::words(fault).contains("autonomy")), "{faults:?}");
}

#[tokio::test]
async fn a_label_that_was_taken_off_again_or_is_on_a_closed_issue_starts_nothing() {
    for (state, labels) in [("open", &[][..]), ("closed", &["directive"][..])] {
        let server = Scripted::start(move |call| {
            is(call, "GET", "/issues/7").then(|| issue(state, labels)).or_else(|| good_day(call))
        })
        .await;
        reason(read(&server, &Kept::nothing().await, "issues", labelled("directive")).await);
    }
}

#[tokio::test]
async fn taking_the_label_off_counts_unless_it_is_on_again() {
    let unlabelled = json!({
        "action": "unlabeled", "label": { "name": "directive" }, "issue": { "number": 7, "title": "t", "user": null },
    });
    let server = Scripted::start(good_day).await;
    reason(read(&server, &Kept::directive(&directive()).await, "issues", unlabelled.clone()).await);
    let off =
        Scripted::start(|call| is(call, "GET", "/issues/7").then(|| issue("open", &[])).or_else(|| good_day(call)))
            .await;
    let signal = only(read(&off, &Kept::directive(&directive()).await, "issues", unlabelled).await);
    assert!(matches!(signal, Signal::Unlabelled { actor } if actor.login.as_str() == "maintainer"));
}

#[tokio::test]
async fn a_closed_issue_asks_whether_the_final_pull_request_was_merged() {
    let closed = json!({ "action": "closed", "issue": { "number": 7, "title": "t", "user": null } });
    for merged in [false, true] {
        let server = Scripted::start(move |call| {
            if is(call, "GET", "/issues/7") {
                return Some(issue("closed", &["directive"]));
            }
            is(call, "GET", "/pulls/99")
                .then(|| pull(&json!({ "number": 99, "merged": merged })))
                .or_else(|| good_day(call))
        })
        .await;
        let mut directive = directive();
        let final_step = step("final", "adjutant/7-1/main", 99);
        directive.final_step =
            Some(Step { kind: StepKind::Final, target: directive.base.branch.clone(), ..final_step });
        let signal = only(read(&server, &Kept::directive(&directive).await, "issues", closed.clone()).await);
        assert!(matches!(signal, Signal::IssueClosed { final_merged, .. } if final_merged == merged), "{signal:?}");
    }
    let reopened = Scripted::start(good_day).await;
    reason(read(&reopened, &Kept::directive(&directive()).await, "issues", closed).await);
}

#[tokio::test]
async fn a_comment_without_a_command_causes_no_request() {
    let server = Scripted::start(good_day).await;
    let kept = Kept::directive(&directive()).await;
    // A request to the store would fail now.
    kept.database.go_away().await;
    let body = commented(7, &Value::Null, &maintainer(), "Looks good to me, `/approve` soon.");
    reason(read(&server, &kept, "issue_comment", body).await);
    assert!(server.calls("").is_empty());
}

#[tokio::test]
async fn every_command_of_a_comment_comes_in_order_with_its_place() {
    let server = Scripted::start(good_day).await;
    let body = commented(7, &Value::Null, &maintainer(), "/approve parse\n/status");
    let given = commands(read(&server, &Kept::directive(&directive()).await, "issue_comment", body).await);
    assert_eq!(given[0].command, Command::Approve { step: Some("parse".to_owned()) });
    assert_eq!(given[1].command, Command::Status);
    assert_eq!(given.iter().map(|it| it.source.index).collect::<Vec<_>>(), [0, 1]);
    assert!(given.iter().all(|it| it.pull.is_none() && it.sha.is_none() && it.actor.may_command()));
    assert_eq!(server.calls(&format!("GET {REPO}/collaborators")).len(), 1);
}

#[tokio::test]
async fn a_command_on_a_pull_request_names_it_and_one_of_a_stranger_has_no_permission() {
    let server = Scripted::start(good_day).await;
    let outsider = json!({ "login": "outsider", "type": "User" });
    let body = commented(8, &json!({ "url": "u" }), &outsider, "/approve");
    let given = commands(read(&server, &Kept::directive(&directive()).await, "issue_comment", body).await);
    assert_eq!((given[0].pull, given[0].source.number), (Some(8), 8));
    assert!(!given[0].actor.may_command());
}

#[tokio::test]
async fn our_own_comments_and_those_elsewhere_are_no_commands() {
    let server = Scripted::start(good_day).await;
    let bot = json!({ "login": "adjutant[bot]", "type": "Bot" });
    let own = commented(7, &Value::Null, &bot, "/approve");
    reason(read(&server, &Kept::directive(&directive()).await, "issue_comment", own).await);
    let elsewhere = commented(12, &Value::Null, &maintainer(), "/approve");
    reason(read(&server, &Kept::directive(&directive()).await, "issue_comment", elsewhere).await);
    assert!(server.calls(&format!("GET {REPO}/collaborators")).is_empty());

    let other = json!({ "login": "renovate[bot]", "type": "Bot" });
    let body = commented(7, &Value::Null, &other, "/approve");
    let given = commands(read(&server, &Kept::directive(&directive()).await, "issue_comment", body).await);
    assert!(given[0].actor.bot && !given[0].actor.may_command());
}

#[tokio::test]
async fn an_approving_review_is_bound_to_its_commit() {
    let server = Scripted::start(good_day).await;
    let body = reviewed("approved", "/approve\n\n/status");
    let given = commands(read(&server, &Kept::directive(&directive()).await, "pull_request_review", body).await);
    let commands: Vec<Command> = given.iter().map(|it| it.command.clone()).collect();
    assert_eq!(commands, [Command::Approve { step: None }, Command::Status], "the button says it once");
    assert!(given.iter().all(|it| it.sha == Some(Sha::new("aaa")) && it.pull == Some(8)));
}

#[tokio::test]
async fn an_approval_that_was_taken_back_before_it_was_read_counts_for_nothing() {
    let day = |call: &Call| {
        let dismissed = json!({ "id": 41, "state": "DISMISSED", "body": "/approve" });
        let gone = is(call, "GET", "/issues/comments/31").then(|| Reply::Json(404, json!({ "message": "Not Found" })));
        let review = is(call, "GET", "/pulls/8/reviews/41").then_some(Reply::Json(200, dismissed));
        gone.or(review).or_else(|| good_day(call))
    };
    let server = Scripted::start(day).await;
    let kept = Kept::directive(&directive()).await;
    reason(read(&server, &kept, "pull_request_review", reviewed("approved", "")).await);
    let body = commented(7, &Value::Null, &maintainer(), "/approve parse\n/status");
    let given = commands(read(&server, &kept, "issue_comment", body).await);
    assert_eq!(given.iter().map(|it| it.command.clone()).collect::<Vec<_>>(), [Command::Status]);
}

#[tokio::test]
async fn a_review_that_asks_for_changes_carries_every_remark_and_they_count_once() {
    let day = |call: &Call| {
        let remarks = json!([{
            "id": 51, "path": "src/lib.rs", "line": 3, "diff_hunk": "@@ -1 +1 @@\n+x", "body": "/rework Use y.",
            "user": { "login": "maintainer" },
        }]);
        if is(call, "GET", "/pulls/8/reviews/41/comments?per_page=100") {
            return Some(Reply::Json(200, remarks));
        }
        let review = json!({ "id": 41, "state": "CHANGES_REQUESTED" });
        is(call, "GET", "/pulls/8/reviews/41").then_some(Reply::Json(200, review)).or_else(|| good_day(call))
    };
    let server = Scripted::start(day).await;
    let body = reviewed("changes_requested", "Not yet.");
    let given = commands(read(&server, &Kept::directive(&directive()).await, "pull_request_review", body).await);
    let Command::Rework { text } = &given[0].command else { panic!("{given:?}") };
    assert!(text.contains("Not yet.") && text.contains("`src/lib.rs`, line 3") && text.contains("Use y."), "{text}");

    let remark = json!({
        "action": "created", "pull_request": { "number": 8 },
        "comment": {
            "id": 51, "node_id": "PRRC_51", "body": "/rework Use y.", "user": maintainer(),
            "created_at": "2026-01-02T03:04:05Z", "pull_request_review_id": 41,
        },
    });
    reason(read(&server, &Kept::directive(&directive()).await, "pull_request_review_comment", remark).await);
}

#[tokio::test]
async fn a_review_that_only_comments_counts_by_its_commands() {
    let server = Scripted::start(good_day).await;
    let kept = Kept::directive(&directive()).await;
    reason(read(&server, &kept, "pull_request_review", reviewed("commented", "Hm.")).await);
    assert!(server.calls("").is_empty());
    let given = commands(read(&server, &kept, "pull_request_review", reviewed("commented", "/skip")).await);
    assert_eq!(given[0].command, Command::Skip { step: None });
}

#[tokio::test]
async fn a_closed_pull_request_was_merged_or_closed_by_somebody_else() {
    let closed = json!({ "action": "closed", "pull_request": { "number": 8 } });
    let by_us = json!({
        "action": "closed", "pull_request": { "number": 8 }, "sender": { "login": "adjutant[bot]", "type": "Bot" },
    });
    let day =
        |more: Value| move |call: &Call| is(call, "GET", "/pulls/8").then(|| pull(&more)).or_else(|| good_day(call));
    let merged = json!({
        "state": "closed", "merged": true, "merge_commit_sha": "mmm", "merged_by": { "login": "writer" },
    });
    let server = Scripted::start(day(merged)).await;
    let signal = only(read(&server, &Kept::directive(&directive()).await, "pull_request", closed.clone()).await);
    let parse = directive().steps[0].id;
    let sha = Some(Sha::new("mmm"));
    assert_eq!(signal, Signal::PullMerged { step: parse, by: Actor::Person(Login::new("writer")), sha });

    let server = Scripted::start(day(json!({ "state": "closed" }))).await;
    let signal = only(read(&server, &Kept::directive(&directive()).await, "pull_request", closed.clone()).await);
    assert_eq!(
        signal,
        Signal::PullClosed { step: parse, by: Actor::Person(Login::new("maintainer")), may_decide: true }
    );
    reason(read(&server, &Kept::directive(&directive()).await, "pull_request", by_us).await);

    let open = Scripted::start(good_day).await;
    reason(read(&open, &Kept::directive(&directive()).await, "pull_request", closed).await);
}

#[tokio::test]
async fn a_merge_belongs_to_a_person_with_any_login_and_to_nobody_if_github_does_not_say() {
    let closed = |sender: Value| json!({ "action": "closed", "pull_request": { "number": 8 }, "sender": sender });
    let user = |login: &str| json!({ "login": login, "type": "User" });
    for (merged_by, sender, expected) in [
        (user("adjutant"), user("adjutant"), Actor::Person(Login::new("adjutant"))),
        (json!({ "login": "adjutant[bot]", "type": "Bot" }), user("writer"), Actor::Adjutant),
        (json!(null), user("ghost"), Actor::Person(Login::new("ghost"))),
        (json!(null), json!({ "login": "adjutant[bot]", "type": "Bot" }), Actor::Adjutant),
    ] {
        let merged = json!({ "state": "closed", "merged": true, "merge_commit_sha": "mmm", "merged_by": merged_by });
        let server = Scripted::start(move |call: &Call| {
            is(call, "GET", "/pulls/8").then(|| pull(&merged)).or_else(|| good_day(call))
        })
        .await;
        let kept = Kept::directive(&directive()).await;
        let signal = only(read(&server, &kept, "pull_request", closed(sender)).await);
        assert!(matches!(&signal, Signal::PullMerged { by, .. } if *by == expected), "{signal:?}");
    }
}

#[tokio::test]
async fn a_push_counts_where_it_stands_and_is_not_ours() {
    let branch = "/git/ref/heads/adjutant/7-1/g1-parse";
    let server =
        Scripted::start(move |call| is(call, "GET", branch).then(|| head("ccc")).or_else(|| good_day(call))).await;
    let kept = Kept::directive(&directive()).await;
    let push = |after: &str, login: &str| {
        json!({
            "ref": "refs/heads/adjutant/7-1/g1-parse", "after": after, "deleted": false,
            "sender": { "login": login, "type": if login.ends_with("[bot]") { "Bot" } else { "User" } },
        })
    };
    let moved = Signal::HeadMoved {
        step: directive().steps[0].id,
        head: Sha::new("ccc"),
        by: Actor::Person(Login::new("writer")),
    };
    assert_eq!(only(read(&server, &kept, "push", push("ccc", "writer")).await), moved);
    let synchronized = json!({
        "action": "synchronize", "pull_request": { "number": 8 }, "after": "ccc", "sender": { "login": "writer" },
    });
    assert_eq!(only(read(&server, &kept, "pull_request", synchronized).await), moved);
    for (after, login) in [("ccc", "adjutant[bot]"), ("bbb", "writer"), ("aaa", "writer")] {
        reason(read(&server, &kept, "push", push(after, login)).await);
    }
    let elsewhere = json!({ "ref": "refs/heads/main", "after": "ccc" });
    reason(read(&server, &kept, "push", elsewhere).await);
}
