//! Reads what an [`Outcome`] is made of: the files of a clone before its verifier runs, and the log afterwards.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::VerifierSpec;
use super::outcome::{self, MOST_BYTES, Outcome, TreeFiles};
use crate::workspace::files::{self, Bounds, Descend};

/// What is known of a clone before a command has changed it.
pub(super) struct Before {
    tree: TreeFiles,
    log: PathBuf,
}

impl Before {
    /// Lists the files of the clone. What a run adds later is none of the repository's files.
    pub(super) async fn of(spec: &VerifierSpec, workdir: &Path, log: &Path) -> Self {
        let root = workdir.to_owned();
        let files = tokio::task::spawn_blocking(move || list(&root)).await.unwrap_or_default();
        let tree = TreeFiles::new(files).also_at(&workdir.to_string_lossy()).for_command(&spec.run);
        Self { tree, log: log.to_owned() }
    }

    /// Reads the log of the run.
    pub(super) async fn read(self) -> Outcome {
        let read = move || match ends(&self.log) {
            Ok(log) => outcome::read(&log, &self.tree),
            Err(error) => {
                tracing::warn!(log = %self.log.display(), %error, "a log cannot be read; the check run has no annotations");
                Outcome::default()
            }
        };
        tokio::task::spawn_blocking(read).await.unwrap_or_default()
    }
}

/// The paths of all files below `root`, relative to it. A tree beyond the bounds is listed in part.
fn list(root: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    let walked = files::walk(root, Bounds::TREE, |path, metadata| {
        let below = path.strip_prefix(root).unwrap_or(path);
        if metadata.is_file() {
            paths.extend(below.to_str().map(str::to_owned));
        }
        Ok(if below == Path::new(".git") { Descend::No } else { Descend::Yes })
    });
    if let Err(error) = walked {
        tracing::warn!(folder = %root.display(), %error, "a clone is listed in part; some annotations may be missing");
    }
    paths
}

/// The beginning and the end of a file, at most [`MOST_BYTES`] and a line end between them.
fn ends(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let (length, most) = (file.metadata()?.len(), MOST_BYTES as u64);
    let mut log = Vec::new();
    if length <= most {
        file.take(most).read_to_end(&mut log)?;
        return Ok(log);
    }
    let head = most / 4;
    let tail = most - head - 1;
    (&mut file).take(head).read_to_end(&mut log)?;
    log.push(b'\n');
    file.seek(SeekFrom::Start(length - tail))?;
    file.take(tail).read_to_end(&mut log)?;
    Ok(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_log_the_beginning_and_the_end_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let middle = vec![b'.'; MOST_BYTES];
        std::fs::write(&path, [b"first\n".as_slice(), &middle, b"\nlast\n"].concat()).unwrap();
        let log = ends(&path).unwrap();
        assert_eq!(log.len(), MOST_BYTES);
        assert!(log.starts_with(b"first\n") && log.ends_with(b"\nlast\n"));
        std::fs::write(&path, "short").unwrap();
        assert_eq!(ends(&path).unwrap(), b"short");
    }

    #[test]
    fn the_files_of_git_are_none_of_the_tree() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(".git/hooks")).unwrap();
        std::fs::create_dir_all(folder.path().join("src")).unwrap();
        for file in [".git/hooks/x", "src/lib.rs", "a.c"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        let mut files = list(folder.path());
        files.sort();
        assert_eq!(files, ["a.c", "src/lib.rs"]);
    }
}
