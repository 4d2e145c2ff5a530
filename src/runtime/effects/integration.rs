//! The integration branch: cut from the base commit, and brought up to the base before the final pull request.

use super::EffectError;
use super::trees::{Source, identity, push_failure};
use crate::runtime::app::App;
use crate::workspace::{Merge, PushError};
use adjutant_domain::directive::Directive;
use adjutant_domain::ids::Sha;
use adjutant_domain::signal::Signal;
use adjutant_domain::step::{Step, StepState};

type Done = Result<Vec<Signal>, EffectError>;

/// Creates the integration branch at the base commit. If the branch exists, an earlier try created it.
pub(super) async fn cut(app: &App, directive: &Directive) -> Done {
    if directive.integration_cut || directive.status().is_over() {
        return Ok(Vec::new());
    }
    // The next plan builds on what an earlier plan has merged straight into the base.
    let base = if directive.has_reached_base() {
        let source = Source::open(app, directive).await?;
        Sha::new(source.known_head(&directive.base.branch).await?)
    } else {
        directive.base.sha.clone()
    };
    app.github.repository(&directive.repo).create_branch(&directive.integration_branch(), &base).await?;
    Ok(vec![Signal::IntegrationCut])
}

/// Merges the base into the integration branch if the base has moved, and reports conflicts.
pub(super) async fn integrate(app: &App, directive: &Directive) -> Done {
    let waits = |step: &&Step| matches!(step.state, StepState::Integrating { .. });
    let Some(final_step) = directive.final_step.as_ref().filter(waits) else { return Ok(Vec::new()) };
    let source = Source::open(app, directive).await?;
    let mirror = &source.mirror;
    let base = source.known_head(&directive.base.branch).await?;
    let head = source.known_head(&final_step.branch).await?;
    let merged = match mirror.merge(&head, &base).await? {
        Merge::UpToDate(head) => head,
        Merge::Conflicted { paths, .. } => {
            return Ok(vec![Signal::Conflicted { step: final_step.id, head: Sha::new(head), paths }]);
        }
        Merge::Clean { tree } => {
            let author = identity(app).await?;
            let message = format!(
                "Merge {} into the integration branch\n\nAdjutant-Directive: {}",
                directive.base.branch, directive.id
            );
            // Dated by the directive, so that a second try makes the same commit.
            let commit = mirror.commit(&tree, &[&head, &base], &message, &author, directive.created_at).await?;
            match source.push(app, directive, &commit, final_step.branch.as_str(), Some(&head)).await {
                Ok(()) => commit,
                Err(PushError::Moved | PushError::NotFastForward) => {
                    return Err(EffectError::later("the integration branch moved meanwhile"));
                }
                Err(PushError::Git(error)) => return Err(error.into()),
                Err(refused) => return Err(EffectError::refused(push_failure(refused))),
            }
        }
    };
    let differs = mirror.tree_of(&merged).await? != mirror.tree_of(&base).await?;
    Ok(vec![Signal::Integrated { head: Sha::new(merged), differs }])
}
