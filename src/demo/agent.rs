//! The demo's agent: a program that implements the agent protocol and really edits files.
//!
//! It knows only one issue, and behaves as real agents do. It gets a factor wrong and fixes it when the test fails,
//! forgets the documentation, and follows a reviewer's comments.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use serde::Deserialize;
use serde_json::{Value, json};

const LENGTH: &str = include_str!("work/length.rs");
const TRIPLE: &str = include_str!("work/triple.rs");
const DIMENSION: &str = include_str!("work/dimension.rs");
const PROOF: &str = include_str!("work/dimensions.rs");

/// The fields of the task file that the agent uses.
#[derive(Debug, Deserialize)]
struct Task {
    kind: String,
    step: Option<Step>,
    context: Vec<Context>,
}

#[derive(Debug, Deserialize)]
struct Step {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Context {
    name: String,
    path: String,
}

/// Runs one task as `ADJUTANT_TASK_FILE` says, in the current folder.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    let task: Task = serde_json::from_slice(&fs::read(env::var("ADJUTANT_TASK_FILE")?)?)?;
    let result = match (task.kind.as_str(), &task.step) {
        ("plan", _) => json!({ "summary": "Planned five steps.", "plan": plan(), "cost_usd": 0.04 }),
        (kind, Some(step)) => {
            let asked = said(&task.context)?;
            let summary = work(&step.name, kind == "rework", &asked)?;
            json!({ "summary": summary, "cost_usd": 0.11, "usage": { "input_tokens": 5200, "output_tokens": 900 } })
        }
        (kind, None) => return Err(format!("a task of kind {kind} needs a step").into()),
    };
    fs::write(env::var("ADJUTANT_RESULT_FILE")?, result.to_string())?;
    Ok(())
}

/// The comments of verifiers and people on the last try.
fn said(context: &[Context]) -> Result<String, Box<dyn Error>> {
    match context.iter().find(|file| file.name == "rework.md") {
        Some(file) => Ok(fs::read_to_string(&file.path)?),
        None => Ok(String::new()),
    }
}

fn plan() -> Value {
    let step = |name, kind, description, after: &[&str], requirements: &[&str], criteria: &[&str]| {
        json!({ "name": name, "type": kind, "description": description, "depends_on": after,
                "requirements": requirements, "criteria": criteria })
    };
    json!({
        "rationale": "Numbers with units and the three-part form do not know of each other; a dimension needs both.",
        "steps": [
            step("length", "implement", "Read a length in mm or cm.", &[], &["R1"], &[]),
            step("triple", "implement", "Take the form `AxBxC` apart.", &[], &["R1"], &[]),
            step("dimension", "implement", "Read and print dimensions.", &["length", "triple"], &["R1", "R2"], &[]),
            step("prove", "test", "Prove the acceptance criteria by tests.", &["dimension"], &[], &["A1", "A2", "A3"]),
            step("explain", "document", "Say in the README what can be read now.", &["dimension"], &["R2"], &[]),
        ]
    })
}

/// Does a step in the current folder, and returns a summary.
fn work(step: &str, again: bool, asked: &str) -> Result<&'static str, Box<dyn Error>> {
    match step {
        "length" => {
            // The first try has a wrong factor, which its own test detects.
            let text = if again { LENGTH.to_owned() } else { LENGTH.replace("(\"cm\", 10)", "(\"cm\", 100)") };
            module("length", "Length", &text)?;
            Ok("Lengths are read in mm and cm and kept in whole millimetres.")
        }
        "triple" => {
            fs::write("src/triple.rs", TRIPLE)?;
            declare("mod quantity;", "mod triple;")?;
            Ok("The form `AxBxC` is taken apart into its three sizes.")
        }
        "dimension" if again => {
            let name = wanted_name(asked).unwrap_or("volume");
            let documented = format!("    /// The volume in cubic millimetres.\n    pub fn {name}(");
            let text = DIMENSION.replace("    pub fn vol(", &documented).replace(".vol()", &format!(".{name}()"));
            fs::write("src/dimension.rs", text)?;
            let triple = fs::read_to_string("src/triple.rs")?;
            let documented = "/// The three sizes of a text such as `20x30x5`.\npub fn three(";
            fs::write("src/triple.rs", triple.replace("\npub fn three(", &format!("\n{documented}")))?;
            Ok("Every public function is documented, and the volume has the name that was asked for.")
        }
        "dimension" => {
            module("dimension", "Dimension", DIMENSION)?;
            Ok("Dimensions such as `20x30x5 mm` are read, printed in millimetres, and have a volume.")
        }
        "prove" => {
            fs::write("tests/dimensions.rs", PROOF)?;
            Ok("One test for each acceptance criterion.")
        }
        "explain" => {
            let row = "| `20x30x5 mm`, `2x3x0.5 cm` | `Dimension`, always printed in millimetres |";
            let line = "| `3 dozen of flange-bracket` | `Line`, one line of an order |";
            edit("README.md", line, &format!("{line}\n{row}"))?;
            Ok("The README's table says what a dimension looks like.")
        }
        other => Err(format!("the demo's agent knows no step `{other}`").into()),
    }
}

/// The name in backquotes after the words "call it".
fn wanted_name(asked: &str) -> Option<&str> {
    let (_, after) = asked.split_once("call it `")?;
    let (name, _) = after.split_once('`')?;
    name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_').then_some(name)
}

/// Adds a module with one public type to the library, after the previous module and type.
fn module(name: &str, public: &str, text: &str) -> Result<(), Box<dyn Error>> {
    fs::write(Path::new("src").join(format!("{name}.rs")), text)?;
    declare("mod error;", &format!("mod {name};"))?;
    declare("pub use error::ParseError;", &format!("pub use {name}::{public};"))
}

/// Adds a line after another in the library's root.
fn declare(after: &str, line: &str) -> Result<(), Box<dyn Error>> {
    edit("src/lib.rs", after, &format!("{after}\n{line}"))
}

/// Replaces the first occurrence of a text in a file. A file that has the new text already stays as it is.
fn edit(path: &str, old: &str, new: &str) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    if text.contains(new) {
        return Ok(());
    }
    if !text.contains(old) {
        return Err(format!("{path} has no line `{old}`").into());
    }
    fs::write(path, text.replacen(old, new, 1))?;
    Ok(())
}
