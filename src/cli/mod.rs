//! `adjutant directive`, `adjutant queue`, `adjutant calibration` and `adjutant costs`: the operator's view of the database.
//!
//! In: the arguments, the settings that say where state is kept, and a writer. Out: text for a terminal, or JSON. The
//! commands work beside a running `serve` and without one: a private Postgres that does not run is started for the
//! duration of the command. Connections are read-only, except for `queue retry` and `queue drop`.
//!
//! In texts of people and agents, control characters are made visible, so that an issue's title cannot move the
//! terminal's cursor.
//!
//! What never happens here: a directive's state is not changed, GitHub is not called, and GitHub's settings are not
//! needed.

mod calibration;
mod chain;
mod costs;
mod database;
mod events;
mod find;
mod list;
mod logs;
mod queue;
mod show;
mod text;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;
use adjutant_domain::event::Severity;
pub use calibration::{CalibrationArgs, calibration};
pub use costs::{CostsArgs, costs};
use database::Opened;
pub use queue::{QueueArgs, queue};

/// The arguments of `adjutant directive`.
#[derive(Debug, Args)]
pub struct DirectiveArgs {
    #[command(subcommand)]
    what: DirectiveCommand,
    /// The TOML file with settings, in place of the one that `ADJUTANT_CONFIG` names
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum DirectiveCommand {
    /// List directives, newest first
    List(ListArgs),
    /// Show one: its limits, its chain, what waits for people
    Show(ShowArgs),
    /// Show the history of one
    Events(EventsArgs),
    /// Show what an agent printed: of the newest task, unless another is named
    Logs(LogsArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Also those that have ended
    #[arg(long)]
    all: bool,
    /// Only those of this repository: NAME or OWNER/NAME
    #[arg(long, value_name = "REPO")]
    repo: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// Which: its id, #ISSUE or REPO#ISSUE (the newest), REPO#ISSUE-N (its n-th)
    #[arg(value_name = "DIRECTIVE")]
    directive: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct LogsArgs {
    /// Which: its id, #ISSUE or REPO#ISSUE (the newest), REPO#ISSUE-N (its n-th)
    #[arg(value_name = "DIRECTIVE")]
    directive: String,
    /// Only of this step; `plan` for planning
    #[arg(value_name = "STEP")]
    step: Option<String>,
    /// Of this task: its number, or the beginning of its id, as `show` lists them
    #[arg(long, value_name = "ID")]
    task: Option<String>,
}

#[derive(Debug, Args)]
struct EventsArgs {
    /// Which: its id, #ISSUE or REPO#ISSUE (the newest), REPO#ISSUE-N (its n-th)
    #[arg(value_name = "DIRECTIVE")]
    directive: String,
    /// Keep printing new events until ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// As JSON, an object a line
    #[arg(long)]
    json: bool,
    /// Only events of this severity and above: info, warning or error
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = severity)]
    severity: Severity,
}

fn severity(word: &str) -> Result<Severity, String> {
    Severity::parse(word).ok_or_else(|| "the levels are info, warning and error".to_owned())
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The operator has to fix something: settings, or the database.
    #[error("{0}")]
    Operator(String),
    /// There is no such directive, or the output could not be written.
    #[error("{0}")]
    Work(String),
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::Operator(error.to_string())
    }
}

/// Why a command ended early.
enum Ended {
    Failed(CliError),
    /// The reader closed the pipe, as `… | head` does.
    Unread,
}

impl<E: Into<CliError>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::Failed(CliError::Work(format!("cannot write: {error}"))),
        }
    }
}

/// Runs the command, writing to `out` until it is done or `stop` is cancelled.
pub async fn directive(
    args: &DirectiveArgs,
    variables: Vec<(String, String)>,
    out: &mut impl Write,
    stop: &CancellationToken,
) -> Result<(), CliError> {
    let opened = Opened::open(variables, args.config.as_deref()).await?;
    let outcome = until(run(&args.what, &opened, out), stop).await;
    opened.close().await?;
    outcome
}

/// Runs a command until it is done, `stop` is cancelled or nobody reads any more what it writes.
async fn until(work: impl Future<Output = Result<(), Ended>>, stop: &CancellationToken) -> Result<(), CliError> {
    let outcome = tokio::select! {
        outcome = work => outcome,
        () = stop.cancelled() => Ok(()),
    };
    match outcome {
        Ok(()) | Err(Ended::Unread) => Ok(()),
        Err(Ended::Failed(error)) => Err(error),
    }
}

async fn run(what: &DirectiveCommand, opened: &Opened, out: &mut impl Write) -> Result<(), Ended> {
    let store = &opened.store;
    match what {
        DirectiveCommand::List(args) => list::list(args, store, out).await?,
        DirectiveCommand::Show(args) => show::show(args, store, out).await?,
        DirectiveCommand::Events(args) => events::events(args, store, out).await?,
        DirectiveCommand::Logs(args) => logs::logs(args, store, out).await?,
    }
    Ok(out.flush()?)
}
