//! The operator's settings, from the environment and an optional TOML file. The environment has precedence.
//!
//! [`Settings::load`] takes the variables as a map. It returns either complete and checked settings, or *every* fault
//! at once, each with the variable, the file's key and the remedy. It reads only the named files (the TOML file, the
//! key, the secret), and the table of prices in the data folder.
//!
//! What never happens here: the process's own environment is not read, no connection is opened, and secrets cannot be
//! printed.

mod agents;
mod command_line;
mod faults;
mod keys;
mod models;
mod network;
mod program;
mod secrets;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use model_gateway::PriceTable;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;

pub use agents::{AgentSettings, PresetSettings};
pub use faults::{Fault, SettingsError};
pub use models::{DayBudgets, ModelSettings};
pub use network::NetworkSettings;

use faults::Faults;
use keys::Sources;

/// The complete, checked settings of `adjutant serve`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The GitHub to work on.
    pub github: GithubSettings,
    /// Adjutant's app there.
    pub app: AppSettings,
    /// The secret that GitHub signs deliveries with.
    pub webhook_secret: SecretString,
    /// Where state is kept.
    pub database: Database,
    /// The address of the webhook receiver.
    pub listen: SocketAddr,
    /// The folder for git mirrors, clones, logs and the private Postgres; absolute.
    pub data_dir: PathBuf,
    pub log: LogSettings,
    /// How agents and verifiers are isolated.
    pub sandbox: SandboxChoice,
    /// The agents that a policy may choose among, by name.
    pub agents: BTreeMap<String, AgentSettings>,
    /// The agent that is used if the policy chooses none.
    pub default_agent: Option<String>,
    /// Whether the agents' programs are tried before they do any work.
    pub check_agents: bool,
    /// The providers of models, by name.
    pub models: BTreeMap<String, ModelSettings>,
    /// What models cost.
    pub prices: Arc<PriceTable>,
    /// What may be spent on models in a day.
    pub day_limits: DayBudgets,
    /// How much runs at once in this process.
    pub limits: ProcessLimits,
    /// Folders with further toolchains for agents and verifiers, each with a `bin`.
    pub toolchains: Vec<PathBuf>,
    /// The hosts that runs of repositories' code may reach.
    pub network: NetworkSettings,
    /// The program that is the launcher in sandboxes: this process's own. No key sets it.
    pub program: PathBuf,
}

/// The settings that a command needs to read the state.
#[derive(Debug, Clone)]
pub struct StateSettings {
    pub database: Database,
    /// The folder that a private Postgres is in; absolute.
    pub data_dir: PathBuf,
}

/// The GitHub to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GithubSettings {
    /// The base URL of its pages, without a trailing slash: `https://github.com`.
    pub url: String,
    /// The base URL of its REST API, without a trailing slash: `https://api.github.com`.
    pub api_url: String,
}

#[derive(Debug, Clone)]
pub struct AppSettings {
    /// The app's id, from its settings page.
    pub id: u64,
    /// The app's private key, PEM. A trial signature was made with it.
    pub private_key: SecretString,
}

/// Where state is kept.
#[derive(Debug, Clone)]
pub enum Database {
    /// In a private Postgres in the data folder.
    Private,
    /// On the server of `DATABASE_URL`.
    Server(SecretString),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// A filter in the syntax of `tracing`: `info,adjutant=debug`.
    pub filter: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Human,
    /// One JSON object per line.
    Json,
}

/// How agents and verifiers are isolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxChoice {
    /// bubblewrap. If it does not work, nothing is run.
    Bubblewrap,
    /// No sandbox. Only if the operator sets it.
    None,
}

/// How much runs at once in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessLimits {
    /// The most agents that run at a time.
    pub max_tasks: u32,
    /// The most agents for one installation of the app, in all processes on the same database.
    pub max_tasks_per_installation: u32,
    /// The most verifier commands that run at a time.
    pub max_verifiers: u32,
    /// How long a lease lasts without renewal. The work of a killed process is claimed again after this time.
    pub lease: Duration,
    /// The time limit for one answer of GitHub's.
    pub github: Duration,
    /// How often GitHub is polled for events whose webhook never arrived.
    pub look: Duration,
    /// The shortest interval between two pushes of an agent's work in progress; `None` for no such pushes.
    pub progress: Option<Duration>,
}

