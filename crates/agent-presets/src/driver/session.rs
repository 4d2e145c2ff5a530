//! What a session had used before this run, for programs whose counts go on over a resume.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::home::{own, write};
use crate::preset::Preset;
use crate::reader::{Counting, Findings, Usage};

const FILE: &str = "session.json";
const MAX_BYTES: u64 = 64 * 1024;

/// What was counted at the end of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Counted {
    session: String,
    usage: Option<Usage>,
    cost: Option<f64>,
}

/// The counts before this run: zero for a new session, unknown where a resumed one has none.
#[derive(Debug)]
pub(super) enum Before {
    New,
    Known(Counted),
    Unknown,
}

impl Before {
    pub(super) fn load(home: &Path, session: Option<&str>) -> Self {
        let Some(session) = session else { return Self::New };
        let path = own(home, FILE);
        let small = fs::symlink_metadata(&path).is_ok_and(|it| it.is_file() && it.len() <= MAX_BYTES);
        let text = small.then(|| fs::read(&path).ok()).flatten();
        let counted: Option<Counted> = text.and_then(|text| serde_json::from_slice(&text).ok());
        counted.filter(|counted| counted.session == session).map_or(Self::Unknown, Self::Known)
    }

    /// Turns counts of the whole session into those of this run, and remembers the former. What cannot be known is left
    /// out: nothing is booked twice.
    pub(super) fn settle(&self, preset: &Preset, home: &Path, findings: &mut Findings) {
        let told = Counted {
            session: findings.session.clone().unwrap_or_default(),
            usage: findings.usage,
            cost: findings.cost,
        };
        // A program that began another session although it was to resume one counts from zero.
        let same = |before: &&Counted| before.session == told.session;
        let known = match self {
            Self::Known(before) => Some(before).filter(same).cloned().unwrap_or_default(),
            Self::New => Counted::default(),
            Self::Unknown => Counted { usage: None, cost: None, session: told.session.clone() },
        };
        let unknown = matches!(self, Self::Unknown);
        if preset.output.usage == Counting::Cumulative {
            let before = known.usage.unwrap_or_default();
            findings.usage = findings.usage.filter(|_| !unknown).map(|now| Usage {
                input_tokens: now.input_tokens.saturating_sub(before.input_tokens),
                output_tokens: now.output_tokens.saturating_sub(before.output_tokens),
            });
        }
        if preset.output.cost == Counting::Cumulative {
            let before = if unknown { None } else { Some(known.cost.unwrap_or(0.0)) };
            findings.cost = findings.cost.zip(before).map(|(now, before)| (now - before).max(0.0));
        }
        if !told.session.is_empty()
            && let Ok(json) = serde_json::to_vec(&told)
        {
            // Without it the next run's counts are unknown, and nothing else is lost.
            let _ = write(&own(home, FILE), &json);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(input_tokens: u64, cost: f64) -> Findings {
        Findings {
            session: Some("s1".into()),
            usage: Some(Usage { input_tokens, output_tokens: 10 }),
            cost: Some(cost),
            ..Findings::default()
        }
    }

    #[test]
    fn cumulative_counts_become_those_of_the_run() {
        let home = tempfile::tempdir().unwrap();
        let mut preset = Preset::named("codex").unwrap();
        preset.output.cost = Counting::Cumulative;
        let mut first = findings(20_358, 0.101);
        Before::load(home.path(), None).settle(&preset, home.path(), &mut first);
        assert_eq!((first.usage.unwrap().input_tokens, first.cost), (20_358, Some(0.101)));
        let mut second = findings(41_177, 0.203);
        Before::load(home.path(), Some("s1")).settle(&preset, home.path(), &mut second);
        assert_eq!(second.usage.unwrap().input_tokens, 20_819);
        assert!((second.cost.unwrap() - 0.102).abs() < 1e-9);
    }

    #[test]
    fn a_resumed_session_without_counts_is_unknown_and_not_booked_twice() {
        let home = tempfile::tempdir().unwrap();
        let preset = Preset::named("codex").unwrap();
        let mut resumed = findings(41_177, 0.0);
        Before::load(home.path(), Some("s1")).settle(&preset, home.path(), &mut resumed);
        assert_eq!(resumed.usage, None);
        let mut again = findings(50_000, 0.0);
        Before::load(home.path(), Some("s1")).settle(&preset, home.path(), &mut again);
        assert_eq!(again.usage.unwrap().input_tokens, 8_823);
    }
}
