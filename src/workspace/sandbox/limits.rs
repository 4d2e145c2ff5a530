//! The resource limits of a run, and how each is enforced.

use std::fmt;
use std::time::Duration;

use super::{Inner, Mode, RunAs, seccomp};

/// The resource limits of a process tree.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Wall-clock time of the whole tree.
    pub wall: Duration,
    /// Bytes of standard output and error together.
    pub output_bytes: u64,
    /// Bytes of memory: of the whole tree with control groups, else of each process.
    pub memory_bytes: u64,
    /// Processes and threads at one time.
    pub processes: u64,
    /// Processor time of each process.
    pub cpu: Option<Duration>,
    /// Bytes of any one file that it writes.
    pub file_bytes: u64,
    /// Bytes that it adds to its folders.
    pub disk_bytes: u64,
    /// Files and folders that it adds to its folders.
    pub files: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_mins(30),
            output_bytes: 20 * 1024 * 1024,
            memory_bytes: 4 * 1024 * 1024 * 1024,
            processes: 1024,
            cpu: None,
            file_bytes: 4 * 1024 * 1024 * 1024,
            disk_bytes: 20 * 1024 * 1024 * 1024,
            files: 1_000_000,
        }
    }
}

/// One limit and how it is enforced on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitLine {
    pub limit: &'static str,
    /// Whether it is enforced at all.
    pub held: bool,
    /// The mechanism, or why there is none.
    pub how: &'static str,
}

/// Which limits the sandbox can enforce on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsReport {
    /// One line per limit.
    pub lines: Vec<LimitLine>,
}

impl LimitsReport {
    /// The limits that cannot be enforced here.
    pub fn missing(&self) -> impl Iterator<Item = &LimitLine> {
        self.lines.iter().filter(|line| !line.held)
    }
}

impl fmt::Display for LimitsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.lines.iter().enumerate() {
            let mark = if line.held { "" } else { "NOT " };
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {mark}held ({})", line.limit, line.how)?;
        }
        Ok(())
    }
}

const PRLIMIT: &str = "/usr/bin/prlimit";

/// The wrapper that sets the limits of a process just before the command is executed. Empty if the program is missing.
pub(super) fn wrapper(limits: &Limits, tree_wide: bool) -> Vec<String> {
    if !available() {
        return Vec::new();
    }
    let mut argv = vec![
        PRLIMIT.to_owned(),
        "--core=0".to_owned(),
        format!("--nproc={}", limits.processes),
        format!("--fsize={}", limits.file_bytes),
    ];
    if let Some(cpu) = limits.cpu {
        argv.push(format!("--cpu={}", cpu.as_secs().max(1)));
    }
    if !tree_wide {
        argv.push(format!("--data={}", limits.memory_bytes));
    }
    argv.push("--".to_owned());
    argv
}

fn available() -> bool {
    std::path::Path::new(PRLIMIT).exists()
}

pub(super) fn report(inner: &Inner) -> LimitsReport {
    let prlimit = available();
    let groups = inner.cgroups.is_some();
    // The kernel does not apply RLIMIT_NPROC to root, whatever uid a namespace shows.
    let counted = prlimit && (!inner.root || inner.run_as == RunAs::Dropped && inner.mode == Mode::Bubblewrap);
    let line = |limit, held, how| LimitLine { limit, held, how };
    let rlimit = |limit| {
        if prlimit {
            line(limit, true, "a resource limit of each process")
        } else {
            line(limit, false, "the program prlimit of util-linux is missing")
        }
    };
    let lines = vec![
        line("wall time", true, "a timer of ours"),
        line("output", true, "counted as it is read"),
        match (groups, prlimit) {
            (true, _) => line("memory", true, "a control group of the whole tree"),
            (false, true) => line("memory", true, "a resource limit of each process, not of the tree"),
            (false, false) => line("memory", false, "neither control groups nor prlimit can be had"),
        },
        match (groups, counted) {
            (true, _) => line("processes", true, "a control group of the whole tree"),
            (false, true) => line("processes", true, "a resource limit of the user"),
            (false, false) => line(
                "processes",
                false,
                "root is not held to a resource limit and control groups cannot be had: run as an ordinary user",
            ),
        },
        rlimit("processor time"),
        rlimit("file size"),
        line("disk", true, "its folders are counted every few seconds"),
        match inner.mode {
            Mode::Bubblewrap => line("whole tree ends", true, "a PID namespace"),
            Mode::None if groups => line("whole tree ends", true, "its control group"),
            Mode::None => line("whole tree ends", false, "without a sandbox a process that leaves its group lives on"),
        },
        match inner.mode {
            Mode::Bubblewrap => line("network", true, "a network namespace"),
            Mode::None => line("network", false, "without a sandbox the network is always there"),
        },
        match inner.mode {
            Mode::Bubblewrap if seccomp::filter().is_some() => line("system calls", true, "a filter (seccomp)"),
            Mode::Bubblewrap => line("system calls", false, "no filter can be made for this processor"),
            Mode::None => line("system calls", false, "without a sandbox there is no filter"),
        },
    ];
    LimitsReport { lines }
}
