//! Keeps mirrors from growing for ever.
//!
//! What agents hand in is read into a mirror before it is judged, and progress is read again and again. What no branch
//! contains in the end stays behind. `git gc` packs the rest and removes such objects once they are older than any work
//! that may still use them.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::git::{Git, GitError};

/// How often a mirror that is in use is tidied.
const EVERY: Duration = Duration::from_hours(24);
/// The age from which objects that no branch contains are removed.
const EXPIRE: &str = "--expire=2.days.ago";
/// How long each step may take: a large repository is packed for long.
const LONGEST: Duration = Duration::from_hours(2);
/// Its time of change says when the mirror was tidied last.
const MARK: &str = "adjutant-tidied";

/// Tidies the mirror at `path` in the background, if it is time.
pub(super) fn when_due(path: &Path) {
    if !is_due(path, SystemTime::now()) || File::create(path.join(MARK)).is_err() {
        return;
    }
    let path = path.to_owned();
    tokio::spawn(async move {
        match tidy(&path).await {
            Ok(()) => tracing::debug!(mirror = %path.display(), "a mirror was tidied"),
            Err(error) => tracing::warn!(mirror = %path.display(), %error, "a mirror could not be tidied"),
        }
    });
}

/// Whether a mirror that was never tidied is older than a day, or the last time is longer ago than that.
fn is_due(path: &Path, now: SystemTime) -> bool {
    // The configuration is written when the mirror is made, and never again.
    let last = fs::metadata(path.join(MARK)).or_else(|_| fs::metadata(path.join("config")));
    let last = last.and_then(|metadata| metadata.modified());
    last.is_ok_and(|last| now.duration_since(last).is_ok_and(|age| age > EVERY))
}

/// Objects are removed first, and with them what an earlier packing left that did not end: packing may need the room.
async fn tidy(path: &Path) -> Result<(), GitError> {
    Git::at(path, "prune").arg(EXPIRE).within(LONGEST).bytes().await?;
    Git::at(path, "gc").args(["--quiet", "--no-prune"]).within(LONGEST).bytes().await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn git(folder: &Path, arguments: &[&str]) -> String {
        let ran = Command::new("git").args(arguments).current_dir(folder).output().unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    }

    #[tokio::test]
    async fn old_objects_of_no_branch_are_removed_and_new_ones_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mirror = folder.path().join("1.git");
        git(folder.path(), &["init", "--quiet", "--bare", "--template=", mirror.to_str().unwrap()]);
        let object = |text: &str| {
            let file = folder.path().join("file");
            fs::write(&file, text).unwrap();
            git(&mirror, &["hash-object", "-w", file.to_str().unwrap()])
        };
        let (old, new) = (object("old"), object("new"));
        let path = mirror.join("objects").join(&old[..2]).join(&old[2..]);
        let long_ago = SystemTime::now() - Duration::from_hours(72);
        File::options().read(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        tidy(&mirror).await.unwrap();
        let is_there = |name: &str| {
            Command::new("git").args(["cat-file", "-e", name]).current_dir(&mirror).status().unwrap().success()
        };
        assert!(!is_there(&old));
        assert!(is_there(&new), "whoever made it may be about to use it");
    }

    #[test]
    fn a_mirror_is_due_a_day_after_it_was_made_or_tidied() {
        let folder = tempfile::tempdir().unwrap();
        let later = SystemTime::now() + Duration::from_hours(25);
        assert!(!is_due(folder.path(), later), "nothing is known of a folder without a configuration");
        fs::write(folder.path().join("config"), "").unwrap();
        assert!(!is_due(folder.path(), SystemTime::now()));
        assert!(is_due(folder.path(), later));
        File::create(folder.path().join(MARK)).unwrap().set_modified(later).unwrap();
        assert!(!is_due(folder.path(), later));
    }
}
