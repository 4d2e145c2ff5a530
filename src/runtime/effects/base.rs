//! The base commit: its environment is prepared and its verifiers run before anything is planned.

use tokio_util::sync::CancellationToken;

use super::environment::{self, Way};
use super::trees::Source;
use super::{EffectError, Working, for_people, verification};
use crate::environment::Environment;
use crate::runtime::app::App;
use crate::runtime::sink::SignalSink;
use crate::verify::{self, NotRun, VerifierJob, VerifierRun};
use crate::workspace::Removal;
use crate::workspace::sandbox::Limits;
use adjutant_domain::baseline::{BaseOutcome, BaseVerifier, BaselineFault, BaselineReport, BaselineState};
use adjutant_domain::directive::Directive;
use adjutant_domain::evaluation::{Verdict, VerifierResult};
use adjutant_domain::failure::Failure;
use adjutant_domain::policy::{CiPolicy, Delivery};
use adjutant_domain::signal::Signal;

/// Finds out how the verifiers fare on the base commit.
pub(super) async fn verify(
    app: &App,
    directive: &Directive,
    round: u32,
    working: &Working<'_>,
    cancel: &CancellationToken,
) -> Result<Vec<Signal>, EffectError> {
    if !is_wanted(directive, round) {
        return Ok(Vec::new());
    }
    SignalSink::new(app, directive.id).send(verification::begun(None, round)).await?;
    let source = Source::open(app, directive).await?;
    let way = Way::of(directive, &source).await?;
    let (repo, base, digest) = (directive.repo.id, &directive.base.sha, way.digest());
    // A person who asks again has changed something that is no part of the commit.
    let known = if round == 1 { app.store.baseline(repo, base, &digest).await? } else { None };
    let mut report = if let Some(report) = known {
        report
    } else {
        let report = run(app, directive, &source, &way, round, working, cancel).await?;
        // What was found counts, also where it cannot be kept for the next directive.
        if holds_another_time(&report)
            && let Err(error) = app.store.keep_baseline(repo, base, &digest, &report).await
        {
            tracing::warn!(%error, base = %base, "what was found on a base commit could not be kept");
        }
        report
    };
    report.ci_left_out = ci_left_out(directive, &source).await?;
    Ok(vec![Signal::BaseVerified { round, report: Box::new(report) }])
}

/// The workflows that a filter keeps from running for steps, where it matters.
async fn ci_left_out(directive: &Directive, source: &Source) -> Result<Vec<String>, EffectError> {
    if directive.policy.ci == CiPolicy::Off || directive.policy.delivery == Delivery::Direct {
        return Ok(Vec::new());
    }
    let (base, target) = (&directive.base.sha, directive.integration_branch());
    source.mirror.fetch_commit(&source.remote, base.as_str()).await?;
    let step = format!("{}/g1-step", directive.branch_prefix());
    Ok(verify::workflows_left_out(&source.mirror, base.as_str(), target.as_str(), &step).await?)
}

/// Whether the directive still waits for this try.
pub(super) fn is_wanted(directive: &Directive, round: u32) -> bool {
    let baseline = &directive.baseline;
    !directive.status().is_over() && baseline.state == BaselineState::Running && baseline.round == round
}

/// Whether the same would be found another time: what this machine lacked, a server refused or a busy moment made fail may
/// be well then.
fn holds_another_time(report: &BaselineReport) -> bool {
    report.fault.is_none() && !report.verifiers.iter().any(|it| it.outcome.is_fault())
}

async fn run(
    app: &App,
    directive: &Directive,
    source: &Source,
    way: &Way,
    round: u32,
    working: &Working<'_>,
    cancel: &CancellationToken,
) -> Result<BaselineReport, EffectError> {
    let base = directive.base.sha.as_str();
    source.mirror.fetch_commit(&source.remote, base).await?;
    let preparing = environment::prepare(app, directive, source, &way.setup, base, cancel);
    let (environment, fault) = match working.rest_while(preparing).await? {
        Ok(environment) => (environment, None),
        Err(fault) => {
            let fault = BaselineFault::Setup { command: fault.command, how: fault.how, tail: fault.tail };
            (Environment::none(), Some(fault))
        }
    };
    let mut verifiers = Vec::new();
    for (number, verifier) in way.verifiers.iter().enumerate() {
        let name = format!("base-{}-{round}-{number}", directive.id);
        if let Some(left) = source.mirror.existing_tree(&name).await? {
            left.remove(Removal::Disposable);
        }
        let tree = source.mirror.tree(&name, base, directive.base.branch.as_str()).await?;
        let spec = &verifier.spec;
        let job = VerifierJob {
            workdir: tree.path(),
            scratch: None,
            layer: environment.layer(),
            allowed_hosts: app.settings.network.verifier_hosts.clone(),
            limits: Limits { wall: spec.timeout, ..Limits::default() },
            log: app.settings.data_dir.join("logs").join(format!("{name}.log")),
            cancel: cancel.clone(),
        };
        let ran = working.rest_while(verify::run_verifier(&app.sandbox, spec, job)).await;
        tree.remove(Removal::Disposable);
        if cancel.is_cancelled() {
            return Err(EffectError::HandedBack);
        }
        let outcome = match ran {
            // Nobody's change is at stake here, so that what the build tool says is believed.
            Ok(VerifierRun { missing: Some(reason), .. }) | Err(NotRun { reason, .. }) => {
                BaseOutcome::NotRun { reason: for_reading(app, reason) }
            }
            Ok(run) => outcome(run.result),
        };
        let (name, run, why) = (spec.name.clone(), spec.run.clone(), verifier.why.clone());
        verifiers.push(BaseVerifier { name, run, why, outcome });
    }
    let (setup, left_out, setup_source) = (way.setup.install.clone(), way.left_out.clone(), way.setup_source.clone());
    Ok(BaselineReport { setup, fault, verifiers, left_out, setup_source, ci_left_out: Vec::new() })
}

fn outcome(result: VerifierResult) -> BaseOutcome {
    match result.verdict {
        Verdict::Pass => BaseOutcome::Passed { ms: result.duration_ms },
        Verdict::Neutral => BaseOutcome::Silent,
        Verdict::Fail => BaseOutcome::Failed { summary: result.summary, tail: result.tail },
    }
}

/// Without the paths of the operator's files.
fn for_reading(app: &App, reason: String) -> String {
    match for_people(&Failure::External(reason.clone()), &app.settings.data_dir) {
        Failure::External(told) => told,
        _ => reason,
    }
}
