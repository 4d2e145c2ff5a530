//! Commands: in comments, by GitHub's review form, by buttons of check runs.

use super::edit::Adopted;
use super::{
    Addressed, ButtonPressed, CommentWritten, IngestContext, IngestError, Interpretation, ReviewState, ReviewSubmitted,
    Target, Thread, ThreadKind, ignored,
};
use crate::github::{GitHubError, ReviewComment};
use adjutant_domain::{
    command::{self, Command},
    ids::Sha,
    signal::{Commanded, Requester, Signal, Source, SourceKind},
    text::{visible, visible_markdown},
};

impl IngestContext<'_> {
    /// A comment. If it has no command, neither GitHub nor the store is asked.
    pub(super) async fn commented(&self, comment: CommentWritten) -> Result<Interpretation, IngestError> {
        let commands = command::parse(&comment.body);
        if commands.is_empty() {
            return Ok(ignored("the comment holds no command"));
        }
        if comment.via_app == Some(self.github.app_id()) || self.is_own(&comment.author).await? {
            return Ok(ignored("Adjutant wrote it itself"));
        }
        let number = comment.thread.number;
        let directive = match comment.thread.kind {
            // A directive that has ended is found as well: it answers that it has ended.
            ThreadKind::Issue => self.newest_for_issue(number).await?,
            ThreadKind::Pull => self.for_pull(number).await?,
        };
        let Some(directive) = directive else {
            return Ok(ignored(format!("#{number} belongs to no directive")));
        };
        if let Some(review) = comment.review
            && self.client.review_requests_changes(number, review).await? == Some(true)
        {
            return Ok(ignored("it is part of a review that asks for changes, which carries it as instructions"));
        }
        let origin = CommandOrigin {
            actor: self.requester(&comment.author).await?,
            pull: (comment.thread.kind == ThreadKind::Pull).then_some(number),
            sha: None,
            source: Source { kind: comment.kind, id: comment.id, node_id: comment.node_id, number, index: 0 },
            at: comment.at,
            words: words(&comment.body),
        };
        let commands = self.still_said((comment.thread, comment.kind, comment.id), &origin.actor, commands).await?;
        if commands.is_empty() {
            return Ok(ignored("the approval was taken back before it was read"));
        }
        let adopted = self.adopted(&directive, &origin.actor, &commands).await?;
        Ok(origin.signals(&Target::Directive(directive.id), adopted, commands))
    }

    /// A review. *Approve* is `/approve` for the commit that was reviewed, and *Request changes* is `/rework` with
    /// everything that was written. Commands in its text count in addition.
    pub(super) async fn reviewed(&self, review: ReviewSubmitted) -> Result<Interpretation, IngestError> {
        let written = command::parse(&review.body);
        if review.state == ReviewState::Commented && written.is_empty() {
            return Ok(ignored("the review holds no command"));
        }
        if self.is_own(&review.author).await? {
            return Ok(ignored("Adjutant wrote it itself"));
        }
        let Some(directive) = self.for_pull(review.pull).await? else {
            return Ok(ignored(format!("#{} belongs to no directive", review.pull)));
        };
        let commands = match review.state {
            ReviewState::Approved => command::of_approval(&review.body),
            // The verdict is a command already. The same command in the text is not a second one, and a contrary one is
            // ignored.
            ReviewState::ChangesRequested => {
                let decides = |command: &Command| matches!(command, Command::Approve { .. } | Command::Rework { .. });
                let verdict = Command::Rework { text: self.instructions(&review).await? };
                [verdict].into_iter().chain(written.into_iter().filter(|command| !decides(command))).collect()
            }
            ReviewState::Commented => written,
        };
        let origin = CommandOrigin {
            actor: self.requester(&review.author).await?,
            pull: Some(review.pull),
            sha: review.commit,
            source: Source {
                kind: SourceKind::Review,
                id: review.id,
                node_id: review.node_id,
                number: review.pull,
                index: 0,
            },
            at: review.at,
            words: words(&review.body),
        };
        let thread = Thread { number: review.pull, kind: ThreadKind::Pull };
        let commands = self.still_said((thread, SourceKind::Review, review.id), &origin.actor, commands).await?;
        if commands.is_empty() {
            return Ok(ignored("the approval was taken back before it was read"));
        }
        let adopted = self.adopted(&directive, &origin.actor, &commands).await?;
        Ok(origin.signals(&Target::Directive(directive.id), adopted, commands))
    }

    /// A button of a check run of Adjutant's. It applies to the commit that the check run is about. GitHub does not
    /// document who may press it, so the sender's permission counts as for any other command.
    ///
    /// <https://docs.github.com/en/webhooks/webhook-events-and-payloads?actionType=requested_action#check_run>
    pub(super) async fn button_pressed(&self, pressed: ButtonPressed) -> Result<Interpretation, IngestError> {
        let command = match pressed.identifier.as_str() {
            "approve" => Command::Approve { step: None },
            "rework" => Command::Rework { text: String::new() },
            "skip" => Command::Skip { step: None },
            "verify" => Command::Verify { step: None },
            other => return Ok(ignored(format!("the button `{other}` is unknown"))),
        };
        if pressed.app.is_some_and(|app| app != self.github.app_id()) {
            return Ok(ignored("the check run is another app's"));
        }
        for number in pressed.pulls {
            let Some(directive) = self.for_pull(number).await? else { continue };
            let kind = SourceKind::Button;
            let origin = CommandOrigin {
                actor: self.sender().await?,
                pull: Some(number),
                sha: Some(pressed.head),
                source: Source { kind, id: pressed.check, node_id: pressed.node_id, number, index: 0 },
                // The payload does not say when the button was pressed. The commit makes it unambiguous.
                at: chrono::Utc::now(),
                words: None,
            };
            return Ok(origin.signals(&Target::Directive(directive.id), Adopted::default(), vec![command]));
        }
        Ok(ignored("no directive has a pull request with that head"))
    }

    async fn instructions(&self, review: &ReviewSubmitted) -> Result<String, GitHubError> {
        let comments = self.client.review_comments(review.pull, review.id).await?;
        Ok(compose(&review.body, &comments))
    }
}

