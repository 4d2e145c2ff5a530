use chrono::{DateTime, Utc};
use serde_json::json;

use super::*;
use crate::actor::Actor;
use crate::approval::Subject;
use crate::brief::Brief;
use crate::cause::DirectiveFailure;
use crate::closing::ClosingReason;
use crate::directive::{Base, DirectiveState, Pause, PauseReason, PauseReasons, TurnedDown, Underway};
use crate::effect::Notice;
use crate::engine;
use crate::failure::Failure;
use crate::ids::{Branch, Digest, Login, PlanHash, Repo, Sha, StepId};
use crate::plan::PlanFault;
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::replan::ReplanReason;
use crate::signal::{Labelled, Permission, Requester, Signal};

fn opened() -> Directive {
    let labelled = Labelled {
        repo: Repo { id: 7, owner: "acme".to_owned(), name: "widgets".to_owned(), installation: 3 },
        issue: 12,
        earlier: 0,
        title: "Print lengths".to_owned(),
        author: Login::new("outsider"),
        actor: Requester { login: Login::new("maintainer"), permission: Permission::Admin, bot: false },
        brief: Brief { goal: "Print lengths.".to_owned(), ..Brief::default() },
        policy: Ok(Policy::default()),
        base: Some(Base { branch: Branch::new("main"), sha: Sha::new("a".repeat(40)), is_default: true }),
        overrides: Vec::new(),
        agents: None,
    };
    let now = DateTime::<Utc>::UNIX_EPOCH;
    let opened = engine::open(&labelled, now).directive.unwrap();
    let sound = Signal::BaseVerified { round: 1, report: Box::default() };
    engine::decide(opened, &sound, now).directive.unwrap()
}

fn rows(directive: &Directive) -> DirectiveRows {
    let all = |values: Value| serde_json::from_value::<Vec<Value>>(values).unwrap();
    DirectiveRows {
        state: own_state(directive).unwrap(),
        steps: Vec::new(),
        tasks: all(serde_json::to_value(&directive.tasks).unwrap()),
        approvals: all(serde_json::to_value(&directive.approvals).unwrap()),
    }
}

#[test]
fn a_directive_is_read_back_from_its_rows() {
    let directive = opened();
    let rows = rows(&directive);
    assert!(rows.state.get("tasks").is_none(), "what has rows of its own is not kept twice");
    assert_eq!(read_directive(STATE_VERSION, rows).unwrap(), directive);
}

#[test]
fn the_names_of_version_1_are_read() {
    let mut rows = rows(&opened());
    let overrides = rows.state.as_object_mut().unwrap().remove("overrides").unwrap();
    rows.state["wishes"] = overrides;
    rows.state["wishes"]["counted"] = json!(["autonomy: manual"]);
    let read = read_directive(1, rows).unwrap();
    assert_eq!(read.overrides.counted, ["autonomy: manual"]);
}

#[test]
fn who_asked_for_a_replan_is_an_actor_and_was_a_login_in_version_1() {
    let mut rows = rows(&opened());
    let replan = |by: &str| json!({ "generation": 2, "by": by, "reason": "", "started": true, "at": DateTime::<Utc>::UNIX_EPOCH });
    rows.state["replans"] = json!([replan("adjutant"), replan("maintainer"), replan("ghost")]);
    let by: Vec<_> = read_directive(1, rows).unwrap().replans.into_iter().map(|replan| replan.by).collect();
    assert_eq!(by, [Actor::Adjutant, Actor::Person(Login::new("maintainer")), Actor::Unknown]);
}

#[test]
fn where_a_directive_stood_was_four_fields_in_version_1() {
    let read = |status: &str, pause: Value, failure: Value, ended_at: Value| {
        let mut rows = rows(&opened());
        let fields = rows.state.as_object_mut().unwrap();
        fields.remove("state");
        let old = [("status", json!(status)), ("pause", pause), ("failure", failure), ("ended_at", ended_at)];
        fields.extend(old.map(|(name, value)| (name.to_owned(), value)));
        read_directive(1, rows).unwrap().state
    };
    let (none, at) = (Value::Null, DateTime::<Utc>::UNIX_EPOCH);
    assert_eq!(read("active", none.clone(), none.clone(), none.clone()), DirectiveState::Active);
    let pause = json!({ "from": "planning", "reason": "cost", "also": [{ "commanded": "mona" }] });
    let mut reasons = PauseReasons::new(PauseReason::Cost);
    reasons.push(PauseReason::Commanded(Login::new("mona")));
    let paused = DirectiveState::Paused(Pause { from: Underway::Planning, reasons });
    assert_eq!(read("paused", pause, none.clone(), none.clone()), paused);
    assert_eq!(read("completed", none.clone(), none.clone(), json!(at)), DirectiveState::Completed { at });
    let failed = DirectiveState::Failed { at, failure: DirectiveFailure::Legacy("stopped".to_owned()) };
    assert_eq!(read("failed", none.clone(), json!("stopped"), json!(at)), failed);
    assert_eq!(Some(read("archived", none.clone(), json!("stopped"), json!(at))), failed.put_away());
    assert!(read("archived", none.clone(), none, json!(at)).is_completed());
}

