//! `adjutant prices update`: a newer table of prices for the gateway, out of a file.
//!
//! Nothing is downloaded here: the operator fetches the file, and no table changes what runs cost by itself.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use adjutant::settings::{PriceFile, SettingsError};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use model_gateway::{PriceTable, PriceTableError};

#[derive(Debug, Args)]
pub(super) struct PricesArgs {
    #[command(subcommand)]
    command: PricesCommand,
}

#[derive(Debug, Subcommand)]
enum PricesCommand {
    /// Take over LiteLLM's table of prices, which is kept up to date at
    /// <https://github.com/BerriAI/litellm/blob/main/model_prices_and_context_window.json>
    ///
    /// Writes what the gateway reads of it into the file of `price_table`, or else into `prices.json` in the data folder,
    /// and says what changed. `serve` reads it at its next start.
    Update {
        /// The table; its date is that of the file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The file that is written, in place of the one that the settings name
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        /// The TOML file with settings, in place of the one that `ADJUTANT_CONFIG` names
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// Why the table in use stays.
#[derive(Debug, thiserror::Error)]
pub(super) enum PricesError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("cannot read {}: {source}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("{} is not LiteLLM's model_prices_and_context_window.json: {source}; nothing was changed", file.display())]
    Table { file: PathBuf, source: PriceTableError },
    #[error("cannot write {}: {source}; nothing was changed", file.display())]
    Write { file: PathBuf, source: io::Error },
}

pub(super) fn run(
    args: &PricesArgs,
    variables: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<(), PricesError> {
    let PricesCommand::Update { file, to, config } = &args.command;
    let to = match to {
        Some(to) => to.clone(),
        None => PriceFile::load(variables, config.as_deref())?.path,
    };
    let table = read(file)?;
    let before = fs::read_to_string(&to).ok().and_then(|json| PriceTable::parse(&json).ok());
    let (before, which) = before.map_or_else(|| (PriceTable::shipped(), "the shipped table"), |it| (it, "before"));
    replace(&to, &table.to_json()).map_err(|source| PricesError::Write { file: to.clone(), source })?;
    let changes = table.changes_since(&before);
    // A closed pipe is no error: the table is written.
    let _ = writeln!(
        out,
        "{}: {} models, dated {}\n{} new, {} gone, {} with other prices than {which} ({})",
        to.display(),
        table.len(),
        table.date,
        changes.new,
        changes.gone,
        changes.other,
        before.date,
    );
    Ok(())
}

fn read(file: &Path) -> Result<PriceTable, PricesError> {
    let fault = |source| PricesError::Read { file: file.to_path_buf(), source };
    let json = fs::read_to_string(file).map_err(fault)?;
    let date = fs::metadata(file).and_then(|found| found.modified()).map(DateTime::<Utc>::from).map_err(fault)?;
    PriceTable::of_litellm(&json, date.date_naive())
        .map_err(|source| PricesError::Table { file: file.to_path_buf(), source })
}

/// Replaces the file at once, so that nobody reads half of it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
