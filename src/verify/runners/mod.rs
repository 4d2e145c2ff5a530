//! Finds out whether a change edits what decides *how* it is verified.
//!
//! In: the verifiers, the diff, and the mirror with the commits before and after it. Out: one [`Weakening`] for each
//! such file. A file counts if a verifier's command names it or calls it through scripts ([`scripts`]), if its name is
//! one that a test runner reads by itself ([`names`]), or if those sections of a manifest changed that are not only
//! lists of dependencies ([`sections`]). Code that ends a test run early counts, too ([`exits`]).
//!
//! A finding never fails a verification: it keeps a verdict from being green, so that a person looks. What cannot be
//! read counts as changed.

mod exits;
mod names;
mod scripts;
mod sections;

use std::collections::BTreeMap;

use super::VerifierSpec;
use super::weakened::{Weakening, WeakeningKind, place};
use crate::workspace::{Changed, Diff, GitError, Mirror};

/// The largest script or manifest that is read.
const MAX_BYTES: u64 = 512 * 1024;

/// The commits of a change, and where they are.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    pub mirror: &'a Mirror,
    pub before: &'a str,
    pub after: &'a str,
    pub diff: &'a Diff,
}

/// The files of a change that decide how it is verified, in the order of the diff.
pub async fn changed_runners(specs: &[VerifierSpec], change: Change<'_>) -> Result<Vec<Weakening>, GitError> {
    let called = called(specs, change).await?;
    let mut found = Vec::new();
    for file in &change.diff.files {
        let note = match (called.get(&file.path), names::reason(file)) {
            (Some(verifier), _) => {
                Some(format!("`{}` is run by the verifier `{verifier}`, which it is to pass.", file.path))
            }
            (None, Some(reason)) => Some(format!("`{}` {reason}.", file.path)),
            (None, None) => sections(change, file).await?,
        };
        found.extend(note.map(|note| place(WeakeningKind::RunnerChanged, file, None, note)));
        found.extend(exits::added(file));
    }
    Ok(found)
}

/// Whether a file is a manifest, whose sections decide one by one.
pub(super) fn is_manifest(path: &str) -> bool {
    sections::manifest(path).is_some()
}

/// The files that the commands run, with the name of the verifier.
async fn called(specs: &[VerifierSpec], change: Change<'_>) -> Result<BTreeMap<String, String>, GitError> {
    let modes: BTreeMap<String, u32> =
        change.mirror.files(change.before).await?.into_iter().map(|entry| (entry.path, entry.mode)).collect();
    let mut called: BTreeMap<String, String> = BTreeMap::new();
    for spec in specs {
        let mut open = scripts::named(&spec.run, "", &modes);
        for _ in 0..scripts::DEPTH {
            let mut next = Vec::new();
            for path in open {
                if called.len() >= scripts::MOST || called.contains_key(&path) {
                    continue;
                }
                if let Some(text) = text(change.mirror, change.before, &path).await? {
                    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    next.extend(scripts::called(&text, folder, &modes));
                }
                called.insert(path, spec.name.clone());
            }
            open = next;
        }
    }
    Ok(called)
}

/// What changed in a manifest beside its dependencies, as a sentence.
async fn sections(change: Change<'_>, file: &Changed) -> Result<Option<String>, GitError> {
    let Some(manifest) = sections::manifest(&file.path) else { return Ok(None) };
    let before = text(change.mirror, change.before, &file.path).await?.unwrap_or_default();
    let after = text(change.mirror, change.after, &file.path).await?.unwrap_or_default();
    let changed = sections::changed(manifest, &before, &after);
    let names: Vec<String> = changed.iter().map(|name| format!("`{name}`")).collect();
    Ok((!names.is_empty())
        .then(|| format!("`{}` decides how tests are run, and {} changed in it.", file.path, names.join(", "))))
}

async fn text(mirror: &Mirror, commit: &str, path: &str) -> Result<Option<String>, GitError> {
    let bytes = mirror.read(commit, path, MAX_BYTES).await?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}
