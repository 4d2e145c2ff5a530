//! The issue's text: read when it was edited, and when a `/replan` is to take it over.

use super::{IngestContext, InterpretError, Reading, Target, ignored, one};
use crate::github::error::GitHubError;
use adjutant_domain::{
    brief,
    command::Command,
    directive::Directive,
    replan::IssueText,
    signal::{Actor, Signal},
};

impl IngestContext<'_> {
    /// Who edited it is of no interest: nothing follows from an edit but that people are told of it.
    pub(super) async fn issue_edited(&self, issue: u64) -> Result<Reading, InterpretError> {
        let Some(directive) = self.lookup.live_for_issue(self.repo.id, issue).await? else {
            return Ok(ignored(format!("issue {issue} has no live directive")));
        };
        // Deliveries come in any order: what it says now is asked, and not what it said after that edit.
        Ok(match self.issue_text(issue).await? {
            Some(text) => one(Target::Directive(directive.id), Signal::IssueRead(text)),
            None => ignored(format!("issue {issue} is gone")),
        })
    }

    /// What the issue says now, where one of the commands may take it over.
    pub(super) async fn text_to_take_over(
        &self,
        directive: &Directive,
        actor: &Actor,
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
