//! The driver with small programs that misbehave on purpose.

use std::fs;

use agent_presets::{Entry, ErrorKind, Preset};
use scripted_model::Script;
use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};

/// A preset whose program is a shell script.
fn preset(script: &str) -> Preset {
    let mut preset = Preset::named("claude").unwrap();
    preset.program = "sh".to_owned();
    preset.run.args = vec!["-c".to_owned(), script.to_owned(), "sh".to_owned(), "{structured_args}".to_owned()];
    preset.run.resume = vec!["-c".to_owned(), script.to_owned(), "{session}".to_owned()];
    preset
}

fn task() -> Value {
    json!({ "kind": "step", "instructions": "# Do it", "step": { "contract": "change" }, "session_summary": "I was there." })
}

fn run(preset: &Preset, session: Option<&str>) -> Option<(Sandbox, Run)> {
    let sandbox = Sandbox::new(String::new())?;
    let run = sandbox.run(preset, None, session, &task(), &Script::default());
    Some((sandbox, run))
}

const DONE: &str = r#"echo '{"type":"result","is_error":false,"result":"Done.","session_id":"s1"}'"#;

#[test]
fn a_program_gets_prompt_home_and_environment_and_hands_in_a_result() {
    let script = format!("cat > prompt; env > env; echo 'a warning' >&2; touch $HOME/.claude.json; {DONE}");
    let Some((sandbox, run)) = run(&preset(&script), None) else { return };
    assert_eq!((run.status, run.result.summary.as_str()), (Some(0), "Done."), "{}", run.printed);
    assert_eq!(run.result.session.as_deref(), Some("s1"));
    let prompt = fs::read_to_string(sandbox.tree("prompt")).unwrap();
    assert!(
        prompt.starts_with("# Do it\n\n## What you did before") && prompt.contains("## How to hand in"),
        "{prompt}"
    );
    let env = fs::read_to_string(sandbox.tree("env")).unwrap();
    assert!(env.contains("ANTHROPIC_BASE_URL=http://127.0.0.1:") && env.contains("ANTHROPIC_API_KEY=dummy"), "{env}");
    assert!(env.contains("CLAUDE_CODE_MAX_OUTPUT_TOKENS=16000") && !env.contains("ADJUTANT_RESULT_FILE"), "{env}");
    assert!(run.printed.contains("a warning"));
}

#[test]
fn no_exit_status_is_believed() {
    let cases = [
        ("exit 0", ErrorKind::Tool, "without saying that it is done"),
        ("echo 'API Error: 529 overloaded' >&2; exit 7", ErrorKind::Overloaded, "exit status: 7"),
        (r#"echo '{"type":"result","is_error":true,"api_error_status":401,"result":"No."}'"#, ErrorKind::Auth, "No."),
        (r#"echo '{"type":"result","is_error":false,"result":""}'"#, ErrorKind::Tool, "without a last message"),
        ("kill -SEGV $$", ErrorKind::Tool, "signal: 11"),
    ];
    for (script, kind, words) in cases {
        let Some((_, run)) = run(&preset(script), None) else { return };
        let error = run.result.error.unwrap();
        assert!(error.kind == kind && error.message.contains(words), "{script}: {error:?}");
        assert_eq!(run.status, Some(1), "{script}");
        assert!(run.transcript.iter().any(|entry| matches!(entry, Entry::Error { .. })));
    }
}

#[test]
fn a_missing_program_is_told_with_the_remedy() {
    let mut missing = preset("");
    missing.program = "no-such-agent".to_owned();
    let Some((_, run)) = run(&missing, None) else { return };
    let error = run.result.error.unwrap();
    assert!(error.message.contains("`no-such-agent` is not in the sandbox's PATH. Install Claude Code"), "{error:?}");
}

#[test]
fn hostile_output_fills_no_memory_and_hides_no_result() {
    let script = format!(
        r#"head -c 30000000 /dev/zero; echo; head -c 3000000 /dev/urandom; echo; echo '{{"type":'; printf 'a\0b\n'; {DONE}"#
    );
    let Some((_, run)) = run(&preset(&script), None) else { return };
    assert_eq!((run.status, run.result.summary.as_str()), (Some(0), "Done."));
    let told =
        run.transcript.iter().any(|it| matches!(it, Entry::Error { message } if message.contains("30000000 bytes")));
    assert!(told && run.printed.lines().all(|line| line.len() < 200_000), "a line is too long");
}

#[test]
fn a_process_that_is_left_behind_is_not_waited_for() {
    let script = format!("sleep 1000 & {DONE}");
    let Some((_, run)) = run(&preset(&script), None) else { return };
    assert_eq!((run.status, run.result.summary.as_str()), (Some(0), "Done."), "{}", run.printed);
}

#[test]
fn a_session_that_is_gone_is_begun_afresh_once() {
    let script = format!(
        r#"echo "$0" >> calls; cat > "prompt-$0"; case $0 in old) echo 'No conversation found with session ID: old' >&2; exit 1;; esac; {DONE}"#
    );
    let Some((sandbox, run)) = run(&preset(&script), Some("old")) else { return };
    assert_eq!((run.status, run.result.session.as_deref()), (Some(0), Some("s1")), "{}", run.printed);
    assert_eq!(fs::read_to_string(sandbox.tree("calls")).unwrap(), "old\nsh\n");
    assert!(!fs::read_to_string(sandbox.tree("prompt-old")).unwrap().contains("I was there."));
    assert!(fs::read_to_string(sandbox.tree("prompt-sh")).unwrap().contains("> I was there."));
}

#[test]
fn what_a_run_leaves_in_its_home_configures_no_later_run() {
    let Some(sandbox) = Sandbox::new(String::new()) else { return };
    let leaves = format!(
        "mkdir -p $HOME/.claude/projects; echo x > $HOME/.claude/settings.json; echo x > $HOME/.claude/projects/s; {DONE}"
    );
    sandbox.run(&preset(&leaves), None, None, &task(), &Script::default());
    assert!(sandbox.home(".claude/settings.json").exists());
    sandbox.run(&preset(DONE), None, None, &task(), &Script::default());
    assert!(!sandbox.home(".claude/settings.json").exists() && sandbox.home(".claude/projects/s").exists());
}

#[test]
fn a_program_that_prints_text_fails_by_its_words() {
    let mut text = Preset::named("aider").unwrap();
    text.needs_model = false;
    text.program = "sh".to_owned();
    text.run.args = vec!["-c".to_owned(), "cat \"$0\" > prompt; echo \"$SAID\"".to_owned()];
    for (said, kind) in [
        ("All is done.", None),
        ("litellm.AuthenticationError: no", Some(ErrorKind::Auth)),
        ("litellm.BadRequestError: Adjutant: the budget\ndoes not cover this request", Some(ErrorKind::Budget)),
    ] {
        text.env.insert("SAID".to_owned(), said.to_owned());
        let Some((sandbox, run)) = run(&text, None) else { return };
        assert_eq!(run.result.error.map(|error| error.kind), kind, "{}", run.printed);
        assert!(kind.is_some() || run.result.summary == said);
        assert!(fs::read_to_string(sandbox.tree("prompt")).unwrap().starts_with("# Do it"));
    }
}

#[test]
fn an_unusable_configuration_is_told_in_the_result() {
    let mut broken = preset(DONE);
    broken.program = String::new();
    let Some((_, run)) = run(&broken, None) else { return };
    assert_eq!(run.status, Some(1));
    assert!(run.result.error.unwrap().message.contains("name the agent's program"));
}
