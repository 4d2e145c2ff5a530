//! What the scripted agent is told to do, in the words of a test.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

const AGENT: &str = include_str!("agent.py");
/// Where the agent's program holds its script.
const PLACE: &str = "\"@SCRIPT@\"";

/// A planner's answer with these steps.
pub(crate) fn plan<const N: usize>(steps: [Value; N]) -> Value {
    json!({ "plan": { "rationale": "As the test says.", "steps": Vec::from(steps) } })
}

/// A step of a plan that implements something.
pub(crate) fn step(name: &str, after: &[&str]) -> Value {
    step_of("implement", name, after)
}

/// A step of any type.
pub(crate) fn step_of(kind: &str, name: &str, after: &[&str]) -> Value {
    json!({ "name": name, "type": kind, "description": format!("Do {name}."), "depends_on": after })
}

/// A try that writes these files.
pub(crate) fn write<const N: usize>(files: [(&str, &str); N]) -> Value {
    let files: serde_json::Map<String, Value> =
        files.into_iter().map(|(path, text)| (path.to_owned(), json!(text))).collect();
    json!({ "write": files })
}

/// A try that writes what it was told into this file, beside these.
pub(crate) fn keep<const N: usize>(path: &str, files: [(&str, &str); N]) -> Value {
    let mut act = write(files);
    act["keep"] = json!(path);
    act
}

/// Writes the agent with its script into a folder.
pub(super) fn agent(folder: &Path, script: &Value) -> PathBuf {
    let path = folder.join("agent.py");
    // A JSON text in a JSON string is a string of Python's too.
    let text = AGENT.replace(PLACE, &Value::String(script.to_string()).to_string());
    std::fs::write(&path, text).unwrap();
    // Agents run as nobody in particular.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Tells the agents that wait for this word to go on. They see it in the program that they run from: it is the only
/// file of ours that reaches into the sandbox.
pub(super) fn say(agent: &Path, word: &str) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().append(true).open(agent).unwrap();
    write!(file, "\n# go: {word}\n").unwrap();
}
