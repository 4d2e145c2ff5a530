//! Runs one task: writes its files, starts the agent, reads its result.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_presets::{Config, Preset};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::home::StepHome;
use super::models::{Gateway, ModelAccess, ModelUse};
use super::result_file::{MAX_RESULT_BYTES, ReportedError, ResultFile};
use super::task_file::{ContextFile, TaskFile};
use crate::workspace::files;
use crate::workspace::sandbox::{Bind, Exit, HOME, Limits, Mode, Sandbox, SandboxError, SandboxRun};
use crate::workspace::secrets::{self, Blots};
use adjutant_domain::failure::Failure;
use adjutant_domain::network::{Network, RefusedHost};

/// The folder with the task file in the sandbox.
const TASK: &str = "/work/task";
/// The folder for the result file in the sandbox.
const RESULT: &str = "/work/result";
const RESULT_FILE: &str = "result.json";
/// The driver's configuration, beside the task file.
const DRIVER_FILE: &str = "driver.json";
/// The hidden subcommand of our program that is the driver.
pub const DRIVER: &str = "sandbox-agent";

/// An agent as the operator configured it.
#[derive(Debug, Clone)]
pub struct AgentSpec {
    /// The name that policies use for it.
    pub name: String,
    /// The program and its arguments; not read where there is a preset.
    pub argv: Vec<String>,
    /// A program that our driver runs.
    pub preset: Option<PresetRun>,
    /// Its way to a model.
    pub models: Option<ModelAccess>,
    /// Folders that come first in its `PATH`.
    pub path: Vec<PathBuf>,
    /// What it may reach.
    pub network: Network,
    pub env: BTreeMap<String, String>,
    /// Further paths that it may read, for example its own program.
    pub readonly: Vec<Bind>,
    /// Its resource limits; `wall` is its time limit.
    pub limits: Limits,
}

/// A program that the driver runs by a preset, inside the sandbox.
#[derive(Debug, Clone)]
pub struct PresetRun {
    pub preset: Preset,
    /// The model that it is told to use.
    pub model: Option<String>,
}

/// A text by a person, or output of a check, that the agent gets as a file.
#[derive(Debug, Clone)]
pub struct ContextText {
    /// A file name, as in `issue.md`; other characters than letters, digits, `.`, `_` and `-` are replaced.
    pub name: String,
    /// The author of the text.
    pub written_by: String,
    pub text: String,
}

/// One task to run.
#[derive(Debug, Clone)]
pub struct AgentJob {
    pub workdir: PathBuf,
    /// A folder of this task beside the clone, for the task's files and the agent's home. The home is kept, so that a
    /// later run of the same task can resume a session.
    pub folder: PathBuf,
    /// The task; its `context` is filled in here.
    pub task: TaskFile,
    /// The texts for the context folder.
    pub context: Vec<ContextText>,
    /// The home of the step, for a program that can resume a session.
    pub home: Option<StepHome>,
    /// The prepared environment, which the agent sees below its files.
    pub layer: Option<PathBuf>,
    pub log: PathBuf,
    pub cancel: CancellationToken,
}

/// How a run ended, as the program reports it. Verification decides whether the work is good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AgentOutcome {
    /// It exited with 0 and left a valid result.
    Finished,
    /// It exited with another status or was ended by a signal.
    Crashed(Exit),
    /// It ended by itself, and its result names this error.
    Reported(ReportedError),
    /// It exceeded its time limit.
    TimedOut(Duration),
    /// It exceeded its output limit.
    PrintedTooMuch {
        /// Bytes.
        limit: u64,
    },
    /// It exceeded a limit on what it adds to its folders.
    WroteTooMuch {
        bytes: u64,
        files: u64,
    },
    /// It exited with 0 and wrote no result file.
    NoResult,
    /// Its result file cannot be used.
    Unreadable(String),
    Cancelled,
}

impl AgentOutcome {
    /// Why the run failed; `None` if it did not.
    pub fn failure(&self) -> Option<Failure> {
        Some(match self {
            Self::Finished => return None,
            Self::Reported(ReportedError { kind, message, retry_after }) => {
                Failure::AgentReported { kind: *kind, message: message.clone(), retry_after: *retry_after }
            }
            Self::Crashed(Exit::Code(status)) => Failure::AgentExited { status: *status },
            Self::Crashed(Exit::Signal(signal)) => Failure::AgentKilled { signal: *signal },
            Self::TimedOut(limit) => Failure::AgentTimedOut { seconds: limit.as_secs() },
            Self::PrintedTooMuch { limit } => Failure::AgentPrintedTooMuch { bytes: *limit },
            Self::WroteTooMuch { bytes, files } => Failure::AgentWroteTooMuch { bytes: *bytes, files: *files },
            Self::Crashed(Exit::DiskFull) => Failure::DiskFull,
            Self::NoResult => Failure::NoResult,
            Self::Unreadable(why) => Failure::ResultUnusable { problem: why.clone() },
            Self::Cancelled | Self::Crashed(Exit::TimedOut | Exit::OutputLimit | Exit::DiskLimit | Exit::Cancelled) => {
                Failure::AgentCancelled
            }
        })
    }
}

