//! How a directive's repository is verified: the commands, and the environment that they need.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::trees::Source;
use super::{EffectError, external};
use crate::environment::{Environment, SetupError, SetupFault, Wanted};
use crate::runtime::app::App;
use crate::verify::{self, Setup, VerifierSpec};
use adjutant_domain::baseline::SetupSource;
use adjutant_domain::directive::Directive;
use adjutant_domain::ids::{Digest, Sha};

/// What verifies a directive's commits. The base commit alone decides it.
pub(super) struct Way {
    pub(super) setup: Setup,
    pub(super) verifiers: Vec<Verifier>,
    /// The folders with projects that are not tested.
    pub(super) left_out: Vec<String>,
    /// The file that the setup is taken from, if it is one for another tool.
    pub(super) setup_source: Option<SetupSource>,
}

/// A verifier, and the files that it was detected by.
pub(super) struct Verifier {
    pub(super) spec: VerifierSpec,
    pub(super) why: Option<String>,
}

impl Way {
    /// What the policy names, and what is detected in the tree at the base commit where it names nothing.
    pub(super) async fn of(directive: &Directive, source: &Source) -> Result<Self, EffectError> {
        let policy = &directive.policy;
        let named = policy.verifiers.as_ref();
        let verifiers = named.map(|named| {
            let each = named.iter().map(|verifier| Verifier { spec: VerifierSpec::from(verifier), why: None });
            each.collect::<Vec<_>>()
        });
        let setup = policy.setup.clone().map(|install| Setup { install, ..Setup::default() });
        if let (Some(verifiers), Some(setup)) = (&verifiers, &setup) {
            let verifiers = verifiers.iter().map(|it| Verifier { spec: it.spec.clone(), why: None }).collect();
            return Ok(Self { setup: setup.clone(), verifiers, left_out: Vec::new(), setup_source: None });
        }
        let base = directive.base.sha.as_str();
        source.mirror.fetch_commit(&source.remote, base).await?;
        let detection = verify::detect_at(&source.mirror, base).await?;
        let setup_source = if setup.is_some() { None } else { detection.setup_source().cloned() };
        let setup = setup.unwrap_or_else(|| detection.setup());
        let left_out = if verifiers.is_some() { Vec::new() } else { detection.left_out };
        let detected = detection.found.into_iter().map(|it| Verifier { spec: it.verifier, why: Some(it.why) });
        Ok(Self { setup, verifiers: verifiers.unwrap_or_else(|| detected.collect()), left_out, setup_source })
    }

    pub(super) fn specs(&self) -> Vec<VerifierSpec> {
        self.verifiers.iter().map(|verifier| verifier.spec.clone()).collect()
    }

    /// What it is to run this verifier on this commit.
    pub(super) fn subject(&self, spec: &VerifierSpec, commit: &str) -> Digest {
        Digest::of(&format!("{commit}\n{:?}\n{spec:?}", self.setup))
    }

    /// A digest of everything that decides what is found on a commit.
    pub(super) fn digest(&self) -> String {
        let specs = self.verifiers.iter().map(|verifier| format!("{:?} {:?}", verifier.spec, verifier.why));
        let specs = specs.collect::<Vec<_>>().join("\n");
        let all = format!("{:?} {:?}\n{specs}", self.setup, self.setup_source);
        Sha::of_text(&all).to_string()
    }
}

/// Prepares the environment for a commit; the inner error is a setup that failed.
pub(super) async fn prepare(
    app: &App,
    directive: &Directive,
    source: &Source,
    setup: &Setup,
    commit: &str,
    cancel: &CancellationToken,
) -> Result<Result<Environment, SetupFault>, EffectError> {
    // A person knows that there is none, and trying again would take minutes for every commit.
    if directive.baseline.has_no_environment() {
        return Ok(Ok(Environment::none()));
    }
    let base = directive.base.sha.as_str();
    source.mirror.fetch_commit(&source.remote, base).await?;
    let repository = directive.repo.id.to_string();
    let log: PathBuf =
        app.settings.data_dir.join("logs").join(format!("setup-{repository}-{}", Sha::new(commit).short()));
    let wanted = Wanted { mirror: &source.mirror, repository: &repository, base, commit, setup, log: &log, cancel };
    match app.environments.prepare(wanted).await {
        Ok(environment) => Ok(Ok(environment)),
        Err(SetupError::Fault(fault)) => Ok(Err(fault)),
        Err(SetupError::Git(error)) => Err(error.into()),
        Err(SetupError::Cancelled) => Err(EffectError::HandedBack),
        // Each try costs a whole setup, and a full disk or a foreign mount does not pass by itself.
        Err(error @ (SetupError::Files { .. } | SetupError::Sandbox(_))) => Err(EffectError::refused(external(error))),
    }
}
