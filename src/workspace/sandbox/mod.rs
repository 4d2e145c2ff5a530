//! Runs one process tree of the repository's or an agent's code in isolation.
//!
//! In: a command, the clone that it works in, what else it may read or write, and its limits. Out: how it ended, the
//! log file with everything it printed, and a short readable tail of that.
//!
//! The sandbox consists of Linux namespaces that bubblewrap sets up. The tree has its own user, PID, mount, IPC and UTS
//! namespaces and its own network, which is empty or leads to a list of hosts ([`network`]). It sees the system's programs
//! read-only, its clone at [`TREE`], its own home folder, and nothing else: no data folder, no key, no socket of the
//! database, none of our environment. If Adjutant runs as root, the tree runs as the unprivileged uid [`DROPPED_UID`], so that even the
//! kernel does not treat it as root. Otherwise it runs as Adjutant's user. Inside, its uid is always 1000.
//!
//! What never happens here: a command never runs without a sandbox because a sandbox could not be set up.
//! [`Sandbox::probe`] refuses then and names the remedy. Only an operator who sets the mode `none` runs without.
//!
//! Known and accepted: a run with [`Network::Host`], which only an operator can give to an agent, shares the host's
//! network, loopback included.

mod bubblewrap;
mod cgroup;
mod disk;
mod environment;
mod launch;
mod layers;
mod limits;
pub mod network;
mod output;
mod seccomp;
mod spawn;
mod toolchain;
mod watch;

#[cfg(test)]
mod tests;

use layers::Layering;
pub use limits::{LimitLine, Limits, LimitsReport};
pub use output::{plain_tail, plain_text};
pub use toolchain::Toolchain;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adjutant_domain::network::{Network, RefusedHost};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::workspace::files::{Excess, WalkError};
use crate::workspace::secrets::Blots;
use network::{Dial, SystemDialer};
pub use network::{Door, DoorListener};

/// Where the clone is mounted inside the sandbox. It is the same for every run, so that build caches stay valid.
pub const TREE: &str = "/work/tree";
/// The home folder inside the sandbox.
pub const HOME: &str = "/home/worker";
/// The real uid and gid of a sandboxed tree if Adjutant runs as root. Distributions use no ids near it for people or
/// services.
pub const DROPPED_UID: u32 = 64_999;
/// The uid and gid that a process sees inside.
pub(crate) const INSIDE_UID: u32 = 1000;

/// Whether processes are sandboxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Namespaces, through the program `bwrap`.
    Bubblewrap,
    /// No sandbox: an ordinary child process with a clean environment and resource limits. Only if the operator sets
    /// it.
    None,
}

impl std::str::FromStr for Mode {
    type Err = SandboxError;

    fn from_str(text: &str) -> Result<Self, SandboxError> {
        match text {
            "bubblewrap" => Ok(Self::Bubblewrap),
            "none" => Ok(Self::None),
            other => Err(SandboxError::UnknownMode(other.to_owned())),
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bubblewrap => "bubblewrap",
            Self::None => "none",
        })
    }
}

/// The operator's settings for running processes.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    pub mode: Mode,
    /// Our folder for the runs' home and temporary folders. It is created if missing.
    pub scratch_root: PathBuf,
    /// Folders with further toolchains, mounted read-only. Their `bin` comes first in `PATH`. The Rust toolchain is
    /// found without being listed.
    pub toolchains: Vec<PathBuf>,
    /// Our own program, which is the launcher in runs with a list of hosts.
    pub launcher: PathBuf,
    /// How the proxy of such a run reaches hosts.
    pub dialer: Arc<dyn Dial>,
}

impl SandboxConfig {
    /// No further toolchains, this process's program and the system's network.
    pub fn new(mode: Mode, scratch_root: impl Into<PathBuf>) -> Self {
        Self {
            mode,
            scratch_root: scratch_root.into(),
            toolchains: Vec::new(),
            launcher: std::env::current_exe().unwrap_or_default(),
            dialer: Arc::new(SystemDialer),
        }
    }
}

/// A folder or file of the host, and its path in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The path on the host.
    pub host: PathBuf,
    /// The absolute path inside.
    pub inside: PathBuf,
}

impl Bind {
    /// Mounts `host` at `inside`.
    pub fn new(host: impl Into<PathBuf>, inside: impl Into<PathBuf>) -> Self {
        Self { host: host.into(), inside: inside.into() }
    }
}

