//! What a run of an agent used, whatever came of it.

use uuid::Uuid;

use crate::agent::{AgentRun, ResultFile};
use crate::settings::AgentSettings;
use crate::workspace::sandbox::Exit;
use adjutant_domain::ids::Usd;
use adjutant_domain::task::Measure;

/// What a run cost: as the gateway counted it, else as the agent says; nothing where nobody knows.
pub(super) fn cost(ran: &AgentRun) -> Usd {
    known_cost(ran).unwrap_or_default()
}

/// `None` where nobody knows it: the agent has no way to a model through the gateway and says nothing, or the model has no
/// price.
fn known_cost(ran: &AgentRun) -> Option<Usd> {
    match &ran.models {
        Some(counted) => (counted.unpriced == 0).then_some(counted.cost),
        None => ran.result.as_ref().and_then(ResultFile::said_cost),
    }
}

/// The measurements of a run. What nobody knows counts as what the operator declared for a run of the agent.
pub(super) fn of(ran: &AgentRun, agent: &AgentSettings) -> Measure {
    let said = ran.result.as_ref().and_then(|result| result.usage).unwrap_or_default();
    let (input_tokens, output_tokens) = match &ran.models {
        Some(counted) => (counted.input_tokens, counted.output_tokens),
        None => (said.input_tokens, said.output_tokens),
    };
    let exit = match ran.exit {
        Exit::Code(code) => format!("exit {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
        Exit::TimedOut => "timeout".to_owned(),
        Exit::OutputLimit => "output limit".to_owned(),
        Exit::DiskLimit => "disk limit".to_owned(),
        Exit::DiskFull => "disk full".to_owned(),
        Exit::Cancelled => "cancelled".to_owned(),
    };
    let known = known_cost(ran);
    Measure {
        run: ran.models.as_ref().map_or_else(Uuid::new_v4, |counted| counted.run),
        exit,
        cost: known.unwrap_or_else(|| agent.max_usd.unwrap_or_default()),
        unknown: known.is_none(),
        input_tokens,
        output_tokens,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::agent::ModelUse;

    fn run(models: Option<ModelUse>, said: Option<f64>) -> AgentRun {
        let result = ResultFile { cost_usd: said, ..ResultFile::default() };
        AgentRun { models, result: Some(result), ..AgentRun::cancelled(PathBuf::new()) }
    }

    #[test]
    fn what_nobody_knows_is_unknown_and_counts_as_what_was_declared() {
        let mut agent = AgentSettings::new(Vec::new());
        let counted = ModelUse { cost: Usd(7), ..ModelUse::default() };
        let unpriced = ModelUse { unpriced: 1, ..counted.clone() };
        let of = |models, said, agent: &AgentSettings| {
            let measure = of(&run(models, said), agent);
            (measure.cost, measure.unknown)
        };
        assert_eq!(of(Some(counted), Some(9.0), &agent), (Usd(7), false), "an agent is not asked what was counted");
        assert_eq!(of(None, Some(0.5), &agent), (Usd(500_000), false));
        assert_eq!(of(None, None, &agent), (Usd::ZERO, true));
        agent.max_usd = Some(Usd(3));
        assert_eq!(of(None, None, &agent), (Usd(3), true));
        assert_eq!(of(Some(unpriced), None, &agent), (Usd(3), true));
    }
}
