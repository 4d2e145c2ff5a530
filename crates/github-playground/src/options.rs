//! The options of a playground, and the errors of its start.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use serde::Deserialize;
use thiserror::Error;

use super::observe::Observer;

/// The options of a playground.
#[derive(Debug, Clone)]
pub struct PlaygroundOptions {
    /// The address to listen on. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// The folder for the bare repositories, `app.pem` and `webhook-secret`. It is created if missing. An existing key
    /// and secret are used again.
    pub data: PathBuf,
    /// The URL for the app's webhooks; `None` sends none. [`super::Playground::set_webhook_url`] sets it later.
    pub webhook_url: Option<String>,
    /// Receives every answer and webhook.
    pub observer: Option<Arc<dyn Observer>>,
    /// The app that is installed on the repositories.
    pub app: PlaygroundApp,
}

/// The app that a playground is started for: its identity, and its files and labels for repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaygroundApp {
    /// The display name, as in *GitHub Apps → NAME*.
    pub name: String,
    /// The name in URLs. The app's bot is `<slug>[bot]`.
    pub slug: String,
    /// Files for `acme/widgets`, in addition to those of the library itself.
    pub files: Vec<SeedText>,
    /// Labels for `acme/widgets` and every imported repository.
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

/// A text in the first commit of `acme/widgets`. If the library has a file at this path, the text is appended to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedText {
    /// Relative to the top of the repository, with `/` between folders.
    pub path: String,
    /// The content of the file, or the text to append.
    pub text: String,
}

impl PlaygroundOptions {
    /// Any free port of this machine, this data folder, no webhooks and the default app.
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

/// A label of a new repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedLabel {
    /// Unique within the repository, ignoring case.
    pub name: String,
    /// Six hexadecimal digits.
    #[serde(default = "grey")]
    pub color: String,
    /// One line.
    pub description: Option<String>,
}

/// The default colour of a label.
pub(crate) fn grey() -> String {
    "ededed".to_owned()
}

/// Why a playground did not start.
#[derive(Debug, Error)]
pub enum PlaygroundError {
    /// The address is in use or does not belong to this machine.
    #[error("the playground cannot listen on {listen}: {source}; choose another address with --listen")]
    Listen {
        /// The requested address.
        listen: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file in the data folder could not be read or written.
    #[error("the playground cannot use {path}: {source}; choose a writable folder with --data")]
    Data {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The app's key could not be created, or its file has no valid key.
    #[error("the playground cannot use the app's key {path}: {reason}; delete the file to have a new one made")]
    Key {
        /// The key's file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// The repositories could not be created.
    #[error("the playground could not make its repositories: {0}; is git (2.38 or newer) installed?")]
    Git(String),
}
