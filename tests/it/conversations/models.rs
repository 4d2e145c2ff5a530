//! An agent that reaches a model through the gateway, and the money for it.

use std::os::unix::fs::PermissionsExt;

use adjutant_domain::ids::Usd;
use adjutant_domain::status::DirectiveStatus;
use scripted_model::{Script, ScriptedModel};
use serde_json::json;

use super::policy;
use crate::support::open_folder;
use crate::support::stage::Stage;

/// Asks the model once, then does as it is told. It says nothing of what a request cost, or why one failed.
const AGENT: &str = r#"#!/usr/bin/env python3
import json, os, sys, urllib.error, urllib.request
task = json.load(open(os.environ["ADJUTANT_TASK_FILE"]))
body = {"model": "scripted-1", "max_tokens": 128000, "messages": [{"role": "user", "content": task["instructions"]}]}
headers = {"x-api-key": os.environ["ADJUTANT_MODEL_KEY"], "content-type": "application/json"}
url = os.environ["ADJUTANT_MODEL_URL"] + "/v1/messages"
try:
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)).read()
except urllib.error.HTTPError as error:
    sys.exit(1)
result = {"summary": "Did it."}
if task["kind"] == "plan":
    covered = [requirement["id"] for requirement in task["brief"]["requirements"]]
    result["plan"] = {"steps": [{"name": "greet", "type": "implement", "description": "Greet.", "requirements": covered}]}
else:
    open("greeting.txt", "w").write("hello\n")
json.dump(result, open(os.environ["ADJUTANT_RESULT_FILE"], "w"))
"#;

#[tokio::test]
async fn a_request_that_the_money_does_not_cover_pauses_and_asks_until_there_is_more() {
    let model = ScriptedModel::start(Script::default()).await.unwrap();
    let folder = open_folder();
    let (agent, file) = (folder.path().join("agent.py"), folder.path().join("adjutant.toml"));
    std::fs::write(&agent, AGENT).unwrap();
    std::fs::set_permissions(&agent, std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = format!(
        "default_agent = \"paying\"\n[agents.paying]\ncommand = [\"{}\"]\nprovider = \"own\"\n\
         [models.own]\nbase_url = \"{}\"\n[prices.\"scripted-1\"]\ninput = 3.0\noutput = 15.0\n",
        agent.display(),
        model.url(),
    );
    std::fs::write(&file, settings).unwrap();
    let limits = policy("limits: { cost_usd: 0.02, cost_ceiling_usd: 5 }");
    let stage = Stage::set_with(&limits, json!({}), &[("ADJUTANT_CONFIG", file.to_str().unwrap())]).await;
    let issue = stage.directive("Greet people.").await;
    let paused = stage.status_is(issue, DirectiveStatus::Paused).await;
    assert_eq!((paused.tasks.len(), paused.spent()), (1, Usd::ZERO), "a refused request costs nothing");
    assert!(model.requests().is_empty(), "nothing was sent");
    stage.status_says(issue, "The budget of $0.02 is used up").await;

    stage.as_("maintainer").comment(issue, "/budget 1").await;
    stage.asks(issue, "greet").await;
    let directive = stage.status_is(issue, DirectiveStatus::Active).await;
    let served: u64 = model.served().iter().map(|request| request.input_tokens + request.output_tokens).sum();
    let counted: u64 = directive.tasks.iter().map(|task| task.input_tokens + task.output_tokens).sum();
    assert_eq!(counted, served);
    assert!(directive.spent() > Usd::ZERO && directive.unknown_runs() == 0, "{}", directive.spent());
    let requests: i64 = sqlx::query_scalar("SELECT count(*) FROM model_requests WHERE ending = 'answered'")
        .fetch_one(&stage.pool)
        .await
        .unwrap();
    let booked: bool = sqlx::query_scalar("SELECT bool_and(booked AND ended AND spent <= granted) FROM model_runs")
        .fetch_one(&stage.pool)
        .await
        .unwrap();
    assert_eq!((usize::try_from(requests).unwrap(), booked), (model.served().len(), true));
    stage.strike().await;
}

#[tokio::test]
async fn a_run_that_was_called_off_in_a_process_that_died_is_still_counted() {
    let stage = Stage::set("", json!({ "plan": [{ "wait": "plan" }] })).await;
    let issue = stage.directive("Greet people.").await;
    stage.agent_waits_for("plan").await;
    // As a process leaves it that died in the middle of a run with a provider.
    sqlx::query(
        "INSERT INTO model_runs (run, task_id, directive_id, repo_id, installation_id, agent, granted, spent)
         SELECT gen_random_uuid(), t.id, d.id, d.repo_id, d.installation_id, 'claude', 300000000000, 100000000000
         FROM tasks t JOIN directives d ON d.id = t.directive_id",
    )
    .execute(&stage.pool)
    .await
    .unwrap();
    sqlx::query("UPDATE effects SET status = 'queued', lease = NULL, lease_until = NULL WHERE lane = 'agent'")
        .execute(&stage.pool)
        .await
        .unwrap();
    stage.as_("maintainer").comment(issue, "/stop").await;
    let counted = |d: &adjutant_domain::directive::Directive| d.spent() == Usd::from_dollars(0.3);
    stage.directive_is(issue, "counts what the run had set aside", counted).await;
    stage.strike().await;
}
