//! The `diff` verifier: its check run, and its findings. It has no command, so that it needs no tree and no sandbox.

use super::EffectError;
use super::verification::VerificationRun;
use crate::report;
use crate::verify::diff::{NAME, examine};
use crate::verify::{Change, VerifierSpec};
use adjutant_domain::step::{Finding, FindingKind};

/// What a person should look at in the change. A check run is written where there is something, unless a verifier of
/// the policy has its name.
pub(super) async fn findings(
    run: &VerificationRun<'_>,
    change: Change<'_>,
    specs: &[VerifierSpec],
) -> Result<Vec<Finding>, EffectError> {
    let notes = examine(change, &run.directive.policy.diff).await?;
    if !notes.is_empty() && specs.iter().all(|spec| spec.name != NAME) {
        run.show(NAME, report::diff_check(&notes)).await?;
    }
    Ok(notes.into_iter().map(|text| Finding { kind: FindingKind::Diff, text }).collect())
}
