//! Environments: what has to be installed before a repository's commands can be run.
//!
//! In: a [`Setup`] (the commands that install, from the policy or detected) and a commit. Out: an [`Environment`], a
//! read-only layer that verifiers and agents see below their own files.
//!
//! A layer is made once for each key: the commands, the programs of this machine, and the contents of the manifests and
//! lockfiles (`key`). It is made from the *base* commit. A commit that changes one of those files gets a layer of its own,
//! which no other commit ever uses, because code of that commit took part in it. Two tasks that need the same layer at one
//! time make it once. Layers that were not used for long are removed (`shelf`).
//!
//! What never happens here: nothing is judged. A setup that fails is a [`SetupFault`] with the command and its last lines;
//! whether that is the base's fault or the change's is for the caller to say.

mod keep;
mod key;
mod make;
mod shelf;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adjutant_domain::network::Hosts;
use tokio_util::sync::CancellationToken;

use crate::verify::Setup;
use crate::workspace::sandbox::{Limits, Mode, Sandbox, SandboxError};
use crate::workspace::{GitError, Mirror};

pub use shelf::Shelf;

/// The longest time that all commands of a setup together may take.
const LONGEST: Duration = Duration::from_mins(45);

/// Makes environments and keeps them for later runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Environments {
    sandbox: Sandbox,
    /// What the commands that install may reach.
    hosts: Hosts,
    shelf: Arc<Shelf>,
}

/// For whom an environment is made.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The repository's mirror.
    pub mirror: &'a Mirror,
    /// The repository's name on the shelf.
    pub repository: &'a str,
    /// The commit that everybody trusts.
    pub base: &'a str,
    /// The commit whose files the environment is for. It may be the base itself.
    pub commit: &'a str,
    pub setup: &'a Setup,
    /// Where the output of the commands goes. An existing file is replaced.
    pub log: &'a Path,
    pub cancel: &'a CancellationToken,
}

/// A prepared environment. It is not removed while this value lives.
#[derive(Debug)]
pub struct Environment {
    layer: Option<shelf::InUse>,
    /// Whether it was made from the commit's own files, because the commit changes what is installed.
    pub own: bool,
    /// How long its commands took; zero if it was there already.
    pub took: Duration,
}

impl Environment {
    /// Nothing had to be prepared.
    pub fn none() -> Self {
        Self { layer: None, own: false, took: Duration::ZERO }
    }

    /// The folder for [`SandboxRun::layer`](crate::workspace::sandbox::SandboxRun::layer).
    pub fn layer(&self) -> Option<PathBuf> {
        self.layer.as_ref().map(|layer| layer.path().to_owned())
    }
}

/// Why an environment could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A command of the setup failed.
    #[error(transparent)]
    Fault(#[from] SetupFault),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A folder of ours could not be used.
    #[error("{path}: {source}", path = path.display())]
    Files { path: PathBuf, source: std::io::Error },
    #[error("it was cancelled")]
    Cancelled,
}

impl SetupError {
    pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Files { path, source }
    }
}

/// A command of a setup that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{command}` {how}")]
pub struct SetupFault {
    pub command: String,
    /// How it ended, as the end of a sentence.
    pub how: String,
    /// Its last lines of output, and the hosts that it was not let through to.
    pub tail: String,
}

impl Environments {
    /// Environments below `root`, made in `sandbox`. The commands that install may reach `hosts`.
    pub fn open(root: &Path, sandbox: Sandbox, hosts: Hosts) -> Result<Self, SetupError> {
        Ok(Self { sandbox, hosts, shelf: Arc::new(Shelf::open(root)?) })
    }

    /// The sandbox in which they are made and used.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The environment for a commit, made if it is not there yet.
    ///
    /// Without a sandbox there are no layers: a run sees the machine as it is, and the operator installs what is needed.
    pub async fn prepare(&self, wanted: Wanted<'_>) -> Result<Environment, SetupError> {
        if wanted.setup.is_empty() || self.sandbox.mode() == Mode::None {
            return Ok(Environment::none());
        }
        let (files, own) = key::files_of(wanted).await?;
        // What others share is made from the base, whoever asks for it: its setup may run any file of its commit.
        let wanted = Wanted { commit: if own { wanted.commit } else { wanted.base }, ..wanted };
        let key = key::of(wanted.setup, &files, own);
        let asked = std::time::Instant::now();
        let _one_at_a_time = tokio::select! {
            held = self.shelf.lock(wanted.repository, &key) => held,
            () = wanted.cancel.cancelled() => return Err(SetupError::Cancelled),
        };
        if let Some(layer) = self.shelf.take(wanted.repository, &key) {
            return Ok(Environment { layer: Some(layer), own, took: Duration::ZERO });
        }
        // Whoever waited while another tried it would only fail in the same way.
        if let Some(fault) = self.shelf.fault_since(wanted.repository, &key, asked) {
            return Err(fault.into());
        }
        let started = std::time::Instant::now();
        let making = self.shelf.begin(wanted.repository)?;
        if let Err(error) = make::layer(&self.sandbox, &self.hosts, wanted, making.path()).await {
            if let SetupError::Fault(fault) = &error {
                self.shelf.remember_fault(wanted.repository, &key, fault);
            }
            return Err(error);
        }
        let layer = self.shelf.put(wanted.repository, &key, &making)?;
        self.shelf.prune(wanted.repository);
        Ok(Environment { layer: Some(layer), own, took: started.elapsed() })
    }
}

/// The limits of a setup's commands.
fn limits(left: Duration) -> Limits {
    Limits { wall: left, ..Limits::default() }
}
