//! The server's process: creating its data, starting, finding and stopping it.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::binaries::Binaries;
use super::place::DataFolder;
use super::{ClusterError, Durability, NAME, START_DEADLINE, at, connect_options};

/// How often a starting server is polled.
const POLL: Duration = Duration::from_millis(20);
/// How long one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(2);
/// A log larger than this is truncated at the next start.
const LONGEST_LOG: u64 = 8 << 20;

/// SQLSTATE `cannot_connect_now`: the server is starting up, shutting down or recovering.
const CANNOT_CONNECT_NOW: &str = "57P03";

/// Binaries and a place to run them.
#[derive(Debug, Clone)]
pub(super) struct Server {
    binaries: Binaries,
    place: DataFolder,
}

/// The contents of a running server's `postmaster.pid`.
struct Postmaster {
    pid: u32,
    socket_folder: PathBuf,
}

/// The outcome of an attempt to connect.
enum Answer {
    Ready,
    NotYet,
    Nobody,
}

impl Server {
    pub(super) fn new(binaries: Binaries, place: DataFolder) -> Self {
        Self { binaries, place }
    }

    /// Joins the running server or starts one. The caller holds the start lock.
    pub(super) async fn run(
        &self,
        durability: Durability,
        deadline: Instant,
    ) -> Result<(PathBuf, Option<Child>), ClusterError> {
        self.make_data().await?;
        if let Some(socket_folder) = self.running(deadline).await? {
            return Ok((socket_folder, None));
        }
        let socket_folder = self.place.socket_folder()?;
        Self::remove_socket(&socket_folder)?;
        loop {
            match self.launch(&socket_folder, durability, deadline).await? {
                Launch::Ready(child) => return Ok((socket_folder, Some(child))),
                // The sessions of a killed server end within about a second.
                Launch::StillHeld(_) if Instant::now() < deadline => tokio::time::sleep(POLL * 10).await,
                Launch::StillHeld(last) => return Err(self.not_ready(last)),
            }
        }
    }

