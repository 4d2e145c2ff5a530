//! Verification: the verifiers run on the merge of a head into its target, and each writes one check run.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::checks::check_run;
use super::crossing::{Commits, Outcomes, SecondVerification};
use super::diff;
use super::environment::{self, Way};
use super::trees::{Source, identity};
use super::{EffectError, Working, no_pattern, step_of};
use crate::environment::{Environment, SetupFault};
use crate::report;
use crate::runtime::app::App;
use crate::runtime::sink::SignalSink;
use crate::verify::{self, Change, NotRun, VerifierJob, VerifierRun, VerifierSpec, Weakening};
use crate::workspace::sandbox::Limits;
use crate::workspace::{Merge, Removal, Rules, Tree};
use adjutant_domain::check::Conclusion;
use adjutant_domain::directive::Directive;
use adjutant_domain::evaluation::{TestCounts, Verdict, VerifierResult};
use adjutant_domain::failure::Failure;
use adjutant_domain::ids::{Sha, StepId};
use adjutant_domain::network::NetworkReport;
use adjutant_domain::signal::Signal;
use adjutant_domain::status::StepStatus;
use adjutant_domain::step::{Finding, FindingKind, Step, VerifierProgress};

/// How often a verifier that cannot be started is tried.
const TRIES: u32 = 3;
/// The longest run that is repeated to see whether its failure was a chance. A person who waits for a longer one is told
/// sooner by its failure.
const MAX_REPEATED_MS: u64 = 5 * 60 * 1000;

/// Runs the verifiers on a head merged into its target, and writes their check runs.
pub(super) async fn verify(
    app: &App,
    directive: &Directive,
    id: StepId,
    head: &Sha,
    round: u32,
    working: &Working<'_>,
    cancel: &CancellationToken,
) -> Result<Vec<Signal>, EffectError> {
    let Some(step) = step_of(directive, id).filter(|_| is_wanted(directive, id, head)) else {
        return cancel_open_checks(app, directive, head).await;
    };
    SignalSink::new(app, directive.id).send(begun(Some(id), round)).await?;
    let source = Source::open(app, directive).await?;
    source.mirror.fetch_commit(&source.remote, head.as_str()).await?;
    let target = source.known_head(&step.target).await?;
    let merged = match source.mirror.merge(&target, head.as_str()).await? {
        Merge::Conflicted { paths, .. } => {
            return Ok(vec![Signal::Conflicted { step: id, head: head.clone(), paths }]);
        }
        Merge::UpToDate(commit) => commit,
        Merge::Clean { tree } => {
            let author = identity(app).await?;
            source
                .mirror
                .commit(&tree, &[&target, head.as_str()], "Merge for verification", &author, directive.created_at)
                .await?
        }
    };
    let run = VerificationRun { app, directive, step, head, round, working, cancel };
    let way = Way::of(directive, &source).await?;
    let specs = way.specs();
    let diff = source.mirror.diff(&target, &merged).await?;
    let change = Change { mirror: &source.mirror, before: &target, after: &merged, diff: &diff };
    let runners = verify::changed_runners(&specs, change).await?;
    let mut findings = findings(directive, change, &runners)?;
    findings.extend(diff::findings(&run, change, &specs).await?);
    let prepared = match run.prepared(&source, &merged, &way).await? {
        // A registry may have been away for a moment, and an agent that is paid to mend that costs more.
        Err(_) => run.prepared(&source, &merged, &way).await?,
        prepared => prepared,
    };
    let results = match prepared {
        Ok(environment) => {
            let (results, outcomes) = run.run(&source, &merged, &way, &environment).await?;
            if environment.own {
                findings.push(own_setup());
            }
            // What is red is done again anyway, and only then is the second verification worth its time.
            if !results.iter().any(|result| result.required && result.verdict == Verdict::Fail) {
                let second = SecondVerification {
                    run: &run,
                    source: &source,
                    specs: &specs,
                    crossing: &verify::crossing(&diff, &runners),
                    commits: Commits { target: &target, merged: &merged },
                    environment: &environment,
                    head: &outcomes,
                };
                findings.extend(Box::pin(second.findings()).await?);
            }
            results
        }
        Err(fault) => vec![run.setup_failed(&source, &way, fault).await?],
    };
    Ok(vec![Signal::Verified { step: id, head: head.clone(), results, findings }])
}

/// The work clock runs from here: until now it waited for a worker.
pub(super) fn begun(step: Option<StepId>, round: u32) -> Signal {
    Signal::VerifierProgress { step, round, progress: VerifierProgress::Running }
}

/// Whether the step still waits for the verification of this head.
fn is_wanted(directive: &Directive, id: StepId, head: &Sha) -> bool {
    let step = step_of(directive, id).filter(|step| step.status() == StepStatus::Evaluating);
    !directive.status().is_over() && step.is_some_and(|step| step.head() == Some(head))
}

