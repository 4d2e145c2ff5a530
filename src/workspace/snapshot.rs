//! Reads what an agent left in its clone without trusting the clone's own repository.
//!
//! The working tree is read with the mirror as the repository and with our own index beside the clone. The clone's
//! `.git` is not read: not its configuration, hooks, filters, file-system monitor or index. The objects are written to
//! the mirror, where no branch contains them until they are committed and pushed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use adjutant_domain::input;

use super::diff::{self, Diff, Status};
use super::files::{self, Bounds, Descend};
use super::git::{self, Git, GitError};
use super::mirror::Mirror;
use super::tree::Tree;
use super::untouched::Untouched;

/// The most bytes that a working tree may add. A larger one is refused as a whole, before anything of it is read: what the
/// rules refuse later has been stored in the mirror by then.
const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// The same for a copy of unfinished work, which is read again and again.
const MAX_COPY_BYTES: u64 = 32 * 1024 * 1024;
const MAX_FILES: usize = 100_000;
pub(super) const SUBMODULE: u32 = 0o160_000;
const SYMLINK: u32 = 0o120_000;
const TARGET_BYTES: u64 = 4096;
/// The most ignored paths that are named.
const MOST_UNSEEN: usize = 20;
const LIST_BYTES: u64 = 64 * 1024;

/// The contents of a working tree, as a tree object in the mirror.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The tree's object name; equal to the base's if nothing changed.
    pub tree: String,
    /// The commit it is compared with.
    pub base: String,
    pub diff: Diff,
    /// Bytes of the added and changed files.
    pub bytes: u64,
    /// Added or changed symlinks with their targets.
    pub symlinks: Vec<(String, String)>,
    /// Repositories inside the working tree. They are left out.
    pub nested: Vec<String>,
    /// New files that the base's ignore rules exclude and the working tree's rules do not. They are left out.
    pub ignored: Vec<String>,
    /// If nothing changed, the first of the new files that the ignore rules exclude.
    pub unseen: Vec<String>,
}

impl Snapshot {
    /// Whether the working tree is the base's.
    pub fn is_empty(&self) -> bool {
        self.diff.files.is_empty()
    }
}

impl Mirror {
    /// Reads the working tree of `tree` and compares it with `base`. No process may be running in it.
    pub async fn snapshot(&self, tree: &Tree, base: &str) -> Result<Snapshot, GitError> {
        self.read_tree(tree, base, None).await
    }

    /// The same for a copy that holds only the changed files. `deleted` lists the deleted paths, each ended by a zero
    /// byte.
    pub(super) async fn snapshot_of_copy(
        &self,
        tree: &Tree,
        base: &str,
        deleted: Vec<u8>,
    ) -> Result<Snapshot, GitError> {
        self.read_tree(tree, base, Some(deleted)).await
    }

    /// Without `deleted`, a path that is missing in the tree counts as deleted.
    async fn read_tree(&self, tree: &Tree, base: &str, deleted: Option<Vec<u8>>) -> Result<Snapshot, GitError> {
        let reader = Reader {
            git_dir: &self.path,
            work: tree.path(),
            index: tree.beside("index"),
            base: git::sha(base)?,
            beside: &tree.folder,
        };
        let nested = reader.survey().await?;
        let _ = fs::remove_file(&reader.index);
        reader.git("read-tree").arg(base).bytes().await?;
        let excluded: Vec<OsString> = nested.iter().map(|path| pathspec(path)).collect();
        let whole = deleted.is_none();
        let bytes = reader.weigh(&excluded, whole).await?;
        let scope = if whole { "--all" } else { "--ignore-removal" };
        reader.git("add").args([scope, "--", "."]).args(&excluded).bytes().await?;
        if let Some(deleted) = deleted {
            reader.git("update-index").args(["-z", "--force-remove", "--stdin"]).stdin(deleted).bytes().await?;
        }
        let untouched = Untouched {
            git_dir: &self.path,
            work: &reader.work,
            index: &reader.index,
            base: reader.base,
            beside: reader.beside,
        };
        let bytes = bytes.saturating_sub(untouched.put_back().await?);
        let ignored = reader.hold_to_the_bases_rules(whole).await?;
        let written = reader.git("write-tree").line().await?;
        let diff = diff::between(&self.path, base, &written).await?;
        let mut symlinks = Vec::new();
        for file in diff.files.iter().filter(|file| file.mode == SYMLINK) {
            let target = self.read_object(&file.object).await?;
            symlinks.push((file.path.clone(), target));
        }
        let nested = nested.iter().map(|path| input::text(path.as_os_str().as_encoded_bytes())).collect();
        let unseen = if whole && diff.files.is_empty() { reader.unseen().await? } else { Vec::new() };
        Ok(Snapshot { tree: written, base: base.to_owned(), diff, bytes, symlinks, nested, ignored, unseen })
    }

