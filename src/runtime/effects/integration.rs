//! The integration branch: cut from the base commit, and brought up to the base before the final pull request.

use super::EffectError;
use super::trees::{Source, identity};
use crate::runtime::World;
use crate::workspace::{Merge, PushError};
use adjutant_domain::directive::Directive;
use adjutant_domain::ids::Sha;
use adjutant_domain::signal::Signal;
use adjutant_domain::status::StepStatus;

type Done = Result<Vec<Signal>, EffectError>;

/// Cuts the integration branch from the base commit. One that is there already is the one that was cut before.
pub(super) async fn cut(world: &World, d: &Directive) -> Done {
    if d.integration_cut || d.status.is_over() {
        return Ok(Vec::new());
    }
    // What an earlier plan merged straight into the base is to be built upon.
    let base = if d.has_reached_base() {
        let source = Source::open(world, d).await?;
        Sha::new(source.known_head(&d.base.branch).await?)
    } else {
        d.base.sha.clone()
    };
    world.github.repository(&d.repo).create_branch(&d.integration_branch(), &base).await?;
    Ok(vec![Signal::IntegrationCut])
}

/// Merges the base into the integration branch where it has moved, and tells of conflicts.
pub(super) async fn integrate(world: &World, d: &Directive) -> Done {
    let Some(finale) = d.finale.as_ref().filter(|finale| finale.status == StepStatus::Running) else {
        return Ok(Vec::new());
    };
    let source = Source::open(world, d).await?;
    let mirror = &source.mirror;
    let base = source.known_head(&d.base.branch).await?;
    let head = source.known_head(&finale.branch).await?;
    let merged = match mirror.merge(&head, &base).await? {
        Merge::UpToDate(head) => head,
        Merge::Conflicted { paths, .. } => {
            return Ok(vec![Signal::Conflicted { step: finale.id, head: Sha::new(head), paths }]);
        }
        Merge::Clean { tree } => {
            let author = identity(world).await?;
            let message =
                format!("Merge {} into the integration branch\n\nAdjutant-Directive: {}", d.base.branch, d.id);
            // Dated by the directive: made twice, it is the same commit.
            let commit = mirror.commit(&tree, &[&head, &base], &message, &author, d.created_at).await?;
            match source.push(world, d, &commit, finale.branch.as_str(), Some(&head)).await {
                Ok(()) => commit,
                Err(PushError::Moved | PushError::NotFastForward) => {
                    return Err(EffectError::later("the integration branch moved meanwhile"));
                }
                Err(PushError::Git(error)) => return Err(error.into()),
                Err(refused @ (PushError::Rejected(_) | PushError::NotGranted(_))) => {
                    return Err(EffectError::refused(refused));
                }
            }
        }
    };
    let differs = mirror.tree_of(&merged).await? != mirror.tree_of(&base).await?;
    Ok(vec![Signal::Integrated { head: Sha::new(merged), differs }])
}
