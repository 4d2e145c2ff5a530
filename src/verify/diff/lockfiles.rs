//! Lockfiles that changed without their manifest, and manifests whose dependencies changed without the lockfile.

use crate::verify::detect::has_extension;
use std::collections::BTreeSet;

use serde_json::Value;

use super::text;
use crate::verify::runners::Change;
use crate::workspace::{Changed, Diff, GitError, Status};

/// A lockfile, the manifests that it may belong to, and whether it repeats the versions that they ask for.
const PAIRS: &[(&str, &[&str], bool)] = &[
    ("Cargo.lock", &["Cargo.toml"], false),
    ("package-lock.json", &["package.json"], true),
    ("npm-shrinkwrap.json", &["package.json"], true),
    ("yarn.lock", &["package.json"], true),
    ("pnpm-lock.yaml", &["package.json", "pnpm-workspace.yaml"], true),
    ("bun.lock", &["package.json"], true),
    ("uv.lock", &["pyproject.toml"], true),
    ("poetry.lock", &["pyproject.toml"], true),
    ("pdm.lock", &["pyproject.toml"], true),
    ("Pipfile.lock", &["Pipfile"], true),
    ("composer.lock", &["composer.json"], true),
    ("Gemfile.lock", &["Gemfile", ".gemspec"], true),
    ("go.sum", &["go.mod"], true),
];

/// Where manifests list what they need. `*` stands for every member.
const DEPENDENCIES: &[(&str, &[&str])] = &[
    (
        "Cargo.toml",
        &[
            "dependencies",
            "dev-dependencies",
            "build-dependencies",
            "workspace.dependencies",
            "target.*.dependencies",
            "target.*.dev-dependencies",
            "target.*.build-dependencies",
        ],
    ),
    ("package.json", &["dependencies", "devDependencies", "optionalDependencies"]),
    (
        "pyproject.toml",
        &[
            "project.dependencies",
            "project.optional-dependencies.*",
            "dependency-groups.*",
            "tool.poetry.dependencies",
            "tool.poetry.group.*.dependencies",
        ],
    ),
    ("Pipfile", &["packages", "dev-packages"]),
    ("composer.json", &["require", "require-dev"]),
];

/// A sentence for each file that changed without the one that it belongs to.
pub(super) async fn unmatched(change: Change<'_>) -> Result<Vec<String>, GitError> {
    let mut notes = Vec::new();
    let there = |file: &&Changed| file.status != Status::Deleted;
    for file in change.diff.files.iter().filter(there) {
        let (folder, name) = split(&file.path);
        if let Some((_, manifests, _)) = PAIRS.iter().find(|(lockfile, ..)| *lockfile == name) {
            if file.status == Status::Modified && !has_manifest(change.diff, folder, manifests) {
                notes.push(format!("`{}` changed, and no manifest that it belongs to did", file.path));
            }
        } else if file.status == Status::Modified {
            notes.extend(without_lockfile(change, file).await?);
        }
    }
    Ok(notes)
}

/// Whether a manifest in the folder or below it changed.
fn has_manifest(diff: &Diff, folder: &str, manifests: &[&str]) -> bool {
    diff.files.iter().any(|file| {
        let (place, name) = split(&file.path);
        below(place, folder) && manifests.iter().any(|manifest| name.ends_with(manifest))
    })
}

/// A sentence if the manifest's dependencies changed, and the lockfile that is there did not.
async fn without_lockfile(change: Change<'_>, file: &Changed) -> Result<Option<String>, GitError> {
    let (_, name) = split(&file.path);
    let Some((_, sections)) = DEPENDENCIES.iter().find(|(manifest, _)| *manifest == name) else { return Ok(None) };
    let before = text(change, change.before, &file.path).await?.unwrap_or_default();
    let after = text(change, change.after, &file.path).await?.unwrap_or_default();
    let (Some(before), Some(after)) = (read(name, &before), read(name, &after)) else { return Ok(None) };
    for (lockfile, _, versions) in PAIRS.iter().filter(|(_, manifests, _)| manifests.contains(&name)) {
        if dependencies(&before, sections, *versions) == dependencies(&after, sections, *versions) {
            continue;
        }
        let Some(path) = nearest(change, &file.path, lockfile).await? else { continue };
        if !change.diff.files.iter().any(|other| other.path == path) {
            return Ok(Some(format!("the dependencies in `{}` changed, and `{path}` did not", file.path)));
        }
    }
    Ok(None)
}

