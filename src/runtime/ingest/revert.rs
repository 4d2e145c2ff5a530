//! Reverts: merges that are taken back on the base, as the pushed commits say.
//!
//! `git revert` writes "This reverts commit SHA.", and GitHub's button "Reverts OWNER/NAME#NUMBER". What was taken back in
//! another way is not seen.

use super::{Addressed, IngestContext, IngestError, Revert, Target};
use adjutant_domain::ids::{Branch, Repo, Sha};
use adjutant_domain::signal::Signal;

/// The most reverts of one commit, and of one push, that are looked up: anybody may write a commit's message.
const MOST: usize = 20;

/// What a commit's message says that the commit takes back.
pub(super) fn named(message: &str, repo: &Repo) -> Vec<Revert> {
    let own = format!("{}#", repo.full_name());
    let words: Vec<&str> = message.split_whitespace().collect();
    let after = |at: usize| words.get(at + 1).map(|word| word.trim_end_matches(['.', ',', ')']));
    let commit = |at: usize| {
        let sha = after(at).filter(|_| words[at] == "commit" && at > 0 && words[at - 1].ends_with("reverts"))?;
        (sha.len() == 40 && sha.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| Revert::Commit(Sha::new(sha)))
    };
    let pull = |at: usize| {
        let of = after(at).filter(|_| words[at] == "Reverts")?;
        let (start, number) = of.split_at_checked(own.len())?;
        start.eq_ignore_ascii_case(&own).then(|| number.parse().ok().map(Revert::Pull)).flatten()
    };
    (0..words.len()).filter_map(|at| commit(at).or_else(|| pull(at))).take(MOST).collect()
}

impl IngestContext<'_> {
    /// The steps whose merge is taken back on their base.
    pub(super) async fn reverted(&self, branch: &Branch, reverts: &[Revert]) -> Result<Vec<Addressed>, IngestError> {
        let mut reverted = Vec::new();
        let mut known: Vec<&Revert> = Vec::new();
        for revert in reverts {
            if known.len() == MOST {
                break;
            }
            if known.contains(&revert) {
                continue;
            }
            known.push(revert);
            let (directive, step) = match revert {
                Revert::Pull(number) => {
                    let directive = self.for_pull(*number).await?;
                    let step = directive.as_ref().and_then(|it| it.step_of_pull(*number)).map(|step| step.id);
                    (directive, step)
                }
                Revert::Commit(commit) => match self.store.step_of_merge(self.repo.id, commit).await? {
                    Some((directive, step)) => (self.directive(Some(directive)).await?, Some(step)),
                    None => (None, None),
                },
            };
            let (Some(directive), Some(step)) = (directive, step) else { continue };
            let addressed = Addressed { target: Target::Directive(directive.id), signal: Signal::Reverted { step } };
            if directive.base.branch == *branch && !reverted.contains(&addressed) {
                reverted.push(addressed);
            }
        }
        Ok(reverted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revert_names_a_commit_or_a_pull_request_of_the_same_repository() {
        let repo = Repo { id: 1, owner: "acme".to_owned(), name: "widgets".to_owned(), installation: 1 };
        let sha = "0123456789abcdef0123456789abcdef01234567";
        let named = |message: &str| named(message, &repo);
        assert_eq!(named(&format!("Revert \"A\"\n\nThis reverts commit {sha}.")), [Revert::Commit(Sha::new(sha))]);
        let merge = format!("This reverts commit {sha}, reversing\nchanges made to {sha}.");
        assert_eq!(named(&merge), [Revert::Commit(Sha::new(sha))]);
        assert_eq!(named("Revert \"A (#7)\" (#9)\n\nReverts Acme/widgets#7"), [Revert::Pull(7)]);
        for other in ["Reverts acme/other#7", "Reverts acme/widgets#x", "This reverts commit abc.", "Reverts", ""] {
            assert_eq!(named(other), [], "{other}");
        }
    }
}