/// Cancels the open check runs of a verification that nobody needs any more.
async fn cancel_open_checks(app: &App, directive: &Directive, head: &Sha) -> Result<Vec<Signal>, EffectError> {
    let client = app.github.repository(&directive.repo);
    let own = client.own_checks(head).await?;
    // Whatever ended the verification also writes the composite check.
    for open in own.iter().filter(|run| !run.is_completed() && run.name.starts_with("adjutant/")) {
        client.complete_check(open.id, Conclusion::Cancelled).await?;
    }
    Ok(Vec::new())
}

/// One verification of a head.
pub(super) struct VerificationRun<'a> {
    pub(super) app: &'a App,
    pub(super) directive: &'a Directive,
    step: &'a Step,
    head: &'a Sha,
    round: u32,
    pub(super) working: &'a Working<'a>,
    pub(super) cancel: &'a CancellationToken,
}

impl VerificationRun<'_> {
    /// The environment of the merge; the inner error is a setup that failed.
    async fn prepared(
        &self,
        source: &Source,
        merged: &str,
        way: &Way,
    ) -> Result<Result<Environment, SetupFault>, EffectError> {
        let preparing = environment::prepare(self.app, self.directive, source, &way.setup, merged, self.cancel);
        self.working.rest_while(preparing).await
    }

    /// Runs one verifier after the other, each in its own clone, because a verifier could change the files for the
    /// next.
    async fn run(
        &self,
        source: &Source,
        merged: &str,
        way: &Way,
        environment: &Environment,
    ) -> Result<(Vec<VerifierResult>, Outcomes), EffectError> {
        let (mut results, mut outcomes) = (Vec::new(), Outcomes::new());
        for (number, spec) in way.specs().iter().enumerate() {
            let tree = self.tree(source, merged, &number.to_string()).await?;
            self.show(&spec.name, report::verifier_running(&spec.name)).await?;
            match self.run_in(tree, spec, self.log(&spec.name), environment).await? {
                Ok(VerifierRun { result, outcome, missing }) => {
                    let subject = Some(way.subject(spec, merged));
                    let mut result = self.directive.baseline.weigh(VerifierResult { subject, ..result });
                    if self.may_be_chance(&result) {
                        let tree = self.tree(source, merged, &format!("{number}-again")).await?;
                        let again = self.run_in(tree, spec, self.log(&format!("{}.again", spec.name)), environment);
                        if again.await?.is_ok_and(|again| again.result.verdict == Verdict::Pass) {
                            result = result.into_flaky();
                        }
                    }
                    let is_open = result.verdict == Verdict::Fail && !result.flaky;
                    if let Some(reason) = missing.filter(|_| is_open)
                        && !self.passes_on_base(source, way, spec, number).await?
                    {
                        return self.not_run(NotRun { name: spec.name.clone(), reason }).await;
                    }
                    let result = self.step.past_runs.weigh(result);
                    self.show(&spec.name, report::verifier_check(&result, outcome.annotations.clone())).await?;
                    results.push(result);
                    outcomes.insert(spec.name.clone(), outcome);
                }
                // A person has accepted that, and is not asked again.
                Err(not_run) if self.directive.baseline.not_run_before(&spec.name) => {
                    let result = not_run_before(spec, not_run.reason);
                    self.show(&spec.name, report::verifier_check(&result, Vec::new())).await?;
                    results.push(result);
                }
                Err(not_run) => return self.not_run(not_run).await,
            }
        }
        Ok((results, outcomes))
    }

    /// It says nothing about the commit. It is tried again, and then a person is informed.
    async fn not_run<T>(&self, NotRun { name, reason }: NotRun) -> Result<T, EffectError> {
        self.show(&name, report::verifier_not_run(&name, &reason)).await?;
        let why = Failure::VerifierNotRun { verifier: name, error: reason };
        Err(EffectError::Refused { why, tries: TRIES, then: None })
    }

    /// Whether a verifier passes on the base commit at this moment, in the environment of that. A head that prints that a
    /// program is missing is red there, and only a machine that lacks the program for both is not held against it.
    async fn passes_on_base(
        &self,
        source: &Source,
        way: &Way,
        spec: &VerifierSpec,
        number: usize,
    ) -> Result<bool, EffectError> {
        let base = self.directive.base.sha.as_str();
        let Ok(environment) = self.prepared(source, base, way).await? else { return Ok(false) };
        let tree = self.tree(source, base, &format!("{number}-base")).await?;
        let ran = self.run_in(tree, spec, self.log(&format!("{}.base", spec.name)), &environment).await?;
        Ok(ran.is_ok_and(|ran| ran.result.verdict == Verdict::Pass))
    }

    /// Whether a failure is worth a second run before it is held against the change: an agent that is paid to mend what is
    /// no fault of the change costs more. Not where the base commit fails too, and not where it was run twice already.
    fn may_be_chance(&self, result: &VerifierResult) -> bool {
        let failed = result.required && result.verdict == Verdict::Fail && result.duration_ms <= MAX_REPEATED_MS;
        let is_new = result.subject.as_ref().is_none_or(|subject| !self.step.past_runs.knows(subject));
        failed && is_new && self.directive.baseline.passed_before(&result.name)
    }

    /// Runs one verifier in a clone, and removes the clone.
    pub(super) async fn run_in(
        &self,
        tree: Tree,
        spec: &VerifierSpec,
        log: PathBuf,
        environment: &Environment,
    ) -> Result<Result<VerifierRun, NotRun>, EffectError> {
        let job = VerifierJob {
            workdir: tree.path(),
            scratch: None,
            layer: environment.layer(),
            allowed_hosts: self.app.settings.network.verifier_hosts.clone(),
            limits: Limits { wall: spec.timeout, ..Limits::default() },
            log,
            cancel: self.cancel.clone(),
        };
        let ran = self.working.rest_while(verify::run_verifier(&self.app.sandbox, spec, job)).await;
        tree.remove(Removal::Disposable);
        if self.cancel.is_cancelled() { Err(EffectError::HandedBack) } else { Ok(ran) }
    }

    /// A new clone. A clone that an earlier try left is removed: verifiers have run in it, and it may be of an older
    /// merge.
    pub(super) async fn tree(&self, source: &Source, commit: &str, which: &str) -> Result<Tree, EffectError> {
        let name = format!("verify-{}-{}-{}-{which}", self.step.id, self.head.short(), self.round);
        if let Some(left) = source.mirror.existing_tree(&name).await? {
            left.remove(Removal::Disposable);
        }
        Ok(source.mirror.tree(&name, commit, self.step.branch.as_str()).await?)
    }

    /// The commit cannot be installed: a result like that of a verifier, with a check run of its own. Only what the base
    /// commit can be installed by at this moment is held against the change.
    async fn setup_failed(&self, source: &Source, way: &Way, fault: SetupFault) -> Result<VerifierResult, EffectError> {
        let base = self.directive.base.sha.as_str();
        if self.prepared(source, base, way).await?.is_err() {
            let error = format!("{fault}, and on the base commit it fails too");
            self.show("setup", report::verifier_not_run("setup", &error)).await?;
            let why = Failure::VerifierNotRun { verifier: "setup".to_owned(), error };
            return Err(EffectError::Refused { why, tries: TRIES, then: None });
        }
        let result = VerifierResult {
            name: "setup".to_owned(),
            required: true,
            weight: 1.0,
            verdict: Verdict::Fail,
            summary: fault.to_string(),
            tail: fault.tail,
            duration_ms: 0,
            counts: TestCounts::default(),
            failing: Vec::new(),
            failed_before: false,
            network: NetworkReport::default(),
            subject: None,
            flaky: false,
            pages: Vec::new(),
        };
        self.show(&result.name, report::verifier_check(&result, Vec::new())).await?;
        Ok(result)
    }

    pub(super) async fn show(&self, verifier: &str, report: report::CheckReport) -> Result<(), EffectError> {
        let name = format!("adjutant/{verifier}");
        let external_id = format!("adjutant:{}:{verifier}:{}", self.step.id, self.round);
        let check = check_run(&name, self.head, &external_id, report);
        self.app.github.repository(&self.directive.repo).put_check(&check).await?;
        Ok(())
    }

    pub(super) fn log(&self, verifier: &str) -> PathBuf {
        let name = format!("verify-{}-{}-{}-{verifier}.log", self.step.id, self.head.short(), self.round);
        self.app.settings.data_dir.join("logs").join(name)
    }
}

