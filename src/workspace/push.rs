//! Why a push did not take place: what git and the server say, read once and here.

use super::git::GitError;
use super::secrets;

/// Why a push did not take place.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The branch is not where it was: someone else pushed, deleted or made it.
    #[error("the branch moved: fetch it and check what was pushed")]
    Moved,
    /// The push would drop commits of the branch.
    #[error("the new commit does not contain what the branch holds: merge it first")]
    NotFastForward,
    /// The server said no: a protected branch, a rule, a hook.
    #[error("the server rejected the push: {0}")]
    Rejected(String),
    /// The commits change a workflow, and the credentials do not allow that.
    #[error("the credentials do not allow changes of workflows")]
    Workflow {
        /// The workflow that the server names.
        path: Option<String>,
    },
    /// The app was not granted what this push needs. Only a person can mend it.
    #[error("the app may not write workflows: {error}")]
    NotGranted {
        /// The workflow that the server named.
        path: Option<String>,
        /// What GitHub said when a token for it was asked for.
        error: String,
    },
    /// Git or the network failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// The lease is checked on both ends, and a race within the server is reported in yet other words.
const MOVED: &[&str] = &[
    "stale info",
    "fetch first",
    "non-fast-forward",
    "cannot lock ref",
    "reference already exists",
    "incorrect old value",
];

impl PushError {
    /// What a rejected push says: `line` is the reference's line of `git push --porcelain`, which begins with `!`, `answer` all
    /// that was printed, and `stderr` what was printed beside it. Git has no other form of it.
    pub(super) fn of_rejection(line: &str, answer: &str, stderr: &str) -> Self {
        if MOVED.iter().any(|words| answer.contains(words) || stderr.contains(words)) {
            return Self::Moved;
        }
        let reason = line.rsplit('\t').next().unwrap_or(line);
        let remote: Vec<&str> =
            stderr.lines().filter_map(|line| line.strip_prefix("remote: ")).map(str::trim).collect();
        let said = format!("{reason} {}", remote.join(" "));
        workflow(&said).unwrap_or_else(|| Self::Rejected(secrets::redact(&said)))
    }
}

/// The refusal of a change of a workflow, which the server names between back ticks.
fn workflow(said: &str) -> Option<PushError> {
    let (_, about) = said.split_once("refusing to allow ")?;
    let (_, about) = about.split_once(" to create or update workflow ")?;
    let path = about.strip_prefix('`').and_then(|path| path.split_once('`')).map(|(path, _)| path.to_owned());
    Some(PushError::Workflow { path })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(reason: &str, stderr: &str) -> PushError {
        let line = format!("!\trefs/heads/a:refs/heads/a\t[remote rejected] ({reason})");
        PushError::of_rejection(&line, &format!("To https://github.com/acme/widgets\n{line}\nDone"), stderr)
    }

    #[test]
    fn the_workflow_that_an_app_may_not_write_is_read_from_the_refusal() {
        for who in ["a GitHub App", "an OAuth App", "a Personal Access Token"] {
            let right = if who == "a GitHub App" { "`workflows` permission" } else { "`workflow` scope" };
            let reason = format!(
                "refusing to allow {who} to create or update workflow `.github/workflows/x.yml` without {right}"
            );
            let refused = rejection(&reason, "");
            assert!(
                matches!(&refused, PushError::Workflow { path: Some(path) } if path == ".github/workflows/x.yml"),
                "{refused:?}"
            );
            let by_hook = rejection("pre-receive hook declined", &format!("remote: {reason}\n"));
            assert!(matches!(by_hook, PushError::Workflow { path: Some(_) }), "{by_hook:?}");
        }
        let unnamed = rejection("refusing to allow a GitHub App to create or update workflow files", "");
        assert!(matches!(unnamed, PushError::Workflow { path: None }), "{unnamed:?}");
    }

    #[test]
    fn a_refusal_that_only_names_a_workflow_is_another_one() {
        let reason = "protected branch hook declined";
        let refused = rejection(reason, "remote: error: the workflow `test` must pass\n");
        let PushError::Rejected(answer) = refused else { panic!("{refused:?}") };
        assert_eq!(answer, "[remote rejected] (protected branch hook declined) error: the workflow `test` must pass");
    }

    #[test]
    fn a_branch_that_moved_is_told_apart() {
        for reason in ["stale info", "cannot lock ref 'refs/heads/a'"] {
            assert!(matches!(rejection(reason, ""), PushError::Moved), "{reason}");
        }
    }
}
