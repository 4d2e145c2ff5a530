//! The inputs of a task: the agent that runs it, its task file, and the earlier reports and instructions.

use super::{EffectError, Job};
use crate::agent::{self, ContextText, TaskFile};
use crate::environment::Environment;
use crate::report;
use crate::runtime::effects::environment::{self, Way};
use crate::runtime::effects::trees::Source;
use crate::settings::AgentSettings;
use adjutant_domain::asking::AskedQuestion;
use adjutant_domain::failure::Failure;
use adjutant_domain::plan;
use adjutant_domain::step::{Step, StepKind};
use adjutant_domain::task::TaskKind;

impl Job<'_> {
    /// The environment in which the agent can run what its work is verified by. Without one it works all the same.
    pub(super) async fn environment(&self) -> Result<Environment, EffectError> {
        let source = Source::open(self.app, self.directive).await?;
        let way = Way::of(self.directive, &source).await?;
        let base = self.directive.base.sha.as_str();
        let preparing = environment::prepare(self.app, self.directive, &source, &way.setup, base, self.cancel);
        match self.working.rest_while(preparing).await? {
            Ok(environment) => Ok(environment),
            Err(fault) => {
                tracing::warn!(%fault, "the environment could not be prepared; the agent works without it");
                Ok(Environment::none())
            }
        }
    }

    /// The operator's agent that the policy names, or the operator's default.
    pub(super) fn choose_agent(&self) -> Result<(&str, &AgentSettings), EffectError> {
        let settings = &self.app.settings;
        let wanted = self.directive.agent_of(self.task).or(settings.default_agent.as_deref());
        let name = wanted.ok_or_else(|| EffectError::never(Failure::NoAgent))?;
        let (name, agent) = settings
            .agents
            .get_key_value(name)
            .ok_or_else(|| EffectError::never(Failure::UnknownAgent { agent: name.to_owned() }))?;
        Ok((name, agent))
    }

    /// Waits until the agent's program was tried; an error where it is not to be run, and where the task is called off.
    pub(super) async fn wait_until_fit(&self, agent: &str) -> Result<(), EffectError> {
        tokio::select! {
            unfit = self.app.fitness.wait(agent) => match unfit {
                None => Ok(()),
                Some(reason) => Err(EffectError::never(Failure::AgentUnfit { agent: agent.to_owned(), reason })),
            },
            () = self.cancel.cancelled() => Err(EffectError::HandedBack),
        }
    }

    pub(super) fn task_file(&self, head: &str, instructions: String) -> TaskFile {
        let (directive, brief) = (self.directive, &self.directive.brief);
        TaskFile {
            version: agent::PROTOCOL_VERSION,
            kind: match self.task.kind {
                TaskKind::Plan => agent::TaskKind::Plan,
                TaskKind::Step => agent::TaskKind::Step,
                TaskKind::Rework => agent::TaskKind::Rework,
                TaskKind::Judge => agent::TaskKind::Judge,
            },
            task_id: self.task.id.to_string(),
            directive: agent::Directive {
                issue: directive.issue,
                title: directive.title.clone(),
                repository: directive.repo.full_name(),
                base_commit: directive.base.sha.to_string(),
                head_commit: head.to_owned(),
                branch: self.branch().to_owned(),
            },
            brief: agent::TaskBrief {
                goal: brief.goal.clone(),
                requirements: brief
                    .requirements
                    .iter()
                    .map(|it| agent::Requirement { id: it.id.clone(), description: it.description.clone() })
                    .collect(),
                acceptance_criteria: brief
                    .criteria
                    .iter()
                    .map(|it| agent::Criterion { id: it.id.clone(), criterion: it.criterion.clone() })
                    .collect(),
                constraints: brief.constraints.clone(),
            },
            step: self.step.map(step_of_task),
            instructions,
            context: Vec::new(),
            answers: directive.answers().filter_map(answered).collect(),
            plan_schema: (self.task.kind == TaskKind::Plan)
                .then(|| plan::schema(directive.policy.limits.steps, &directive.carried())),
        }
    }

    /// Reports and summaries of the steps that this one builds on, for the agent to read.
    pub(super) fn context(&self) -> Vec<ContextText> {
        let after = self.step.map(|step| step.depends_on.as_slice()).unwrap_or_default();
        let mut texts = Vec::new();
        for step in self.directive.steps.iter().filter(|step| after.contains(&step.name)) {
            let told = [step.summary.as_deref(), step.report()];
            let text = told.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
            if !text.is_empty() {
                let (name, written_by) = (format!("{}.md", step.name), "an agent, in an earlier step".to_owned());
                texts.push(ContextText { name, written_by, text });
            }
        }
        if let Some(before) = &self.before {
            let written_by = "Adjutant, quoting people and agents".to_owned();
            let text = report::instructions::outcome(before);
            texts.push(ContextText { name: "earlier-directive.md".to_owned(), written_by, text });
        }
        let report = self.step.and_then(|step| step.report());
        let written_by = match self.task.kind {
            TaskKind::Rework => Some("an agent, in an earlier try of this step"),
            TaskKind::Judge => Some("the agent whose report is judged"),
            TaskKind::Plan | TaskKind::Step => None,
        };
        if let (Some(text), Some(written_by)) = (report, written_by) {
            let (name, written_by) = (agent::REPORT.to_owned(), written_by.to_owned());
            texts.push(ContextText { name, written_by, text: text.to_owned() });
        }
        let rework = match self.task.kind {
            TaskKind::Plan => report::planner_rework(self.directive),
            _ => self.task.instructions.clone(),
        };
        if !rework.is_empty() {
            let written_by = "Adjutant, quoting verifiers and people with write access".to_owned();
            texts.push(ContextText { name: "rework.md".to_owned(), written_by, text: rework });
        }
        texts
    }
}

fn answered(asked: &AskedQuestion) -> Option<agent::AnsweredQuestion> {
    let answer = asked.answer.as_ref()?;
    Some(agent::AnsweredQuestion {
        question: asked.question.text.clone(),
        answer: answer.text.clone(),
        answered_by: answer.by.as_ref().map(ToString::to_string),
    })
}

fn step_of_task(step: &Step) -> agent::Step {
    agent::Step {
        name: step.name.to_string(),
        kind: if step.kind == StepKind::Final { "implement" } else { step.kind.as_str() }.to_owned(),
        description: step.description.clone(),
        task_plan: step.task_plan.clone(),
        contract: step.contract().as_str().to_owned(),
        requirements: step.requirements.clone(),
        criteria: step.criteria.clone(),
    }
}
