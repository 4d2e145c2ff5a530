//! The database of the settings, opened for one command.

use std::path::Path;

use sqlx::postgres::PgConnectOptions;

use super::CliError;
use crate::settings::{Database, StateSettings};
use crate::store::Store;
use crate::store::cluster::{Cluster, ClusterError};

pub(super) struct Opened {
    pub(super) store: Store,
    cluster: Option<Cluster>,
}

impl Opened {
    /// Connects read-only. A private Postgres that does not run is started; one that was never created is an error.
    pub(super) async fn open(variables: Vec<(String, String)>, config: Option<&Path>) -> Result<Self, CliError> {
        Self::with(variables, config, Store::read_only).await
    }

    /// The same with write access.
    pub(super) async fn open_to_write(
        variables: Vec<(String, String)>,
        config: Option<&Path>,
    ) -> Result<Self, CliError> {
        Self::with(variables, config, Store::lazy).await
    }

    async fn with(
        variables: Vec<(String, String)>,
        config: Option<&Path>,
        store: fn(PgConnectOptions) -> Store,
    ) -> Result<Self, CliError> {
        let settings = StateSettings::load(variables, config).map_err(|error| CliError::Operator(error.to_string()))?;
        let (options, cluster) = match (&settings.database, settings.database.connect_options()) {
            (Database::Server(_), Some(options)) => (options, None),
            _ if !Cluster::exists(&settings.data_dir) => {
                return Err(CliError::Operator(format!(
                    "there is no database: DATABASE_URL is not set, and {} has no private Postgres; set DATABASE_URL, or \
                     ADJUTANT_DATA_DIR to the data folder of `adjutant serve`",
                    settings.data_dir.display()
                )));
            }
            _ => {
                let cluster = Cluster::start(&settings.data_dir).await?;
                (cluster.options(), Some(cluster))
            }
        };
        let store = store(options.application_name("adjutant command"));
        let opened = Self { store, cluster };
        match opened.store.ping().await {
            Ok(()) => Ok(opened),
            Err(error) => {
                opened.close().await?;
                Err(error.into())
            }
        }
    }

    /// Disconnects, and stops a private Postgres that nobody else uses.
    pub(super) async fn close(self) -> Result<(), CliError> {
        self.store.close().await;
        if let Some(cluster) = self.cluster {
            cluster.stop().await?;
        }
        Ok(())
    }
}

impl From<ClusterError> for CliError {
    fn from(error: ClusterError) -> Self {
        Self::Operator(error.to_string())
    }
}
