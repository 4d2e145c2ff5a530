//! How the agent of a task is run: its program, its limits, its way to a model, and the money for it.

use std::sync::Arc;

use model_gateway::{BudgetStatus, Ledger};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::{EffectError, Job};
use crate::agent::{AgentSpec, ModelAccess, PresetRun, StepHome};
use crate::settings::AgentSettings;
use crate::store::purse::RunPurse;
use crate::store::spending::{DayLimits, NewModelRun};
use crate::workspace::sandbox::{Bind, Limits};
use adjutant_domain::failure::Failure;
use adjutant_domain::task::TaskKind;

impl Job<'_> {
    pub(super) fn spec(
        &self,
        name: &str,
        settings: &AgentSettings,
        purse: Option<&Arc<RunPurse>>,
    ) -> Result<AgentSpec, EffectError> {
        let env = settings.env.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned()));
        let preset = settings.preset.as_ref();
        Ok(AgentSpec {
            name: name.to_owned(),
            argv: settings.command.clone(),
            preset: preset.map(|it| PresetRun { preset: it.preset.clone(), model: it.model.clone() }),
            models: purse.map(|purse| self.models(settings, purse)).transpose()?,
            path: settings.path.clone(),
            network: settings.network.clone(),
            env: env.collect(),
            readonly: settings.readonly.iter().map(|path| Bind::new(path, path)).collect(),
            limits: Limits { wall: settings.time_limit, output_bytes: settings.output_limit, ..Limits::default() },
        })
    }

    fn models(&self, agent: &AgentSettings, purse: &Arc<RunPurse>) -> Result<ModelAccess, EffectError> {
        let provider = agent.provider.as_deref().unwrap_or_default();
        let found = self.app.upstreams.get(provider).zip(self.app.settings.models.get(provider));
        let (upstream, settings) =
            found.ok_or_else(|| EffectError::never(Failure::UnknownAgent { agent: provider.to_owned() }))?;
        let budget_status = BudgetStatus::of(agent.preset.as_ref().map_or(402, |it| it.preset.refusal_status));
        Ok(ModelAccess {
            run: purse.run(),
            upstream: Arc::clone(upstream),
            pot: purse.pot(self.directive.budget()),
            ledger: Arc::clone(purse) as Arc<dyn Ledger>,
            budget_status,
            max_output: settings.max_output,
        })
    }

    /// The home that the runs of a step share.
    pub(super) fn home(&self, name: &str, settings: &AgentSettings) -> Option<StepHome> {
        let resumes = settings.preset.is_some() && matches!(self.task.kind, TaskKind::Step | TaskKind::Rework);
        let step = self.step.filter(|_| resumes)?;
        Some(StepHome::open(&self.app.settings.data_dir.join("homes"), &step.id.to_string(), name))
    }

    /// The purse of a run that is about to begin, for an agent with a provider.
    pub(super) async fn purse(
        &self,
        name: &str,
        settings: &AgentSettings,
    ) -> Result<Option<Arc<RunPurse>>, EffectError> {
        if settings.provider.is_none() {
            return Ok(None);
        }
        let run = NewModelRun {
            run: Uuid::new_v4(),
            task: self.task.id,
            directive: self.directive.id,
            repo: self.directive.repo.id,
            installation: self.directive.repo.installation,
            agent: name.to_owned(),
        };
        self.app.store.begin_model_run(&run).await?;
        let limits = self.app.settings.day_limits;
        let limits = DayLimits { repository: limits.repository, installation: limits.installation };
        Ok(Some(RunPurse::new(self.app.store.clone(), run, limits)))
    }
}
