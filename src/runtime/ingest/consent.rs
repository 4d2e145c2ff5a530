//! Approvals are read again: when they are taken, and when the comment or review that gave one was edited, deleted or dismissed.

use super::{
    IngestContext, IngestError, Interpretation, ReviewState, Target, Thread, ThreadKind, WordsChanged, ignored, one,
};
use crate::github::GitHubError;
use adjutant_domain::{
    command::{self, Command},
    signal::{Requester, Signal, SourceKind},
};

impl IngestContext<'_> {
    /// Words were changed. Where they gave an approval, the engine learns what they say now.
    pub(super) async fn words_changed(&self, changed: WordsChanged) -> Result<Interpretation, IngestError> {
        let WordsChanged { thread, kind, id } = changed;
        if let Some(sender) = &self.sender
            && self.is_own(sender).await?
        {
            return Ok(ignored("Adjutant changed it itself"));
        }
        let directive = match thread.kind {
            ThreadKind::Issue => self.live_for_issue(thread.number).await?,
            ThreadKind::Pull => self.for_pull(thread.number).await?,
        };
        let Some(directive) = directive else {
            return Ok(ignored(format!("#{} belongs to no directive", thread.number)));
        };
        if !directive.approvals.iter().any(|approval| approval.stands_by(kind, id)) {
            return Ok(ignored("it gave no approval"));
        }
        // Webhooks arrive in any order, so it is read as it is now.
        let commands = self.said_now(thread, kind, id).await?;
        let by = self.sent_by().await?;
        Ok(one(Target::Directive(directive.id), Signal::SourceRead { kind, id, commands, by }))
    }

    /// The commands without an approval that is no longer written there: its webhook may arrive after the one that took it back.
    pub(super) async fn still_said(
        &self,
        (thread, kind, id): (Thread, SourceKind, u64),
        actor: &Requester,
        mut commands: Vec<Command>,
    ) -> Result<Vec<Command>, GitHubError> {
        let approves = |command: &Command| matches!(command, Command::Approve { .. });
        if actor.may_command() && commands.iter().any(approves) {
            let now = self.said_now(thread, kind, id).await?;
            commands.retain(|command| !approves(command) || now.iter().any(approves));
        }
        Ok(commands)
    }

    /// What a comment or review says now, its verdict first; nothing where it is gone or dismissed.
    async fn said_now(&self, thread: Thread, kind: SourceKind, id: u64) -> Result<Vec<Command>, GitHubError> {
        if kind != SourceKind::Review {
            let body = self.client.comment_now(kind, id).await?;
            return Ok(body.map(|body| command::parse(&body)).unwrap_or_default());
        }
        let Some((state, body)) = self.client.review_now(thread.number, id).await? else { return Ok(Vec::new()) };
        Ok(match ReviewState::of(&state) {
            Some(ReviewState::Approved) => command::of_approval(&body),
            Some(ReviewState::Commented) => command::parse(&body),
            Some(ReviewState::ChangesRequested) | None => Vec::new(),
        })
    }
}