impl Settings {
    /// The same, of a file only the keys that say who does the work and within which limits.
    pub fn load_for_trial(
        variables: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Self, SettingsError> {
        let mut faults = Faults::default();
        let sources = Sources::read(variables, file, &mut faults).for_trial();
        Self::from_sources(&sources, faults)
    }

    /// Reads the settings from `variables` (the environment, or a map in tests) and the TOML file: `file`,
    /// else the one that `ADJUTANT_CONFIG` names.
    pub fn load(
        variables: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Self, SettingsError> {
        let mut faults = Faults::default();
        let sources = Sources::read(variables, file, &mut faults);
        Self::from_sources(&sources, faults)
    }

    fn from_sources(sources: &Sources, mut faults: Faults) -> Result<Self, SettingsError> {
        let github = github(sources, &mut faults);
        let app_id = sources.number(&keys::APP_ID, &mut faults);
        if app_id.is_none() {
            faults.missing(&keys::APP_ID, sources, "the number on the GitHub App's settings page");
        }
        let private_key = secrets::private_key(sources, &mut faults);
        let webhook_secret = secrets::webhook_secret(sources, &mut faults);
        let database = database(sources, &mut faults);
        let listen = listen(sources, &mut faults);
        let log = log(sources, &mut faults);
        let sandbox = sources.choice(
            &keys::SANDBOX,
            &[("bubblewrap", SandboxChoice::Bubblewrap), ("none", SandboxChoice::None)],
            SandboxChoice::Bubblewrap,
            &mut faults,
        );
        let network = network::read(sources, &mut faults);
        let toolchains = toolchains(sources, &mut faults);
        let prices = Arc::new(models::prices(sources, &mut faults));
        let models = models::read(sources, &prices, &mut faults);
        let day_limits = models::day_limits(sources, &mut faults);
        let (agents, default_agent) = agents::read(sources, &models, &mut faults);
        let check_agents = sources.flag(&keys::CHECK_AGENTS, true, &mut faults);
        let limits = ProcessLimits {
            max_tasks: at_least_one(&keys::MAX_TASKS, 2, sources, &mut faults),
            max_tasks_per_installation: at_least_one(&keys::MAX_TASKS_PER_INSTALLATION, 8, sources, &mut faults),
            max_verifiers: at_least_one(&keys::MAX_VERIFIERS, 2, sources, &mut faults),
            lease: Duration::from_secs(at_least_one(&keys::LEASE_SECONDS, 15, sources, &mut faults).into()),
            github: Duration::from_secs(at_least_one(&keys::GITHUB_SECONDS, 30, sources, &mut faults).into()),
            look: Duration::from_secs(at_least_one(&keys::LOOK_SECONDS, 300, sources, &mut faults).into()),
            progress: match sources.number::<u32>(&keys::PROGRESS_SECONDS, &mut faults).unwrap_or(30) {
                0 => None,
                seconds => Some(Duration::from_secs(seconds.into())),
            },
        };

        match (faults.into_result(), app_id, private_key, webhook_secret) {
            (Ok(()), Some(id), Some(private_key), Some(webhook_secret)) => Ok(Self {
                github,
                app: AppSettings { id, private_key },
                webhook_secret,
                database,
                listen,
                data_dir: data_dir(sources),
                log,
                sandbox,
                agents,
                default_agent,
                check_agents,
                models,
                prices,
                day_limits,
                limits,
                toolchains,
                network,
                program: std::env::current_exe().unwrap_or_default(),
            }),
            (Err(error), ..) => Err(error),
            // Every reader that returns nothing adds a fault. This case only makes the match exhaustive.
            (Ok(()), ..) => Err(SettingsError { faults: Vec::new() }),
        }
    }

    /// How to connect to the database, unless it is the private one.
    pub fn connect_options(&self) -> Option<PgConnectOptions> {
        self.database.connect_options()
    }
}

impl StateSettings {
    /// Reads them as [`Settings::load`] does. No other setting is required.
    pub fn load(
        variables: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Self, SettingsError> {
        let mut faults = Faults::default();
        let sources = Sources::read(variables, file, &mut faults);
        let settings = Self { database: database(&sources, &mut faults), data_dir: data_dir(&sources) };
        faults.into_result().map(|()| settings)
    }
}

/// The agents that an operator offers, and what they ask of models.
#[derive(Debug, Clone)]
pub struct OfferedAgents {
    pub agents: BTreeMap<String, AgentSettings>,
    pub models: BTreeMap<String, ModelSettings>,
    pub prices: Arc<PriceTable>,
}

impl OfferedAgents {
    /// Reads them as [`Settings::load`] does. No other setting is required.
    pub fn load(
        variables: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Self, SettingsError> {
        let mut faults = Faults::default();
        let sources = Sources::read(variables, file, &mut faults);
        let prices = Arc::new(models::prices(&sources, &mut faults));
        let models = models::read(&sources, &prices, &mut faults);
        let (agents, _) = agents::read(&sources, &models, &mut faults);
        faults.into_result().map(|()| Self { agents, models, prices })
    }
}

/// The table of prices that is read in place of the shipped one.
#[derive(Debug, Clone)]
pub struct PriceFile {
    /// What `price_table` names, else a file in the data folder, which need not be there.
    pub path: PathBuf,
}

impl PriceFile {
    /// Reads it as [`Settings::load`] does. No other setting is required.
    pub fn load(
        variables: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Self, SettingsError> {
        let mut faults = Faults::default();
        let sources = Sources::read(variables, file, &mut faults);
        let path = models::price_file(&sources, &mut faults);
        faults.into_result().map(|()| Self { path })
    }
}

impl Database {
    /// How to connect to it, unless it is the private one.
    pub fn connect_options(&self) -> Option<PgConnectOptions> {
        match self {
            Self::Private => None,
            Self::Server(url) => PgConnectOptions::from_str(url.expose_secret()).ok(),
        }
    }
}

/// `https://api.github.com` for github.com, `https://api.NAME.ghe.com` for a cloud with data residency, and
/// `<url>/api/v3` for a GitHub Enterprise Server
/// (<https://docs.github.com/en/enterprise-server@latest/rest/using-the-rest-api/getting-started-with-the-rest-api>).
fn github(sources: &Sources, faults: &mut Faults) -> GithubSettings {
    let given = sources.text(&keys::GITHUB_URL, faults).unwrap_or_else(|| "https://github.com".to_owned());
    let url = given.trim_end_matches('/').to_owned();
    let parsed = url.parse::<http::Uri>().ok();
    let host = parsed.as_ref().and_then(http::Uri::host).unwrap_or_default();
    let scheme = parsed.as_ref().and_then(http::Uri::scheme_str);
    let authority = parsed.as_ref().and_then(http::Uri::authority);
    if !matches!(scheme, Some("http" | "https")) || host.is_empty() {
        faults.add(&keys::GITHUB_URL, "is not an address such as https://github.com or https://github.example.com");
    } else if authority.is_some_and(|authority| authority.as_str().contains('@')) {
        faults.add(&keys::GITHUB_URL, "holds a user name: give the address alone, the app's key is what signs in");
    } else if matches!(host, "api.github.com") || url.ends_with("/api/v3") {
        faults.add(&keys::GITHUB_URL, "is the address of the API: give the one that people open in a browser");
    }
    let api_url = if host == "github.com" || host == "www.github.com" {
        "https://api.github.com".to_owned()
    } else if host.ends_with(".ghe.com") {
        format!("https://api.{host}")
    } else {
        format!("{url}/api/v3")
    };
    GithubSettings { url, api_url }
}

fn database(sources: &Sources, faults: &mut Faults) -> Database {
    let Some(url) = sources.text(&keys::DATABASE_URL, faults) else {
        return Database::Private;
    };
    let is_postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
    // The parser's message is left out, because it may quote the password.
    if !is_postgres || PgConnectOptions::from_str(&url).is_err() {
        faults.add(
            &keys::DATABASE_URL,
            "is not an address such as postgres://user:password@host/database; leave it out to use a private Postgres",
        );
    }
    Database::Server(url.into())
}

fn listen(sources: &Sources, faults: &mut Faults) -> SocketAddr {
    let default = SocketAddr::from(([127, 0, 0, 1], 8787));
    let Some(text) = sources.text(&keys::LISTEN, faults) else {
        return default;
    };
    text.replace("localhost:", "127.0.0.1:").parse().unwrap_or_else(|_| {
        faults.add(&keys::LISTEN, "is not an address and port such as 127.0.0.1:8787 or 0.0.0.0:8787");
        default
    })
}

/// Folders that exist and have programs in them: a misspelt one would be noticed only when a test cannot be run.
fn toolchains(sources: &Sources, faults: &mut Faults) -> Vec<PathBuf> {
    let folders = sources.paths(&keys::TOOLCHAINS, faults);
    for folder in &folders {
        if !folder.is_absolute() || !folder.join("bin").is_dir() {
            let what = format!("names `{}`: give the absolute path of a folder with a `bin` in it", folder.display());
            faults.add(&keys::TOOLCHAINS, &what);
        }
    }
    folders
}

fn log(sources: &Sources, faults: &mut Faults) -> LogSettings {
    let filter = sources.text(&keys::LOG, faults).unwrap_or_else(|| "info".to_owned());
    if let Err(error) = filter.parse::<tracing_subscriber::EnvFilter>() {
        faults.add(&keys::LOG, &format!("is not a filter such as `info,adjutant=debug`: {error}"));
    }
    let format = sources.choice(
        &keys::LOG_FORMAT,
        &[("human", LogFormat::Human), ("json", LogFormat::Json)],
        LogFormat::Human,
        faults,
    );
    LogSettings { filter, format }
}

/// `STATE_DIRECTORY`, which systemd's `StateDirectory=` sets; else a folder in the working directory.
fn data_dir(sources: &Sources) -> PathBuf {
    let folder = sources
        .text(&keys::DATA_DIR, &mut Faults::default())
        .or_else(|| sources.variable("STATE_DIRECTORY"))
        .map_or_else(|| PathBuf::from(".adjutant"), PathBuf::from);
    // Absolute, because programs are started with other working directories.
    std::path::absolute(&folder).unwrap_or(folder)
}

fn at_least_one(key: &keys::Key, default: u32, sources: &Sources, faults: &mut Faults) -> u32 {
    match sources.number::<u32>(key, faults) {
        Some(0) => {
            faults.add(key, "is 0, so nothing would ever run: give 1 or more");
            default
        }
        Some(number) => number,
        None => default,
    }
}

#[cfg(test)]
mod tests;
