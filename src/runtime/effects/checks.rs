//! The composite `adjutant` check run of a step's head.

use super::{EffectError, TRIES, external};
use crate::github::{CheckRun, GitHubError};
use crate::report;
use crate::runtime::app::App;
use adjutant_domain::directive::Directive;
use adjutant_domain::ids::{Repo, Sha, StepId};
use adjutant_domain::signal::Signal;

/// Writes the composite `adjutant` check run on a step's newest head, as of now.
pub(super) async fn write_check(app: &App, directive: &Directive, id: StepId) -> Result<Vec<Signal>, EffectError> {
    let Some(step) = directive.any_step(id).filter(|step| step.pull.is_some()) else { return Ok(Vec::new()) };
    let Some(head) = step.head().cloned() else { return Ok(Vec::new()) };
    let report = report::check_output(directive, step, &app.links(directive));
    let client = app.github.repository(&directive.repo);
    client.put_check(&check_run("adjutant", &head, &format!("adjutant:{id}"), report)).await?;
    Ok(Vec::new())
}

/// Writes the `adjutant` check run on a pull request that is not Adjutant's. Where the app has no permission for check
/// runs, no rule can require the check, so a refusal is ignored.
pub(super) async fn write_neutral(app: &App, repo: &Repo, head: &Sha) -> Result<Vec<Signal>, EffectError> {
    let check = check_run("adjutant", head, "adjutant:foreign", report::foreign_check());
    match app.github.repository(repo).put_check(&check).await {
        Ok(_) => {}
        Err(
            error @ (GitHubError::Forbidden { .. } | GitHubError::NotFound { .. } | GitHubError::Validation { .. }),
        ) => {
            return Err(EffectError::refused_then(external(error), TRIES, Vec::new()));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Vec::new())
}

/// Turns a report into a check run for GitHub.
pub(super) fn check_run(name: &str, head: &Sha, external_id: &str, report: report::CheckReport) -> CheckRun {
    CheckRun {
        name: name.to_owned(),
        head_sha: head.clone(),
        external_id: external_id.to_owned(),
        state: report.state,
        title: report.title,
        summary: report.summary,
        text: report.text,
        actions: report.actions,
        annotations: report.annotations,
    }
}
