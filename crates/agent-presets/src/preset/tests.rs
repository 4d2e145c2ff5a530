//! Presets that are compiled in, and what is wrong with others.

use super::*;

#[test]
fn every_preset_that_is_compiled_in_can_be_read() {
    for name in Preset::names() {
        let preset = Preset::named(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(preset.name, name);
        let json = serde_json::to_string(&preset).unwrap();
        assert_eq!(serde_json::from_str::<Preset>(&json).unwrap(), preset);
    }
    let error = Preset::named("clippy").unwrap_err().to_string();
    assert!(error.contains("`claude`") && error.contains("a file of your own"), "{error}");
}

/// The error for the Claude preset with one text replaced.
fn fault(from: &str, to: &str) -> String {
    let text = include_str!("../../presets/claude.toml");
    assert!(text.contains(from), "{from}");
    Preset::parse(&text.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn a_fault_names_its_key_and_what_to_write() {
    let cases = [
        ("name = \"claude\"", "name = \"my agent\"", "`name` has to be of letters"),
        ("program = ", "programme = ", "unknown field `programme`"),
        ("refusal_status = 402", "refusal_status = 429", "402 or 400 stop most"),
        ("{key}", "{secret}", "`env.ANTHROPIC_API_KEY` names `{secret}`, which is nothing; there are `{base_url}`"),
        ("{base_url}", "{model}", "set `needs_model = true`"),
        ("\"{session}\"", "\"last\"", "`run.resume` names no `{session}`"),
        ("keep = [\"", "keep = [\"../", "has to be relative and stay in the home"),
        ("form = \"lines\"", "form = \"xml\"", "unknown variant `xml`"),
        ("emit = \"message\"", "emit = \"words\"", "unknown variant `words`"),
    ];
    for (from, to, told) in cases {
        let error = fault(from, to);
        assert!(error.contains(told), "{to}: {error}");
    }
}

#[test]
fn a_missing_model_or_program_is_told_before_the_run() {
    let error = Preset::named("opencode").unwrap().check(None).unwrap_err().to_string();
    assert!(error.contains("`model` is missing"), "{error}");
    let error = Preset::named("acp").unwrap().check(None).unwrap_err().to_string();
    assert!(error.contains("name the agent's program"), "{error}");
    let acp = Preset::named("acp").unwrap().with_program("gemini", &["--acp".into()]);
    assert!(acp.check(None).is_ok() && acp.run.args == ["--acp"]);
}

#[test]
fn the_version_is_found_in_what_programs_print() {
    let printed = [
        "2.1.332 (Claude Code)",
        "codex-cli 0.171.0",
        "1.18.33\n",
        "GitHub Copilot CLI 1.0.102.\nRun",
        "aider v0.86.2",
    ];
    let found: Vec<_> = printed.iter().filter_map(|output| Version::in_output(output)).collect();
    assert_eq!(found, ["2.1.332", "0.171.0", "1.18.33", "1.0.102", "0.86.2"]);
}
