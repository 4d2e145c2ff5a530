//! The issue's text, read after an edit and with a `/replan`, and the policy, read with a `/replan` or `/reload`.

use super::{IngestContext, IngestError, Interpretation, Target, ignored, one};
use crate::github::{GitHubError, Issue};
use adjutant_domain::{
    brief,
    command::Command,
    directive::Directive,
    replan::IssueText,
    signal::{PolicyRead, Requester, Signal},
};

/// What was read for the commands of one text.
#[derive(Default)]
pub(super) struct Adopted {
    pub(super) text: Option<IssueText>,
    pub(super) policy: Option<Box<PolicyRead>>,
}

impl IngestContext<'_> {
    /// Anyone may edit: the engine only informs people about the edit.
    pub(super) async fn issue_edited(&self, issue: u64) -> Result<Interpretation, IngestError> {
        let Some(directive) = self.live_for_issue(issue).await? else {
            return Ok(ignored(format!("issue {issue} has no live directive")));
        };
        // Webhooks arrive in any order, so the text is read as it is now and not as that edit left it.
        Ok(match self.issue_text(issue).await? {
            Some(text) => one(Target::Directive(directive.id), Signal::IssueRead(text)),
            None => ignored(format!("issue {issue} was deleted")),
        })
    }

    /// What the commands take over as it is now: the issue's text, the policy, or nothing.
    pub(super) async fn adopted(
        &self,
        directive: &Directive,
        actor: &Requester,
        commands: &[Command],
    ) -> Result<Adopted, GitHubError> {
        let replans = commands.iter().any(|command| matches!(command, Command::Replan { .. }));
        let reloads = replans || commands.contains(&Command::Reload);
        if !reloads || !actor.may_command() {
            return Ok(Adopted::default());
        }
        let Some(issue) = self.client.issue(directive.issue).await? else { return Ok(Adopted::default()) };
        let policy = Some(Box::new(self.policy_read(directive, &issue).await?));
        Ok(Adopted { text: replans.then(|| text_of(issue)), policy })
    }

    async fn issue_text(&self, issue: u64) -> Result<Option<IssueText>, GitHubError> {
        Ok(self.client.issue(issue).await?.map(text_of))
    }
}

fn text_of(issue: Issue) -> IssueText {
    IssueText { brief: brief::parse(&issue.title, &issue.body), title: issue.title }
}