    /// Stops the server and waits until it has ended. `fast` closes the connections and writes a checkpoint. If that
    /// takes too long, `immediate` leaves the rest to the next start's recovery.
    pub(super) fn stop(&self) -> Result<(), ClusterError> {
        if !self.pid_file().exists() {
            return Ok(());
        }
        let mut refused = String::new();
        for mode in ["fast", "immediate"] {
            let output = self
                .command("pg_ctl")
                .args(["stop", "--silent", "--timeout=8", "--mode", mode, "--pgdata"])
                .arg(self.place.data())
                .output()
                .map_err(at(&self.place.base))?;
            if output.status.success() || !self.pid_file().exists() {
                self.place.remove_short_socket_folder();
                return Ok(());
            }
            refused = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " · ");
        }
        Err(ClusterError::Program { program: "pg_ctl stop", output: refused })
    }

    /// Runs `initdb` in a temporary sibling folder and renames it when it is complete, so that an interrupted start
    /// leaves nothing that looks like data.
    async fn make_data(&self) -> Result<(), ClusterError> {
        let data = self.place.data();
        if data.join("PG_VERSION").exists() {
            return Ok(());
        }
        let unfinished = self.place.base.join("data.unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(at(&unfinished))?;
        }
        self.place.make_private_folder(&unfinished)?;
        let mut initdb = self.command("initdb");
        initdb
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--username", NAME, "--pgdata"])
            .arg(&unfinished);
        let output = tokio::process::Command::from(initdb).output().await.map_err(at(&self.place.base))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(ClusterError::Program { program: "initdb", output: last_lines(&said) });
        }
        fs::rename(&unfinished, &data).map_err(at(&data))
    }

    /// The socket folder of a server that runs on our data, if one answers. A server that does not answer is stopped,
    /// and a `postmaster.pid` without a process is removed.
    async fn running(&self, deadline: Instant) -> Result<Option<PathBuf>, ClusterError> {
        while let Some(found) = self.postmaster() {
            match ask(&found.socket_folder).await {
                Answer::Ready => return Ok(Some(found.socket_folder)),
                Answer::NotYet if Instant::now() < deadline => tokio::time::sleep(POLL).await,
                Answer::NotYet => return Err(self.not_ready(self.log_since(0))),
                Answer::Nobody if self.is_our_server(found.pid) => {
                    let server = self.clone();
                    tokio::task::spawn_blocking(move || server.stop())
                        .await
                        .map_err(|join| at(&self.place.base)(io::Error::other(join)))??;
                }
                Answer::Nobody => {
                    // After a reboot or in a restarted container, the number may belong to another process, and
                    // Postgres would refuse to start.
                    let file = self.pid_file();
                    match fs::remove_file(&file) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => {
                            return Err(at(&file)(error));
                        }
                        _ => return Ok(None),
                    }
                }
            }
        }
        Ok(None)
    }

    async fn launch(
        &self,
        socket_folder: &Path,
        durability: Durability,
        deadline: Instant,
    ) -> Result<Launch, ClusterError> {
        let path = self.place.log();
        let log = fs::OpenOptions::new().create(true).append(true).open(&path).map_err(at(&path))?;
        if log.metadata().map_err(at(&path))?.len() > LONGEST_LOG {
            log.set_len(0).map_err(at(&path))?;
        }
        let begin = log.metadata().map_err(at(&path))?.len();
        let mut child = self
            .command("postgres")
            .arg("-D")
            .arg(self.place.data())
            .args(server_settings(socket_folder, durability))
            .stdout(log.try_clone().map_err(at(&path))?)
            .stderr(log)
            .spawn()
            .map_err(at(&self.binaries.program("postgres")))?;
        loop {
            if let Answer::Ready = ask(socket_folder).await {
                return Ok(Launch::Ready(child));
            }
            if child.try_wait().map_err(at(&path))?.is_some() {
                let said = self.log_since(begin);
                if said.contains("pre-existing shared memory block") {
                    return Ok(Launch::StillHeld(said));
                }
                return Err(ClusterError::Program { program: "postgres", output: said });
            }
            if Instant::now() >= deadline {
                // Killing the postmaster also ends its sessions. The next start recovers.
                let _ = child.kill();
                let _ = child.wait();
                return Err(self.not_ready(self.log_since(begin)));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn command(&self, program: &'static str) -> Command {
        let mut command = self.place.command(&self.binaries.program(program));
        command.stdout(Stdio::null());
        command
    }

    fn pid_file(&self) -> PathBuf {
        self.place.data().join("postmaster.pid")
    }

    /// Line 1 of the file is the process id, line 5 the first folder with a socket.
    fn postmaster(&self) -> Option<Postmaster> {
        let text = fs::read_to_string(self.pid_file()).ok()?;
        let mut lines = text.lines();
        let pid = lines.next().and_then(|line| line.trim().parse().ok());
        let socket_folder = lines.nth(3).map(PathBuf::from);
        Some(Postmaster { pid: pid.unwrap_or(0), socket_folder: socket_folder.unwrap_or_default() })
    }

    /// No server runs on our data, so a socket and its lock are left over from a killed one. Postgres would treat the
    /// lock as held if its process id belongs to another process by now.
    fn remove_socket(folder: &Path) -> Result<(), ClusterError> {
        for name in [".s.PGSQL.5432", ".s.PGSQL.5432.lock"] {
            let path = folder.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(at(&path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the process is a server on our data: a postmaster's working directory is its data. Without `/proc`, any
    /// postgres counts as ours. In the worst case the start then fails with Postgres' own message.
    fn is_our_server(&self, pid: u32) -> bool {
        if Path::new("/proc/self").exists() {
            return fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| folder == self.place.data());
        }
        Command::new("ps")
            .args(["-o", "comm=", "-p", &pid.to_string()])
            .output()
            .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("postgres"))
    }

    fn not_ready(&self, last: String) -> ClusterError {
        ClusterError::NotReady { seconds: START_DEADLINE.as_secs(), log: self.place.log(), last }
    }

    /// The last lines that the server logged after `begin`.
    fn log_since(&self, begin: u64) -> String {
        let mut text = String::new();
        if let Ok(mut log) = fs::File::open(self.place.log()) {
            // What cannot be read is left out, because this only explains another failure.
            let _ = log.seek(SeekFrom::Start(begin));
            let _ = log.take(1 << 20).read_to_string(&mut text);
        }
        last_lines(&text)
    }
}

/// The outcome of an attempt to start.
enum Launch {
    Ready(Child),
    /// Sessions of a killed server are still running.
    StillHeld(String),
}

/// Creates the database `name` if it is missing.
pub(super) async fn ensure_database(socket_folder: &Path, name: &'static str) -> Result<(), ClusterError> {
    let mut connection = PgConnection::connect_with(&connect_options(socket_folder, "postgres")).await?;
    let there: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(name)
        .fetch_optional(&mut connection)
        .await?;
    if there.is_none() {
        connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
    }
    connection.close().await?;
    Ok(())
}

async fn ask(socket_folder: &Path) -> Answer {
    let options = connect_options(socket_folder, "postgres");
    let attempt = PgConnection::connect_with(&options);
    match tokio::time::timeout(CONNECT, attempt).await {
        Ok(Ok(connection)) => {
            // The result does not depend on a clean disconnect.
            let _ = connection.close().await;
            Answer::Ready
        }
        Ok(Err(sqlx::Error::Database(error))) if error.code().as_deref() == Some(CANNOT_CONNECT_NOW) => Answer::NotYet,
        _ => Answer::Nobody,
    }
}

/// A small server: one application, mostly idle.
fn server_settings(socket_folder: &Path, durability: Durability) -> Vec<String> {
    let folder = socket_folder.display();
    let mut settings = vec![
        "listen_addresses=".to_owned(),
        "port=5432".to_owned(),
        format!("unix_socket_directories={folder}"),
        "shared_buffers=32MB".to_owned(),
        "max_connections=200".to_owned(),
        "max_wal_size=256MB".to_owned(),
        "jit=off".to_owned(),
        "logging_collector=off".to_owned(),
        "log_destination=stderr".to_owned(),
    ];
    if durability == Durability::Throwaway {
        settings.extend(["fsync", "synchronous_commit", "full_page_writes"].map(|name| format!("{name}=off")));
    }
    settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]).collect()
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].join(" · ")
}
