//! Walks over files that other processes left, and removes them.
//!
//! An agent or a test suite may leave folders of any depth, millions of entries, and unreadable files. Therefore
//! nothing here is recursive. A [`walk`] is a loop with bounds; a tree that exceeds them is refused with the number and
//! the limit. A folder that is no longer needed is renamed at once ([`discard`]) and removed by a separate thread
//! ([`removal`]), however deep it is. No symlink is followed.

pub(crate) mod removal;

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use removal::discard;
pub use removal::remove_all;

const STALE: Duration = Duration::from_hours(48);

/// The bounds of a walk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The deepest level of folders.
    pub(crate) depth: usize,
    /// The most files and folders.
    pub(crate) entries: u64,
}

impl Bounds {
    /// For a working tree. A package manager puts some hundred thousand files of dependencies there.
    pub(crate) const TREE: Self = Self { depth: 200, entries: 1_000_000 };
    /// The longest path in bytes. The kernel takes 4,096, and our own prefix needs room before it.
    const PATH: usize = 3_000;
}

/// Why files that other processes left are refused. A sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    /// Too many files and folders.
    #[error("more than {0} files and folders were left; at most {0} are allowed")]
    Entries(u64),
    #[error("folders were left that are nested more than {0} deep; at most {0} levels are allowed")]
    Depth(usize),
    #[error("a file was left whose path has {found} bytes; at most {limit} may be")]
    Path { found: usize, limit: usize },
}

/// Why a walk was not completed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WalkError {
    #[error(transparent)]
    Excess(#[from] Excess),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl WalkError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// Whether the walk enters a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Descend {
    Yes,
    No,
}

/// Calls `visit` for everything below `root`, for a folder before its entries. `visit` may make a folder readable.
pub(crate) fn walk(
    root: &Path,
    bounds: Bounds,
    mut visit: impl FnMut(&Path, &Metadata) -> io::Result<Descend>,
) -> Result<(), WalkError> {
    let mut folders = vec![(root.to_owned(), 0)];
    let mut entries = 0;
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(WalkError::io(&folder))? {
            let path = entry.map_err(WalkError::io(&folder))?.path();
            entries += 1;
            if entries > bounds.entries {
                return Err(Excess::Entries(bounds.entries).into());
            }
            let below = path.as_os_str().len() - root.as_os_str().len();
            if below > Bounds::PATH {
                return Err(Excess::Path { found: below, limit: Bounds::PATH }.into());
            }
            let metadata = fs::symlink_metadata(&path).map_err(WalkError::io(&path))?;
            if visit(&path, &metadata).map_err(WalkError::io(&path))? == Descend::No || !metadata.is_dir() {
                continue;
            }
            if depth == bounds.depth {
                return Err(Excess::Depth(bounds.depth).into());
            }
            folders.push((path, depth + 1));
        }
    }
    Ok(())
}

/// Adds at least these permissions for us. Not for a symlink.
pub(crate) fn permit(path: &Path, metadata: &Metadata, least: u32) -> io::Result<()> {
    let mode = metadata.permissions().mode();
    if mode & least == least {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode((mode | least) & 0o7777))
}

/// Discards the leftovers of killed processes in `folder`: entries that `ours` accepts and that are older than two
/// days, which is longer than any work uses one. Also removes folders that were discarded before and still exist.
pub(crate) fn sweep(folder: &Path, ours: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if removal::is_discarded(&name) {
            removal::take_up(entry.path());
            continue;
        }
        let old = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > STALE));
        if old && name.to_str().is_some_and(&ours) {
            match discard(&entry.path()) {
                Ok(()) => {
                    tracing::info!(path = %entry.path().display(), "removing a folder that a killed process left");
                }
                Err(error) => {
                    tracing::warn!(path = %entry.path().display(), %error, "a folder that a killed process left cannot be removed");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
