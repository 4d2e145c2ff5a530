//! Base branches that were renamed while a directive is at work.

use super::EffectError;
use crate::runtime::app::App;
use crate::runtime::sink::SignalSink;
use adjutant_domain::directive::Directive;
use adjutant_domain::failure::Failure;
use adjutant_domain::ids::Branch;
use adjutant_domain::signal::Signal;

/// What becomes of an effect that failed because the base branch is gone: where the branch was renamed, the directive
/// follows, and the effect is tried again.
pub(super) async fn or_gone(app: &App, directive: &Directive, error: EffectError) -> EffectError {
    let gone = match &error {
        EffectError::Refused { why: Failure::BranchGone { branch }, .. } => branch == &directive.base.branch,
        _ => false,
    };
    if !gone {
        return error;
    }
    match follow(app, directive).await {
        Ok(Some(to)) => EffectError::later(format!("the base branch is `{to}` now")),
        Ok(None) => error,
        Err(unknown) => unknown,
    }
}

/// Follows the base branch to its new name, and returns that; `None` if it was not renamed.
pub(super) async fn follow(app: &App, directive: &Directive) -> Result<Option<Branch>, EffectError> {
    let from = &directive.base.branch;
    let Some(to) = app.github.repository(&directive.repo).renamed_branch(from).await? else { return Ok(None) };
    let renamed = Signal::BaseRenamed { from: from.clone(), to: to.clone() };
    SignalSink::new(app, directive.id).send(renamed).await?;
    Ok(Some(to))
}
