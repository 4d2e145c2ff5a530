//! Real coding agents, unmodified, in the sandbox without network: against a scripted model, through the gateway.
//!
//! They are looked for in the folder that `ADJUTANT_AGENTS_DIR` names, which is the one of `scripts/bootstrap --agents`
//! without it, and in `PATH`, and skipped by name where they are not. `ADJUTANT_REQUIRE_AGENTS` makes a skip a failure.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use adjutant_domain::ids::Usd;
use scripted_model::{Answer, File, Request, Script, ScriptedModel};
use serde_json::{Value, json};

use super::POLICY;
use crate::support::foreign::or_skip;
use crate::support::stage::Stage;

/// The user of an ordinary conversation.
const NOBODY: u32 = 65_534;
/// What no process in a sandbox may see.
const KEY: &str = "sk-ant-real-0123456789abcdef0123456789";

/// The program, or `None` with a word about it.
fn program(name: &str) -> Option<PathBuf> {
    let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/target/agents");
    let folder = std::env::var_os("ADJUTANT_AGENTS_DIR").unwrap_or_else(|| installed.into());
    let folder = PathBuf::from(folder).join("node_modules/.bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    let found = folders.map(|folder| folder.join(name)).find(|it| it.is_file());
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

async fn stage(preset: &str, more: &[(&str, &str)], script: Script) -> Option<(Stage, ScriptedModel)> {
    let program = program(preset)?;
    let model = ScriptedModel::start(script).await.unwrap();
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), settings(preset, &program, &model, "scripted-1")).unwrap();
    let path = file.path().display().to_string();
    let own = [("ADJUTANT_CONFIG", path.as_str()), ("THE_KEY", KEY)];
    let mut stage = Stage::set_with(POLICY, json!({}), &[&own, more].concat()).await;
    // Some programs take half a minute for a task where other tests run beside them.
    stage.patience = Duration::from_mins(4);
    Some((stage, model))
}

