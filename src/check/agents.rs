//! `adjutant check agents`: whether the installed agents work, without a key, a network or a cost; with `--live`, whether
//! the configured ones reach their models.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use adjutant::agent_check::{Finding, LiveError, LiveRun, SCRIPTED_MODEL, Trial, Verdict, live};
use adjutant::settings::{AgentSettings, OfferedAgents, SettingsError};
use adjutant::workspace::remove_all;
use adjutant::workspace::sandbox::{Mode, Sandbox, SandboxConfig};
use agent_presets::Preset;
use model_gateway::PriceTable;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Why no agent was tried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentsError {
    #[error("{0}")]
    Sandbox(String),
    #[error("no agent is installed: none of the programs of {0} is in PATH")]
    None(String),
    #[error("{0}")]
    Settings(#[from] SettingsError),
    #[error(
        "no agent is set up that reaches a model through the gateway: set ADJUTANT_AGENT and its key, or `[agents.NAME]`"
    )]
    NotSetUp,
    #[error("there is no agent `{name}` that reaches a model through the gateway; there are: {known}")]
    Unknown { name: String, known: String },
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// What is tried.
pub(crate) enum Which<'a> {
    /// These presets, or all whose program is installed, against the scripted model.
    Presets(&'a [String]),
    /// These agents of the settings, or all, against their own models.
    Live { names: &'a [String], variables: Vec<(String, String)>, config: Option<&'a Path> },
}

/// Tries them, and says how each case ended. Returns whether all passed.
pub(crate) async fn check(
    which: Which<'_>,
    out: &mut impl Write,
    cancel: &CancellationToken,
) -> Result<bool, AgentsError> {
    let root = std::env::temp_dir().join(format!("adjutant-check-{}", Uuid::new_v4().simple()));
    fs::create_dir(&root)?;
    let config = SandboxConfig::new(Mode::Bubblewrap, root.join("scratch"));
    let checked = match (Sandbox::probe(config).await, which) {
        (Ok(sandbox), Which::Presets(presets)) => each(presets, &sandbox, &root, out, cancel).await,
        (Ok(sandbox), Which::Live { names, variables, config }) => match OfferedAgents::load(variables, config) {
            Ok(offered) => each_live(names, &offered, &sandbox, &root, out, cancel).await,
            Err(error) => Err(error.into()),
        },
        (Err(error), _) => Err(AgentsError::Sandbox(error.to_string())),
    };
    let _ = remove_all(&root);
    checked
}

async fn each(
    presets: &[String],
    sandbox: &Sandbox,
    root: &Path,
    out: &mut impl Write,
    cancel: &CancellationToken,
) -> Result<bool, AgentsError> {
    let path = std::env::var("PATH").ok();
    let known: Vec<String> = Preset::names().filter(|name| *name != "acp").map(str::to_owned).collect();
    let prices = PriceTable::shipped();
    let (mut tried, mut all) = (0, true);
    for name in if presets.is_empty() { &known } else { presets } {
        let settings = match AgentSettings::of_preset(name, Some(SCRIPTED_MODEL.to_owned()), path.as_deref()) {
            Ok(settings) => settings,
            Err(fault) => {
                all &= presets.is_empty();
                writeln!(out, "{name}: {fault}")?;
                continue;
            }
        };
        tried += 1;
        let folder = root.join(format!("agent-{tried}"));
        let trial = Trial::new(sandbox, &settings, &prices, folder, cancel).await?;
        all &= one(&trial, out).await?;
        if cancel.is_cancelled() {
            return Ok(false);
        }
    }
    if tried == 0 {
        return Err(AgentsError::None(known.join(", ")));
    }
    Ok(all)
}

async fn one(trial: &Trial<'_>, out: &mut impl Write) -> Result<bool, AgentsError> {
    let version = trial.version().await;
    let tried = if trial.was_tried(version.as_deref()) { "tried before" } else { "not tried before" };
    writeln!(out, "{} {}, {tried}", trial.title(), version.as_deref().unwrap_or("of an unknown version"))?;
    let (mut all, mut written) = (true, Ok(()));
    let mut tell = |finding: Finding| {
        all &= matches!(finding.verdict, Verdict::Passed(_));
        if written.is_ok() {
            written = say(out, &finding);
        }
    };
    trial.essentials(&mut tell).await;
    trial.others(&mut tell).await;
    written?;
    Ok(all)
}

fn say(out: &mut impl Write, finding: &Finding) -> io::Result<()> {
    let (mark, words) = match &finding.verdict {
        Verdict::Passed(words) => ("passed", words),
        Verdict::Failed(words) | Verdict::Unfit(words) => ("FAILED", words),
    };
    writeln!(out, "  {mark}  {:<22} {:>5.1} s  {words}", finding.case, finding.time.as_secs_f64())
}

async fn each_live(
    names: &[String],
    offered: &OfferedAgents,
    sandbox: &Sandbox,
    root: &Path,
    out: &mut impl Write,
    cancel: &CancellationToken,
) -> Result<bool, AgentsError> {
    let counted: Vec<&String> =
        offered.agents.iter().filter(|(_, agent)| agent.provider.is_some()).map(|(name, _)| name).collect();
    if counted.is_empty() {
        return Err(AgentsError::NotSetUp);
    }
    if let Some(name) = names.iter().find(|name| !counted.contains(name)) {
        let known = counted.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(AgentsError::Unknown { name: name.clone(), known });
    }
    let mut all = true;
    for name in if names.is_empty() { counted } else { names.iter().collect() } {
        let asked = live(&offered.agents[name], offered, sandbox, &root.join(name), cancel).await;
        all &= matches!(&asked, Ok(LiveRun { failure: None, .. }));
        writeln!(out, "{name}: {}", told(asked))?;
    }
    Ok(all)
}

fn told(asked: Result<LiveRun, LiveError>) -> String {
    let LiveRun { used, failure } = match asked {
        Ok(run) => run,
        Err(error) => return format!("FAILED: {error}"),
    };
    let requests = if used.requests == 1 { "1 request".to_owned() } else { format!("{} requests", used.requests) };
    let counts =
        format!("{requests}, {} + {} tokens, ${:.4}", used.input_tokens, used.output_tokens, used.cost.dollars());
    match failure {
        None if used.requests == 0 => "FAILED: it ended without asking its model".to_owned(),
        None => format!("passed: {counts}"),
        Some(failure) => format!("FAILED: {failure} ({counts})"),
    }
}
