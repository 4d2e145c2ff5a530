//! The issue's text. It is read after an edit, and when a `/replan` adopts it.

use super::{IngestContext, IngestError, Interpretation, Target, ignored, one};
use crate::github::GitHubError;
use adjutant_domain::{
    brief,
    command::Command,
    directive::Directive,
    replan::IssueText,
    signal::{Requester, Signal},
};

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

    /// The issue's text as it is now, if one of the commands may adopt it.
    pub(super) async fn text_to_adopt(
        &self,
        directive: &Directive,
        actor: &Requester,
        commands: &[Command],
    ) -> Result<Option<IssueText>, GitHubError> {
        let wanted = commands.iter().any(|command| matches!(command, Command::Replan { .. }));
        if wanted && actor.may_command() { self.issue_text(directive.issue).await } else { Ok(None) }
    }

    async fn issue_text(&self, issue: u64) -> Result<Option<IssueText>, GitHubError> {
        let read = self.client.issue(issue).await?;
        Ok(read.map(|issue| IssueText { brief: brief::parse(&issue.title, &issue.body), title: issue.title }))
    }
}
