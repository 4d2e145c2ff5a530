//! The difference between two trees, line by line, with bounds.

use std::path::Path;

use adjutant_domain::input;

use super::git::{self, Git, GitError};

/// How many bytes of changed lines are read.
const PATCH_BYTES: u64 = 16 * 1024 * 1024;

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Added,
    /// Its content or mode changed.
    Modified,
    Deleted,
    /// It became another kind of entry, for example a file became a symlink.
    TypeChanged,
}

/// One changed file. A rename is a deletion and an addition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Lossy UTF-8.
    pub path: String,
    pub status: Status,
    /// Its mode before (`0o100644`, `0o100755`, `0o120000` symlink, `0o160000` submodule), 0 if it did not exist.
    pub old_mode: u32,
    /// Its mode now, 0 if it was deleted.
    pub mode: u32,
    /// The object name of its content now.
    pub object: String,
    /// How many lines were added; 0 for a binary file.
    pub additions: u64,
    /// How many lines were removed; 0 for a binary file.
    pub deletions: u64,
    /// Whether git treats it as binary.
    pub binary: bool,
    /// The added lines with their numbers in the new file.
    pub added: Vec<(u64, String)>,
    /// The removed lines with their numbers in the old file.
    pub removed: Vec<(u64, String)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// The files, sorted by path.
    pub files: Vec<Changed>,
    /// Whether lines of some files are missing because there are too many.
    pub truncated: bool,
}

impl Diff {
    /// Lines added in all files.
    pub fn additions(&self) -> u64 {
        self.files.iter().map(|file| file.additions).sum()
    }

    /// Lines removed in all files.
    pub fn deletions(&self) -> u64 {
        self.files.iter().map(|file| file.deletions).sum()
    }
}

pub(super) async fn between(git_dir: &Path, old: &str, new: &str) -> Result<Diff, GitError> {
    let ends = [git::sha(old)?, git::sha(new)?];
    let options = ["-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none"];
    let listing = Git::at(git_dir, "diff-tree")
        .args(options)
        .args(["--raw", "--numstat", "-z", "--no-abbrev"])
        .args(ends)
        .bytes()
        .await?;
    let patch =
        Git::at(git_dir, "diff-tree").args(options).args(["-p", "-U0"]).args(ends).cut(PATCH_BYTES).bytes().await?;
    let mut diff = Diff { files: files(&listing), truncated: patch.len() as u64 >= PATCH_BYTES };
    fill(&mut diff.files, &input::text(&patch));
    Ok(diff)
}

/// Reads `--raw --numstat -z`: all raw records (`:mode mode sha sha status`, path), then all counts (`added<TAB>removed<TAB>path`).
fn files(listing: &[u8]) -> Vec<Changed> {
    let listing = String::from_utf8_lossy(listing);
    let mut fields = listing.split('\0').peekable();
    let mut files = Vec::new();
    while let Some(head) = fields.next_if(|field| field.starts_with(':')) {
        let words: Vec<&str> = head[1..].split(' ').collect();
        let (Some(path), [old_mode, mode, _, object, status]) = (fields.next(), words.as_slice()) else { break };
        let octal = |text: &str| u32::from_str_radix(text, 8).unwrap_or(0);
        files.push(Changed {
            path: path.to_owned(),
            status: match status.chars().next() {
                Some('A') => Status::Added,
                Some('D') => Status::Deleted,
                Some('T') => Status::TypeChanged,
                _ => Status::Modified,
            },
            old_mode: octal(old_mode),
            mode: octal(mode),
            object: (*object).to_owned(),
            additions: 0,
            deletions: 0,
            binary: false,
            added: Vec::new(),
            removed: Vec::new(),
        });
    }
    for record in fields {
        let mut parts = record.splitn(3, '\t');
        let (Some(added), Some(removed), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        if let Ok(index) = files.binary_search_by(|file| file.path.as_str().cmp(path)) {
            let file = &mut files[index];
            file.binary = added == "-";
            file.additions += added.parse::<u64>().unwrap_or(0);
            file.deletions += removed.parse::<u64>().unwrap_or(0);
        }
    }
    files
}

/// Reads `-p -U0`. Its sections come in the order of the files; a change of type has two, a deletion and an addition.
fn fill(files: &mut [Changed], patch: &str) {
    let sections = files.iter().enumerate().flat_map(|(index, file)| {
        let count = if file.status == Status::TypeChanged { 2 } else { 1 };
        std::iter::repeat_n(index, count)
    });
    let mut sections: std::collections::VecDeque<usize> = sections.collect();
    let mut current = None;
    let (mut old_line, mut new_line, mut old_left, mut new_left) = (0, 0, 0_u64, 0_u64);
    for line in patch.split_terminator('\n') {
        // Within a hunk the counts say which lines belong to it, because a removed line may look like a header.
        if old_left > 0 || new_left > 0 {
            let Some(file) = current.and_then(|index: usize| files.get_mut(index)) else { continue };
            if let Some(text) = line.strip_prefix('-').filter(|_| old_left > 0) {
                file.removed.push((old_line, text.to_owned()));
                (old_line, old_left) = (old_line + 1, old_left - 1);
            } else if let Some(text) = line.strip_prefix('+').filter(|_| new_left > 0) {
                file.added.push((new_line, text.to_owned()));
                (new_line, new_left) = (new_line + 1, new_left - 1);
            }
        } else if line.starts_with("diff --git ") {
            current = sections.pop_front();
        } else if let Some(hunk) = line.strip_prefix("@@ -")
            && let Some((old, new)) = hunk.split(" @@").next().and_then(|ranges| ranges.split_once(" +"))
        {
            ((old_line, old_left), (new_line, new_left)) = (range(old), range(new));
        }
    }
}

/// `12,3` or `12`, which means `12,1`.
fn range(text: &str) -> (u64, u64) {
    let (start, count) = text.split_once(',').unwrap_or((text, "1"));
    (start.parse().unwrap_or(0), count.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_look_like_headers_are_still_lines() {
        let zero = "0".repeat(40);
        let listing = format!(
            ":100644 100644 {zero} {zero} M\0a.txt\0:000000 100644 {zero} {zero} A\0b.txt\x001\t2\ta.txt\x001\t0\tb.txt\0"
        );
        let mut files = files(listing.as_bytes());
        let patch = "diff --git a/a.txt b/a.txt\nindex 0..1 100644\n--- a/a.txt\n+++ b/a.txt\n@@ -3,2 +3 @@\n--- a/not a header\n-diff --git x\n+++ still not\n\
                     diff --git a/b.txt b/b.txt\nnew file mode 100644\n--- /dev/null\n+++ b/b.txt\n@@ -0,0 +1 @@\n+@@ -1 +1 @@\n\\ No newline at end of file\n";
        fill(&mut files, patch);
        assert_eq!(files[0].removed, [(3, "-- a/not a header".to_owned()), (4, "diff --git x".to_owned())]);
        assert_eq!(files[0].added, [(3, "++ still not".to_owned())]);
        assert_eq!(files[1].added, [(1, "@@ -1 +1 @@".to_owned())]);
        assert_eq!((files[0].additions, files[0].deletions, files[1].status), (1, 2, Status::Added));
    }
}
