//! What an agent is run with where nobody's work is done.

use std::path::Path;
use std::time::Duration;

use adjutant_domain::network::Network;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use crate::agent::{AgentJob, AgentSpec, Directive, ModelAccess, PresetRun, StepHome, TaskBrief, TaskFile, TaskKind};
use crate::settings::AgentSettings;
use crate::workspace::sandbox::{Bind, Limits};

/// The agent as a directive would run it, but for the time that it has and for its network: it reaches a model and nothing
/// else.
pub(super) fn spec(agent: &AgentSettings, models: ModelAccess, wall: Duration) -> AgentSpec {
    let env = agent.env.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned()));
    let preset = agent.preset.as_ref();
    AgentSpec {
        name: preset.map_or_else(|| "own".to_owned(), |it| it.preset.name.clone()),
        argv: agent.command.clone(),
        preset: preset.map(|it| PresetRun { preset: it.preset.clone(), model: it.model.clone() }),
        models: Some(models),
        path: agent.path.clone(),
        network: Network::None,
        env: env.collect(),
        readonly: agent.readonly.iter().map(|path| Bind::new(path, path)).collect(),
        limits: Limits { wall, ..Limits::default() },
    }
}

/// A step with this prompt, in `folder`.
pub(super) fn job(folder: &Path, prompt: &str, home: Option<StepHome>, cancel: &CancellationToken) -> AgentJob {
    let directive = Directive {
        issue: 1,
        title: "Greet".to_owned(),
        repository: "acme/widgets".to_owned(),
        base_commit: "0".repeat(40),
        head_commit: "0".repeat(40),
        branch: "main".to_owned(),
    };
    let task = TaskFile {
        version: 1,
        kind: TaskKind::Step,
        task_id: "check".to_owned(),
        directive,
        brief: TaskBrief::default(),
        step: None,
        instructions: prompt.to_owned(),
        context: Vec::new(),
        answers: Vec::new(),
        plan_schema: None,
    };
    AgentJob {
        workdir: folder.join("tree"),
        folder: folder.join("job"),
        task,
        context: Vec::new(),
        home,
        layer: None,
        log: folder.join("agent.log"),
        cancel: cancel.clone(),
    }
}
