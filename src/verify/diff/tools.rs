//! Files that programs on people's machines run or obey when a repository is opened, without being asked.

use std::sync::LazyLock;

use globset::GlobSet;

use crate::workspace::{Changed, Status, path_set};

/// What such files do, and their paths in any case.
const FILES: &[(&str, &[&str])] = &[
    (
        "is run on the machines of those who work in the repository",
        &[
            "**/{.husky,.githooks,.hooks}/**",
            "**/{lefthook.yml,lefthook.yaml,.lefthook.yml,.pre-commit-config.yaml}",
            "**/{.envrc,.direnvrc}",
            "**/.vscode/{tasks,settings,launch,extensions}.json",
            "**/.idea/runConfigurations/**",
            "**/{.devcontainer,.devcontainer/**,.devcontainer.json}",
            "**/{.gitattributes,.lfsconfig}",
        ],
    ),
    ("decides who is asked for a review", &["CODEOWNERS", "docs/CODEOWNERS"]),
];

/// A sentence where the file is one of them.
pub(super) fn changed(file: &Changed) -> Option<String> {
    static SETS: LazyLock<Vec<(&str, GlobSet)>> =
        LazyLock::new(|| FILES.iter().map(|(what, globs)| (*what, set(globs))).collect());
    let (what, _) = SETS.iter().find(|(_, set)| set.is_match(&file.path))?;
    let how = if file.status == Status::Deleted { "was deleted, and it" } else { "changed, and it" };
    Some(format!("`{}` {how} {what}", file.path))
}

fn set(globs: &[&str]) -> GlobSet {
    // A test holds that each of them compiles.
    path_set(globs.iter().copied()).unwrap_or_else(|_| GlobSet::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::fixture;

    #[test]
    fn what_is_run_without_being_asked_is_named() {
        assert!(FILES.iter().all(|(_, globs)| set(globs).len() == globs.len()));
        for path in [".husky/pre-commit", "web/.envrc", ".vscode/tasks.json", ".devcontainer/Dockerfile", "CODEOWNERS"]
        {
            assert!(changed(&fixture::changed(path, &[], &["x"])).is_some_and(|said| said.contains(path)), "{path}");
        }
        for path in ["src/husky.rs", ".vscode/snippets.json", "docs/codeowners.md"] {
            assert_eq!(changed(&fixture::changed(path, &[], &["x"])), None, "{path}");
        }
    }
}
