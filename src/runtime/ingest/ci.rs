//! The repository's own checks: something about those of a commit has changed.

use super::pull::issue_of;
use super::{IngestContext, IngestError, Interpretation, Target, ignored, one};
use adjutant_domain::{
    ids::{Branch, Sha},
    signal::Signal,
    step::{Step, StepState},
};

impl IngestContext<'_> {
    /// What the checks say is not taken from the webhook: all of them are read when the engine asks for it.
    pub(super) async fn ci_changed(
        &self,
        app: Option<u64>,
        head: Sha,
        branches: &[Branch],
    ) -> Result<Interpretation, IngestError> {
        if app == Some(self.github.app_id()) {
            return Ok(ignored("the checks are Adjutant's own"));
        }
        let Some(issue) = branches.iter().find_map(issue_of) else {
            return Ok(ignored("the checks are of no branch of Adjutant's"));
        };
        let Some(directive) = self.live_for_issue(issue).await? else {
            return Ok(ignored(format!("issue {issue} has no live directive")));
        };
        let waits = |step: &&Step| matches!(step.state, StepState::AwaitingCi { .. }) && step.head() == Some(&head);
        match directive.all_steps().find(waits) {
            Some(step) => Ok(one(Target::Directive(directive.id), Signal::CiChanged { step: step.id, head })),
            None => Ok(ignored("no step waits for the checks of that commit")),
        }
    }
}
