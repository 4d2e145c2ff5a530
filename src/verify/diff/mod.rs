//! The `diff` verifier: what a change brings in, whatever the tests say.
//!
//! In: the diff, and the mirror with the commits before and after it. Out: notes for a person, each of which keeps a
//! verdict from being green: packages that come from another place than before (`sources`, `registries`), a lockfile
//! that changed without its manifest and the other way round (`lockfiles`), what runs on people's machines unasked
//! (`tools`), binary and generated files.
//!
//! Nothing is run, and nothing is asked of the network. What is too large to be read is noted.

mod generated;
mod lockfiles;
mod registries;
mod sources;
mod tools;
mod wanted;

use generated::Generated;

use super::runners::Change;
use adjutant_domain::policy::DiffPolicy;

use crate::workspace::{Changed, GitError, Status, secrets};

/// The name of the verifier and of its check run.
pub const NAME: &str = "diff";
/// The largest lockfile or manifest that is read.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// The most lockfiles that are read.
const MOST_LOCKFILES: usize = 50;
/// The most notes.
const MOST: usize = 50;
/// Binary files that belong to most repositories and cannot be run.
const HARMLESS_BINARIES: &[&str] = &[
    ".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".bmp", ".avif", ".woff", ".woff2", ".ttf", ".otf", ".eot",
    ".pdf", ".mp3", ".mp4", ".webm", ".ogg", ".wav",
];

/// What a person should look at in a change, a sentence each.
pub async fn examine(change: Change<'_>, policy: &DiffPolicy) -> Result<Vec<String>, GitError> {
    let generated = Generated::read(&text(change, change.before, ".gitattributes").await?.unwrap_or_default());
    let unfit = |error: globset::Error| GitError::Unfit(error.to_string());
    let mut notes = wanted::unmet(change.diff, policy).map_err(unfit)?;
    let mut read = 0;
    for file in &change.diff.files {
        notes.extend(binary(file));
        notes.extend(registries::changed(file));
        notes.extend(tools::changed(file));
        let Some(lockfile) = sources::Lockfile::of(&file.path).filter(|_| file.status != Status::Deleted) else {
            continue;
        };
        let unread = || format!("`{}` is not read, and where its packages come from is not known", file.path);
        let after = if read < MOST_LOCKFILES { text(change, change.after, &file.path).await? } else { None };
        let Some(after) = after else {
            notes.push(unread());
            continue;
        };
        read += 1;
        let before = text(change, change.before, &file.path).await?.unwrap_or_default();
        notes.extend(sources::changed(&file.path, lockfile, &before, &after));
    }
    notes.extend(lockfiles::unmatched(change).await?);
    notes.extend(generated.alone(change.diff));
    notes.truncate(MOST);
    Ok(notes.iter().map(|note| secrets::redact(note)).collect())
}

fn binary(file: &Changed) -> Option<String> {
    let name = file.path.to_ascii_lowercase();
    let shown =
        file.binary && file.status != Status::Deleted && !HARMLESS_BINARIES.iter().any(|end| name.ends_with(end));
    shown.then(|| format!("`{}` is binary: what it holds cannot be read in the diff", file.path))
}

/// A file of a commit as text; `None` where there is none or it is too large.
async fn text(change: Change<'_>, commit: &str, path: &str) -> Result<Option<String>, GitError> {
    let bytes = change.mirror.read(commit, path, MAX_BYTES).await?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests;
