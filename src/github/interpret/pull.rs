//! Pull requests closed, merged, pushed to.

use super::{InterpretError, Reading, Scene, Target, ignored, one};
use crate::{
    domain::{
        directive::Directive,
        engine,
        ids::{Branch, Sha},
        signal::Signal,
        step::Step,
    },
    github::model::OpenState,
};

impl Scene<'_> {
    pub(super) async fn pull_closed(&self, number: u64) -> Result<Reading, InterpretError> {
        let Some(directive) = self.lookup.for_pull(self.repo.id, number).await? else {
            return Ok(ignored(format!("pull request {number} is not Adjutant's")));
        };
        let Some(step) = directive.step_of_pull(number) else {
            return Ok(ignored(format!("pull request {number} belongs to an earlier plan")));
        };
        let pull = self.client.pull(number).await?;
        let signal = if pull.merged {
            let by = pull.merged_by.unwrap_or_else(|| self.sender.login.clone());
            // No person's login ends like that; asking only about bots spares a read.
            let by = if by.as_str().ends_with("[bot]") {
                engine::known_as(by, &self.github.app().await?.bot_login)
            } else {
                by
            };
            Signal::PullMerged { step: step.id, by, sha: pull.merge_commit_sha }
        } else if pull.state == OpenState::Open {
            return Ok(ignored(format!("pull request {number} is open again")));
        } else if self.is_own(&self.sender).await? {
            return Ok(ignored(format!("Adjutant closed pull request {number} itself")));
        } else {
            Signal::PullClosed { step: step.id, by: self.sender.login.clone() }
        };
        Ok(one(Target::Directive(directive.id), signal))
    }

    pub(super) async fn pull_pushed(&self, number: u64, head: &Sha) -> Result<Reading, InterpretError> {
        if self.is_own(&self.sender).await? {
            return Ok(ignored("Adjutant pushed it itself"));
        }
        let Some(directive) = self.lookup.for_pull(self.repo.id, number).await? else {
            return Ok(ignored(format!("pull request {number} is not Adjutant's")));
        };
        match directive.step_of_pull(number) {
            Some(step) => self.moved(&directive, step, head).await,
            None => Ok(ignored(format!("pull request {number} belongs to an earlier plan"))),
        }
    }

    pub(super) async fn branch_pushed(&self, branch: &Branch, head: &Sha) -> Result<Reading, InterpretError> {
        let Some(issue) = issue_of(branch) else {
            return Ok(ignored(format!("the branch `{branch}` is not Adjutant's")));
        };
        if self.is_own(&self.sender).await? {
            return Ok(ignored("Adjutant pushed it itself"));
        }
        let Some(directive) = self.lookup.live_for_issue(self.repo.id, issue).await? else {
            return Ok(ignored(format!("issue {issue} has no live directive")));
        };
        match directive.steps.iter().chain(&directive.finale).find(|step| step.branch == *branch) {
            Some(step) => self.moved(&directive, step, head).await,
            None => Ok(ignored(format!("no step works on the branch `{branch}`"))),
        }
    }

    /// A head that somebody else moved, if it still stands where they moved it: where it does not, the push that
    /// moved it on has a delivery of its own, which names who that was.
    async fn moved(&self, directive: &Directive, step: &Step, pushed: &Sha) -> Result<Reading, InterpretError> {
        if step.head.as_ref() == Some(pushed) {
            return Ok(ignored(format!("the head of `{}` is known", step.name)));
        }
        match self.client.branch_head(&step.branch).await? {
            Some(live) if live == *pushed => {
                let signal = Signal::HeadMoved { step: step.id, head: live, by: self.sender.login.clone() };
                Ok(one(Target::Directive(directive.id), signal))
            }
            Some(_) => Ok(ignored(format!("the branch of `{}` has moved on", step.name))),
            None => Ok(ignored(format!("the branch of `{}` is gone", step.name))),
        }
    }
}

/// The issue that a branch of Adjutant's is about: `adjutant/<issue>-<n>/…`.
fn issue_of(branch: &Branch) -> Option<u64> {
    let (directive, _) = branch.as_str().strip_prefix("adjutant/")?.split_once('/')?;
    directive.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_of_ours_names_its_issue() {
        assert_eq!(issue_of(&Branch::new("adjutant/7-1/g1-parse")), Some(7));
        assert_eq!(issue_of(&Branch::new("adjutant/12-2/main")), Some(12));
        for other in ["main", "adjutant/7-1", "adjutant/x-1/main", "feature/7-1/main"] {
            assert_eq!(issue_of(&Branch::new(other)), None, "{other}");
        }
    }
}
