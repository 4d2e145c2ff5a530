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
    put_surely(app, repo, check_run("adjutant", head, "adjutant:foreign", report::foreign_check())).await
}

/// Writes the `adjutant` check run on the commit of a merge group. Each entry of a queue has a group of its own, which
/// stands on the groups of the entries ahead, so that the answer is about the one pull request that it adds.
///
/// <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue>
pub(super) async fn write_merge_group(
    app: &App,
    repo: &Repo,
    head: &Sha,
    pull: Option<u64>,
) -> Result<Vec<Signal>, EffectError> {
    let owner = match pull {
        Some(pull) => app.store.directive_for_pull(repo.id, pull).await?,
        None => None,
    };
    let directive = match owner {
        Some(id) => app.store.directive(id).await?,
        None => None,
    };
    let step =
        directive.as_ref().zip(pull).and_then(|(directive, pull)| Some((directive, directive.step_of_pull(pull)?)));
    let report = match step {
        Some((directive, step)) => report::merge_group_check(directive, step, &app.links(directive)),
        None => report::foreign_check(),
    };
    put_surely(app, repo, check_run("adjutant", head, "adjutant:merge-group", report)).await
}

/// Writes a check run that no directive waits for.
async fn put_surely(app: &App, repo: &Repo, check: CheckRun) -> Result<Vec<Signal>, EffectError> {
    match app.github.repository(repo).put_check(&check).await {
        Ok(_) => Ok(Vec::new()),
        Err(
            error @ (GitHubError::Forbidden { .. } | GitHubError::NotFound { .. } | GitHubError::Validation { .. }),
        ) => Err(EffectError::refused_then(external(error), TRIES, Vec::new())),
        Err(error) => Err(error.into()),
    }
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
