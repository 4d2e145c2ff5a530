//! Opens, updates and closes pull requests. [`super::merging`] merges them.

use super::{EffectError, step_of};
use crate::github::{NewPull, OpenState, PullChange, PullRequest};
use crate::report;
use crate::runtime::app::App;
use adjutant_domain::actor::Actor;
use adjutant_domain::calibration::TrackRecord;
use adjutant_domain::check::Conclusion;
use adjutant_domain::closing::ClosingReason;
use adjutant_domain::directive::Directive;
use adjutant_domain::ids::{Login, StepId};
use adjutant_domain::signal::Signal;
use adjutant_domain::status::StepStatus;
use adjutant_domain::step::{Pull, Step};

type Done = Result<Vec<Signal>, EffectError>;

/// Opens a step's pull request, or adopts the one that its branch has already.
pub(super) async fn open(app: &App, directive: &Directive, id: StepId) -> Done {
    let Some(step) = step_of(directive, id).filter(|step| step.open_pull().is_none() && !step.status().is_done())
    else {
        return Ok(Vec::new());
    };
    let client = app.github.repository(&directive.repo);
    // Without a submission the pull request is only a draft that shows progress, and nothing depends on it.
    let showing = step.submission().is_none();
    // If the process was killed between GitHub's answer and our commit, the pull request exists but is not stored.
    let found = client.pull_by_head(&step.branch).await?.filter(|pull| pull.base_branch == step.target);
    let found = match found.map_or(Found::None, |found| superseded(directive, found)) {
        Found::Own(found) => Some(found),
        Found::None => None,
        Found::StillOpen => return Err(EffectError::later("the pull request of the plan before is not closed yet")),
        Found::Merged(earlier, pull) => return Ok(seen(earlier, &pull, &app.github.app().await?.bot_login)),
    };
    let pull = if let Some(found) = found {
        if found.state == OpenState::Closed && !found.merged {
            // A person closed the pull request and then asked for the step again.
            client
                .update_pull(found.number, &PullChange { state: Some(OpenState::Open), ..PullChange::default() })
                .await?
        } else {
            found
        }
    } else {
        let new = NewPull {
            title: report::pull_title(directive, step),
            body: body(app, directive, step).await?,
            head: step.branch.clone(),
            base: step.target.clone(),
            draft: !step.is_final(),
        };
        if showing {
            match client.create_draft(&new).await {
                Ok(Some(draft)) => draft,
                Ok(None) => return Ok(Vec::new()),
                Err(error) if error.is_transient() => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%error, step = step.name.as_str(), "no draft was opened; the pull request is opened when the work is submitted");
                    return Ok(Vec::new());
                }
            }
        } else {
            client.create_pull(&new).await?
        }
    };
    let opened = Signal::PullOpened { step: id, pull: remembered(&pull) };
    let mut signals = vec![opened];
    signals.extend(seen(step, &pull, &app.github.app().await?.bot_login));
    Ok(signals)
}

/// The body of a step's pull request. What goes into the base says what became of the repository's earlier scores.
async fn body(app: &App, directive: &Directive, step: &Step) -> Result<String, EffectError> {
    let record = if directive.reaches_base(step) {
        TrackRecord::of(&app.store.score_counts(Some(&directive.repo.full_name())).await?)
    } else {
        TrackRecord::default()
    };
    Ok(report::pull_body(directive, step, &record, &app.links(directive)))
}

/// Updates Adjutant's part of a pull request's body, and its draft state. The title is a person's once it is written.
pub(super) async fn sync(app: &App, directive: &Directive, id: StepId) -> Done {
    let Some((step, pull)) = with_pull(directive, id) else { return Ok(Vec::new()) };
    // A superseded pull request stays as it was, unless it was merged after all.
    if directive.step(id).is_none() && !step.status().is_done() {
        return Ok(Vec::new());
    }
    let client = app.github.repository(&directive.repo);
    let now = client.pull(pull.number).await?;
    if let Some(body) = report::updated_body(id, &now.body, &body(app, directive, step).await?) {
        let change = PullChange { body: Some(body), ..PullChange::default() };
        client.update_pull(pull.number, &change).await?;
    }
    let handed_in = step.head().is_some() && matches!(step.status(), StepStatus::Evaluating | StepStatus::Blocked);
    let ready = handed_in && now.state == OpenState::Open && pull.hold.is_none();
    if now.draft && ready {
        if let Some(held) = super::merging::drafted(app, &client, step, pull).await? {
            return Ok(vec![held]);
        }
        client.mark_ready(&now.node_id).await?;
    }
    // A person may have marked it as ready already.
    let news = ready && (now.draft || pull.draft);
    Ok(if news { vec![Signal::PullReady { step: id, by: None }] } else { Vec::new() })
}

