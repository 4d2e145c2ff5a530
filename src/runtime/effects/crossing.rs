//! A second verification: the base's tests over the new code, and the new tests over the base's code.
//!
//! Both are runs of the same verifiers in trees that are made of two commits. What they show never makes a change red: a
//! change of behaviour changes tests, too. It is named, so that a person looks.

use super::EffectError;
use super::trees::{Source, identity};
use super::verification::VerificationRun;
use crate::environment::Environment;
use crate::verify::{Crossing, NotRun, VerifierSpec};
use adjutant_domain::evaluation::{Verdict, VerifierResult};
use adjutant_domain::step::{Finding, FindingKind};

/// The commits of a second verification.
pub(super) struct Commits<'a> {
    /// The target, on which the change is made.
    pub(super) target: &'a str,
    /// The change merged into its target.
    pub(super) merged: &'a str,
}

/// What the second verification shows. Nothing is run where the change has no files of tests.
pub(super) async fn findings(
    run: &VerificationRun<'_>,
    source: &Source,
    specs: &[VerifierSpec],
    crossing: &Crossing,
    commits: Commits<'_>,
    environment: &Environment,
) -> Result<Vec<Finding>, EffectError> {
    let mut found = Vec::new();
    let Commits { target, merged } = commits;
    if crossing.base_has_some {
        let tree = source.mirror.mixed(merged, target, &crossing.paths).await?;
        let (results, not_run) = verify_tree(run, source, specs, &tree, merged, "base-tests", environment).await?;
        let failed = results.into_iter().filter(|result| result.verdict == Verdict::Fail);
        let failed = failed.map(|result| (result.name, result.summary));
        for (name, summary) in failed.chain(not_run.map(|it| (it.name, it.reason))) {
            found.push(weakened(format!(
                "With the tests that were there before the change, `{name}` fails on the new code: {summary}"
            )));
        }
    }
    if crossing.adds_tests {
        let tree = source.mirror.mixed(target, merged, &crossing.paths).await?;
        let (results, not_run) = verify_tree(run, source, specs, &tree, target, "new-tests", environment).await?;
        let idle =
            not_run.is_none() && !results.is_empty() && results.iter().all(|result| result.verdict == Verdict::Pass);
        if idle {
            found.push(weakened(
                "The tests of the change pass without the rest of the change, too: they do not show that it works"
                    .to_owned(),
            ));
        }
    }
    Ok(found)
}

fn weakened(text: String) -> Finding {
    Finding { kind: FindingKind::WeakenedProof, text }
}

/// Runs the required verifiers in a tree that is no commit of anybody's, up to the first that cannot be run. It could be run
/// before, so that the mixture is the reason.
async fn verify_tree(
    run: &VerificationRun<'_>,
    source: &Source,
    specs: &[VerifierSpec],
    tree: &str,
    parent: &str,
    name: &str,
    environment: &Environment,
) -> Result<(Vec<VerifierResult>, Option<NotRun>), EffectError> {
    let author = identity(run.app).await?;
    let commit =
        source.mirror.commit(tree, &[parent], "Second verification", &author, run.directive.created_at).await?;
    let mut results = Vec::new();
    for (number, spec) in specs.iter().filter(|spec| spec.required).enumerate() {
        let tree = run.tree(source, &commit, &format!("{name}-{number}")).await?;
        let log = run.log(&format!("{}-{name}", spec.name));
        match run.run_in(tree, spec, log, environment).await? {
            Ok(ran) => results.push(run.directive.baseline.weigh(ran.result)),
            Err(not_run) => return Ok((results, Some(not_run))),
        }
    }
    Ok((results, None))
}
