//! The private Postgres: our own server in the data folder, for an operator who configured none.
//!
//! In: a folder. Out: the address of a running server that only this account can reach. The server listens on a unix
//! socket in a folder of mode 0700 and on no port. Nothing is downloaded; the system's own binaries are used
//! (`binaries`). Postgres refuses to run as root, so root gives the files to `postgres` or `nobody` (`place`).
//!
//! Several processes may share one cluster. Each holds a shared lock on `in-use.lock` as long as it lives (the kernel
//! releases it even after a `kill -9`), and the last process to stop also stops the server. Starting and stopping are
//! serialised by `start.lock`, so that no process joins a server that is about to stop. A server that outlived its
//! parent is found by its `postmaster.pid` and used.
//!
//! What never happens here: a server outside this folder is not touched, and data is not upgraded from one major
//! version to another. Binaries of the version that wrote the data are used; if they are missing, the error names that
//! version.

mod binaries;
mod place;
mod server;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use binaries::Binaries;
use place::DataFolder;
use server::Server;

/// The time limit for a start, including crash recovery and waiting for other processes.
const START_DEADLINE: Duration = Duration::from_mins(1);

/// The role and the database that a new cluster gets.
const NAME: &str = "adjutant";

/// Whether commits survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Every commit is on the disk before it is confirmed.
    Kept,
    /// Faster, but a crash of the machine loses the data: for tests and demonstrations.
    Throwaway,
}

/// A running private Postgres. Dropping it stops the server, unless another process still uses it.
#[derive(Debug)]
pub struct Cluster {
    server: Server,
    durability: Durability,
    socket_folder: PathBuf,
    start_lock: PathBuf,
    in_use: File,
    /// The server's process if it is our child, kept so that it can be reaped.
    child: Option<Child>,
    stopped: bool,
}

impl Cluster {
    /// Starts the cluster in `data_dir/postgres`, or joins the server that already runs there. Creates the cluster if
    /// there is none.
    pub async fn start(data_dir: &Path) -> Result<Self, ClusterError> {
        Self::start_with(data_dir, Durability::Kept).await
    }

    /// [`Cluster::start`] with a choice of durability. A server that already runs keeps the durability it was started
    /// with.
    pub async fn start_with(data_dir: &Path, durability: Durability) -> Result<Self, ClusterError> {
        let deadline = Instant::now() + START_DEADLINE;
        let place = DataFolder::settle(data_dir)?;
        let start_lock = place.base.join("start.lock");
        // Held until the end of this function, so that one process at a time starts or stops the server.
        let _starting = lock_exclusively(&start_lock, deadline).await?;
        let in_use = open_lock(&place.base.join("in-use.lock"))?;
        in_use.lock_shared().map_err(at(&place.base))?;

        let server = Server::new(Binaries::find(place.data_version()?)?, place);
        let (socket_folder, child) = server.run(durability, deadline).await?;
        let cluster = Self { server, durability, socket_folder, start_lock, in_use, child, stopped: false };
        server::ensure_database(&cluster.socket_folder, NAME).await?;
        Ok(cluster)
    }

    /// Whether there is a cluster in `data_dir/postgres`, running or not. Creates nothing.
    pub fn exists(data_dir: &Path) -> bool {
        DataFolder::has_data(data_dir)
    }

    /// How to connect to the cluster's database.
    pub fn options(&self) -> PgConnectOptions {
        connect_options(&self.socket_folder, NAME)
    }

    /// The address in the form that `psql` and `DATABASE_URL` understand.
    pub fn url(&self) -> String {
        let folder = self.socket_folder.display();
        format!("postgres:///{NAME}?host={folder}&user={NAME}")
    }

    /// Whether this call to [`Cluster::start`] launched the server, or found it running.
    pub fn launched(&self) -> bool {
        self.child.is_some()
    }

    /// Starts the server again if it has ended (the system may kill it to free memory), and returns whether it had.
    pub async fn revive(&mut self) -> Result<bool, ClusterError> {
        let deadline = Instant::now() + START_DEADLINE;
        let _starting = lock_exclusively(&self.start_lock, deadline).await?;
        if let Some(child) = &mut self.child {
            // Reaps the child if it has ended.
            child.try_wait().map_err(at(&self.start_lock))?;
        }
        let (socket_folder, child) = self.server.run(self.durability, deadline).await?;
        self.socket_folder = socket_folder;
        let was_gone = child.is_some();
        if was_gone {
            self.child = child;
        }
        Ok(was_gone)
    }