/// Closes a step's pull request with a comment, and completes its open check runs.
pub(super) async fn close(app: &App, directive: &Directive, id: StepId, reason: &ClosingReason) -> Done {
    let Some((step, pull)) = with_pull(directive, id) else { return Ok(Vec::new()) };
    let client = app.github.repository(&directive.repo);
    let mut now = client.pull(pull.number).await?;
    if now.state == OpenState::Open {
        let marker = format!("<!-- adjutant:closed:{id}:{} -->", reason.key_word());
        if client.comment_with_marker(pull.number, &marker).await?.is_none() {
            let body = format!("{marker}\n{}", report::closing_word(directive, step, reason));
            match client.create_comment(pull.number, &body).await {
                // The conversation may be locked. The pull request must be closed even without a comment, because an
                // open one blocks the branch for good.
                Err(error) if !error.is_transient() => {
                    tracing::warn!(%error, "the closing comment was refused; the pull request is closed without it");
                }
                said => drop(said?),
            }
        }
        let change = PullChange { state: Some(OpenState::Closed), ..PullChange::default() };
        now = match client.update_pull(pull.number, &change).await {
            Ok(closed) => closed,
            // An earlier merge request may have succeeded first.
            Err(error) => Some(client.pull(pull.number).await?).filter(|now| now.merged).ok_or(error)?,
        };
    }
    if let Some(head) = step.head() {
        for open in client.own_checks(head).await?.iter().filter(|run| !run.is_completed()) {
            client.complete_check(open.id, Conclusion::Cancelled).await?;
        }
    }
    // The engine knows who closed the pull requests of current steps. Of a superseded step it needs to know that it was
    // merged.
    if directive.step(id).is_none() && now.merged {
        return Ok(seen(step, &now, &app.github.app().await?.bot_login));
    }
    Ok(if directive.step(id).is_none() {
        vec![Signal::PullClosed { step: id, by: Actor::Adjutant, may_decide: false }]
    } else {
        Vec::new()
    })
}

/// Deletes a merged step's branch. The integration branch is deleted once no pull request targets it.
pub(super) async fn delete_branch(app: &App, directive: &Directive, id: StepId) -> Done {
    let Some(step) = directive.any_step(id).filter(|step| step.status() == StepStatus::Passed) else {
        return Ok(Vec::new());
    };
    app.github.repository(&directive.repo).delete_branch(&step.branch).await?;
    Ok(Vec::new())
}

/// The signals for a pull request's present state. The engine may know some of them already. `own` is this app's bot.
pub(in crate::runtime) fn seen(step: &Step, pull: &PullRequest, own: &Login) -> Vec<Signal> {
    if pull.merged {
        let by = Actor::on_github(pull.merged_by.clone(), own);
        vec![Signal::PullMerged { step: step.id, by, sha: pull.merge_commit_sha.clone() }]
    } else if pull.state == OpenState::Closed {
        vec![Signal::PullClosed { step: step.id, by: Actor::Unknown, may_decide: false }]
    } else if step.head() != Some(&pull.head_sha) && !step.progress.contains(&pull.head_sha) {
        vec![Signal::HeadMoved { step: step.id, head: pull.head_sha.clone(), by: Actor::Unknown }]
    } else {
        Vec::new()
    }
}

fn remembered(pull: &PullRequest) -> Pull {
    Pull::new(pull.number, pull.node_id.clone(), pull.draft)
}

pub(super) fn with_pull(directive: &Directive, id: StepId) -> Option<(&Step, &Pull)> {
    let step = directive.any_step(id)?;
    Some((step, step.pull.as_ref()?))
}

/// The pull request that a step's branch has already. The final pull requests of all plans have the same branch.
enum Found<'a> {
    /// None that can be adopted.
    None,
    /// The step's own, or one that was opened but not stored.
    Own(PullRequest),
    /// An earlier plan's, which is about to be closed.
    StillOpen,
    /// An earlier plan's, which was merged.
    Merged(&'a Step, PullRequest),
}

fn superseded(directive: &Directive, found: PullRequest) -> Found<'_> {
    match directive.earlier_of_pull(found.number).filter(|_| directive.step_of_pull(found.number).is_none()) {
        None => Found::Own(found),
        Some(earlier) if found.merged => Found::Merged(earlier, found),
        Some(_) if found.state == OpenState::Closed => Found::None,
        // Adjutant closed it, and a person opened it again. GitHub allows no second pull request for the same branch
        // and base.
        Some(earlier) if earlier.open_pull().is_none() => Found::Own(found),
        Some(_) => Found::StillOpen,
    }
}
