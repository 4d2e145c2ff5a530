//! What a playground is started with, and why it may not start.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

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
    /// Who is shown every answer and webhook as it passes.
    pub observer: Option<Arc<dyn Observer>>,
}

impl PlaygroundOptions {
    /// On any free port of this machine, with this folder and no webhooks.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data: data.into(),
            webhook_url: None,
            observer: None,
        }
    }
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
