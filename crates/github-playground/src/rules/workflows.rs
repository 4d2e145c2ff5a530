//! Permission for workflow files: people may write them, and so may apps with `workflows: write`.
//! <https://docs.github.com/en/apps/creating-github-apps/registering-a-github-app/choosing-permissions-for-a-github-app>

const FOLDER: &str = ".github/workflows/";

/// Whether a path is a workflow file.
pub(crate) fn holds(path: &str) -> bool {
    path.starts_with(FOLDER)
}

/// The message for an app without the permission, for a push and for a merge.
pub(crate) fn refusal(path: &str) -> String {
    format!("refusing to allow a GitHub App to create or update workflow `{path}` without `workflows` permission")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_in_the_folder_is_a_workflow() {
        assert!(holds(".github/workflows/ci.yml"));
        assert!(!holds(".github/workflows") && !holds("docs/.github/workflows/ci.yml") && !holds(".github/CODEOWNERS"));
    }
}
