//! Postgres. This is the only place with SQL.
//!
//! Values of the domain come in and go out; rows and SQL stay here. Every query is checked at compile time against the
//! data committed in `.sqlx` (`make sqlx` refreshes it), and has its own function. [`inbox`] stores webhook deliveries;
//! [`directives`] loads and saves the engine's state; [`effects`] is the outbox; [`history`] stores the events and
//! [`feed`] passes them on; [`overview`] has the queries for pages and command line; [`cluster`] runs a private server.
//!
//! What never happens here: nothing is decided about a directive, GitHub is not called, and no lock is held for longer
//! than a statement or a short transaction. Long work holds a *lease* that expires, so that the work of a process that
//! dies is claimed again.

pub mod agents;
mod baselines;
mod calibration;
pub mod cluster;
pub mod directives;
pub mod effects;
pub mod feed;
pub mod history;
pub mod inbox;
mod listen;
pub mod operator;
pub mod overview;
pub mod purse;
pub mod queue;
pub mod spending;
mod waiting;

use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};

use adjutant_domain::persisted::{ReadError, STATE_VERSION};

/// All migrations, compiled in.
static MIGRATIONS: Migrator = sqlx::migrate!();

/// How many connections one process uses at most.
const CONNECTIONS: u32 = 16;
/// How long a caller waits for a free connection, and for a new connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long [`Store::ping`] waits before it finds out the reason.
const PING: Duration = Duration::from_secs(1);

/// A pool of connections, and all the queries as its methods. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    /// The version of persisted JSON that is written, and the newest that is read.
    version: i32,
    /// The agent of tasks for which the policy names none.
    default_agent: Option<String>,
}

impl Store {
    /// Connects. Fails with the reason if the database cannot be reached now.
    pub async fn connect(options: PgConnectOptions) -> Result<Self, StoreError> {
        reach(&options).await?;
        Ok(Self::lazy(options))
    }

    /// A store whose database may be down. Every call fails until the database is up.
    ///
    /// Postgres cancels statements after 30 s and ends idle transactions after 60 s, so a query that hangs blocks a
    /// connection for a minute at most.
    pub fn lazy(options: PgConnectOptions) -> Self {
        let worker = uuid::Uuid::new_v4().to_string();
        let options = options.options([
            ("statement_timeout", "30s"),
            ("lock_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "60s"),
            // Which process works on a row of the queue.
            ("adjutant.worker", worker.as_str()),
        ]);
        let pool =
            PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE).connect_lazy_with(options);
        Self { pool, version: STATE_VERSION, default_agent: None }
    }

    /// The same store, which knows the agent of tasks for which the policy names none.
    #[must_use]
    pub fn with_default_agent(self, default_agent: Option<String>) -> Self {
        Self { default_agent, ..self }
    }

    /// The same store as a program of another version sees it, for tests of upgrades. It writes rows of that version,
    /// and reads none that is newer. The shape of the rows stays this program's.
    #[must_use]
    pub fn as_version(self, version: i32) -> Self {
        Self { version, ..self }
    }

