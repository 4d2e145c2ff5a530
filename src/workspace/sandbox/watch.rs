//! Watches a run until its end: its output, its time, its disk, and whoever calls it off.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::time::{sleep_until, timeout};

use super::disk::DiskWatch;
use super::output::Tail;
use super::{Exit, Mode, SandboxRun, cgroup};
use crate::workspace::secrets::BlottedStream;

/// How long the pipe may stay open after the tree was killed.
const DRAIN: Duration = Duration::from_secs(5);

/// How the watch over a run ended.
pub(super) enum RunEnd {
    /// Its first process exited.
    ByItself(ExitStatus),
    /// It was ended, for this reason.
    Stopped(Exit),
}

/// The output of a run as it comes, and the reasons to end it early.
pub(super) struct Watch {
    pub(super) reader: pipe::Receiver,
    pub(super) log: tokio::fs::File,
    pub(super) blotted: BlottedStream,
    pub(super) tail: Tail,
    pub(super) written: u64,
    pub(super) limit: u64,
}

impl Watch {
    /// Copies the output until the tree has ended or was ended. Fails only if the log cannot be written.
    pub(super) async fn until_end(
        &mut self,
        child: &mut Child,
        run: &SandboxRun,
        scratch: &Path,
        processes: &ProcessTree<'_>,
    ) -> std::io::Result<RunEnd> {
        let deadline = sleep_until(tokio::time::Instant::now() + run.limits.wall);
        tokio::pin!(deadline);
        let disk = DiskWatch::new(run, scratch);
        let full = disk.exceeded();
        tokio::pin!(full);
        let mut buffer = vec![0; 64 * 1024];
        let ended = loop {
            tokio::select! {
                biased;
                () = run.cancel.cancelled() => break RunEnd::Stopped(Exit::Cancelled),
                () = &mut deadline => break RunEnd::Stopped(Exit::TimedOut),
                status = child.wait() => break RunEnd::ByItself(status?),
                exit = &mut full => break RunEnd::Stopped(exit),
                read = self.reader.read(&mut buffer) => match read? {
                    // A program may close its output and go on. Then only its end or the time limit counts.
                    0 => break tokio::select! {
                        () = run.cancel.cancelled() => RunEnd::Stopped(Exit::Cancelled),
                        () = &mut deadline => RunEnd::Stopped(Exit::TimedOut),
                        status = child.wait() => RunEnd::ByItself(status?),
                        exit = &mut full => RunEnd::Stopped(exit),
                    },
                    read => if !self.keep(&buffer[..read]).await? {
                        break RunEnd::Stopped(Exit::OutputLimit);
                    },
                },
            }
        };
        if matches!(ended, RunEnd::Stopped(_)) || processes.mode == Mode::None {
            processes.kill(child).await;
        }
        // The pipe closes when the last process of the tree has ended.
        let drained = timeout(DRAIN, self.drain(&mut buffer)).await;
        if drained.is_err() {
            tracing::warn!(log = %run.log.display(), "a process outlived its run and holds its output open");
        }
        let within = drained.unwrap_or(Ok(true))?;
        let rest = self.blotted.end();
        self.log.write_all(&rest).await?;
        self.tail.push(&rest);
        self.log.flush().await?;
        Ok(match ended {
            RunEnd::ByItself(_) if !within => RunEnd::Stopped(Exit::OutputLimit),
            ended => ended,
        })
    }

    async fn drain(&mut self, buffer: &mut [u8]) -> std::io::Result<bool> {
        let mut within = true;
        loop {
            match self.reader.read(buffer).await? {
                0 => return Ok(within),
                read => within = within && self.keep(&buffer[..read]).await?,
            }
        }
    }

    /// Writes a chunk to the log; false if it exceeds the limit.
    async fn keep(&mut self, chunk: &[u8]) -> std::io::Result<bool> {
        let room = usize::try_from(self.limit - self.written).unwrap_or(usize::MAX);
        let kept = &chunk[..chunk.len().min(room)];
        let readable = self.blotted.push(kept);
        self.log.write_all(&readable).await?;
        self.tail.push(&readable);
        self.written += kept.len() as u64;
        Ok(kept.len() == chunk.len())
    }
}

/// A running process tree, and how to end it.
pub(super) struct ProcessTree<'a> {
    pub(super) mode: Mode,
    /// The id of the first process, which leads its group.
    pub(super) group: Option<u32>,
    pub(super) status: PathBuf,
    pub(super) groups: Option<&'a cgroup::Groups>,
}

impl ProcessTree<'_> {
    /// Ends the tree. In a sandbox, the first process of its PID namespace is killed. Without one, the members of the
    /// process group and of the control groups are killed.
    async fn kill(&self, child: &mut Child) {
        match self.mode {
            Mode::Bubblewrap => send_kill(self.first_inside(child).await.into_iter().collect()).await,
            Mode::None => {
                send_kill(self.group.map(|group| format!("-{group}")).into_iter().collect()).await;
                // A process may fork while the list is read.
                for _ in 0..20 {
                    let members = self.groups.map(cgroup::Groups::members).unwrap_or_default();
                    if members.is_empty() {
                        break;
                    }
                    send_kill(members).await;
                }
            }
        }
        let _ = child.kill().await;
    }

    /// The process with number 1 inside. While the sandbox is being set up, killing `bwrap` alone could leave that
    /// process behind, because `--die-with-parent` takes effect only at the end. Therefore its number is awaited.
    async fn first_inside(&self, child: &mut Child) -> Option<String> {
        let mut tick = tokio::time::interval(Duration::from_millis(2));
        let deadline = Instant::now() + DRAIN;
        while Instant::now() < deadline {
            tick.tick().await;
            let report = tokio::fs::read_to_string(&self.status).await.unwrap_or_default();
            let number = report
                .split_once("\"child-pid\":")
                .map(|(_, rest)| rest.trim_start().chars().take_while(char::is_ascii_digit).collect());
            if number.is_some() {
                return number;
            }
            if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
                return None;
            }
        }
        None
    }
}

/// Signals by number through the shell's own `kill`, because this crate forbids unsafe code.
async fn send_kill(targets: Vec<String>) {
    if targets.is_empty() {
        return;
    }
    let mut kill = Command::new("/bin/sh");
    kill.args(["-c", "for target; do kill -KILL \"$target\"; done", "sh"]).args(targets);
    let _ = kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().await;
}
