//! The home of a step's agent, kept between its runs, so that a program can resume its session.
//!
//! No other step and no other agent has the same home, and nothing stays in it but the folders that the preset names:
//! what a run built there is large, and what it planted could configure the next one.

use std::fs::{self, File, FileType};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::workspace::files::{self, Bounds, Descend};
use crate::workspace::remove_all;

/// A home with more in it is not kept. Programs leave from 60 KB to 2 MB.
const MOST_BYTES: u64 = 64 << 20;
/// A home that was not used for so long is removed.
const KEPT: Duration = Duration::from_hours(14 * 24);
/// The file with the session's name, beside the home itself, where no sandbox reaches it.
const SESSION: &str = "session";
/// The folder in which the driver keeps what a session had used before.
const DRIVERS: &str = ".adjutant";
/// The longest name of a session, in bytes.
const LONGEST_NAME: u64 = 200;

/// One step's home.
#[derive(Debug, Clone)]
pub struct StepHome {
    folder: PathBuf,
}

impl StepHome {
    /// The home of a step's agent, in the folder with all homes. Homes that nobody used for long are removed.
    pub fn open(homes: &Path, step: &str, agent: &str) -> Self {
        sweep(homes, SystemTime::now());
        Self { folder: homes.join(format!("{step}-{agent}")) }
    }

    /// The folder that has the home in it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The session that the last run left.
    pub fn session(&self) -> Option<String> {
        let mut name = String::new();
        File::open(self.folder.join(SESSION)).ok()?.take(LONGEST_NAME + 1).read_to_string(&mut name).ok()?;
        (!name.is_empty() && name.len() as u64 <= LONGEST_NAME).then_some(name)
    }

    /// A run has ended, with this session. Of its home these paths are kept, unless they are too large.
    pub fn keep(&self, session: Option<&str>, paths: &[String]) {
        let home = self.folder.join("home");
        prune(&home, Path::new(""), paths);
        let kept = session.filter(|name| !name.is_empty() && size(&home) <= MOST_BYTES);
        let stored = match kept {
            Some(name) => fs::write(self.folder.join(SESSION), name),
            None => files::discard(&self.folder),
        };
        if let Err(error) = stored {
            tracing::warn!(home = %self.folder.display(), %error, "the home of an agent could not be kept or removed");
        }
    }
}

/// Removes what is neither one of the paths nor a folder on the way to one. A link is never followed.
fn prune(home: &Path, inside: &Path, paths: &[String]) {
    for entry in fs::read_dir(home.join(inside)).into_iter().flatten().flatten() {
        let path = inside.join(entry.file_name());
        let kind = entry.file_type();
        let is_folder = kind.as_ref().is_ok_and(FileType::is_dir);
        if (path == Path::new(DRIVERS) || paths.iter().any(|kept| Path::new(kept) == path))
            && kind.is_ok_and(|kind| !kind.is_symlink())
        {
            continue;
        }
        if is_folder && paths.iter().any(|kept| Path::new(kept).starts_with(&path)) {
            prune(home, &path, paths);
        } else if let Err(error) = remove_all(&entry.path()) {
            tracing::warn!(file = %entry.path().display(), %error, "what an agent left in its home could not be removed");
        }
    }
}

/// The bytes in a folder, or more than are kept where it cannot be read to its end.
fn size(folder: &Path) -> u64 {
    let mut bytes = 0_u64;
    let walked = files::walk(folder, Bounds::TREE, |_, metadata| {
        bytes = bytes.saturating_add(metadata.len());
        Ok(Descend::Yes)
    });
    if walked.is_ok() { bytes } else { u64::MAX }
}

fn sweep(homes: &Path, now: SystemTime) {
    for home in fs::read_dir(homes).into_iter().flatten().flatten() {
        let used = home.metadata().and_then(|metadata| metadata.modified());
        if used.is_ok_and(|used| now.duration_since(used).is_ok_and(|age| age > KEPT))
            && let Err(error) = files::discard(&home.path())
        {
            tracing::warn!(home = %home.path().display(), %error, "an old home of an agent could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_kept_with_its_home_until_that_is_too_large_or_old() {
        let homes = tempfile::tempdir().unwrap();
        let home = StepHome::open(homes.path(), "step-1", "claude");
        assert_eq!(home.session(), None);
        let (root, paths) = (home.folder().join("home"), [".claude/projects".to_owned()]);
        fs::create_dir_all(root.join(".claude/projects/a")).unwrap();
        fs::create_dir_all(root.join("target")).unwrap();
        fs::write(root.join(".claude/settings.json"), "{}").unwrap();
        std::os::unix::fs::symlink("/etc", root.join(".claude/link")).unwrap();
        home.keep(Some("s-1"), &paths);
        assert_eq!(StepHome::open(homes.path(), "step-1", "claude").session().as_deref(), Some("s-1"));
        assert_eq!(StepHome::open(homes.path(), "step-1", "codex").session(), None, "another agent's");
        assert!(root.join(".claude/projects/a").is_dir() && !root.join("target").exists());
        let left: Vec<_> = fs::read_dir(root.join(".claude")).unwrap().flatten().map(|it| it.file_name()).collect();
        assert_eq!(left, ["projects"], "what configures the next run does not stay");

        File::create(root.join(".claude/projects/large")).unwrap().set_len(MOST_BYTES + 1).unwrap();
        home.keep(Some("s-2"), &paths);
        assert!(!home.folder().exists());

        fs::create_dir_all(home.folder()).unwrap();
        home.keep(None, &paths);
        assert!(!home.folder().exists(), "nothing can be resumed");
        fs::create_dir_all(home.folder()).unwrap();
        sweep(homes.path(), SystemTime::now() + KEPT + Duration::from_mins(1));
        assert!(!home.folder().exists());
    }
}
