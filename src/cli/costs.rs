//! `adjutant costs`: what agents spent on models, out of the ledger of the gateway.

use std::io::Write;
use std::path::PathBuf;

use chrono::{DateTime, Days, NaiveDate, Utc};
use clap::{Args, ValueEnum};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::database::Opened;
use super::text::{cut, table};
use super::{CliError, Ended, until};
use crate::store::Store;
use crate::store::spending::{CostGroup, CostRow};

/// The arguments of `adjutant costs`.
#[derive(Debug, Args)]
pub struct CostsArgs {
    /// What a line is for
    #[arg(long, value_enum, default_value_t = By::Directive)]
    by: By,
    /// Only of this repository
    #[arg(long, value_name = "OWNER/NAME")]
    repo: Option<String>,
    /// Only since this day (UTC), as in 2026-11-01
    #[arg(long, value_name = "DATE", conflicts_with = "days")]
    since: Option<NaiveDate>,
    /// Only of the last N days
    #[arg(long, value_name = "N")]
    days: Option<u64>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// The TOML file with settings, in place of the one that `ADJUTANT_CONFIG` names
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Directive,
    Repository,
    Agent,
    Model,
    StepType,
    Day,
}

impl By {
    fn group(self) -> CostGroup {
        match self {
            Self::Directive => CostGroup::Directive,
            Self::Repository => CostGroup::Repository,
            Self::Agent => CostGroup::Agent,
            Self::Model => CostGroup::Model,
            Self::StepType => CostGroup::StepType,
            Self::Day => CostGroup::Day,
        }
    }
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    name: &'a str,
    requests: u64,
    input_tokens: u64,
    output_tokens: u64,
    /// A lower bound where some requests have no price.
    cost_usd: f64,
    /// Requests of a model without a price.
    unpriced: u64,
    /// Requests whose cost is an upper bound, because the provider did not report it.
    bounds: u64,
}

/// Runs the command, writing to `out` until it is done or `stop` is cancelled.
pub async fn costs(
    args: &CostsArgs,
    variables: Vec<(String, String)>,
    out: &mut impl Write,
    stop: &CancellationToken,
) -> Result<(), CliError> {
    let opened = Opened::open(variables, args.config.as_deref()).await?;
    let outcome = until(run(args, &opened.store, out), stop).await;
    opened.close().await?;
    outcome
}

async fn run(args: &CostsArgs, store: &Store, out: &mut impl Write) -> Result<(), Ended> {
    let rows = store.costs(args.by.group(), args.repo.as_deref(), since(args, Utc::now())).await?;
    if args.json {
        let lines: Vec<Line<'_>> = rows.iter().map(line).collect();
        serde_json::to_writer_pretty(&mut *out, &lines).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else if rows.is_empty() {
        writeln!(out, "No agent has asked a model through the gateway yet.")?;
    } else {
        write!(out, "{}", render(&rows))?;
    }
    Ok(out.flush()?)
}

fn since(args: &CostsArgs, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let day = args.since.and_then(|day| day.and_hms_opt(0, 0, 0)).map(|time| time.and_utc());
    day.or_else(|| args.days.and_then(|days| now.checked_sub_days(Days::new(days))))
}

#[allow(clippy::cast_precision_loss)] // exact up to nine billion dollars
fn line(row: &CostRow) -> Line<'_> {
    Line {
        name: &row.group,
        requests: row.requests,
        input_tokens: row.input_tokens,
        output_tokens: row.output_tokens,
        cost_usd: row.cost.micros() as f64 / 1e6,
        unpriced: row.unpriced,
        bounds: row.bounds,
    }
}

fn render(rows: &[CostRow]) -> String {
    let head = ["WHAT", "COST", "REQUESTS", "TOKENS READ", "WRITTEN", "NOTE"].map(str::to_owned).to_vec();
    let lines = rows.iter().map(|row| {
        let cost = format!("{}{:.2}", if row.unpriced > 0 { "≥ $" } else { "$" }, line(row).cost_usd);
        let unpriced = (row.unpriced > 0).then(|| format!("{} without a price", row.unpriced));
        let bounds = (row.bounds > 0).then(|| format!("{} at their bound", row.bounds));
        let note = unpriced.into_iter().chain(bounds).collect::<Vec<_>>().join(", ");
        let counts = [row.requests, row.input_tokens, row.output_tokens].map(|count| count.to_string());
        [cut(&row.group, 60), cost].into_iter().chain(counts).chain([note]).collect()
    });
    table(&std::iter::once(head).chain(lines).collect::<Vec<_>>(), "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use model_gateway::Amount;

    #[test]
    fn what_has_no_price_is_told_and_not_counted_as_nothing() {
        let row = |group: &str, micros, unpriced, bounds| CostRow {
            group: group.to_owned(),
            requests: 12,
            input_tokens: 34_567,
            output_tokens: 890,
            cost: Amount::from_micros(micros),
            unpriced,
            bounds,
        };
        let rows = [row("acme/widgets#7", 1_234_567, 0, 1), row("acme/widgets#8", 10_000, 3, 0)];
        insta::assert_snapshot!(render(&rows), @r"
        WHAT            COST     REQUESTS  TOKENS READ  WRITTEN  NOTE
        acme/widgets#7  $1.23    12        34567        890      1 at their bound
        acme/widgets#8  ≥ $0.01  12        34567        890      3 without a price
        ");
    }
}
