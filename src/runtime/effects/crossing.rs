//! A second verification: the base's tests over the new code, and the new tests over the base's code.
//!
//! Both are runs of the same verifiers in trees that are made of two commits. What they show never makes a change red: a
//! change of behaviour changes tests, too. It is named, so that a person looks.

use std::collections::BTreeMap;

use super::EffectError;
use super::trees::{Source, identity};
use super::verification::VerificationRun;
use crate::environment::Environment;
use crate::verify::outcome::{Comparison, Outcome, Runs};
use crate::verify::{self, Crossing, NotRun, VerifierRun, VerifierSpec};
use adjutant_domain::evaluation::{Verdict, VerifierResult};
use adjutant_domain::step::{Finding, FindingKind};

/// The commits of a second verification.
#[derive(Clone, Copy)]
pub(super) struct Commits<'a> {
    /// The target, on which the change is made.
    pub(super) target: &'a str,
    /// The change merged into its target.
    pub(super) merged: &'a str,
}

/// The commits and the trees' environment of a second verification, and what the first one said of single tests.
pub(super) struct SecondVerification<'a> {
    pub(super) run: &'a VerificationRun<'a>,
    pub(super) source: &'a Source,
    pub(super) specs: &'a [VerifierSpec],
    pub(super) crossing: &'a Crossing,
    pub(super) commits: Commits<'a>,
    pub(super) environment: &'a Environment,
    /// By the verifiers' names.
    pub(super) head: &'a Outcomes,
}

/// What verifiers said of single tests, by the verifiers' names.
pub(super) type Outcomes = BTreeMap<String, Outcome>;

/// The runs in one tree.
#[derive(Default)]
struct Crossed {
    results: Vec<VerifierResult>,
    outcomes: Outcomes,
    not_run: Option<NotRun>,
}

impl SecondVerification<'_> {
    /// What it shows. Nothing is run where the change has no files of tests.
    pub(super) async fn findings(&self) -> Result<Vec<Finding>, EffectError> {
        let Commits { target, merged } = self.commits;
        let (mut base, mut before) = (Crossed::default(), Crossed::default());
        let mut found = Vec::new();
        if self.crossing.base_has_some {
            let tree = self.source.mirror.mixed(merged, target, &self.crossing.paths).await?;
            base = self.verify_tree(&tree, merged, "base-tests").await?;
            found.extend(broken(&base).map(weakened));
        }
        if self.crossing.adds_tests {
            let tree = self.source.mirror.mixed(target, merged, &self.crossing.paths).await?;
            before = self.verify_tree(&tree, target, "new-tests").await?;
        }
        let compared = self.compared(&base.outcomes, &before.outcomes);
        found.extend(verify::outcome::lost(&compared).into_iter().map(weakened));
        if self.crossing.adds_tests && (all_pass(&before) || compared.proves_nothing()) {
            found.push(weakened(verify::outcome::idle(&compared)));
        }
        Ok(found)
    }

    /// What the change did to the tests of all verifiers whose output names every test.
    fn compared(&self, base: &Outcomes, before: &Outcomes) -> Comparison {
        let none = Outcome::default();
        let mut all = Comparison::default();
        for (name, head) in self.head {
            let of = |outcomes: &'_ Outcomes| outcomes.get(name).cloned();
            // Without a run of the base's tests it is not known which are new.
            let Some(base) = of(base) else { continue };
            let before = of(before).unwrap_or_else(|| none.clone());
            if let Some(compared) = verify::outcome::compare(Runs { base: &base, before: &before, head }) {
                all.add(compared);
            }
        }
        all
    }

    /// Runs the required verifiers in a tree that is no commit of anybody's, up to the first that cannot be run. It could
    /// be run before, so that the mixture is the reason.
    async fn verify_tree(&self, tree: &str, parent: &str, name: &str) -> Result<Crossed, EffectError> {
        let Self { run, source, specs, environment, .. } = self;
        let author = identity(run.app).await?;
        let commit =
            source.mirror.commit(tree, &[parent], "Second verification", &author, run.directive.created_at).await?;
        let mut crossed = Crossed::default();
        for (number, spec) in specs.iter().filter(|spec| spec.required).enumerate() {
            let tree = run.tree(source, &commit, &format!("{name}-{number}")).await?;
            let log = run.log(&format!("{}-{name}", spec.name));
            match run.run_in(tree, spec, log, environment).await? {
                Ok(VerifierRun { result, outcome, .. }) => {
                    crossed.outcomes.insert(spec.name.clone(), outcome);
                    crossed.results.push(run.directive.baseline.weigh(result));
                }
                Err(not_run) => {
                    crossed.not_run = Some(not_run);
                    break;
                }
            }
        }
        Ok(crossed)
    }
}

/// The verifiers that do not pass with the tests from before the change.
fn broken(base: &Crossed) -> impl Iterator<Item = String> {
    let failed = base.results.iter().filter(|result| result.verdict == Verdict::Fail);
    let failed = failed.map(|result| (&result.name, &result.summary));
    failed.chain(base.not_run.iter().map(|it| (&it.name, &it.reason))).map(|(name, summary)| {
        format!("With the tests that were there before the change, `{name}` fails on the new code: {summary}")
    })
}

fn all_pass(crossed: &Crossed) -> bool {
    let passes = |result: &VerifierResult| result.verdict == Verdict::Pass;
    crossed.not_run.is_none() && !crossed.results.is_empty() && crossed.results.iter().all(passes)
}

fn weakened(text: String) -> Finding {
    Finding { kind: FindingKind::WeakenedProof, text }
}