/// A step of version 1 with these members, in a directive whose base is `main`.
fn step_of_version_1(members: Value) -> DirectiveRows {
    let mut state = json!({
        "id": StepId(uuid::Uuid::nil()), "name": "a", "kind": "research", "description": "", "task_plan": "", "depends_on": [],
        "requirements": [], "criteria": [], "status": "pending", "branch": "b", "rework_cycles": 0, "reworks": 0,
        "failures": 0, "verifications": 0,
    });
    state.as_object_mut().unwrap().extend(serde_json::from_value::<serde_json::Map<_, _>>(members).unwrap());
    let mut rows = rows(&opened());
    rows.steps = vec![StepRow { generation: 1, kind: "research".to_owned(), state }];
    rows
}

#[test]
fn whether_a_step_reaches_the_base_was_a_field_beside_its_target_in_version_1() {
    let target = |target: &str, into_base: bool| {
        let rows = step_of_version_1(json!({ "target": target, "into_base": into_base }));
        let read = read_directive(1, rows).unwrap();
        assert_eq!(read.reaches_base(&read.steps[0]), into_base);
        read.steps[0].target.to_string()
    };
    assert_eq!((target("main", true), target("adjutant/12-1/main", true)), ("main".to_owned(), "main".to_owned()));
    assert_eq!((target("x", false), target("main", false)), ("x".to_owned(), "adjutant/12-1/main".to_owned()));
}

#[test]
fn what_a_person_was_shown_was_a_hash_in_version_1() {
    let report = Digest::of("All is well.");
    let read = |kind: &str, hash: &str| {
        let mut rows = step_of_version_1(json!({ "target": "t", "into_base": false, "report": "All is well." }));
        rows.approvals = vec![json!({
            "id": StepId(uuid::Uuid::nil()), "number": 1, "kind": kind, "step": StepId(uuid::Uuid::nil()), "shown": hash,
            "status": "pending", "question": "?", "asked_at": DateTime::<Utc>::UNIX_EPOCH,
        })];
        read_directive(1, rows).unwrap().approvals.remove(0).shown
    };
    let (commit, other) = ("a".repeat(40), Digest::of("The agent could not be run."));
    assert_eq!(read("plan", other.as_str()), Subject::Plan(PlanHash::new(other.as_str())));
    assert_eq!(read("budget", other.as_str()), Subject::Question(other.clone()));
    assert_eq!(read("step_review", &commit), Subject::Commit(Sha::new(commit.as_str())));
    assert_eq!(read("step_review", report.as_str()), Subject::Report(report.clone()));
    assert_eq!(read("step_blocked", report.as_str()), Subject::Report(report));
    assert_eq!(read("step_blocked", other.as_str()), Subject::Question(other));
}

#[test]
fn what_a_newer_version_wrote_is_not_guessed_at() {
    let newer = STATE_VERSION + 1;
    let directive = read_directive(newer, rows(&opened()));
    assert!(matches!(directive, Err(ReadError::Newer { found, .. }) if found == newer), "{directive:?}");
    let effect = read_effect(newer, json!("write_status"));
    assert!(matches!(effect, Err(ReadError::Newer { .. })), "{effect:?}");
}

#[test]
fn a_refusal_was_a_sentence_in_version_1_and_is_shown_as_it_is() {
    let source = json!({ "kind": "review", "id": 9, "node_id": "", "number": 12, "index": 0 });
    let notice = json!({ "refused": { "reason": "already merged" } });
    let payload = json!({ "reply": { "source": source, "to": "mona", "notice": notice } });
    let reason = Refusal::Legacy("already merged".to_owned());
    let read = read_effect(1, payload).unwrap();
    assert!(matches!(&read, Effect::Reply { notice: Notice::Refused { reason: it }, .. } if *it == reason), "{read:?}");
}

#[test]
fn causes_questions_and_faults_were_sentences_in_version_1_and_are_shown_as_they_are() {
    let mut rows = rows(&opened());
    rows.state["planning_faults"] = json!(["the plan has no steps"]);
    rows.state["planning_words"] = json!("mona turned the plan down");
    let replan =
        json!({ "generation": 2, "by": "mona", "reason": "plan", "started": true, "at": DateTime::<Utc>::UNIX_EPOCH });
    rows.state["replans"] = json!([replan]);
    rows.tasks[0]["failure"] = json!("The agent exited with status 3.");
    let read = read_directive(1, rows).unwrap();
    assert_eq!(read.planning_faults, [PlanFault::Legacy("the plan has no steps".to_owned())]);
    let words = "mona turned the plan down".to_owned();
    assert_eq!(read.planning_words, Some(TurnedDown { by: None, words }));
    assert_eq!(read.replans[0].reason, ReplanReason::Legacy("plan".to_owned()));
    assert_eq!(read.tasks[0].failure, Some(Failure::Legacy("The agent exited with status 3.".to_owned())));
}

#[test]
fn the_reason_to_close_a_pull_request_was_a_word_in_version_1_and_keeps_its_key() {
    let step = StepId(uuid::Uuid::nil());
    let read = read_effect(1, json!({ "close_pull": { "step": step, "word": "this step was skipped" } })).unwrap();
    let reason = ClosingReason::Legacy("this step was skipped".to_owned());
    assert_eq!(read, Effect::ClosePull { step, reason: reason.clone() });
    assert_ne!(reason.key_word(), ClosingReason::Skipped.key_word());
}

#[test]
fn an_effect_that_says_nothing_known_is_unreadable() {
    let payload = serde_json::to_value(Effect::WriteCheck { step: StepId(uuid::Uuid::nil()) }).unwrap();
    assert!(read_effect(1, payload).is_ok());
    let unknown = read_effect(STATE_VERSION, json!({ "run_something_new": { "task": 1 } }));
    assert!(matches!(unknown, Err(ReadError::Unreadable(_))), "{unknown:?}");
}
