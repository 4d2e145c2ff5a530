//! Pull requests closed, merged, pushed to.

use super::{IngestContext, IngestError, Interpretation, PullHead, Revert, Target, ignored, one};
use crate::github::OpenState;
use adjutant_domain::{
    actor::Actor,
    directive::Directive,
    ids::{Branch, DirectiveId, Sha, StepId},
    signal::Signal,
    step::Step,
};

impl IngestContext<'_> {
    pub(super) async fn pull_closed(&self, number: u64) -> Result<Interpretation, IngestError> {
        let Some(directive) = self.for_pull(number).await? else {
            return Ok(ignored(format!("pull request {number} is not Adjutant's")));
        };
        // A pull request of an earlier plan may have been merged after all.
        let Some(step) = directive.step_of_pull(number).or_else(|| directive.earlier_of_pull(number)) else {
            return Ok(ignored(format!("pull request {number} belongs to no step")));
        };
        let pull = self.client.pull(number).await?;
        let signal = if pull.merged {
            let by = match pull.merged_by {
                None => self.sent_by().await?,
                // No person's login ends in `[bot]`. Asking only about bots saves a request.
                Some(bot) if bot.as_str().ends_with("[bot]") => {
                    Actor::on_github(Some(bot), &self.github.app().await?.bot_login)
                }
                Some(login) => Actor::Person(login),
            };
            Signal::PullMerged { step: step.id, by, sha: pull.merge_commit_sha }
        } else if pull.state == OpenState::Open {
            return Ok(ignored(format!("pull request {number} is open again")));
        } else if self.sent_by().await? == Actor::Adjutant {
            return Ok(ignored(format!("Adjutant closed pull request {number} itself")));
        } else {
            let may_decide = self.sender().await?.may_command();
            Signal::PullClosed { step: step.id, by: self.sent_by().await?, may_decide }
        };
        Ok(one(Target::Directive(directive.id), signal))
    }

    /// Adjutant learns of the pull requests that it opens again itself when it does so.
    pub(super) async fn pull_reopened(&self, opened: &PullHead) -> Result<Interpretation, IngestError> {
        let number = opened.pull;
        let Some(directive) = self.for_pull(number).await? else { return self.foreign(opened).await };
        let by = self.sent_by().await?;
        let Some(step) = directive.step_of_pull(number).filter(|_| by != Actor::Adjutant) else {
            return Ok(ignored(format!("Adjutant opened pull request {number} itself, or it belongs to no step")));
        };
        if self.client.pull(number).await?.state != OpenState::Open {
            return Ok(ignored(format!("pull request {number} is closed again")));
        }
        Ok(one(Target::Directive(directive.id), Signal::PullReopened { step: step.id, by }))
    }

    pub(super) async fn pull_drafted(&self, number: u64) -> Result<Interpretation, IngestError> {
        let by = self.sent_by().await?;
        let Some((directive, step)) = self.step_as_draft(number, true, &by).await? else {
            return Ok(ignored(format!("nobody holds back pull request {number}")));
        };
        Ok(one(Target::Directive(directive), Signal::PullDrafted { step, by }))
    }

    pub(super) async fn pull_ready(&self, number: u64) -> Result<Interpretation, IngestError> {
        let by = self.sent_by().await?;
        let Some((directive, step)) = self.step_as_draft(number, false, &by).await? else {
            return Ok(ignored(format!("nobody let go of pull request {number}")));
        };
        let by = Some(self.sender().await?);
        Ok(one(Target::Directive(directive), Signal::PullReady { step, by }))
    }

    /// The step of a pull request that somebody else than Adjutant converted to a draft or back, if it still is so.
    async fn step_as_draft(
        &self,
        number: u64,
        draft: bool,
        by: &Actor,
    ) -> Result<Option<(DirectiveId, StepId)>, IngestError> {
        if *by == Actor::Adjutant {
            return Ok(None);
        }
        let Some(directive) = self.for_pull(number).await? else { return Ok(None) };
        let Some(step) = directive.step_of_pull(number) else { return Ok(None) };
        let is_so = self.client.pull(number).await?.draft == draft;
        Ok(is_so.then_some((directive.id, step.id)))
    }

    /// Adjutant stores its own pull requests when it opens them. All others get a neutral check run.
    pub(super) async fn pull_opened(&self, opened: &PullHead) -> Result<Interpretation, IngestError> {
        match self.for_pull(opened.pull).await? {
            Some(_) => Ok(ignored(format!("pull request {} is Adjutant's", opened.pull))),
            None => self.foreign(opened).await,
        }
    }

    pub(super) async fn pull_pushed(&self, pushed: &PullHead) -> Result<Interpretation, IngestError> {
        let (number, head) = (pushed.pull, &pushed.head);
        if self.sent_by().await? == Actor::Adjutant {
            return Ok(ignored("Adjutant pushed it itself"));
        }
        let Some(directive) = self.for_pull(number).await? else {
            return self.foreign(pushed).await;
        };
        match directive.step_of_pull(number) {
            Some(step) => self.moved(&directive, step, head).await,
            None => Ok(ignored(format!("pull request {number} belongs to an earlier plan"))),
        }
    }

    /// A pull request that no directive has. The webhook of one of Adjutant's may arrive before it is stored, so
    /// branches that are named like Adjutant's are left out. A fork may name its branches as it likes.
    async fn foreign(&self, pull: &PullHead) -> Result<Interpretation, IngestError> {
        let ours = pull.branch.as_ref().is_some_and(|branch| issue_of(branch).is_some());
        if ours || self.sent_by().await? == Actor::Adjutant {
            return Ok(ignored(format!("pull request {} is Adjutant's", pull.pull)));
        }
        Ok(Interpretation::ForeignPull { repo: self.repo.clone(), head: pull.head.clone() })
    }

    /// GitHub does not document who may ask for checks to be run again, so the permission is asked. A bot could ask
    /// without end.
    ///
    /// <https://docs.github.com/en/webhooks/webhook-events-and-payloads?actionType=rerequested#check_run>
    pub(super) async fn checks_rerequested(
        &self,
        app: Option<u64>,
        head: Sha,
        pulls: &[u64],
    ) -> Result<Interpretation, IngestError> {
        if app.is_some_and(|app| app != self.github.app_id()) {
            return Ok(ignored("the checks are another app's"));
        }
        for number in pulls {
            let Some(directive) = self.for_pull(*number).await? else { continue };
            let Some(step) = directive.step_of_pull(*number).filter(|step| step.head() == Some(&head)) else {
                continue;
            };
            let sender = self.sender().await?;
            if !sender.may_command() {
                return Ok(ignored("the sender has no write access"));
            }
            let signal = Signal::Rerequested { step: step.id, head, by: sender.login };
            return Ok(one(Target::Directive(directive.id), signal));
        }
        Ok(ignored("no directive has a pull request with that head"))
    }

    pub(super) async fn branch_pushed(
        &self,
        branch: &Branch,
        head: &Sha,
        reverts: &[Revert],
    ) -> Result<Interpretation, IngestError> {
        let Some(issue) = issue_of(branch) else {
            let reverted = self.reverted(branch, reverts).await?;
            if !reverted.is_empty() {
                return Ok(Interpretation::Signals(reverted));
            }
            return Ok(ignored(format!("the branch `{branch}` is not Adjutant's")));
        };
        if self.sent_by().await? == Actor::Adjutant {
            return Ok(ignored("Adjutant pushed it itself"));
        }
        let Some(directive) = self.live_for_issue(issue).await? else {
            return Ok(ignored(format!("issue {issue} has no live directive")));
        };
        match directive.all_steps().find(|step| step.branch == *branch) {
            Some(step) => self.moved(&directive, step, head).await,
            None => Ok(ignored(format!("no step works on the branch `{branch}`"))),
        }
    }

    /// A head that somebody else moved, if the branch still exists. If the branch has moved on, that push has its own
    /// webhook, which names who did it.
    async fn moved(&self, directive: &Directive, step: &Step, pushed: &Sha) -> Result<Interpretation, IngestError> {
        if step.head() == Some(pushed) {
            return Ok(ignored(format!("the head of `{}` is known", step.name)));
        }
        match self.client.branch_head(&step.branch).await? {
            Some(live) if live == *pushed => {
                let signal = Signal::HeadMoved { step: step.id, head: live, by: self.sent_by().await? };
                Ok(one(Target::Directive(directive.id), signal))
            }
            Some(_) => Ok(ignored(format!("the branch of `{}` has moved on", step.name))),
            None => Ok(ignored(format!("the branch of `{}` was deleted", step.name))),
        }
    }
}

/// The issue that a branch of Adjutant's belongs to: `adjutant/<issue>-<n>/…`.
pub(super) fn issue_of(branch: &Branch) -> Option<u64> {
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
