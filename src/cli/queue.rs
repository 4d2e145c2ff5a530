//! `adjutant queue`: the rows of inbox and outbox, and operations on a row that is stuck.
//!
//! In: the arguments, the settings that say where state is kept, and a writer. Out: text for a terminal, or JSON. The
//! commands work beside a running `serve`, which sees the changes by itself. They never do a row's work.

use std::io::Write;
use std::path::PathBuf;

use chrono::Utc;
use clap::{Args, Subcommand};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::database::Opened;
use super::text::{age, cut, plain, table, time};
use super::{CliError, Ended, until};
use crate::report::words::{count, unavailable};
use crate::store::Store;
use crate::store::operator::{Operated, QueueEntry};

/// The longest reason in a table, in characters.
const REASON: usize = 80;

/// The arguments of `adjutant queue`.
#[derive(Debug, Args)]
pub struct QueueArgs {
    #[command(subcommand)]
    what: QueueCommand,
    /// The TOML file with settings, in place of the one that `ADJUTANT_CONFIG` names
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// List deliveries and effects that failed or wait for another try, oldest first
    List(QueueListArgs),
    /// Show one row with its payload
    Show(RowArgs),
    /// Retry one: it is due at once, and its counters are reset
    Retry(RowArgs),
    /// Drop one permanently; a directive that waits for it continues as after a failure
    Drop(RowArgs),
}

#[derive(Debug, Args)]
struct QueueListArgs {
    /// Also those that are queued or claimed, and those that were dropped
    #[arg(long)]
    all: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct RowArgs {
    /// Which: an effect's key or a delivery's GUID, as `list` and the log show it
    #[arg(value_name = "KEY")]
    key: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command, writing to `out` until it is done or `stop` is cancelled.
pub async fn queue(
    args: &QueueArgs,
    variables: Vec<(String, String)>,
    out: &mut impl Write,
    stop: &CancellationToken,
) -> Result<(), CliError> {
    let changes = matches!(args.what, QueueCommand::Retry(_) | QueueCommand::Drop(_));
    let opened = if changes {
        Opened::open_to_write(variables, args.config.as_deref()).await?
    } else {
        Opened::open(variables, args.config.as_deref()).await?
    };
    let outcome = until(run(&args.what, &opened.store, out), stop).await;
    opened.close().await?;
    outcome
}

async fn run(what: &QueueCommand, store: &Store, out: &mut impl Write) -> Result<(), Ended> {
    match what {
        QueueCommand::List(args) => list(args, store, out).await?,
        QueueCommand::Show(args) => show(args, store, out).await?,
        QueueCommand::Retry(args) => {
            changed(args, "is tried again", store.retry_entry(&args.key).await?, out)?;
        }
        QueueCommand::Drop(args) => {
            changed(args, "was dropped", store.drop_entry(&args.key, "dropped by an operator").await?, out)?;
        }
    }
    Ok(out.flush()?)
}

async fn list(args: &QueueListArgs, store: &Store, out: &mut impl Write) -> Result<(), Ended> {
    let entries = store.queue_entries(args.all).await?;
    if !args.json {
        for paused in store.paused_agents().await? {
            let (agent, until) = (plain(&paused.agent), time(paused.until));
            let tasks = count(usize::try_from(paused.tasks).unwrap_or(0), "task waits", "tasks wait");
            writeln!(out, "{agent} {} until {until} UTC; {tasks}", unavailable(paused.why))?;
        }
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &entries).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else if entries.is_empty() {
        let none = if args.all { "Nothing waits." } else { "Nothing is stuck; --all shows what waits its turn." };
        writeln!(out, "{none}")?;
    } else {
        let head = ["KEY", "KIND", "STATUS", "TRIES", "AGE", "REASON"].map(str::to_owned).to_vec();
        let rows = entries.iter().map(|entry| {
            vec![
                plain(&entry.key),
                plain(&entry.kind),
                if entry.dropped { "dropped".to_owned() } else { entry.status.clone() },
                entry.attempts.to_string(),
                age((Utc::now() - entry.created_at).num_seconds()),
                cut(entry.error.as_deref().unwrap_or("-"), REASON),
            ]
        });
        write!(out, "{}", table(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), ""))?;
    }
    Ok(())
}

async fn show(args: &RowArgs, store: &Store, out: &mut impl Write) -> Result<(), Ended> {
    let Some((entry, payload)) = store.queue_entry(&args.key).await? else { return Err(unknown(&args.key).into()) };
    if args.json {
        let value = json!({ "row": entry, "payload": payload });
        serde_json::to_writer_pretty(&mut *out, &value).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(());
    }
    let directive = entry.directive.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let rows = [
        ("key", plain(&entry.key)),
        ("what", format!("{} {}", entry.queue, plain(&entry.kind))),
        ("directive", directive),
        ("status", if entry.dropped { format!("{} (dropped)", entry.status) } else { entry.status.clone() }),
        ("claims", entry.attempts.to_string()),
        ("failures in a row", entry.failures.to_string()),
        ("crashes in a row", entry.crashes.to_string()),
        ("needs version", entry.version.to_string()),
        ("due", time(entry.run_after)),
        ("since", time(entry.created_at)),
        ("reason", plain(entry.error.as_deref().unwrap_or("-"))),
        ("payload", plain(&payload.to_string())),
    ];
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    write!(out, "{}", table(&rows, ""))?;
    Ok(())
}

fn changed(args: &RowArgs, done: &str, outcome: Operated, out: &mut impl Write) -> Result<(), Ended> {
    let entry: QueueEntry = match outcome {
        Operated::Done(entry) => entry,
        Operated::Unknown => return Err(unknown(&args.key).into()),
        Operated::AtWork(entry) => {
            let text = format!("{} is being worked on; try again later", plain(&entry.key));
            return Err(CliError::Work(text).into());
        }
        Operated::Over(entry) => {
            let text = format!("{} is {} already, and nothing was changed", plain(&entry.key), entry.status);
            return Err(CliError::Work(text).into());
        }
    };
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &json!({ "before": entry, "done": done }))
            .map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{} {} {done}.", entry.queue, plain(&entry.key))?;
    }
    Ok(())
}

fn unknown(key: &str) -> CliError {
    CliError::Work(format!("there is no delivery and no effect {}; `adjutant queue list --all` shows them", plain(key)))
}
