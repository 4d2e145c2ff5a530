//! `adjutant calibration`: what became of the scores, by band and height.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::database::Opened;
use super::text::table;
use super::{CliError, Ended, until};
use crate::store::Store;
use adjutant_domain::calibration::{OutcomeCounts, ScoreCount};
use adjutant_domain::evaluation::Confidence;

/// The ranges of scores within a band, highest first: from, and below.
const RANGES: [(f64, f64); 6] =
    [(1.0, f64::INFINITY), (0.95, 1.0), (0.85, 0.95), (0.75, 0.85), (0.60, 0.75), (0.0, 0.60)];

/// The arguments of `adjutant calibration`.
#[derive(Debug, Args)]
pub struct CalibrationArgs {
    /// Only of this repository
    #[arg(long, value_name = "OWNER/NAME")]
    repo: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// The TOML file with settings, in place of the one that `ADJUTANT_CONFIG` names
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What became of the scores of one band, or of one range within it.
#[derive(Debug, Serialize)]
struct Line {
    confidence: &'static str,
    /// `all`, a range such as `0.85–0.95`, or `none` where nothing was verified.
    score: String,
    total: u64,
    #[serde(flatten)]
    tally: OutcomeCounts,
    /// The share that was merged unchanged and stayed; null of fewer than ten.
    merged_percent: Option<u64>,
}

/// Runs the command, writing to `out` until it is done or `stop` is cancelled.
pub async fn calibration(
    args: &CalibrationArgs,
    variables: Vec<(String, String)>,
    out: &mut impl Write,
    stop: &CancellationToken,
) -> Result<(), CliError> {
    let opened = Opened::open(variables, args.config.as_deref()).await?;
    let outcome = until(run(args, &opened.store, out), stop).await;
    opened.close().await?;
    outcome
}

async fn run(args: &CalibrationArgs, store: &Store, out: &mut impl Write) -> Result<(), Ended> {
    let counts = store.score_counts(args.repo.as_deref()).await?;
    let lines = lines(&counts);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &lines).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else if lines.is_empty() {
        writeln!(out, "Nothing that was proposed green or yellow has ended yet.")?;
    } else {
        write!(out, "{}", render(&lines))?;
    }
    Ok(out.flush()?)
}

/// A line for each band of which something is known, and below it one for each range.
fn lines(counts: &[ScoreCount]) -> Vec<Line> {
    let mut lines = Vec::new();
    for band in [Confidence::Green, Confidence::Yellow] {
        let mut add = |score: String, which: &dyn Fn(Option<f64>) -> bool| {
            let tally = OutcomeCounts::of(counts, |counted| counted.confidence == band && which(counted.score));
            if tally.total() > 0 {
                let (total, merged_percent) = (tally.total(), tally.merged_percent());
                lines.push(Line { confidence: band.as_str(), score, total, tally, merged_percent });
            }
        };
        add("all".to_owned(), &|_| true);
        for (from, below) in RANGES {
            let name = if below.is_finite() { format!("{from:.2}–{below:.2}") } else { format!("{from:.2}") };
            add(name, &|score| score.is_some_and(|score| score >= from && score < below));
        }
        add("none".to_owned(), &|score| score.is_none());
    }
    lines
}

fn render(lines: &[Line]) -> String {
    let head = ["BAND", "SCORE", "N", "UNCHANGED", "MERGED", "REWORKED", "CLOSED", "REVERTED"];
    let rows = lines.iter().map(|line| {
        let OutcomeCounts { merged, reworked, closed, reverted } = line.tally;
        let share = line.merged_percent.map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"));
        let mut cells = vec![line.confidence.to_owned(), line.score.clone(), line.total.to_string(), share];
        cells.extend([merged, reworked, closed, reverted].map(|count| count.to_string()));
        cells
    });
    table(&std::iter::once(head.map(str::to_owned).to_vec()).chain(rows).collect::<Vec<_>>(), "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use adjutant_domain::calibration::ScoreOutcome;

    #[test]
    fn scores_are_told_by_band_and_height_and_no_share_of_a_few() {
        let counted = |confidence, score, outcome, count| ScoreCount { confidence, score, outcome, count };
        let counts = [
            counted(Confidence::Green, Some(1.0), ScoreOutcome::Merged, 77),
            counted(Confidence::Green, Some(0.9), ScoreOutcome::Reworked, 5),
            counted(Confidence::Green, Some(0.9), ScoreOutcome::Reverted, 2),
            counted(Confidence::Yellow, Some(0.67), ScoreOutcome::Closed, 3),
            counted(Confidence::Yellow, None, ScoreOutcome::Merged, 1),
        ];
        insta::assert_snapshot!(render(&lines(&counts)), @r"
        BAND    SCORE      N   UNCHANGED  MERGED  REWORKED  CLOSED  REVERTED
        green   all        84  91 %       77      5         0       2
        green   1.00       77  100 %      77      0         0       0
        green   0.85–0.95  7   –          0       5         0       2
        yellow  all        4   –          1       0         3       0
        yellow  0.60–0.75  3   –          0       0         3       0
        yellow  none       1   –          1       0         0       0
        ");
        assert!(lines(&[]).is_empty());
    }
}
