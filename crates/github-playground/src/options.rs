//! The options of a playground, and the errors of its start.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use serde::Deserialize;
use thiserror::Error;

use super::observe::Observer;

/// What a playground is started with.
#[derive(Debug, Clone)]
pub struct PlaygroundOptions {
    /// Where to listen. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// The folder for the bare repositories, `app.pem` and `webhook-secret`. Made if it is not there; key and
    /// secret found in it are used again.
    pub data: PathBuf,
    /// Where the app's webhooks go; none are sent while there is none. [`super::Playground::set_webhook_url`] sets it later.
    pub webhook_url: Option<String>,
    /// Receives every answer and webhook as it passes.
    pub observer: Option<Arc<dyn Observer>>,
    /// The app that is installed on the repositories.
    pub app: PlaygroundApp,
}

/// The app that a playground is started for: its identity, and what repositories hold for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaygroundApp {
    /// The display name, as in *GitHub Apps → NAME*.
    pub name: String,
    /// The name in addresses; the app's bot is `<slug>[bot]`.
    pub slug: String,
    /// Files of `acme/widgets` for this app, beside those of the library itself.
    pub files: Vec<SeedText>,
    /// Labels for this app, which `acme/widgets` and every imported repository have.
    pub labels: Vec<SeedLabel>,
}

impl Default for PlaygroundApp {
    fn default() -> Self {
        Self {
            name: "Playground App".to_owned(),
            slug: "playground-app".to_owned(),
            files: Vec::new(),
            labels: Vec::new(),
        }
    }
}

/// A text in the first commit of `acme/widgets`. Where the library has a file of that path, the text is appended to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedText {
    /// Relative to the top of the repository, with `/` between folders.
    pub path: String,
    /// The content of the file, or what is appended.
    pub text: String,
}

impl PlaygroundOptions {
    /// On any free port of this machine, with this data folder, no webhooks and the default app.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data: data.into(),
            webhook_url: None,
            observer: None,
            app: PlaygroundApp::default(),
        }
    }
}

/// A label that a repository begins with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedLabel {
    /// The name, unique within the repository whatever the case.
    pub name: String,
    /// Six hexadecimal digits.
    #[serde(default = "grey")]
    pub color: String,
    /// One line.
    pub description: Option<String>,
}

/// The colour of a label that nobody chose one for.
pub(crate) fn grey() -> String {
    "ededed".to_owned()
}

/// Why a playground did not start.
#[derive(Debug, Error)]
pub enum PlaygroundError {
    /// The address is taken or not this machine's.
    #[error("the playground cannot listen on {listen}: {source}; choose another address with --listen")]
    Listen {
        /// The address asked for.
        listen: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file in the data folder could not be read or written.
    #[error("the playground cannot use {path}: {source}; choose a writable folder with --data")]
    Data {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The app's key could not be made, or the one found is none.
    #[error("the playground cannot use the app's key {path}: {reason}; delete the file to have a new one made")]
    Key {
        /// The key's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The repositories could not be made.
    #[error("the playground could not make its repositories: {0}; is git (2.38 or newer) installed?")]
    Git(String),
}
