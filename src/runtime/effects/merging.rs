//! Merges pull requests, in a way that the repository and the rules of the branch allow.

use super::pulls::{seen, with_pull};
use super::{EffectError, TRIES};
use crate::github::{GitHubError, MergeOutcome, MergeRefusal, OpenState, RepoClient};
use crate::report;
use crate::runtime::app::App;
use adjutant_domain::actor::Actor;
use adjutant_domain::directive::Directive;
use adjutant_domain::failure::{Failure, MergeProblem};
use adjutant_domain::ids::{Sha, StepId};
use adjutant_domain::signal::Signal;
use adjutant_domain::step::{MergeRequest, Pull, Step, StepState};

/// How often a merge that the app has no permission for is tried before a person is asked. This takes some seconds.
const FORBIDDEN: u32 = 3;
/// How often GitHub is asked whether a pull request can be merged before a person is informed. This takes a quarter of
/// an hour.
const NOT_COMPUTED: u32 = 12;

type Done = Result<Vec<Signal>, EffectError>;

/// Merges a step's pull request if its head is still the one that the decision was about.
pub(super) async fn merge(app: &App, directive: &Directive, id: StepId, head: &Sha) -> Done {
    let Some((step, pull)) = with_pull(directive, id) else { return Ok(Vec::new()) };
    if directive.step(id).is_none() && !step.status().is_done() {
        // A superseded step is not merged any more, but an earlier try of this effect may have merged it.
        let now = app.github.repository(&directive.repo).pull(pull.number).await?;
        return Ok(if now.merged { seen(step, &now, &app.github.app().await?.bot_login) } else { Vec::new() });
    }
    // A person may hold it back since the merge was asked for.
    let is_asked_for = matches!(step.state, StepState::Merging { request: MergeRequest::Requested, .. });
    if !is_asked_for || step.head() != Some(head) {
        return Ok(Vec::new());
    }
    let client = app.github.repository(&directive.repo);
    let now = client.pull(pull.number).await?;
    if now.merged || now.state == OpenState::Closed || now.head_sha != *head {
        return Ok(seen(step, &now, &app.github.app().await?.bot_login));
    }
    // Anyone with write access can change the base of a step's pull request. Whether to merge into another base is a
    // person's decision.
    if now.base_branch != step.target {
        if step.target == directive.base.branch && super::renames::follow(app, directive).await?.is_some() {
            return Err(EffectError::later("the base branch was renamed"));
        }
        let problem = MergeProblem::BaseChanged { now: now.base_branch, decided_on: step.target.clone() };
        return Ok(vec![refused(id, head, problem)]);
    }
    if now.draft {
        if let Some(held) = drafted(app, &client, step, pull).await? {
            return Ok(vec![held]);
        }
        client.mark_ready(&now.node_id).await?;
    }
    Ok(match merge_somehow(&client, directive, step, pull, head).await? {
        MergeOutcome::Merged { sha, by } => {
            let by = Actor::on_github(by, &app.github.app().await?.bot_login);
            vec![Signal::PullMerged { step: id, by, sha }]
        }
        MergeOutcome::HeadMoved { head } => vec![Signal::HeadMoved { step: id, head, by: Actor::Unknown }],
        MergeOutcome::Forbidden { reason } => {
            return Err(unmerged(id, head, MergeProblem::Refused { answer: reason }, FORBIDDEN));
        }
        MergeOutcome::NotMergeable { reason, cause } => match super::trees::conflicts(app, directive, step).await? {
            Some(paths) => vec![Signal::Conflicted { step: id, head: head.clone(), paths }],
            None if cause == MergeRefusal::Method => {
                let (methods, branch) = (directive.merge_methods(step).to_vec(), step.target.clone());
                vec![refused(id, head, MergeProblem::MethodsNotAllowed { methods, branch })]
            }
            None if client.pull(pull.number).await?.mergeable.is_none() => {
                return Err(unmerged(id, head, MergeProblem::NotComputed, NOT_COMPUTED));
            }
            None if cause == MergeRefusal::Rule => vec![refused(id, head, MergeProblem::Refused { answer: reason })],
            // There is no conflict, and the answer names no rule that only people can satisfy. GitHub's state or a
            // check (Adjutant's own included) may lag by a moment.
            None => return Err(unmerged(id, head, MergeProblem::Refused { answer: reason }, TRIES)),
        },
    })
}

/// That somebody converted a pull request to a draft which Adjutant had marked as ready, whether a webhook told it or not.
/// `None` if it is a draft since Adjutant opened it.
pub(super) async fn drafted(
    app: &App,
    client: &RepoClient,
    step: &Step,
    pull: &Pull,
) -> Result<Option<Signal>, EffectError> {
    if pull.draft {
        return Ok(None);
    }
    let own = app.github.app().await?.bot_login;
    match client.last_drafted(pull.number).await? {
        Some(event) => {
            let by = Actor::on_github(event.actor.map(|account| account.login), &own);
            Ok(Some(Signal::PullDrafted { step: step.id, by }))
        }
        None => Err(EffectError::later("GitHub still shows the pull request as a draft")),
    }
}

/// Tries the merge methods in the directive's order: those that the settings and rules allow, and of these the next one
/// where GitHub refuses a method. The settings of a repository and rules of older servers cannot always be read.
async fn merge_somehow(
    client: &RepoClient,
    directive: &Directive,
    step: &Step,
    pull: &Pull,
    head: &Sha,
) -> Result<MergeOutcome, GitHubError> {
    let (title, message) = report::merge_message(directive, step);
    let allowed = client.merge_methods(&step.target).await?;
    let mut outcome = MergeOutcome::NotMergeable { reason: String::new(), cause: MergeRefusal::Method };
    for method in directive.merge_methods(step).iter().filter(|method| allowed.allow(**method)) {
        outcome = client.merge_pull(pull.number, head, *method, &title, &message).await?;
        if !matches!(outcome, MergeOutcome::NotMergeable { cause: MergeRefusal::Method, .. }) {
            break;
        }
    }
    Ok(outcome)
}

fn refused(step: StepId, head: &Sha, reason: MergeProblem) -> Signal {
    Signal::MergeRefused { step, head: head.clone(), reason }
}

/// A merge that is tried a few times before the engine is told that it was refused.
fn unmerged(step: StepId, head: &Sha, problem: MergeProblem, tries: u32) -> EffectError {
    let signal = refused(step, head, problem.clone());
    EffectError::refused_then(Failure::Unmerged(problem), tries, vec![signal])
}