/// How many characters of a comment are kept with the approval that it answered.
const MOST_WORDS: usize = 1_000;

/// What all commands of one text have in common.
struct CommandOrigin {
    actor: Requester,
    pull: Option<u64>,
    sha: Option<Sha>,
    source: Source,
    at: chrono::DateTime<chrono::Utc>,
    words: Option<String>,
}

impl CommandOrigin {
    /// The commands as signals, with what was read for them.
    fn signals(self, target: &Target, adopted: Adopted, mut commands: Vec<Command>) -> Interpretation {
        // Each refused command is answered with a comment; somebody without write access gets one such answer.
        if !self.actor.may_command() {
            commands.truncate(1);
        }
        let Adopted { text, policy } = adopted;
        let signals = (0..).zip(commands).map(|(index, command)| {
            let reloads = matches!(command, Command::Reload | Command::Replan { .. });
            let commanded = Commanded {
                actor: self.actor.clone(),
                command,
                pull: self.pull,
                sha: self.sha.clone(),
                source: Source { index, ..self.source.clone() },
                at: self.at,
                words: self.words.clone(),
                policy: policy.clone().filter(|_| reloads),
            };
            Addressed { target: target.clone(), signal: Signal::Commanded(commanded) }
        });
        let text = text.map(|text| Addressed { target: target.clone(), signal: Signal::IssueRead(text) });
        Interpretation::Signals(text.into_iter().chain(signals).collect())
    }
}

/// The visible text, cut to [`MOST_WORDS`] characters, to be stored with the approval that it answered.
fn words(body: &str) -> Option<String> {
    let seen = visible_markdown(body);
    let seen: String = seen.trim().chars().take(MOST_WORDS).collect();
    (!seen.is_empty()).then_some(seen)
}

/// A review as instructions for an agent: its text, then each remark with its place and the lines it is about.
fn compose(body: &str, comments: &[ReviewComment]) -> String {
    let mut parts = Vec::new();
    let body = visible_markdown(body);
    if !body.trim().is_empty() {
        parts.push(body.trim().to_owned());
    }
    for comment in comments {
        parts.push(match comment.line() {
            Some(line) => format!("`{}`, line {line}:", visible(&comment.path)),
            None => format!("`{}`:", visible(&comment.path)),
        });
        if !comment.diff_hunk.is_empty() {
            let hunk = visible(&comment.diff_hunk);
            let fence = fence_for(&hunk);
            parts.push(format!("{fence}diff\n{}\n{fence}", hunk.trim_end()));
        }
        parts.push(visible_markdown(&comment.body).trim().to_owned());
    }
    parts.join("\n\n")
}

/// A code fence longer than any in the text, so that the text cannot end it.
fn fence_for(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use adjutant_domain::{
        ids::{DirectiveId, Login},
        signal::Permission,
    };

    fn comment(json: serde_json::Value) -> ReviewComment {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_review_becomes_instructions_with_every_remark_in_its_place() {
        let remark = comment(serde_json::json!({
            "id": 1, "path": "src/lib.rs", "line": 12, "diff_hunk": "@@ -1 +1 @@\n-a\n+b", "body": "Use `c`.",
            "user": { "login": "maintainer" },
        }));
        let outdated = comment(serde_json::json!({
            "id": 2, "path": "README.md", "line": null, "original_line": 3, "body": "Say why.", "user": null,
        }));
        let text = compose("Close, but:<!-- not seen -->", &[remark, outdated]);
        assert_eq!(
            text,
            "Close, but:\n\n`src/lib.rs`, line 12:\n\n```diff\n@@ -1 +1 @@\n-a\n+b\n```\n\nUse `c`.\n\n\
             `README.md`, line 3:\n\nSay why."
        );
    }

    #[test]
    fn a_comment_full_of_commands_is_answered_once_and_so_is_a_stranger() {
        let taken = |permission, times| {
            let actor = Requester { login: Login::new("somebody"), permission, bot: false };
            let kind = SourceKind::IssueComment;
            let source = Source { kind, id: 1, node_id: String::new(), number: 1, index: 0 };
            let origin =
                CommandOrigin { actor, pull: None, sha: None, source, at: chrono::DateTime::UNIX_EPOCH, words: None };
            let commands = command::parse(&"/approve\n".repeat(times));
            match origin.signals(&Target::Directive(DirectiveId::of(1, 1, 1)), Adopted::default(), commands) {
                Interpretation::Signals(signals) => signals.len(),
                other => panic!("{other:?}"),
            }
        };
        let answers = [taken(Permission::Write, 10), taken(Permission::Write, 5_000), taken(Permission::Read, 10)];
        assert_eq!(answers, [10, 1, 1]);
    }

    #[test]
    fn a_hunk_cannot_end_its_own_fence() {
        assert_eq!(fence_for("+```rust\n+````"), "`````");
        assert_eq!(fence_for("plain"), "```");
    }
}