/// The environment is the change's own work, so that what was run in it may be too.
fn own_setup() -> Finding {
    let text = "The change alters what is installed: its own files made the environment in which it was verified";
    Finding { kind: FindingKind::WeakenedProof, text: text.to_owned() }
}

fn not_run_before(spec: &VerifierSpec, reason: String) -> VerifierResult {
    VerifierResult {
        name: spec.name.clone(),
        required: spec.required,
        weight: spec.weight,
        verdict: Verdict::Neutral,
        summary: reason,
        tail: String::new(),
        duration_ms: 0,
        counts: TestCounts::default(),
        failing: Vec::new(),
        failed_before: true,
        network: NetworkReport::default(),
        subject: None,
        flaky: false,
        pages: Vec::new(),
    }
}

/// The parts of the change that a person should look at.
fn findings(directive: &Directive, change: Change<'_>, runners: &[Weakening]) -> Result<Vec<Finding>, EffectError> {
    let rules = Rules::new(directive.policy.protected_paths.iter().map(String::as_str)).map_err(no_pattern)?;
    let files = change.diff.files.iter();
    let protected = files.filter(|file| rules.protected.is_match(&file.path)).map(|file| Finding {
        kind: FindingKind::Protected,
        text: format!("`{}` is protected: a person has to approve its change", file.path),
    });
    let weakened = verify::weakened_proof(change.diff)
        .into_iter()
        .chain(runners.iter().cloned())
        .map(|finding| Finding { kind: FindingKind::WeakenedProof, text: finding.note });
    Ok(protected.chain(weakened).collect())
}
