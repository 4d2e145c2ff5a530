//! Real coding agents, unmodified, in the sandbox without network: against a scripted model, through the gateway.
//!
//! They are looked for in `PATH` and in the folder that `ADJUTANT_AGENTS_DIR` names (`scripts/bootstrap --agents`), and
//! skipped by name where they are not. `ADJUTANT_REQUIRE_AGENTS` makes a skip a failure.

use std::path::PathBuf;

use adjutant_domain::directive::Directive;
use adjutant_domain::ids::Usd;
use adjutant_domain::status::DirectiveStatus;
use scripted_model::{Answer, File, Script, ScriptedModel};
use serde_json::json;

use super::policy;
use crate::support::foreign::or_skip;
use crate::support::stage::Stage;

/// What no process in a sandbox may see.
const KEY: &str = "sk-ant-real-0123456789abcdef0123456789";

/// The program, or `None` with a word about it.
fn program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("ADJUTANT_AGENTS_DIR").map(|folder| PathBuf::from(folder).join("node_modules/.bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        folders.into_iter().chain(std::env::split_paths(&path)).map(|folder| folder.join(name)).find(|it| it.is_file());
    let found = found.ok_or_else(|| format!("`{name}` is not installed (scripts/bootstrap --agents)"));
    or_skip(name, "ADJUTANT_REQUIRE_AGENTS", found)
}

/// Settings with this program as the agent and the scripted model as its provider.
fn settings(preset: &str, program: &std::path::Path, model: &ScriptedModel, name: &str) -> String {
    let provider = match preset {
        "claude" => "anthropic",
        "gemini" => "gemini",
        _ => "openai",
    };
    format!(
        "default_agent = \"{preset}\"\n[agents.{preset}]\npreset = \"{preset}\"\nprogram = \"{}\"\nmodel = \"{name}\"\n\
         [models.{provider}]\nbase_url = \"{}\"\nkey_env = \"THE_KEY\"\n\
         [prices.\"{name}\"]\ninput = 3.0\noutput = 15.0\n",
        program.display(),
        model.url(),
    )
}

async fn stage(preset: &str, more: &str, script: Script) -> Option<(Stage, ScriptedModel)> {
    let program = program(preset)?;
    let model = ScriptedModel::start(script).await.unwrap();
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), settings(preset, &program, &model, "scripted-1")).unwrap();
    let path = file.path().display().to_string();
    let stage = Stage::set_with(&policy(more), json!({}), &[("ADJUTANT_CONFIG", &path), ("THE_KEY", KEY)]).await;
    Some((stage, model))
}

/// Plan, step, a red verifier and its rework, and the question about the whole; what it cost is what was served.
async fn whole(preset: &str) {
    let broken = Answer {
        files: vec![File { path: "greeting.txt".to_owned(), content: "broken\n".to_owned() }],
        commands: vec!["env > seen.txt; cat /proc/*/environ >> seen.txt 2>/dev/null; true".to_owned()],
        ..Answer::text("Wrote it.")
    };
    let script = Script { step: broken, ..Script::default() };
    let Some((stage, model)) = stage(preset, "", script).await else { return };
    let issue = stage.directive("Greet people.").await;
    let plan = |d: &Directive| d.steps.len() == 1;
    let step = stage.directive_is(issue, "is planned", plan).await.steps[0].name.to_string();
    stage.asks_at_rework(issue, &step, 1).await;
    let directive = stage.status_is(issue, DirectiveStatus::Active).await;
    let served: u64 = model.served().iter().map(|request| request.input_tokens + request.output_tokens).sum();
    let counted: u64 = directive.tasks.iter().map(|task| task.input_tokens + task.output_tokens).sum();
    assert_eq!(counted, served, "{preset}: what the model served");
    assert!(directive.spent() > Usd::ZERO && directive.tasks.len() >= 3, "{preset}: {:?}", directive.spent());
    for request in model.requests() {
        assert!(request.authorization.is_some_and(|it| it.contains(KEY)), "{preset}: paid with the provider's key");
    }
    let seen = stage.file(directive.steps[0].branch.as_str(), "seen.txt").await.unwrap();
    assert!(seen.contains("PATH=") && !seen.contains(KEY), "{preset}: no key in the sandbox");
    stage.strike().await;
}

#[tokio::test]
async fn claude_code_does_a_whole_directive() {
    Box::pin(whole("claude")).await;
}

#[tokio::test]
async fn codex_does_a_whole_directive() {
    Box::pin(whole("codex")).await;
}
