//! Takes back what git changes in files that nobody touched.
//!
//! A file whose blob has CRLF, although its attributes say `text`, is "modified" in every fresh clone: read again, it
//! loses its CR. The same goes for other conversions that lose something. A file that is byte for byte what a clone of
//! the base has is the base's file.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::files;
use super::git::{Git, GitError};

/// Where the files are compared.
pub(super) struct Untouched<'a> {
    pub(super) git_dir: &'a Path,
    /// The working tree, in which no process is running.
    pub(super) work: &'a Path,
    /// The index of what was read from the working tree.
    pub(super) index: &'a Path,
    pub(super) base: &'a str,
    /// A folder of ours.
    pub(super) beside: &'a Path,
}

/// A file that differs from the base's.
struct Modified {
    mode: Vec<u8>,
    /// The object in the base.
    before: Vec<u8>,
    path: Vec<u8>,
}

impl Untouched<'_> {
    /// Puts the base's objects back into the index, and returns the bytes of these files.
    pub(super) async fn put_back(&self) -> Result<u64, GitError> {
        let index = |subcommand| self.git(subcommand, self.work, self.index);
        let raw = ["--cached", "--raw", "-z", "--no-renames", "--no-abbrev", "--diff-filter=M"];
        let modified = read(&index("diff-index").args(raw).args([self.base, "--"]).bytes().await?);
        if modified.is_empty() {
            return Ok(0);
        }
        let (folder, own) = (self.beside.join("untouched"), self.beside.join("untouched-index"));
        files::discard(&folder).map_err(GitError::io(&folder))?;
        fs::create_dir_all(&folder).map_err(GitError::io(&folder))?;
        self.git("read-tree", &folder, &own).arg(self.base).bytes().await?;
        // Attributes are read from the index: the folder has none before its first file.
        let list = modified.iter().flat_map(|file| [&file.path[..], b"\0"].concat()).collect::<Vec<u8>>();
        let checkout = self.git("checkout-index", &folder, &own).args(["-z", "--stdin", "--quiet", "--force"]);
        checkout.stdin(list).bytes().await?;
        let (fresh, work) = (folder.clone(), self.work.to_owned());
        let compared = tokio::task::spawn_blocking(move || untouched(modified, &fresh, &work)).await;
        let (entries, bytes) = compared.map_err(|error| GitError::io(&folder)(std::io::Error::other(error)))?;
        files::discard(&folder).map_err(GitError::io(&folder))?;
        let _ = fs::remove_file(own);
        if !entries.is_empty() {
            index("update-index").args(["-z", "--index-info"]).stdin(entries).bytes().await?;
        }
        Ok(bytes)
    }

    fn git(&self, subcommand: &str, work: &Path, index: &Path) -> Git {
        Git::at(self.git_dir, subcommand).env("GIT_WORK_TREE", work).env("GIT_INDEX_FILE", index)
    }
}

/// Reads `--raw -z`: `:mode mode object object M`, path. Only regular files.
fn read(listing: &[u8]) -> Vec<Modified> {
    let mut fields = listing.split(|byte| *byte == 0);
    let mut modified = Vec::new();
    while let (Some(head), Some(path)) = (fields.next(), fields.next()) {
        let words: Vec<&[u8]> = head.split(|byte| *byte == b' ').collect();
        if let [old, mode, before, ..] = words.as_slice()
            && old.starts_with(b":100")
            && mode.starts_with(b"100")
        {
            modified.push(Modified { mode: mode.to_vec(), before: before.to_vec(), path: path.to_vec() });
        }
    }
    modified
}

/// The index entries of the files that are the same in both folders, and their bytes.
fn untouched(modified: Vec<Modified>, fresh: &Path, work: &Path) -> (Vec<u8>, u64) {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    for file in modified {
        let at = |folder: &Path| -> PathBuf { folder.join(OsString::from_vec(file.path.clone())) };
        if let Some(size) = same(&at(fresh), &at(work)) {
            // The mode may have been changed all the same.
            entries.extend_from_slice(&[&file.mode[..], b" ", &file.before, b"\t", &file.path, b"\0"].concat());
            bytes += size;
        }
    }
    (entries, bytes)
}

/// The size of two regular files with the same content. What cannot be read differs.
fn same(one: &Path, other: &Path) -> Option<u64> {
    let size =
        |path: &Path| fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len());
    let length = size(one).filter(|length| size(other) == Some(*length))?;
    let open = |path: &Path| File::open(path).ok().map(|file| BufReader::with_capacity(1 << 16, file).bytes());
    let (mut one, mut other) = (open(one)?, open(other)?);
    loop {
        match (one.next(), other.next()) {
            (None, None) => return Some(length),
            (Some(Ok(left)), Some(Ok(right))) if left == right => {}
            _ => return None,
        }
    }
}
