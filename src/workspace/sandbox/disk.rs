//! How much a run leaves in its folders, counted again and again while it runs.
//!
//! A resource limit bounds the size of one file and not their number, and a quota needs a file system of its own. So the
//! run's folders are walked: what they hold beyond what they held at the start is the run's. A process can hide a file from
//! the walk (deleted and still open), so the free space of the file system is looked at too.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Exit, SandboxRun};

/// The pause between two looks at the free space.
const PAUSE: Duration = Duration::from_secs(2);
/// Counting may take one part in so many of the time.
const SHARE: u32 = 30;
/// The bytes of the file system that are left to everybody else. The database may be there.
const RESERVE: u64 = 512 * 1024 * 1024;

/// What the folders of a run hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct DiskUsage {
    /// Bytes of allocated blocks.
    bytes: u64,
    /// Files and folders.
    files: u64,
    /// Whether there is a folder that may not be read: what it holds is not counted.
    hidden: bool,
}

/// The folders of a run, and what they may hold more than at its start.
pub(super) struct DiskWatch {
    folders: Vec<PathBuf>,
    most: DiskUsage,
}

impl DiskWatch {
    pub(super) fn new(run: &SandboxRun, scratch: &Path) -> Self {
        let mut folders = vec![run.workdir.clone(), scratch.to_owned()];
        folders.extend(run.writable.iter().map(|bind| bind.host.clone()));
        // What lies within another of them is counted with that.
        let outer: Vec<PathBuf> = folders
            .iter()
            .enumerate()
            .filter(|(at, folder)| {
                let mut others = folders.iter().enumerate().filter(|(other, _)| other != at);
                !others.any(|(other, it)| folder.starts_with(it) && (folder != &it || other < *at))
            })
            .map(|(_, folder)| folder.clone())
            .collect();
        Self {
            folders: outer,
            most: DiskUsage { bytes: run.limits.disk_bytes, files: run.limits.files, hidden: false },
        }
    }

    /// Waits until the run has written too much, and says how it is to end.
    pub(super) async fn exceeded(&self) -> Exit {
        let mut start = None;
        let (mut counted, mut due) = (DiskUsage::default(), Instant::now());
        loop {
            let free = self.folders.first().and_then(|it| free_bytes(it));
            if Instant::now() >= due {
                let started = Instant::now();
                let folders = self.folders.clone();
                // Only a panic or the end of the process makes this fail, and then nobody waits for it.
                let Ok(now) = tokio::task::spawn_blocking(move || usage_of(&folders)).await else {
                    std::future::pending().await
                };
                counted = now.beyond(*start.get_or_insert(now));
                due = started + started.elapsed() * SHARE;
            }
            if counted.bytes > self.most.bytes || counted.files > self.most.files {
                return Exit::DiskLimit;
            }
            // First those end that have a share in it, or may have one. What nobody's count explains ends all.
            let shares = counted.bytes > RESERVE / 8 || counted.hidden;
            if free.is_some_and(|free| free < RESERVE && shares || free < RESERVE / 2) {
                return Exit::DiskFull;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl DiskUsage {
    /// What is there more than at the start.
    fn beyond(self, start: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(start.bytes),
            files: self.files.saturating_sub(start.files),
            hidden: self.hidden,
        }
    }
}

/// Counts what folders hold. What cannot be read, or is gone meanwhile, counts for nothing.
fn usage_of(folders: &[PathBuf]) -> DiskUsage {
    let mut usage = DiskUsage::default();
    let mut linked = HashSet::new();
    let mut open = folders.to_vec();
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                usage.hidden |= error.kind() != ErrorKind::NotFound;
                continue;
            }
        };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            usage.files += 1;
            if metadata.is_dir() {
                open.push(entry.path());
            }
            if metadata.is_dir() || metadata.nlink() == 1 || linked.insert((metadata.dev(), metadata.ino())) {
                usage.bytes += metadata.blocks() * 512;
            }
        }
    }
    usage
}

/// The bytes that are left on a folder's file system.
fn free_bytes(folder: &Path) -> Option<u64> {
    rustix::fs::statvfs(folder).ok().map(|found| found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linked_file_counts_once_and_what_lies_within_a_folder_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("a"), vec![1; 1 << 20]).unwrap();
        fs::hard_link(inner.join("a"), folder.path().join("b")).unwrap();
        let all = usage_of(&[folder.path().to_owned()]);
        assert_eq!(all.files, 3);
        assert!((1 << 20..(1 << 20) + 65_536).contains(&all.bytes), "{all:?}");
        let mut run = SandboxRun::new(vec!["true".into()], folder.path(), "/log");
        run.writable.push(super::super::Bind::new(&inner, "/inner"));
        run.writable.push(super::super::Bind::new(folder.path(), "/again"));
        assert_eq!(DiskWatch::new(&run, &inner).folders, [folder.path().to_owned()]);
    }
}
