//! What is known of the programs of the operator's agents: whether they work.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::settings::{AgentSettings, SandboxChoice, Settings};

/// What is known of the agents that are tried.
pub(super) struct Fitness(watch::Sender<BTreeMap<String, State>>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Its check has not ended.
    Unknown,
    Fit,
    /// It is not run, for this reason.
    Unfit(String),
}

impl Fitness {
    pub(super) fn new(settings: &Settings) -> Self {
        let unknown = tried(settings).map(|(name, _)| (name.clone(), State::Unknown));
        Self(watch::Sender::new(unknown.collect()))
    }

    /// Waits until the agent was tried. Returns why it is not to be run.
    pub(super) async fn wait(&self, agent: &str) -> Option<String> {
        let mut states = self.0.subscribe();
        let known = states.wait_for(|states| states.get(agent) != Some(&State::Unknown)).await.ok()?;
        match known.get(agent) {
            Some(State::Unfit(reason)) => Some(reason.clone()),
            _ => None,
        }
    }

    pub(super) fn set(&self, agent: &str, state: State) {
        self.0.send_modify(|states| drop(states.insert(agent.to_owned(), state)));
    }

    pub(super) fn is_known(&self, agent: &str) -> bool {
        self.0.borrow().get(agent).is_some_and(|state| *state != State::Unknown)
    }
}

/// The agents that can be tried: programs that Adjutant drives, and whose model it can stand in for.
pub(super) fn tried(settings: &Settings) -> impl Iterator<Item = (&String, &AgentSettings)> {
    let is_on = settings.check_agents && settings.sandbox == SandboxChoice::Bubblewrap;
    let preset = |agent: &AgentSettings| agent.preset.as_ref().is_some_and(|it| it.preset.name != "acp");
    settings.agents.iter().filter(move |(_, agent)| is_on && preset(agent))
}