    /// Updates the schema. Processes that start at once take turns, because sqlx holds an advisory lock.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        // A migration, or waiting for another process' migrations, may take longer than a query. Without
        // `client_min_messages`, every start would log Postgres' notice that the migrator's table exists.
        let patient = [("statement_timeout", "10min"), ("lock_timeout", "10min"), ("client_min_messages", "warning")];
        let options = self.pool.connect_options().as_ref().clone().options(patient);
        reach(&options).await?;
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).connect_lazy_with(options);
        let mut migrations = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
        // A newer version may have migrated this database. Each of its migrations is one that this version survives.
        migrations.set_ignore_missing(true);
        let outcome = migrations.run(&pool).await;
        pool.close().await;
        Ok(outcome?)
    }

    /// Whether the database answers and its schema is new enough. A newer schema is fine: every migration is one that
    /// the running version survives.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let needed = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
        let newest = match tokio::time::timeout(PING, self.newest_migration()).await {
            Ok(Err(StoreError::Away(sqlx::Error::PoolTimedOut))) | Err(_) => {
                // The pool does not say why it gave no connection. If a connection can be opened now, all of the pool's
                // are in use.
                reach(self.pool.connect_options().as_ref()).await?;
                return Err(StoreError::Away(sqlx::Error::PoolTimedOut));
            }
            Ok(newest) => newest?,
        };
        if newest < needed {
            return Err(StoreError::Behind { at: newest, needed });
        }
        Ok(())
    }

    async fn newest_migration(&self) -> Result<i64, StoreError> {
        let asked = sqlx::query_scalar!("SELECT max(version) FROM _sqlx_migrations WHERE success");
        match asked.fetch_one(&self.pool).await {
            Ok(newest) => Ok(newest.unwrap_or(0)),
            // `undefined_table`: no migration was ever applied.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until all connections are returned, and closes them.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The pool, for the queries of this folder.
    pub(in crate::store) fn pool(&self) -> &PgPool {
        &self.pool
    }
}

/// Opens one connection to learn the reason for a failure: the pool retries after a refused connection and finally
/// reports "timed out".
async fn reach(options: &PgConnectOptions) -> Result<(), StoreError> {
    match tokio::time::timeout(PATIENCE, PgConnection::connect_with(options)).await {
        Ok(connection) => Ok(connection?.close().await?),
        Err(_) => Err(StoreError::Away(sqlx::Error::PoolTimedOut)),
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row holds a value that this program cannot read or write. The row is set aside or skipped, and nothing else is
    /// affected.
    #[error("the {what} {id} cannot be read or written: {error}")]
    Unreadable {
        /// The kind of row.
        what: &'static str,
        /// The id or key of the row.
        id: String,
        error: serde_json::Error,
    },
    /// A newer version of this program, on the same database, wrote the row. It is left to that version.
    #[error("the {what} {id} was written by a newer version: version {found}, and this program reads up to {readable}")]
    Newer {
        /// The kind of row.
        what: &'static str,
        id: String,
        /// The version of the row.
        found: i32,
        /// The newest version that this program reads.
        readable: i32,
    },
    /// The database could not be reached, or the connection was lost. Try again.
    #[error("the database cannot be reached ({0}): check that it runs and that DATABASE_URL is right")]
    Away(#[source] sqlx::Error),
    /// The database refused the statement. Another try would end the same way.
    #[error("the database refused: {0}")]
    Refused(#[source] sqlx::Error),
    /// The schema could not be updated.
    #[error("the database's schema could not be migrated: {0}")]
    Migration(#[from] MigrateError),
    #[error(
        "the database's schema is at version {at} and {needed} is needed: migrations run when `adjutant serve` starts"
    )]
    Behind {
        /// The newest migration that was applied.
        at: i64,
        /// The newest one that this program has.
        needed: i64,
    },
}

impl StoreError {
    fn of_read(what: &'static str, id: String, error: ReadError) -> Self {
        match error {
            ReadError::Newer { found, readable } => Self::Newer { what, id, found, readable },
            ReadError::Unreadable(error) => Self::Unreadable { what, id, error },
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Away(_) => true,
            Self::Migration(MigrateError::Execute(error)) => is_away(error),
            _ => false,
        }
    }
}

impl StoreError {
    /// Whether the database refuses the value, so that another try is refused again: SQLSTATE classes 22 (data
    /// exception: U+0000 in text, a number out of range), 23 (a constraint) and 54 (a program limit)
    /// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
    pub fn is_certain(&self) -> bool {
        match self {
            Self::Refused(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
            }
            _ => false,
        }
    }

    /// Whether the error is about rows that this program cannot read, but a newer version or an operator may.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable { .. } | Self::Newer { .. })
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if is_away(&error) { Self::Away(error) } else { Self::Refused(error) }
    }
}

/// Whether the connection broke or could not be opened, or the server is shutting down, full or busy. These are the
/// SQLSTATE classes 08 (connection), 53 (resources) and 57 (operator intervention: shutdown, statement timeout), and
/// those of a transaction that conflicted with another, of a lock that was not obtained in time and of a database that
/// is closed to connections (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            matches!(&*code, "40001" | "40P01" | "55P03" | "55000")
                || ["08", "53", "57"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}
