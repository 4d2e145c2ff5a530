//! Comments, reactions and the issue itself.

use chrono::Utc;

use super::{EffectError, external, step_of};
use crate::report;
use crate::runtime::app::App;
use adjutant_domain::approval::Approval;
use adjutant_domain::directive::Directive;
use adjutant_domain::effect::{Notice, Reaction};
use adjutant_domain::ids::{ApprovalId, Login, Repo, Sha, StepId};
use adjutant_domain::signal::{Signal, Source};

/// How often something that is probably deleted is looked for.
const FEW: u32 = 3;

type Done = Result<Vec<Signal>, EffectError>;

/// Writes the status comment as of now. If somebody deleted it, it is written again.
pub(super) async fn write_status(app: &App, directive: &Directive) -> Done {
    let client = app.github.repository(&directive.repo);
    let before = match directive.predecessor {
        Some(before) => app.store.status_comment(before).await?,
        None => None,
    };
    let body = report::status_comment(directive, &app.links(directive).after(before), Utc::now());
    if let Some(known) = app.store.status_comment(directive.id).await? {
        match client.update_comment(known, &body).await {
            Err(error) if error.is_absent() => {}
            outcome => return outcome.map(|_| Vec::new()).map_err(Into::into),
        }
    }
    let found = match client.comment_with_marker(directive.issue, &report::status_marker(directive.id)).await {
        // The issue was deleted or moved, so there is nowhere to write the comment.
        Err(error) if error.is_absent() && directive.status().is_over() => {
            return Err(EffectError::refused_then(external(error), FEW, Vec::new()));
        }
        found => found?,
    };
    let comment = match found {
        Some(found) => client.update_comment(found.id, &body).await?,
        None => client.create_comment(directive.issue, &body).await?,
    };
    app.store.remember_status_comment(directive.id, comment.id).await?;
    Ok(Vec::new())
}

/// Answers a command in one short comment, once.
pub(super) async fn reply(app: &App, directive: &Directive, source: &Source, to: &Login, notice: &Notice) -> Done {
    let marker = format!("<!-- adjutant:reply:{} -->", source.key(':'));
    say_once(app, &directive.repo, source.number, &marker, &report::notice(notice, Some(directive), to.as_str())).await
}

/// Posts a notice on an issue that has no directive, once.
pub(super) async fn announce(app: &App, repo: &Repo, issue: u64, to: &Login, notice: &Notice) -> Done {
    let body = report::notice(notice, None, to.as_str());
    let marker = format!("<!-- adjutant:notice:{} -->", Sha::of_text(&notice.key()).short());
    say_once(app, repo, issue, &marker, &body).await
}

/// Posts a step's report as a collapsed comment, once.
pub(super) async fn post_report(app: &App, directive: &Directive, step: StepId, head: &Sha) -> Done {
    let Some(step) = step_of(directive, step).filter(|step| step.submission().is_some_and(|it| it.hash() == *head))
    else {
        return Ok(Vec::new());
    };
    let marker = report::report_marker(step.id, head);
    say_once(app, &directive.repo, directive.issue, &marker, &report::report_comment(directive, step)).await
}

/// Reminds people of a question, once. A question that has been answered gets no reminder.
pub(super) async fn remind(app: &App, directive: &Directive, id: ApprovalId) -> Done {
    // Where the defaults of an agent's questions were taken, that is said, and nothing waits any more.
    let told = |approval: &&Approval| {
        approval.id == id && (approval.status.is_waiting() || approval.question.asked().is_some())
    };
    let Some(approval) = directive.approvals.iter().find(told) else { return Ok(Vec::new()) };
    let marker = report::reminder_marker(id);
    say_once(
        app,
        &directive.repo,
        directive.issue,
        &marker,
        &report::reminder(directive, approval, &app.links(directive), Utc::now()),
    )
    .await
}

async fn say_once(app: &App, repo: &Repo, number: u64, marker: &str, body: &str) -> Done {
    let client = app.github.repository(repo);
    if client.comment_with_marker(number, marker).await?.is_none() {
        let body = if body.contains(marker) { body.to_owned() } else { format!("{marker}\n{body}") };
        client.create_comment(number, &body).await?;
    }
    Ok(Vec::new())
}

/// Shows the outcome of a command as a reaction.
pub(super) async fn react(app: &App, directive: &Directive, source: &Source, reaction: Reaction) -> Done {
    match app.github.repository(&directive.repo).react(source, reaction).await {
        // The comment was deleted, so there is nowhere to put the reaction.
        Err(error) if error.is_absent() => Err(EffectError::refused_then(external(error), FEW, Vec::new())),
        outcome => outcome.map(|()| Vec::new()).map_err(Into::into),
    }
}

/// Closes the issue if the closing keyword has not.
pub(super) async fn close_issue(app: &App, directive: &Directive) -> Done {
    let client = app.github.repository(&directive.repo);
    let open = client.issue(directive.issue).await?.is_some_and(|issue| issue.state == crate::github::OpenState::Open);
    if open {
        // If the keyword closed the issue, GitHub shows the pull request that did it.
        let marker = format!("<!-- adjutant:completed:{} -->", directive.id);
        say_once(
            app,
            &directive.repo,
            directive.issue,
            &marker,
            &report::completion_word(directive, &app.links(directive)),
        )
        .await?;
        client.close_issue(directive.issue).await?;
    }
    Ok(Vec::new())
}
