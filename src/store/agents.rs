//! Agents that have to wait: a provider that refuses for a time refuses every task of the agent, whichever process runs it.
//!
//! A pause ends by itself when its time has come. Claims look here ([`super::effects`]).

use chrono::{DateTime, Utc};

use super::{Store, StoreError};
use adjutant_domain::failure::AgentErrorKind;
use adjutant_domain::task::AgentPause;

/// A pause that holds now, for an operator.
#[derive(Debug, Clone)]
pub struct PausedAgent {
    pub agent: String,
    pub why: AgentErrorKind,
    pub until: DateTime<Utc>,
    /// How many tasks wait for it.
    pub tasks: i64,
}

impl Store {
    /// Lets no task of an agent start before `pause.until`. A longer pause that is known already stays.
    pub async fn pause_agent(&self, pause: &AgentPause) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO agent_pauses AS old (agent, why, until) VALUES ($1, $2, $3)
             ON CONFLICT (agent) DO UPDATE SET why = excluded.why, until = excluded.until, created_at = now()
             WHERE old.until < excluded.until",
            pause.agent,
            pause.why.as_str(),
            pause.until,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// The pauses that hold now. A task that the operator's default agent runs is counted once it was told to wait.
    pub async fn paused_agents(&self) -> Result<Vec<PausedAgent>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT p.agent, p.why, p.until, (
                   SELECT count(*) FROM tasks t JOIN directives d ON d.id = t.directive_id
                   WHERE t.status = 'queued' AND d.status NOT IN ('completed', 'failed', 'archived')
                         AND (t.wanted_agent = p.agent OR (t.wanted_agent IS NULL AND t.paused_until = p.until))
               ) AS "tasks!"
               FROM agent_pauses p WHERE p.until > now() ORDER BY p.agent"#,
        )
        .fetch_all(self.pool())
        .await?;
        let paused = rows.into_iter().map(|row| PausedAgent {
            agent: row.agent,
            why: kind(&row.why),
            until: row.until,
            tasks: row.tasks,
        });
        Ok(paused.collect())
    }
}

/// The kind of that word. An unknown one was written by a newer version.
pub(super) fn kind(word: &str) -> AgentErrorKind {
    AgentErrorKind::ALL.iter().copied().find(|kind| kind.as_str() == word).unwrap_or(AgentErrorKind::Overloaded)
}
