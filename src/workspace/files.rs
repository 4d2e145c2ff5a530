//! Walks over files that others have left, and their removal.
//!
//! What an agent or a test suite leaves may be nested without end, have millions of entries, and be unreadable. So nothing here is
//! recursive: a [`walk`] is a loop with bounds, and what exceeds them is refused with the number and the limit; a folder that is
//! not wanted any more gets another name at once ([`discard`]), and is taken apart by a thread of its own ([`removal`]), however
//! deep it is. No symlink is followed.

pub(crate) mod removal;

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use removal::discard;
pub use removal::remove_all;

const STALE: Duration = Duration::from_hours(48);

/// How much a walk looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// How many folders deep.
    pub(crate) depth: usize,
    /// How many files and folders.
    pub(crate) entries: u64,
}

impl Bounds {
    /// For a working tree. The dependencies that a package manager puts there are some hundred thousand files.
    pub(crate) const TREE: Self = Self { depth: 200, entries: 1_000_000 };
    /// The longest path, in bytes: the kernel takes 4,096, and ours has to stand before it.
    const PATH: usize = 3_000;
}

/// What is wrong with files that others have left. A sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    /// Too many files and folders.
    #[error("more than {0} files and folders were left; at most {0} are looked at")]
    Entries(u64),
    #[error("folders were left that are nested more than {0} deep; at most {0} are looked into")]
    Depth(usize),
    /// A path that is too long.
    #[error("a file was left whose path has {found} bytes; at most {limit} may be")]
    Path { found: usize, limit: usize },
}

/// Why a walk did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WalkError {
    #[error(transparent)]
    Excess(#[from] Excess),
    /// What the system said.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl WalkError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// Whether a folder is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Descend {
    Yes,
    /// It is passed by.
    No,
}

/// Shows `visit` everything below `root`, a folder before what is in it. `visit` may make a folder readable.
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

/// Gives us at least these permissions. Not for a symlink.
pub(crate) fn permit(path: &Path, metadata: &Metadata, least: u32) -> io::Result<()> {
    let mode = metadata.permissions().mode();
    if mode & least == least {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode((mode | least) & 0o7777))
}

/// Discards what a process that was killed left in `folder`: entries that `ours` names and that are older than two days, which
/// is longer than anything of ours works on one; and what was discarded before and is still there.
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
