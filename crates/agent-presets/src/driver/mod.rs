//! The driver: runs one program inside the sandbox and speaks the agent protocol for it.
//!
//! It is started in place of the agent, with the path of its configuration ([`Config`]). It reads the task file named by
//! `ADJUTANT_TASK_FILE`, prepares the home, starts the program with the prompt, prints the transcript while the program
//! works, and writes the result file named by `ADJUTANT_RESULT_FILE` at the end. What it prints on standard error is the
//! program's own standard error.
//!
//! A session that cannot be resumed is begun afresh, once. Everything is synchronous; a thread each reads standard
//! output and standard error and feeds standard input, and no queue between them is unbounded.

mod acp;
mod config;
mod home;
mod process;
mod result;
mod session;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

pub use config::{Config, ConfigError, Task, TaskKind};

use crate::answer;
use crate::failure::RunError;
use crate::preset::{Form, Prompt};
use crate::reader::Findings;
use crate::schema;
use crate::transcript::Entry;
use home::Prepared;
use session::Before;

/// Runs the program of a configuration, and exits with 0 if it did its task, else with 1.
pub fn run(config: &Path) -> ExitCode {
    let (config, task) = match Config::read(config).and_then(|config| Ok((config, Task::read()?))) {
        Ok(read) => read,
        Err(error) => {
            show(&Entry::Error { message: error.to_string() });
            let _ = result::write_error(&RunError::tool(error.to_string()));
            return ExitCode::FAILURE;
        }
    };
    let mut ran = attempt(&config, &task, config.session.as_deref().or(task.session.as_deref()));
    if ran.session_missing {
        show(&Entry::Error { message: "The earlier session cannot be resumed; a new one begins.".to_owned() });
        ran = attempt(&config, &task, None);
    }
    let failed = ran.error.is_some();
    if let Some(error) = &ran.error {
        show(&Entry::Error { message: error.message.clone() });
    }
    match result::write(&task, &ran) {
        Ok(()) if !failed => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            show(&Entry::Error { message: format!("The result file could not be written: {error}") });
            ExitCode::FAILURE
        }
    }
}

/// What came of starting the program once.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) findings: Findings,
    /// Why it counts as failed.
    pub(crate) error: Option<RunError>,
    /// The session to resume is not there.
    pub(crate) session_missing: bool,
}

fn attempt(config: &Config, task: &Task, session: Option<&str>) -> Ran {
    let resumes = !config.preset.run.resume.is_empty() || config.preset.output.form == Form::Acp;
    let session = session.filter(|_| resumes);
    let schema = task.schema();
    let structured = schema.is_some() && !config.preset.run.structured.is_empty();
    let prompt = prompt(task, schema.as_ref(), structured, session.is_some());
    let prepared = match Prepared::new(config, session, schema.filter(|_| structured).as_ref(), &prompt) {
        Ok(prepared) => prepared,
        Err(error) => {
            let words = format!("The home {} could not be prepared: {error}", config.home.display());
            return Ran { error: Some(RunError::tool(words)), ..Ran::default() };
        }
    };
    let before = Before::load(&config.home, session);
    let mut ran = match config.preset.output.form {
        Form::Acp => acp::run(config, &prepared, session, &prompt),
        Form::Lines | Form::Document | Form::Text => {
            let input = if config.preset.run.prompt == Prompt::Stdin { prompt.as_str() } else { "" };
            process::run(config, &prepared, session, input)
        }
    };
    before.settle(&config.preset, &config.home, &mut ran.findings);
    ran
}

/// The task's instructions, what came before where no session holds it, and how to hand in.
fn prompt(task: &Task, schema: Option<&Value>, structured: bool, resumed: bool) -> String {
    let mut sections = vec![task.instructions.trim_end().to_owned()];
    if let Some(summary) = task.session_summary.as_deref().filter(|summary| !resumed && !summary.trim().is_empty()) {
        let quoted: Vec<String> =
            summary.trim().lines().map(|line| format!("> {line}").trim_end().to_owned()).collect();
        sections.push(format!("## What you did before\n\nThe last words of the run before:\n\n{}", quoted.join("\n")));
    }
    sections.push(answer::how_to_hand_in(task, schema, structured));
    sections.join("\n\n") + "\n"
}

/// Prints an entry of the transcript. A closed standard output is nobody's fault here, and the run goes on.
fn show(entry: &Entry) {
    if let Ok(mut line) = serde_json::to_vec(&entry.clone().bounded()) {
        line.push(b'\n');
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}

impl Task {
    /// The strict schema of what is to be handed in as JSON.
    fn schema(&self) -> Option<Value> {
        match self.kind {
            TaskKind::Plan => self.plan_schema.as_ref().map(schema::strict),
            TaskKind::Judge => Some(schema::strict(&schema::judgement_schema())),
            TaskKind::Step | TaskKind::Rework => None,
        }
    }
}

#[cfg(test)]
mod tests;
