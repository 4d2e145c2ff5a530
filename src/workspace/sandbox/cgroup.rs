//! Control groups: limits for a whole process tree, if this process may create them.
//!
//! Supports version 1 (one folder per controller) and version 2 (one folder for all). If neither is writable, which is
//! usual for ordinary users and in containers, the sandbox reports it and falls back to resource limits per process.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Limits;

/// Where groups for runs can be made.
#[derive(Debug, Clone)]
pub(super) enum Parent {
    V1 { memory: PathBuf, pids: PathBuf },
    V2 { folder: PathBuf },
}

/// The groups of one run. Dropping removes them, and blocks for a moment until the last process has left.
#[derive(Debug)]
pub(super) struct Groups {
    folders: Vec<PathBuf>,
}

impl Parent {
    /// Finds a writable parent by creating a group in it.
    pub(super) fn detect() -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let mount = Path::new("/sys/fs/cgroup");
        let candidate = if mount.join("cgroup.controllers").exists() {
            let folder = mount.join(path_of(&own, "").unwrap_or_default());
            // A group with processes must not delegate controllers unless it is the root. In that case this write is
            // refused.
            let _ = fs::write(folder.join("cgroup.subtree_control"), "+memory +pids");
            let handed = fs::read_to_string(folder.join("cgroup.subtree_control")).ok()?;
            let has = |name| handed.split_whitespace().any(|controller| controller == name);
            (has("memory") && has("pids")).then_some(Self::V2 { folder })?
        } else {
            let place = |controller: &str| {
                let path = path_of(&own, controller)?;
                let folder = mount.join(controller).join(path);
                Some(if folder.is_dir() { folder } else { mount.join(controller) })
            };
            Self::V1 { memory: place("memory")?, pids: place("pids")? }
        };
        candidate.sweep();
        candidate.create(&uuid::Uuid::new_v4().to_string(), &Limits::default()).ok()?;
        Some(candidate)
    }

    /// Removes the groups that killed processes of ours left, and ends the processes in them.
    fn sweep(&self) {
        let parents: &[&PathBuf] = match self {
            Self::V1 { memory, pids } => &[memory, pids],
            Self::V2 { folder } => &[folder],
        };
        for entry in parents.iter().flat_map(fs::read_dir).flatten().flatten() {
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| name.strip_prefix("adjutant-")?.split('-').next());
            if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                let group = Groups { folders: vec![entry.path()] };
                // A run may have outlived its parent if that was killed at the very start.
                let mut kill = std::process::Command::new("/bin/sh");
                let _ = kill
                    .args(["-c", "for target; do kill -KILL \"$target\"; done", "sh"])
                    .args(group.members())
                    .status();
            }
        }
    }

    /// Makes the groups of one run with its limits.
    pub(super) fn create(&self, name: &str, limits: &Limits) -> std::io::Result<Groups> {
        let name = format!("adjutant-{}-{name}", std::process::id());
        let memory_bytes = limits.memory_bytes.to_string();
        let processes = limits.processes.to_string();
        let mut groups = Groups { folders: Vec::new() };
        let mut make = |folder: &Path| {
            let folder = folder.join(&name);
            fs::create_dir(&folder)?;
            groups.folders.push(folder.clone());
            Ok::<_, std::io::Error>(folder)
        };
        match self {
            Self::V1 { memory, pids } => {
                fs::write(make(memory)?.join("memory.limit_in_bytes"), memory_bytes)?;
                fs::write(make(pids)?.join("pids.max"), processes)?;
            }
            Self::V2 { folder } => {
                let folder = make(folder)?;
                fs::write(folder.join("memory.max"), memory_bytes)?;
                fs::write(folder.join("pids.max"), processes)?;
            }
        }
        Ok(groups)
    }
}

impl Groups {
    /// The process ids in the groups.
    pub(super) fn members(&self) -> Vec<String> {
        let lists = self.member_files().filter_map(|file| fs::read_to_string(file).ok());
        let mut members: Vec<String> =
            lists.flat_map(|list| list.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        // A process of another PID namespace is listed as 0. `kill 0` would end our own group.
        members.retain(|pid| pid.parse::<u32>().is_ok_and(|pid| pid > 1));
        members.sort();
        members.dedup();
        members
    }

    /// The files that a process writes its id to in order to join.
    pub(super) fn member_files(&self) -> impl Iterator<Item = PathBuf> {
        self.folders.iter().map(|folder| folder.join("cgroup.procs"))
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for folder in &self.folders {
            // The last process leaves its group a moment after it has closed its files.
            let mut removed = fs::remove_dir(folder);
            for _ in 0..200 {
                if !matches!(&removed, Err(error) if error.kind() == ErrorKind::ResourceBusy) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
                removed = fs::remove_dir(folder);
            }
            if let Err(error) = removed {
                tracing::debug!(folder = %folder.display(), %error, "a control group could not be removed");
            }
        }
    }
}

/// The path of this process in the hierarchy of `controller` (`""` is version 2), relative to its mount.
fn path_of(own: &str, controller: &str) -> Option<PathBuf> {
    own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let named = fields.next()?.split(',').any(|name| name == controller);
        let path = fields.next()?.trim_start_matches('/');
        named.then(|| PathBuf::from(path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_controller_is_read_from_both_versions() {
        let own = "8:pids:/\n4:memory,hugetlb:/a/b\n0::/user.slice\n";
        assert_eq!(path_of(own, "pids"), Some(PathBuf::new()));
        assert_eq!(path_of(own, "memory"), Some(PathBuf::from("a/b")));
        assert_eq!(path_of(own, ""), Some(PathBuf::from("user.slice")));
        assert_eq!(path_of(own, "cpu"), None);
    }
}
