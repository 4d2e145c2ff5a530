//! Tries the programs of the operator's agents when this process starts, and again when a program's version has changed.
//!
//! An agent that is not known to work yet keeps its tasks waiting until it was tried. One that cannot do its work, or that
//! obeys what is planted in a tree, is not run: nobody pays for what is of no use. It is tried again at every look. What
//! passed is kept in the data folder, so that a restart tries nothing twice.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::app::App;
use super::fitness::{State, tried};
use crate::agent_check::{Finding, Trial, Verdict};
use crate::settings::{AgentSettings, SandboxChoice};
use crate::workspace::remove_all;

/// How often versions are looked at, and unfit agents tried again.
const LOOK: Duration = Duration::from_mins(10);
const KEPT: &str = "checked-agents.json";

/// The program that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Checked {
    program: String,
    version: Option<String>,
    /// Adjutant's own.
    by: String,
    /// Cases that failed.
    failed: u32,
}

pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    if app.settings.check_agents && app.settings.sandbox == SandboxChoice::None {
        tracing::info!("agents are not checked: there is no sandbox to check them in");
    }
    while !stop.is_cancelled() && tried(&app.settings).next().is_some() {
        for (name, agent) in tried(&app.settings) {
            look(&app, name, agent, &stop).await;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Tries an agent, unless this version of its program passed before.
async fn look(app: &App, name: &str, agent: &AgentSettings, stop: &CancellationToken) {
    let folder = app.settings.data_dir.join("agent-checks").join(name);
    let checked = check(app, name, agent, folder.clone(), stop).await;
    let _ = remove_all(&folder);
    if let Err(error) = checked {
        tracing::warn!(agent = name, %error, "the agent could not be checked; it runs all the same");
        app.fitness.set(name, State::Fit);
    }
}

async fn check(
    app: &App,
    name: &str,
    agent: &AgentSettings,
    folder: PathBuf,
    stop: &CancellationToken,
) -> std::io::Result<()> {
    let trial = Trial::new(&app.sandbox, agent, &app.settings.prices, folder, stop).await?;
    let version = trial.version().await;
    let (program, by) = (trial.program().to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let mut checked = Checked { program, version: version.clone(), by, failed: 0 };
    if let Some(before) = kept(app).remove(name) {
        // Cases that failed are tried once in each process: they may have been the machine's fault.
        let is_first = !app.fitness.is_known(name);
        let same = before == Checked { failed: before.failed, ..checked.clone() };
        if same && !(is_first && before.failed > 0) {
            if is_first {
                tracing::info!(agent = name, version, "the agent passed its check before");
            }
            app.fitness.set(name, State::Fit);
            return Ok(());
        }
    }
    // Tasks wait until it is known whether this version works.
    app.fitness.set(name, State::Unknown);
    let mut findings = Vec::new();
    trial.essentials(|finding| findings.push(finding)).await;
    if stop.is_cancelled() {
        return Ok(());
    }
    if let Some(why) = findings.iter().find_map(unfit) {
        let minutes = LOOK.as_secs() / 60;
        tracing::error!(
            agent = name,
            version,
            why,
            "the agent fails its check and is not run; next check in {minutes} min"
        );
        app.fitness.set(name, State::Unfit(why));
        return Ok(());
    }
    app.fitness.set(name, State::Fit);
    trial.others(|finding| findings.push(finding)).await;
    if stop.is_cancelled() {
        return Ok(());
    }
    for Finding { case, verdict, .. } in &findings {
        if let Verdict::Failed(why) = verdict {
            checked.failed += 1;
            tracing::warn!(agent = name, case, why, "the agent fails a case of its check; it runs all the same");
        }
    }
    if checked.failed == 0 {
        let tried_before = trial.was_tried(version.as_deref());
        tracing::info!(agent = name, version, tried_before, "the agent passes its check");
    }
    keep(app, name, checked);
    Ok(())
}

/// Why the agent is not to be run.
fn unfit(finding: &Finding) -> Option<String> {
    match &finding.verdict {
        Verdict::Unfit(why) => Some(format!("{}: {why}", finding.case)),
        Verdict::Passed(_) | Verdict::Failed(_) => None,
    }
}

fn kept(app: &App) -> BTreeMap<String, Checked> {
    let text = std::fs::read(app.settings.data_dir.join(KEPT)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn keep(app: &App, name: &str, checked: Checked) {
    let mut all = kept(app);
    all.insert(name.to_owned(), checked);
    let written = serde_json::to_vec_pretty(&all)
        .map_err(std::io::Error::from)
        .and_then(|json| std::fs::write(app.settings.data_dir.join(KEPT), json));
    if let Err(error) = written {
        tracing::warn!(%error, "what agents passed could not be kept; they are checked again at the next start");
    }
}