/// One process tree to run.
#[derive(Debug, Clone)]
pub struct SandboxRun {
    /// The program, found in the sandbox's `PATH`, and its arguments.
    pub argv: Vec<String>,
    /// The clone: writable, mounted at [`TREE`], and the working directory.
    pub workdir: PathBuf,
    /// Further folders and files that it may read.
    pub readonly: Vec<Bind>,
    /// Further folders and files that it may write.
    pub writable: Vec<Bind>,
    /// Its variables, in addition to the few that the sandbox sets (`PATH`, `HOME`, …).
    pub env: BTreeMap<String, String>,
    /// What it may reach.
    pub network: Network,
    /// A port of its loopback that somebody of ours serves.
    pub door: Option<Door>,
    /// Files and folders of the clone that the run sees empty, by their paths in it. Only what is there is covered.
    pub masked: Vec<PathBuf>,
    /// Folders that come first in its `PATH`, as the run sees them.
    pub path: Vec<PathBuf>,
    /// Whether it sees our own program, at the path that [`Sandbox::program`] gives.
    pub shows_program: bool,
    /// Its resource limits.
    pub limits: Limits,
    /// The file for everything that it prints, which only our user can read. Its folder is created, and an existing file is
    /// replaced.
    pub log: PathBuf,
    /// The values that are blotted out of what it prints.
    pub blots: Blots,
    /// A folder that keeps the home across runs. Without it the run gets a new one, which is removed afterwards.
    pub scratch: Option<PathBuf>,
    /// A prepared environment: a folder whose `home` and `tree` the run sees below its own home and clone. The run cannot
    /// change it. Nobody else changes it while the run lasts.
    pub layer: Option<PathBuf>,
    /// Ends the run early.
    pub cancel: CancellationToken,
}

impl SandboxRun {
    /// A run of `argv` in `workdir` with no further binds, no network and the default limits.
    pub fn new(argv: Vec<String>, workdir: impl Into<PathBuf>, log: impl Into<PathBuf>) -> Self {
        Self {
            argv,
            workdir: workdir.into(),
            readonly: Vec::new(),
            writable: Vec::new(),
            env: BTreeMap::new(),
            network: Network::None,
            door: None,
            masked: Vec::new(),
            path: Vec::new(),
            shows_program: false,
            limits: Limits::default(),
            log: log.into(),
            blots: Blots::default(),
            scratch: None,
            layer: None,
            cancel: CancellationToken::new(),
        }
    }
}

impl SandboxRun {
    /// Whether our program starts the command, to open ports in the run's own network.
    fn is_launched(&self, mode: Mode) -> bool {
        let has_ports = self.network.hosts().is_some() || self.door.as_ref().is_some_and(|door| door.inside);
        mode == Mode::Bubblewrap && has_ports
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// The first process exited with this status.
    Code(i32),
    /// The first process was ended by this signal. (A shell that reports a signal as 128 + n has the same result.)
    Signal(i32),
    /// It ran longer than its wall-clock limit and was killed.
    TimedOut,
    /// It printed more than its output limit and was killed.
    OutputLimit,
    /// It added more to its folders than its disk limits allow and was killed.
    DiskLimit,
    /// The file system was nearly full, also by what it wrote, and it was killed.
    DiskFull,
    /// It was cancelled and killed.
    Cancelled,
}

impl Exit {
    /// Whether the run ended by itself with status 0.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(127) => f.write_str("exited with status 127 (command not found)"),
            Self::Code(code) => write!(f, "exited with status {code}"),
            Self::Signal(9) => f.write_str("was killed (signal 9; out of memory, perhaps)"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::TimedOut => f.write_str("ran out of time"),
            Self::OutputLimit => f.write_str("printed too much"),
            Self::DiskLimit => f.write_str("wrote too much to the disk"),
            Self::DiskFull => f.write_str("was stopped because the disk of the machine is nearly full"),
            Self::Cancelled => f.write_str("was cancelled"),
        }
    }
}