    /// Stops the server (open connections are closed, committed work is kept) and waits until it has ended. If another
    /// process uses it, it keeps running.
    pub async fn stop(mut self) -> Result<(), ClusterError> {
        tokio::task::spawn_blocking(move || self.shut_down())
            .await
            .unwrap_or_else(|join| Err(ClusterError::Folder(PathBuf::new(), io::Error::other(join))))
    }

    fn shut_down(&mut self) -> Result<(), ClusterError> {
        if std::mem::replace(&mut self.stopped, true) {
            return Ok(());
        }
        let starting = open_lock(&self.start_lock)?;
        starting.lock().map_err(at(&self.start_lock))?;
        self.in_use.unlock().map_err(at(&self.start_lock))?;
        match self.in_use.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(at(&self.start_lock)(error)),
        }
        self.server.stop()?;
        if let Some(child) = &mut self.child {
            child.wait().map_err(at(&self.start_lock))?;
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.shut_down() {
            // The folder may have been removed already (a test's temporary one), and there is no caller to return an
            // error to.
            tracing::warn!(%error, "the private Postgres was not stopped cleanly");
        }
    }
}

/// Why there is no private Postgres. Each message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error(
        "no Postgres found in {0}: install it (`apt-get install postgresql` on Debian and Ubuntu, `brew install postgresql` on macOS), \
         name the folder of its binaries in PG_BIN, or point DATABASE_URL at a server"
    )]
    NoBinaries(String),
    /// The data was written by another major version.
    #[error(
        "the data in {folder} was written by Postgres {wanted}, and only {found} is installed: install Postgres {wanted} \
         (`apt-get install postgresql-{wanted}`), or move the folder away to start afresh"
    )]
    OtherVersion {
        /// The folder with the data.
        folder: PathBuf,
        /// The major version that wrote it.
        wanted: u32,
        /// The installed major versions.
        found: String,
    },
    /// A file operation failed.
    #[error("{0}: {1}; give ADJUTANT_DATA_DIR a folder that this account can write, or set DATABASE_URL")]
    Folder(PathBuf, #[source] io::Error),
    /// Running as root, no account was found that can run the server.
    #[error(
        "Postgres does not run as root, and /etc/passwd has neither `postgres` nor `nobody`: run as an ordinary user, or set DATABASE_URL"
    )]
    NoAccount,
    /// A program of Postgres failed.
    #[error("{program} failed: {output}")]
    Program {
        program: &'static str,
        /// The last lines of its output.
        output: String,
    },
    /// The server did not come up in time.
    #[error("Postgres was not ready after {seconds} s; its log is {log}: {last}", log = .log.display())]
    NotReady {
        /// How long the caller waited.
        seconds: u64,
        log: PathBuf,
        /// The last lines of its output.
        last: String,
    },
    /// Another process has held the start lock for too long.
    #[error("another process has been starting or stopping the private Postgres for {seconds} s ({lock})", lock = .lock.display())]
    Busy {
        /// How long the caller waited.
        seconds: u64,
        lock: PathBuf,
    },
    /// The server runs, but a statement failed.
    #[error("the private Postgres answered: {0}")]
    Database(#[from] sqlx::Error),
}

/// How to reach `database` on the server whose socket is in `folder`.
fn connect_options(folder: &Path, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(folder)
        .port(5432)
        .username(NAME)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
        .application_name("adjutant")
}

fn at(path: &Path) -> impl Fn(io::Error) -> ClusterError {
    move |error| ClusterError::Folder(path.to_path_buf(), error)
}

fn open_lock(path: &Path) -> Result<File, ClusterError> {
    fs::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).map_err(at(path))
}

async fn lock_exclusively(path: &Path, deadline: Instant) -> Result<File, ClusterError> {
    let file = open_lock(path)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(ClusterError::Busy { seconds: START_DEADLINE.as_secs(), lock: path.to_path_buf() });
            }
            Err(TryLockError::Error(error)) => return Err(at(path)(error)),
        }
    }
}