/// Plan, step, a red verifier and its rework, a person's rework in the same session, an approval and the merge. What it
/// cost is what was served, and nobody in the sandbox saw the key.
async fn whole(preset: &str) {
    let writes = |content: &str, commands: &[&str], text: &str| Answer {
        files: vec![File { path: "greeting.txt".to_owned(), content: content.to_owned() }],
        commands: commands.iter().map(|command| (*command).to_owned()).collect(),
        ..Answer::text(text)
    };
    let looks = "env > seen.txt; cat /proc/*/environ >> seen.txt 2>/dev/null; true";
    let script = Script { step: writes("broken\n", &[looks], "Wrote it."), ..Script::default() };
    let unchecked = [("ADJUTANT_CHECK_AGENTS", "false")];
    let Some((stage, model)) = stage(preset, &unchecked, script).await else { return };
    let maintainer = stage.as_("maintainer");
    let issue = stage.directive("Greet people.").await;
    let step = stage.directive_is(issue, "is planned", |d| d.steps.len() == 1).await.steps[0].name.to_string();
    let pull = stage.asks_at_rework(issue, &step, 1).await;
    let seen = stage.file(&stage.branch(issue, &step).await, "seen.txt").await.unwrap();
    assert!(seen.contains("PATH=") && !seen.contains(KEY), "{preset}: no key in the sandbox");

    let (mut requests, mut served) = (model.requests(), model.served());
    model.follow(Script {
        rework: writes("hello everybody\n", &["rm seen.txt"], "Wrote it for all."),
        ..Script::default()
    });
    maintainer.comment(pull, "/rework Greet everybody, and remove what was seen.").await;
    stage.asks_at_rework(issue, &step, 2).await;
    let remembers = |request: &Request| request.tasks > 1;
    assert!(model.requests().iter().any(remembers), "{preset}: the session goes on: {:#?}", model.requests());
    requests.extend(model.requests());
    served.extend(model.served());

    maintainer.comment(pull, "/approve").await;
    let directive = stage.completed(issue).await;
    assert_eq!(stage.file("main", "greeting.txt").await.as_deref(), Some("hello everybody\n"), "{preset}");
    assert_eq!(stage.file("main", "seen.txt").await, None, "{preset}");
    let served: u64 = served.iter().map(|request| request.input_tokens + request.output_tokens).sum();
    let counted: u64 = directive.tasks.iter().map(|task| task.input_tokens + task.output_tokens).sum();
    assert_eq!(counted, served, "{preset}: what the model served");
    assert!(directive.spent() > Usd::ZERO && directive.tasks.len() == 4, "{preset}: {:?}", directive.spent());
    for request in requests {
        assert!(request.authorization.is_some_and(|it| it.contains(KEY)), "{preset}: paid with the provider's key");
    }
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

#[tokio::test]
async fn opencode_does_a_whole_directive() {
    Box::pin(whole("opencode")).await;
}

#[tokio::test]
async fn gemini_cli_does_a_whole_directive() {
    Box::pin(whole("gemini")).await;
}

/// Where the tests run as root: the same conversation again as nobody, who has a database of its own.
#[test]
fn an_ordinary_user_has_claude_code_do_a_whole_directive() {
    let test = "an_ordinary_user_has_claude_code_do_a_whole_directive";
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let root = is_root.then_some(()).ok_or_else(|| "the tests run as an ordinary user anyway".to_owned());
    let Some(()) = or_skip(test, "ADJUTANT_REQUIRE_ROOT", root) else { return };
    if program("claude").is_none() {
        return;
    }
    let home = crate::support::open_folder();
    std::os::unix::fs::chown(home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let id = NOBODY.to_string();
    let output = Command::new("setpriv")
        .args(["--reuid", &id, "--regid", &id, "--clear-groups", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "conversations::agents::claude_code_does_a_whole_directive"])
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .env_remove("ADJUTANT_TEST_DATABASE_URL")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{errors}");
}

#[tokio::test]
async fn an_agent_is_checked_before_its_first_task_and_remembered() {
    let Some((stage, _model)) = stage("claude", &[], Script::default()).await else { return };
    let issue = stage.directive("Greet people.").await;
    let step = stage.directive_is(issue, "is planned", |d| d.steps.len() == 1).await.steps[0].name.to_string();
    stage.asks(issue, &step).await;
    let kept = stage.data().join("checked-agents.json");
    stage.until("the check has ended", async || kept.exists()).await;
    let kept: Value = serde_json::from_slice(&std::fs::read(kept).unwrap()).unwrap();
    assert!(kept["claude"]["version"].as_str().is_some_and(|it| it.starts_with('2')), "{kept}");
    assert_eq!(kept["claude"]["failed"], 0, "{kept}");
    stage.strike().await;
}

#[tokio::test]
async fn an_agent_that_fails_its_check_is_not_run_and_people_are_asked() {
    let folder = crate::support::open_folder();
    let (program, preset) = (folder.path().join("own-agent"), folder.path().join("own.toml"));
    std::fs::write(&program, "#!/bin/sh\necho 1.2.3\ntest \"$1\" = --version\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let text = format!(
        "name = \"own\"\ntitle = \"Own\"\nprogram = \"{}\"\napi = \"chat\"\nrefusal_status = 402\n\
         [version]\nargs = [\"--version\"]\n[run]\nargs = [\"work\"]\n[output]\nform = \"text\"\n",
        program.display(),
    );
    std::fs::write(&preset, text).unwrap();
    let file = folder.path().join("adjutant.toml");
    let text = format!(
        "default_agent = \"own\"\n[agents.own]\npreset = \"{}\"\nprovider = \"local\"\n\
         [models.local]\nbase_url = \"http://127.0.0.1:1\"\n",
        preset.display()
    );
    std::fs::write(&file, text).unwrap();
    let stage = Stage::set_with(POLICY, json!({}), &[("ADJUTANT_CONFIG", &file.display().to_string())]).await;
    let issue = stage.directive("Greet people.").await;
    let said = stage.status_says(issue, "the agent `own` does not pass its check").await;
    assert!(
        said.contains("edit, result, usage: it did not finish:") && said.contains("exit status: 1: 1.2.3"),
        "{said}"
    );
    let directive = stage.directive_is(issue, "it waits", |directive| directive.waiting().next().is_some()).await;
    assert_eq!((directive.tasks.len(), directive.tasks[0].measured.is_some()), (1, false), "nothing ran");
    assert!(!stage.data().join("checked-agents.json").exists(), "it is checked again");
    stage.strike().await;
}
