//! Who may write workflow files: people may, and apps that were granted `workflows: write`.
//! <https://docs.github.com/en/apps/creating-github-apps/registering-a-github-app/choosing-permissions-for-a-github-app>

const FOLDER: &str = ".github/workflows/";

/// Whether a path is one of those.
pub(crate) fn holds(path: &str) -> bool {
    path.starts_with(FOLDER)
}

/// What an app without the permission is told, of a push as of a merge.
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