/// The result of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AgentRun {
    pub outcome: AgentOutcome,
    /// Its result file, if there is a valid one. It is also read after a crash, for the cost.
    pub result: Option<ResultFile>,
    /// How the process ended.
    pub exit: Exit,
    /// Wall-clock time.
    pub duration: Duration,
    pub log: PathBuf,
    /// The last lines of its output as plain text.
    pub tail: String,
    /// The hosts that it asked for and was not let through to.
    #[serde(default)]
    pub refused: Vec<RefusedHost>,
    /// What it asked of a model; `None` where it has no way to one through the gateway.
    #[serde(default)]
    pub models: Option<ModelUse>,
}

impl AgentRun {
    /// A run that was called off before the agent began.
    pub fn cancelled(log: PathBuf) -> Self {
        Self {
            outcome: AgentOutcome::Cancelled,
            result: None,
            exit: Exit::Cancelled,
            duration: Duration::ZERO,
            log,
            tail: String::new(),
            refused: Vec::new(),
            models: None,
        }
    }
}

/// Why no agent was run.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The task's files could not be written.
    #[error("the files of the task could not be written to {path}: {source}")]
    Files { path: PathBuf, source: std::io::Error },
}

/// Runs `job` with the agent `spec`. `Err` means that the agent was not started.
pub async fn run_agent(sandbox: &Sandbox, spec: &AgentSpec, job: AgentJob) -> Result<AgentRun, AgentError> {
    let task = Bind::new(job.folder.join("task"), TASK);
    let results = Bind::new(job.folder.join("result"), RESULT);
    lay_out(sandbox, &job, &task, &results).map_err(files_of(&job))?;
    let gateway = match &spec.models {
        Some(access) => Some(Gateway::open(sandbox, &spec.network, access.clone()).await.map_err(files_of(&job))?),
        None => None,
    };
    let argv = match &spec.preset {
        Some(preset) => driver(sandbox, &job, preset, gateway.as_ref(), &task).map_err(files_of(&job))?,
        None => spec.argv.clone(),
    };
    let mut run = SandboxRun::new(argv, &job.workdir, &job.log);
    run.env = environment(spec, sandbox.seen(&task), sandbox.seen(&results), gateway.as_ref());
    run.readonly.clone_from(&spec.readonly);
    run.readonly.push(task);
    run.writable.push(results.clone());
    run.network = spec.network.clone();
    run.path.clone_from(&spec.path);
    run.masked = spec.preset.iter().flat_map(|it| &it.preset.masked).map(PathBuf::from).collect();
    run.door = gateway.as_ref().map(|gateway| gateway.door.clone());
    run.shows_program = spec.preset.is_some();
    run.limits = spec.limits.clone();
    run.scratch = Some(scratch(&job));
    run.layer = job.layer;
    run.cancel = job.cancel.clone();
    let blots = Blots::new(spec.env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    run.blots = blots.clone();
    let ran = sandbox.run(run).await;
    let models = match gateway {
        Some(gateway) => Some(gateway.end().await),
        None => None,
    };
    let ran = ran?;
    if !ran.refused.is_empty() {
        let hosts: BTreeSet<&str> = ran.refused.iter().map(|refused| refused.host.as_str()).collect();
        tracing::info!(agent = spec.name, ?hosts, "the agent asked for hosts that it may not reach; they were refused");
    }
    // This keeps an agent from publishing a credential by mistake. It does not stop one that does so on purpose.
    let clean = |text: &str| secrets::redact(&blots.text(text));
    let mut left = read_result(&results.host.join(RESULT_FILE));
    if let Ok(Some(result)) = &mut left {
        result.clean(&clean);
    }
    let outcome = outcome(ran.exit, &left, &spec.limits);
    if let Some(home) = &job.home {
        let session = left.as_ref().ok().and_then(|result| result.as_ref()?.session.as_deref());
        home.keep(session, spec.preset.as_ref().map_or(&[], |it| &it.preset.home.keep));
    }
    // What the gateway saw outranks what a program says of it.
    let outcome = match models.as_ref().and_then(ModelUse::reason) {
        Some(reason) if outcome != AgentOutcome::Finished && outcome != AgentOutcome::Cancelled => {
            AgentOutcome::Reported(reason)
        }
        _ => outcome,
    };
    Ok(AgentRun {
        outcome,
        result: left.ok().flatten(),
        exit: ran.exit,
        duration: ran.duration,
        log: job.log,
        tail: clean(&ran.tail),
        refused: ran.refused.into_iter().map(|it| RefusedHost { host: clean(&it.host), ..it }).collect(),
        models,
    })
}

fn files_of(job: &AgentJob) -> impl Fn(std::io::Error) -> AgentError + use<> {
    let path = job.folder.clone();
    move |source| AgentError::Files { path: path.clone(), source }
}

/// The folder with the run's home.
fn scratch(job: &AgentJob) -> PathBuf {
    job.home.as_ref().map_or_else(|| job.folder.join("scratch"), |home| home.folder().to_owned())
}

/// Writes the driver's configuration. Returns the command that starts the driver.
fn driver(
    sandbox: &Sandbox,
    job: &AgentJob,
    PresetRun { preset, model }: &PresetRun,
    gateway: Option<&Gateway>,
    task: &Bind,
) -> std::io::Result<Vec<String>> {
    let config = Config {
        preset: preset.clone(),
        model: model.clone(),
        base_url: gateway.map(Gateway::url).unwrap_or_default(),
        key: gateway.map(|gateway| gateway.key.clone()).unwrap_or_default(),
        max_output_tokens: gateway.map_or(0, Gateway::max_output),
        session: job.home.as_ref().and_then(StepHome::session),
        home: match sandbox.mode() {
            Mode::Bubblewrap => PathBuf::from(HOME),
            Mode::None => scratch(job).join("home"),
        },
    };
    write(&task.host.join(DRIVER_FILE), &serde_json::to_vec(&config)?)?;
    let file = sandbox.seen(task).join(DRIVER_FILE);
    Ok(vec![sandbox.program().display().to_string(), DRIVER.to_owned(), file.display().to_string()])
}

fn outcome(exit: Exit, left: &Result<Option<ResultFile>, String>, limits: &Limits) -> AgentOutcome {
    let reported = left.as_ref().ok().and_then(|result| result.as_ref()?.error.clone());
    if let (Exit::Code(_) | Exit::Signal(_), Some(error)) = (exit, reported) {
        return AgentOutcome::Reported(error);
    }
    match (exit, left) {
        (Exit::TimedOut, _) => AgentOutcome::TimedOut(limits.wall),
        (Exit::OutputLimit, _) => AgentOutcome::PrintedTooMuch { limit: limits.output_bytes },
        (Exit::DiskLimit, _) => AgentOutcome::WroteTooMuch { bytes: limits.disk_bytes, files: limits.files },
        (Exit::Cancelled, _) => AgentOutcome::Cancelled,
        (Exit::Code(0), Ok(Some(_))) => AgentOutcome::Finished,
        (Exit::Code(0), Ok(None)) => AgentOutcome::NoResult,
        (Exit::Code(0), Err(why)) => AgentOutcome::Unreadable(why.clone()),
        (Exit::Code(_) | Exit::Signal(_) | Exit::DiskFull, _) => AgentOutcome::Crashed(exit),
    }
}

fn environment(spec: &AgentSpec, task: &Path, results: &Path, gateway: Option<&Gateway>) -> BTreeMap<String, String> {
    let mut env = spec.env.clone();
    if let Some(gateway) = gateway {
        env.insert("ADJUTANT_MODEL_URL".to_owned(), gateway.url());
        env.insert("ADJUTANT_MODEL_KEY".to_owned(), gateway.key.clone());
    }
    env.insert("ADJUTANT_TASK_FILE".to_owned(), task.join("task.json").display().to_string());
    env.insert("ADJUTANT_RESULT_FILE".to_owned(), results.join(RESULT_FILE).display().to_string());
    env
}

/// Writes the task's files again. Only the home of an earlier run stays.
fn lay_out(sandbox: &Sandbox, job: &AgentJob, task: &Bind, results: &Bind) -> std::io::Result<()> {
    for folder in [&task.host, &results.host] {
        files::discard(folder)?;
        make(folder)?;
    }
    let context = task.host.join("context");
    make(&context)?;
    let mut listed = Vec::new();
    for (index, text) in job.context.iter().enumerate() {
        // Numbered, so that two texts of the same name do not overwrite each other.
        let file = format!("{:02}-{}", index + 1, plain_name(&text.name));
        write(&context.join(&file), text.text.as_bytes())?;
        listed.push(ContextFile {
            name: text.name.clone(),
            path: sandbox.seen(task).join("context").join(file).display().to_string(),
            written_by: text.written_by.clone(),
        });
    }
    let task_file = TaskFile { context: listed, ..job.task.clone() };
    write(&task.host.join("task.json"), &serde_json::to_vec_pretty(&task_file)?)
}

/// Creates a folder that the sandbox's user, who is not ours, can read whatever our umask is.
fn make(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    fs::write(path, content)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

fn plain_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    name.chars().take(80).map(plain).collect()
}

/// The result file, `None` if there is none. Only a regular file is opened: a symlink could point to one of our files,
/// and a pipe would block. The processes that could replace it have ended.
fn read_result(path: &Path) -> Result<Option<ResultFile>, String> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if metadata.permissions().mode() & 0o400 == 0 {
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_RESULT_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    ResultFile::parse(&bytes).map(Some)
}

#[cfg(test)]
mod tests;
