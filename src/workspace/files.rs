//! Small things with files that others have touched.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const STALE: Duration = Duration::from_hours(48);

/// Removes a folder with all in it, even where something in it was made unreadable; never follows a symlink out of it.
/// A folder that is not there is fine.
pub(crate) fn remove_all(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes what a process that was killed left in `folder`: entries that `ours` names and that are older than two days, which
/// is longer than anything of ours works on one.
pub(crate) fn sweep(folder: &Path, ours: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let old = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > STALE));
        if old && entry.file_name().to_str().is_some_and(&ours) {
            let removed = remove_all(&entry.path());
            tracing::info!(path = %entry.path().display(), ok = removed.is_ok(), "swept a folder that was left behind");
        }
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}
