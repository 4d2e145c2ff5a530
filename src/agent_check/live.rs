//! A request to the real model, with the operator's key.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model_gateway::{Amount, BudgetStatus, MemoryLedger, Pot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::job;
use super::purse::Allowance;
use crate::agent::{AgentError, AgentOutcome, ModelAccess, ModelUse, run_agent};
use crate::settings::{AgentSettings, OfferedAgents};
use crate::workspace::sandbox::Sandbox;

/// What the agent is asked for. One request is enough for that.
const PROMPT: &str = "# A check of the connection\n\nAnswer with the word `ready`. Use no tool, and change no file.";
const WALL: Duration = Duration::from_mins(3);
/// What it may cost at most, in millionths of a dollar: more than the prompt of any agent with a short answer.
const MOST: u64 = 1_000_000;

/// What the agent asked of the model, and how it ended.
#[derive(Debug, Clone)]
pub struct LiveRun {
    pub used: ModelUse,
    /// Why it failed, in a sentence.
    pub failure: Option<String>,
}

/// Why nothing was asked.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    #[error("it has no provider: what it costs is not known here")]
    NoProvider,
    #[error("its provider cannot be used: {0}")]
    Provider(String),
    #[error("its folder cannot be made: {0}")]
    Folder(#[from] io::Error),
    #[error(transparent)]
    Agent(#[from] AgentError),
}

/// Lets the agent ask its model once, through the gateway, for at most a dollar.
pub async fn live(
    agent: &AgentSettings,
    offered: &OfferedAgents,
    sandbox: &Sandbox,
    folder: &Path,
    cancel: &CancellationToken,
) -> Result<LiveRun, LiveError> {
    let name = agent.provider.as_deref().ok_or(LiveError::NoProvider)?;
    let provider = offered.models.get(name).ok_or(LiveError::NoProvider)?;
    let upstream = provider.upstream(name, &offered.prices).map_err(LiveError::Provider)?;
    fs::create_dir_all(folder.join("tree"))?;
    let access = ModelAccess {
        run: Uuid::new_v4(),
        upstream: Arc::new(upstream),
        pot: Pot::new(Arc::new(Allowance::of(Amount::from_micros(MOST))), Amount::ZERO),
        ledger: Arc::new(MemoryLedger::default()),
        budget_status: BudgetStatus::of(agent.preset.as_ref().map_or(402, |it| it.preset.refusal_status)),
        max_output: provider.max_output,
    };
    let spec = job::spec(agent, access, WALL);
    let ran = run_agent(sandbox, &spec, job::job(folder, PROMPT, None, cancel)).await?;
    let failure = match &ran.outcome {
        AgentOutcome::Finished => None,
        failed => Some(super::reason(failed, &ran.tail)),
    };
    Ok(LiveRun { used: ran.models.unwrap_or_default(), failure })
}