    async fn read_object(&self, object: &str) -> Result<String, GitError> {
        let target =
            Git::at(&self.path, "cat-file").args(["blob", git::sha(object)?]).cut(TARGET_BYTES).bytes().await?;
        Ok(input::text(&target))
    }
}

struct Reader<'a> {
    git_dir: &'a Path,
    work: PathBuf,
    index: PathBuf,
    base: &'a str,
    beside: &'a Path,
}

impl Reader<'_> {
    fn git(&self, subcommand: &str) -> Git {
        Git::at(self.git_dir, subcommand).env("GIT_WORK_TREE", &self.work).env("GIT_INDEX_FILE", &self.index)
    }

    /// Makes everything readable and finds nested repositories.
    async fn survey(&self) -> Result<Vec<PathBuf>, GitError> {
        let work = self.work.clone();
        let surveyed = tokio::task::spawn_blocking(move || survey(&work));
        surveyed.await.unwrap_or_else(|error| Err(GitError::io(&self.work)(std::io::Error::other(error))))
    }

    /// Adds up the sizes of what would be read into the mirror. In a copy, a missing path is not a change.
    async fn weigh(&self, excluded: &[OsString], whole: bool) -> Result<u64, GitError> {
        let list =
            self.git("ls-files").args(["-z", "--others", "--modified", "--exclude-standard", "--", "."]).args(excluded);
        let list = list.bytes().await?;
        let paths: BTreeSet<&[u8]> = list.split(|byte| *byte == 0).filter(|path| !path.is_empty()).collect();
        let path_of = |path: &&[u8]| self.work.join(OsString::from_vec(path.to_vec()));
        let sizes: Vec<Option<u64>> = paths
            .iter()
            .map(|path| fs::symlink_metadata(path_of(path)).ok().map(|metadata| metadata.len()))
            .filter(|size| whole || size.is_some())
            .collect();
        if sizes.len() > MAX_FILES {
            return Err(GitError::Unfit(format!(
                "{} files are new or changed; at most {MAX_FILES} may be",
                sizes.len()
            )));
        }
        // A sparse file may report a size that no disk has.
        let bytes = sizes.iter().flatten().fold(0_u64, |sum, size| sum.saturating_add(*size));
        let most = if whole { MAX_BYTES } else { MAX_COPY_BYTES };
        if bytes > most {
            let what = format!("the new and changed files have {bytes} bytes; at most {most} may be");
            return Err(GitError::Unfit(what));
        }
        Ok(bytes)
    }

    /// The first of the new files that the ignore rules exclude.
    async fn unseen(&self) -> Result<Vec<String>, GitError> {
        let list = self.git("ls-files").args(["-z", "--others", "--ignored", "--exclude-standard", "--", "."]);
        let list = list.cut(LIST_BYTES).bytes().await?;
        // Each path is ended by a zero byte, but for the one at which the list was cut.
        let paths = list.split_inclusive(|byte| *byte == 0).filter_map(|path| path.strip_suffix(b"\0"));
        Ok(paths.take(MOST_UNSEEN).map(input::text).collect())
    }

    /// If the ignore rules changed, removes the files that the base's rules ignore. An agent that loosens the rules
    /// must not publish what people meant to exclude. A copy that is not `whole` does not contain the rules.
    async fn hold_to_the_bases_rules(&self, whole: bool) -> Result<Vec<String>, GitError> {
        let cached = ["--cached", "--name-only", "--no-renames", "-z"];
        let rules = self.git("diff-index").args(cached).args([self.base, "--", ":(glob)**/.gitignore"]).bytes().await?;
        if whole && rules.is_empty() {
            return Ok(Vec::new());
        }
        let added = self.git("diff-index").args(cached).args(["--diff-filter=A", self.base, "--"]).bytes().await?;
        let folder = self.beside.join("base-rules");
        let _ = files::discard(&folder);
        fs::create_dir_all(&folder).map_err(GitError::io(&folder))?;
        let index = self.beside.join("base-index");
        let git =
            |subcommand| Git::at(self.git_dir, subcommand).env("GIT_WORK_TREE", &folder).env("GIT_INDEX_FILE", &index);
        git("read-tree").arg(self.base).bytes().await?;
        // Attributes are read from the index. No filter is configured, so nothing is run.
        let list = git("ls-files").args(["-z", "--", ":(glob)**/.gitignore"]).bytes().await?;
        git("checkout-index").args(["-z", "--stdin", "--quiet", "--force"]).stdin(list).bytes().await?;
        let checked = git("check-ignore").args(["--no-index", "-z", "--stdin"]).stdin(added).run().await?;
        let ignored = match checked.code {
            0 | 1 => checked.stdout,
            _ => return Err(checked.error()),
        };
        let _ = files::discard(&folder);
        let _ = fs::remove_file(index);
        if !ignored.is_empty() {
            self.git("update-index").args(["-z", "--force-remove", "--stdin"]).stdin(ignored.clone()).bytes().await?;
        }
        let paths = ignored.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Ok(paths.map(input::text).collect())
    }
}

