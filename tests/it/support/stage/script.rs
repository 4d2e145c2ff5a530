//! The script of the scripted agent.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

const AGENT: &str = include_str!("agent.py");
/// The placeholder for the script in the agent's program.
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

/// A try that writes its instructions to this file, and these files.
pub(crate) fn keep<const N: usize>(path: &str, files: [(&str, &str); N]) -> Value {
    let mut act = write(files);
    act["keep"] = json!(path);
    act
}

/// Writes the agent with its script into a folder.
pub(crate) fn agent(folder: &Path, script: &Value) -> PathBuf {
    let path = folder.join("agent.py");
    // A JSON text inside a JSON string is also a valid Python string.
    let text = AGENT.replace(PLACE, &Value::String(script.to_string()).to_string());
    std::fs::write(&path, text).unwrap();
    // Agents run as another user.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Lets the agents continue that wait for this word. They read it from the program that they run from, which is the
/// only file of the test that they can see in the sandbox.
pub(super) fn say(agent: &Path, word: &str) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().append(true).open(agent).unwrap();
    write!(file, "\n# go: {word}\n").unwrap();
}