/// The result of a run.
#[derive(Debug, Clone)]
pub struct RunOutcome {
    pub exit: Exit,
    /// The wall-clock time it took.
    pub duration: Duration,
    /// The last lines of its output as plain text: lossy UTF-8, no control characters, secrets replaced.
    pub tail: String,
    /// How many bytes are in the log file.
    pub log_bytes: u64,
    /// The hosts that it asked for in vain, at most 50. Only a run with [`Network::Hosts`] is told apart so.
    pub refused: Vec<RefusedHost>,
}

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// `bwrap` is not installed.
    #[error(
        "the program `bwrap` was not found: install bubblewrap (Debian and Ubuntu: `apt-get install bubblewrap`), or set `sandbox = \"none\"` to run without a sandbox"
    )]
    Missing,
    /// `bwrap` is installed, but the kernel or the container refuses what it needs.
    #[error(
        "bubblewrap cannot set up its namespaces here ({0}): allow unprivileged user namespaces (on Ubuntu 24.04 an AppArmor profile for bwrap; in a container `--security-opt seccomp=unconfined` and `--cap-add SYS_ADMIN`), or set `sandbox = \"none\"` to run without a sandbox"
    )]
    Forbidden(String),
    /// The mode's name is unknown.
    #[error("sandbox = \"{0}\" is not known: write \"bubblewrap\" or \"none\"")]
    UnknownMode(String),
    /// A variable that would change the programs around the sandbox.
    #[error(
        "the variable `{0}` cannot be passed into the sandbox: take it out of the environment of the agent or verifier"
    )]
    Variable(String),
    /// No command was given.
    #[error("the command is empty: name a program to run")]
    EmptyCommand,
    /// A folder or file of the run could not be used.
    #[error("{path}: {source}")]
    Path {
        /// The path on the host.
        path: PathBuf,
        source: std::io::Error,
    },
    /// An earlier run left more in a folder than the bounds allow.
    #[error(transparent)]
    Excess(#[from] Excess),
    /// The process could not be started.
    #[error("the sandboxed process could not be started: {0}")]
    Start(String),
}

impl From<WalkError> for SandboxError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Excess(excess) => Self::Excess(excess),
            WalkError::Io { path, source } => Self::Path { path, source },
        }
    }
}

impl SandboxError {
    pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Path { path, source }
    }
}

/// The user that the process tree is for the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunAs {
    /// Adjutant runs as root; the tree runs as [`DROPPED_UID`].
    Dropped,
    /// The tree runs as Adjutant's user, mapped to another number.
    Mapped,
}

/// A sandbox whose trial run succeeded. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    mode: Mode,
    run_as: RunAs,
    scratch_root: PathBuf,
    toolchains: Vec<Toolchain>,
    launcher: PathBuf,
    dialer: Arc<dyn Dial>,
    cgroups: Option<cgroup::Parent>,
    root: bool,
    layering: Layering,
}

impl Sandbox {
    /// Checks what the mode needs and runs a trivial command in it. If that fails, it refuses and names the remedy.
    pub async fn probe(config: SandboxConfig) -> Result<Self, SandboxError> {
        launch::probe(config).await
    }

    /// Whether processes are sandboxed.
    pub fn mode(&self) -> Mode {
        self.inner.mode
    }

    /// A port for a run with this network, and its listener once the run has opened it.
    pub async fn door(&self, network: &Network) -> std::io::Result<(Door, DoorListener)> {
        if self.inner.mode == Mode::Bubblewrap && *network != Network::Host {
            Ok(Door::inside())
        } else {
            Door::outside().await
        }
    }

    /// The path at which a run that shows it sees our own program.
    pub fn program(&self) -> &Path {
        match self.inner.mode {
            Mode::Bubblewrap => Path::new(network::LAUNCHER),
            Mode::None => &self.inner.launcher,
        }
    }

    /// Which limits are enforced here and which are not.
    pub fn limits(&self) -> LimitsReport {
        limits::report(&self.inner)
    }

    /// The path under which a run sees `bind`: the inner path in a sandbox, else the host's.
    pub fn seen<'a>(&self, bind: &'a Bind) -> &'a Path {
        match self.inner.mode {
            Mode::Bubblewrap => &bind.inside,
            Mode::None => &bind.host,
        }
    }

    /// Runs one process tree to its end. When this returns, or its future is dropped, no process of the tree is left
    /// (without a sandbox: no process of its process group).
    ///
    /// `Err` means that the command was not started.
    pub async fn run(&self, run: SandboxRun) -> Result<RunOutcome, SandboxError> {
        launch::run_detached(Arc::clone(&self.inner), run).await
    }
}
