//! Looks for credentials in the contents and names of a change's new and changed files.

use std::collections::BTreeSet;

use super::diff::Status;
use super::git::{Git, GitError};
use super::mirror::Mirror;
use super::rules::{self, ChangeFault, Rules};
use super::secrets::{self, FoundSecret, Kind, KnownSecrets};
use super::snapshot::{SUBMODULE, Snapshot};

/// The most bytes of files that are read; more than a change may have.
const CONTENT_BYTES: u64 = 64 * 1024 * 1024;
/// The most findings of one change.
const MOST: usize = 50;

/// A file of the change and where its content stands in the answer of git.
type Blob = (String, std::ops::Range<usize>);

impl Mirror {
    /// All violations of the rules in a change.
    pub async fn check(&self, snapshot: &Snapshot, rules: &Rules) -> Result<Vec<ChangeFault>, GitError> {
        let mut faults = rules::check(snapshot, rules);
        // A change that is too large is refused unread.
        if snapshot.bytes > rules.max_bytes || snapshot.diff.files.len() > rules.max_files {
            return Ok(faults);
        }
        let names = snapshot.diff.files.iter().filter(|file| file.status == Status::Added);
        for file in names {
            let found = secrets::scan(file.path.as_bytes(), &rules.known).into_iter();
            faults
                .extend(found.map(|it| ChangeFault::SecretName { path: file.path.clone(), kind: it.kind.to_string() }));
        }
        faults.extend(self.secrets_in_files(snapshot, &rules.known).await?);
        Ok(faults)
    }

    async fn secrets_in_files(&self, snapshot: &Snapshot, known: &KnownSecrets) -> Result<Vec<ChangeFault>, GitError> {
        let files = snapshot.diff.files.iter().filter(|file| file.status != Status::Deleted && file.mode != SUBMODULE);
        let objects: Vec<(String, String)> = files.map(|file| (file.path.clone(), file.object.clone())).collect();
        let (answer, blobs, whole) = self.contents(&objects).await?;
        let known = known.clone();
        let scanned = tokio::task::spawn_blocking(move || {
            let found = blobs.into_iter().flat_map(|(path, range)| {
                let found = secrets::scan(&answer[range], &known).into_iter();
                found.map(move |it| (path.clone(), it)).collect::<Vec<_>>()
            });
            found.take(MOST).collect::<Vec<(String, FoundSecret)>>()
        });
        let found = scanned.await.map_err(|error| GitError::io(&self.path)(std::io::Error::other(error)))?;
        let known_before = if found.is_empty() { Vec::new() } else { self.before(snapshot).await? };
        let is_new = |it: &FoundSecret| !it.is_in(&known_before);
        let mut faults: Vec<ChangeFault> = found
            .into_iter()
            .filter(|(_, it)| is_new(it))
            .map(|(path, it)| ChangeFault::Secret { path, line: it.line, kind: it.kind.to_string() })
            .collect();
        faults.extend((!whole).then_some(ChangeFault::NotReadWhole));
        Ok(faults)
    }

    /// What the changed and deleted files held before. It was public already, and may move.
    async fn before(&self, snapshot: &Snapshot) -> Result<Vec<u8>, GitError> {
        let listing = Git::at(&self.path, "diff-tree")
            .args(["-r", "--no-renames", "--raw", "-z", "--no-abbrev", "--diff-filter=MDT"])
            .args([&snapshot.base, &snapshot.tree])
            .bytes()
            .await?;
        let listing = String::from_utf8_lossy(&listing);
        let heads = listing.split('\0').filter_map(|field| field.strip_prefix(':'));
        let objects: BTreeSet<String> = heads
            .filter_map(|head| head.split(' ').nth(2).filter(|_| !head.starts_with("160000")))
            .map(str::to_owned)
            .collect();
        let objects: Vec<_> = objects.into_iter().map(|object| (String::new(), object)).collect();
        let (answer, blobs, _) = self.contents(&objects).await?;
        let mut held = Vec::new();
        for (_, range) in blobs {
            held.extend_from_slice(&secrets::without_nul(&answer[range]));
            held.push(b'\n');
        }
        Ok(held)
    }

    /// The contents of objects, in one answer, and whether it is all of them.
    async fn contents(&self, objects: &[(String, String)]) -> Result<(Vec<u8>, Vec<Blob>, bool), GitError> {
        if objects.is_empty() {
            return Ok((Vec::new(), Vec::new(), true));
        }
        let list: String = objects.iter().flat_map(|(_, object)| [object.as_str(), "\n"]).collect();
        let answer = Git::at(&self.path, "cat-file").arg("--batch").stdin(list).cut(CONTENT_BYTES).bytes().await?;
        let mut blobs = Vec::new();
        let mut at = 0;
        for (path, _) in objects {
            // `<object> blob <size>`, the content and a line break.
            let Some(end) = answer[at..].iter().position(|byte| *byte == b'\n').map(|end| at + end) else { break };
            let head = String::from_utf8_lossy(&answer[at..end]);
            let Some(size) = head.rsplit(' ').next().and_then(|size| size.parse::<usize>().ok()) else {
                at = end + 1;
                continue;
            };
            let last = (end + 1).saturating_add(size);
            blobs.push((path.clone(), end + 1..last.min(answer.len())));
            at = last.saturating_add(1).min(answer.len());
        }
        let whole = (answer.len() as u64) < CONTENT_BYTES;
        Ok((answer, blobs, whole))
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shape(kind) => write!(formatter, "what looks like {kind}"),
            Self::Variable(name) => write!(formatter, "the value of the variable `{name}`, which the agent was given"),
        }
    }
}