/// Everything below `:(exclude,literal)path`.
fn pathspec(path: &Path) -> OsString {
    let mut spec = OsString::from(":(top,exclude,literal)");
    spec.push(path);
    spec
}

/// Makes everything below `work` readable, and returns the nested repositories.
fn survey(work: &Path) -> Result<Vec<PathBuf>, GitError> {
    let root = fs::symlink_metadata(work).and_then(|metadata| files::permit(work, &metadata, 0o700));
    root.map_err(GitError::io(work))?;
    let mut nested = Vec::new();
    files::walk(work, Bounds::TREE, |path, metadata| {
        let name = path.file_name().unwrap_or_default();
        if name.eq_ignore_ascii_case(".git") {
            let folder = path.parent().unwrap_or(work);
            if folder != work || name != ".git" {
                // A nested repository is left out with its folder. At the top, where it is `.git` in another spelling,
                // only that entry is left out.
                let outer = if folder == work { path } else { folder };
                nested.push(outer.strip_prefix(work).unwrap_or(outer).to_owned());
            }
            return Ok(Descend::No);
        }
        if metadata.is_dir() {
            files::permit(path, metadata, 0o700)?;
        } else if metadata.is_file() {
            files::permit(path, metadata, 0o600)?;
        }
        Ok(Descend::Yes)
    })?;
    Ok(nested)
}

/// Whether a symlink at `path` with this `target` leaves the tree, judged by the names only.
pub(super) fn escapes(path: &str, target: &str) -> bool {
    if target.starts_with('/') {
        return true;
    }
    let mut depth = path.split('/').count() - 1;
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return true,
            },
            _ => depth += 1,
        }
    }
    false
}

/// Whether a change with this status adds content that the rules have to check.
pub(super) fn adds_content(status: Status) -> bool {
    status != Status::Deleted
}
