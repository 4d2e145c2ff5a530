//! Takes what a setup left in the tree into the layer.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::SetupError;
use crate::verify::Setup;

/// The deepest folder in which something is looked for.
const DEPTH: usize = 64;

/// Moves from `tree` to `layer` what the commit does not have and the setup keeps. No symlink is followed, and no process
/// of the setup is alive any more.
pub(super) fn keep(tree: &Path, layer: &Path, tracked: &BTreeSet<String>, setup: &Setup) -> Result<(), SetupError> {
    let mut folders = vec![(PathBuf::new(), setup.keeps.is_empty())];
    while let Some((folder, whole)) = folders.pop() {
        let here = tree.join(&folder);
        for entry in fs::read_dir(&here).map_err(SetupError::at(&here))? {
            let entry = entry.map_err(SetupError::at(&here))?;
            let path = folder.join(entry.file_name());
            // A name that is no text is not the commit's, because its paths were read as text.
            let text = path.to_string_lossy();
            if text == ".git" {
                continue;
            }
            let kept = whole || setup.keeps.iter().any(|name| entry.file_name() == *name);
            let metadata = fs::symlink_metadata(entry.path()).map_err(SetupError::at(&entry.path()))?;
            let has_tracked = is_or_holds(tracked, &text);
            if metadata.is_dir() && has_tracked && folder.components().count() < DEPTH {
                folders.push((path, kept));
            } else if kept && !has_tracked {
                take(&entry.path(), &layer.join(&path))?;
            }
        }
    }
    Ok(())
}

/// Whether a path is a file of the commit, or a folder with one.
fn is_or_holds(tracked: &BTreeSet<String>, path: &str) -> bool {
    let below = format!("{path}/");
    tracked.contains(path) || tracked.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below))
}

fn take(from: &Path, to: &Path) -> Result<(), SetupError> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(SetupError::at(parent))?;
    }
    fs::rename(from, to).map_err(SetupError::at(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join("tree").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        folder
    }

    fn kept(folder: &tempfile::TempDir, tracked: &[&str], keeps: &[&'static str]) -> Vec<String> {
        let layer = folder.path().join("layer");
        let tracked = tracked.iter().map(|path| (*path).to_owned()).collect();
        let setup = Setup { keeps: keeps.to_vec(), ..Setup::default() };
        keep(&folder.path().join("tree"), &layer, &tracked, &setup).unwrap();
        let mut found = Vec::new();
        let mut folders = vec![layer.clone()];
        while let Some(at) = folders.pop() {
            for entry in fs::read_dir(&at).into_iter().flatten().flatten() {
                if fs::symlink_metadata(entry.path()).unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    found.push(entry.path().strip_prefix(&layer).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        found
    }

    const LEFT: &[&str] = &[
        "package.json",
        "dist/index.js",
        "node_modules/a/index.js",
        "packages/one/package.json",
        "packages/one/node_modules/b/index.js",
        ".yarn/releases/yarn.cjs",
        ".yarn/cache/a.zip",
        ".git/config",
    ];
    const TRACKED: &[&str] = &["package.json", "packages/one/package.json", ".yarn/releases/yarn.cjs"];

    #[test]
    fn dependencies_are_kept_and_what_was_built_of_the_code_is_not() {
        let found = kept(&written(LEFT), TRACKED, &["node_modules", ".yarn"]);
        assert_eq!(found, [".yarn/cache/a.zip", "node_modules/a/index.js", "packages/one/node_modules/b/index.js"]);
    }

    #[test]
    fn a_setup_of_a_policy_keeps_everything_that_the_commit_does_not_have() {
        let found = kept(&written(LEFT), TRACKED, &[]);
        let expected =
            [".yarn/cache/a.zip", "dist/index.js", "node_modules/a/index.js", "packages/one/node_modules/b/index.js"];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_folder_that_a_setup_replaced_by_a_symlink_is_not_entered() {
        let folder = written(&["outside/secret", "src/lib.js"]);
        let tree = folder.path().join("tree");
        fs::rename(tree.join("outside"), folder.path().join("outside")).unwrap();
        fs::remove_dir_all(tree.join("src")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("outside"), tree.join("src")).unwrap();
        assert!(kept(&folder, &["src/lib.js"], &[]).is_empty());
        assert!(folder.path().join("outside/secret").exists());
    }
}
