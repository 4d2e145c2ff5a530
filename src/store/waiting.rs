//! Waiting signals: the process that had them could not read their directive, because a newer version wrote it or its
//! rows are damaged. They are stored in their order, and applied by the process that reads the directive next.

use super::StoreError;
use super::directives::{Transaction, to_json};
use adjutant_domain::ids::DirectiveId;
use adjutant_domain::persisted::{self, STATE_VERSION};
use adjutant_domain::signal::Signal;

impl Transaction {
    /// Stores signals for the process that reads the directive next.
    pub async fn leave_signals(&mut self, directive: DirectiveId, signals: &[Signal]) -> Result<(), StoreError> {
        for signal in signals {
            sqlx::query!(
                "INSERT INTO waiting_signals (directive_id, signal, signal_version) VALUES ($1, $2, $3)",
                directive.0,
                to_json(signal, "signal for directive", directive.0)?,
                self.version,
            )
            .execute(&mut *self.tx)
            .await?;
        }
        Ok(())
    }

    /// Takes the signals that waited for a directive that is locked here, oldest first. An unreadable signal is set
    /// aside, with the reason in its row and in the log.
    pub async fn take_waiting_signals(&mut self, directive: DirectiveId) -> Result<Vec<Signal>, StoreError> {
        if !self.has_waiting.remove(&directive) {
            return Ok(Vec::new());
        }
        let rows = sqlx::query!(
            "SELECT id, signal, signal_version FROM waiting_signals
             WHERE directive_id = $1 AND error IS NULL AND signal_version <= $2 ORDER BY id",
            directive.0,
            self.version,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let (mut signals, mut read) = (Vec::new(), Vec::new());
        for row in rows {
            match persisted::read_signal(row.signal_version.min(STATE_VERSION), row.signal) {
                Ok(signal) => {
                    signals.push(signal);
                    read.push(row.id);
                }
                Err(error) => {
                    tracing::error!(%directive, signal = row.id, %error, "a waiting signal cannot be read; it is set aside");
                    self.set_signal_aside(row.id, &error.to_string()).await?;
                }
            }
        }
        sqlx::query!("DELETE FROM waiting_signals WHERE id = ANY ($1)", &read).execute(&mut *self.tx).await?;
        Ok(signals)
    }

    async fn set_signal_aside(&mut self, id: i64, why: &str) -> Result<(), StoreError> {
        sqlx::query!("UPDATE waiting_signals SET error = $2 WHERE id = $1", id, why).execute(&mut *self.tx).await?;
        Ok(())
    }
}
