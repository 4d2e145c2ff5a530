//! `adjutant check agents --live`: a request of a configured agent through the gateway, and what it cost. The scripted model
//! stands in for the provider.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use scripted_model::{Fault, Script, ScriptedModel};
use tokio::process::Command;

use crate::support::open_folder;

const KEY: &str = "sk-ant-real-0123456789abcdef0123456789";
/// An agent that asks its model once and hands in what came.
const AGENT: &str = r#"#!/usr/bin/python3 -IS
import json, os, urllib.request
ask = {"model": "scripted-1", "max_tokens": 100, "messages": [{"role": "user", "content": "Say ready."}]}
headers = {"x-api-key": os.environ["ADJUTANT_MODEL_KEY"], "content-type": "application/json"}
url = os.environ["ADJUTANT_MODEL_URL"] + "/v1/messages"
with urllib.request.urlopen(urllib.request.Request(url, json.dumps(ask).encode(), headers)) as answer:
    answer.read()
json.dump({"summary": "ready"}, open(os.environ["ADJUTANT_RESULT_FILE"], "w"))
"#;

/// The exit status, and what it says.
async fn check(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adjutant"));
    command.args(["check", "agents", "--live"]).args(arguments).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("THE_KEY", KEY).env("TMPDIR", folder);
    command.env("ADJUTANT_CONFIG", folder.join("adjutant.toml"));
    let output = command.output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

fn settings(folder: &Path, model: &ScriptedModel, price: &str) {
    let agent = folder.join("agent.py");
    std::fs::write(&agent, AGENT).unwrap();
    std::fs::set_permissions(&agent, std::fs::Permissions::from_mode(0o755)).unwrap();
    let text = format!(
        "[agents.own]\ncommand = [\"{}\"]\nprovider = \"local\"\n[agents.free]\ncommand = [\"true\"]\n\
         [models.local]\nbase_url = \"{}\"\nkey_env = \"THE_KEY\"\n{price}",
        agent.display(),
        model.url(),
    );
    std::fs::write(folder.join("adjutant.toml"), text).unwrap();
}

const PRICE: &str = "[prices.\"scripted-1\"]\ninput = 100.0\noutput = 500.0\n";

#[tokio::test]
async fn a_live_check_asks_with_the_key_and_says_what_it_cost() {
    let folder = open_folder();
    let model = ScriptedModel::start(Script::default()).await.unwrap();
    settings(folder.path(), &model, PRICE);
    let (status, said) = check(folder.path(), &[]).await;
    let [served] = &model.served()[..] else { panic!("{said} {:?}", model.requests()) };
    let cost = f64::from(u32::try_from(served.input_tokens + 5 * served.output_tokens).unwrap()) / 10_000.0;
    let counts = format!("{} + {} tokens, ${cost:.4}", served.input_tokens, served.output_tokens);
    assert_eq!(said, format!("own: passed: 1 request, {counts}\n"));
    assert_eq!(status, 0);
    assert_eq!(served.authorization.as_deref(), Some(KEY));
}

#[tokio::test]
async fn a_live_check_says_what_is_wrong() {
    let folder = open_folder();
    let refused = Fault::Status { status: 401, retry_after: None, message: Some("invalid x-api-key".to_owned()) };
    let model = ScriptedModel::start(Script::broken(refused)).await.unwrap();
    settings(folder.path(), &model, PRICE);
    let (status, said) = check(folder.path(), &["own"]).await;
    assert_eq!(status, 1, "{said}");
    assert!(said.starts_with("own: FAILED: ") && said.contains("local answered 401") && !said.contains(KEY), "{said}");

    settings(folder.path(), &model, "");
    let asked = model.requests().len();
    let (status, said) = check(folder.path(), &["own"]).await;
    assert!(status == 1 && said.contains("scripted-1") && said.contains("0 + 0 tokens, $0.0000"), "{said}");
    assert_eq!(model.requests().len(), asked, "what has no price is not asked");

    let (status, said) = check(folder.path(), &["free"]).await;
    assert!(status == 2 && said.contains("no agent `free` that reaches a model") && said.contains("own"), "{said}");
    std::fs::write(folder.path().join("adjutant.toml"), "[agents.free]\ncommand = [\"true\"]\n").unwrap();
    let (status, said) = check(folder.path(), &[]).await;
    assert!(status == 2 && said.contains("no agent is set up"), "{said}");
}
