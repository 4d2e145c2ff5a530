//! The attempts, made by everybody who runs commands of a repository.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Command;
use std::time::Duration;

use adjutant::agent::{AgentJob, AgentSpec, Directive, TaskBrief, TaskFile, TaskKind, run_agent};
use adjutant::environment::{Environments, SetupError, Wanted};
use adjutant::verify::{self, Setup, VerifierJob, VerifierSpec};
use adjutant::workspace::sandbox::Limits;
use adjutant::workspace::{Remote, Workspaces};
use adjutant_domain::network::Network;
use tokio_util::sync::CancellationToken;

use super::{Fixture, LISTED, list};

/// What is left of the attempts.
pub(super) struct Seen {
    pub(super) who: &'static str,
    pub(super) log: PathBuf,
    /// Where the refused hosts are named.
    pub(super) named: String,
    _place: Fixture,
}

pub(super) type Role = fn(Fixture) -> Pin<Box<dyn Future<Output = Seen>>>;

fn limits() -> Limits {
    Limits { wall: Duration::from_mins(2), ..Limits::default() }
}

pub(super) fn setup(place: Fixture) -> Pin<Box<dyn Future<Output = Seen>>> {
    Box::pin(async move {
        let git = |arguments: &[&str]| {
            let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
            let git = Command::new("git").args(identity).args(arguments).current_dir(place.tree()).output().unwrap();
            assert!(git.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&git.stderr));
            String::from_utf8(git.stdout).unwrap().trim().to_owned()
        };
        git(&["init", "-q", "-b", "main"]);
        git(&["add", "-A"]);
        git(&["commit", "-q", "-m", "attempts"]);
        let commit = git(&["rev-parse", "HEAD"]);
        let mirror = Workspaces::open(place.folder.path().join("workspaces")).unwrap().mirror("1").await.unwrap();
        let url = format!("file://{}", place.tree().display());
        mirror.fetch_commit(&Remote { url, token: None, silence: Duration::from_mins(1) }, &commit).await.unwrap();
        let root = place.folder.path().join("environments");
        let environments = Environments::open(&root, place.sandbox.clone(), list(&LISTED)).unwrap();
        // Only a setup that fails is told of.
        let setup = Setup { install: vec!["python3 attempts.py; exit 1".to_owned()], ..Setup::default() };
        let (log, cancel) = (place.folder.path().join("setup"), CancellationToken::new());
        let wanted = Wanted {
            mirror: &mirror,
            repository: "1",
            base: &commit,
            commit: &commit,
            setup: &setup,
            log: &log,
            cancel: &cancel,
        };
        let Err(SetupError::Fault(fault)) = environments.prepare(wanted).await else { panic!("it did not fail") };
        Seen { who: "setup", log: log.with_extension("0.log"), named: fault.tail, _place: place }
    })
}

pub(super) fn verifier(place: Fixture) -> Pin<Box<dyn Future<Output = Seen>>> {
    Box::pin(async move {
        let policy = "verifiers: [{ name: test, run: python3 attempts.py, network: true }]";
        let policy = adjutant_domain::policy::parse(policy).unwrap();
        let log = place.folder.path().join("log");
        let job = VerifierJob {
            workdir: place.tree(),
            scratch: None,
            layer: None,
            allowed_hosts: list(&LISTED),
            limits: limits(),
            log: log.clone(),
            cancel: CancellationToken::new(),
        };
        let spec = VerifierSpec::from(&policy.verifiers.unwrap()[0]);
        let result = verify::run_verifier(&place.sandbox, &spec, job).await.unwrap().result;
        Seen { who: "verifier", log, named: format!("{:?}", result.network.refused), _place: place }
    })
}

pub(super) fn agent(place: Fixture) -> Pin<Box<dyn Future<Output = Seen>>> {
    Box::pin(async move {
        let spec = AgentSpec {
            name: "attempts".to_owned(),
            argv: ["python3", "attempts.py"].map(str::to_owned).to_vec(),
            preset: None,
            models: None,
            path: Vec::new(),
            network: Network::Hosts(list(&LISTED)),
            env: BTreeMap::new(),
            readonly: Vec::new(),
            limits: limits(),
        };
        let folder = place.folder.path().join("task");
        std::fs::create_dir(&folder).unwrap();
        let log = place.folder.path().join("log");
        let job = AgentJob {
            workdir: place.tree(),
            folder,
            task: task(),
            context: Vec::new(),
            home: None,
            layer: None,
            log: log.clone(),
            cancel: CancellationToken::new(),
        };
        let run = run_agent(&place.sandbox, &spec, job).await.unwrap();
        Seen { who: "agent", log, named: format!("{:?}", run.refused), _place: place }
    })
}

fn task() -> TaskFile {
    TaskFile {
        version: adjutant::agent::PROTOCOL_VERSION,
        kind: TaskKind::Step,
        task_id: "1".to_owned(),
        directive: Directive {
            issue: 1,
            title: "Try".to_owned(),
            repository: "acme/widgets".to_owned(),
            base_commit: String::new(),
            head_commit: String::new(),
            branch: "main".to_owned(),
        },
        brief: TaskBrief::default(),
        step: None,
        instructions: String::new(),
        context: Vec::new(),
        answers: Vec::new(),
        plan_schema: None,
    }
}