/// The lockfile in the manifest's folder, or in the folder of the workspace that it may be a member of.
async fn nearest(change: Change<'_>, manifest: &str, lockfile: &str) -> Result<Option<String>, GitError> {
    let (own, name) = split(manifest);
    let mut folder = own;
    loop {
        let path = join(folder, lockfile);
        if change.mirror.has_file(change.after, &path).await? {
            let is_shared = folder == own || is_workspace(change, folder, name).await?;
            return Ok(is_shared.then_some(path));
        }
        if folder.is_empty() {
            return Ok(None);
        }
        folder = split(folder).0;
    }
}

async fn is_workspace(change: Change<'_>, folder: &str, manifest: &str) -> Result<bool, GitError> {
    let root = text(change, change.after, &join(folder, manifest)).await?;
    Ok(root.is_some_and(|root| root.contains("workspace"))
        || change.mirror.has_file(change.after, &join(folder, "pnpm-workspace.yaml")).await?)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The names of what the manifest needs, with what it asks of each if `versions`.
fn dependencies(manifest: &Value, sections: &[&str], versions: bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for section in sections {
        let mut open = vec![manifest];
        for part in section.split('.') {
            open = open.into_iter().flat_map(|value| members(value, part)).collect();
        }
        for value in open {
            match value {
                Value::Object(entries) if versions => {
                    found.extend(entries.iter().map(|(name, it)| format!("{name} {it}")));
                }
                Value::Object(entries) => found.extend(entries.keys().cloned()),
                Value::Array(entries) => found.extend(entries.iter().map(ToString::to_string)),
                _ => {}
            }
        }
    }
    found
}

fn members<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match value {
        Value::Object(entries) if name == "*" => entries.values().collect(),
        _ => value.get(name).into_iter().collect(),
    }
}

fn read(name: &str, text: &str) -> Option<Value> {
    if has_extension(name, "json") {
        serde_json::from_str(text).ok()
    } else {
        serde_json::to_value(text.parse::<toml::Table>().ok()?).ok()
    }
}

/// The folder and the name of a path.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Whether `place` is `folder` or lies in it.
fn below(place: &str, folder: &str) -> bool {
    folder.is_empty() || place == folder || place.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differ(name: &str, before: &str, after: &str) -> bool {
        let (_, sections) = DEPENDENCIES.iter().find(|(manifest, _)| *manifest == name).unwrap();
        let (_, _, versions) = PAIRS.iter().find(|(_, manifests, _)| manifests.contains(&name)).unwrap();
        let listed = |text: &str| dependencies(&read(name, text).unwrap(), sections, *versions);
        listed(before) != listed(after)
    }

    #[test]
    fn dependencies_differ_where_the_lockfile_has_to() {
        assert!(differ("Cargo.toml", "", "[dependencies]\nserde = \"1\"\n"));
        assert!(differ("Cargo.toml", "", "[target.'cfg(unix)'.dependencies]\nnix = \"1\"\n"));
        assert!(!differ("Cargo.toml", "[dependencies]\nserde = \"1\"\n", "[dependencies]\nserde = \"1.0.5\"\n"));
        assert!(differ("package.json", r#"{"dependencies":{"a":"1"}}"#, r#"{"dependencies":{"a":"2"}}"#));
        assert!(!differ("package.json", r#"{"scripts":{"a":"1"}}"#, r#"{"scripts":{"a":"2"}}"#));
        assert!(differ("pyproject.toml", "", "[dependency-groups]\ndev = [\"pytest\"]\n"));
    }

    #[test]
    fn a_folder_has_what_lies_in_it() {
        assert!(below("a/b", "a") && below("a", "a") && below("a", "") && !below("ab", "a"));
    }
}
