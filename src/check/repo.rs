//! `adjutant check repo`: how a repository's commits would be verified, without a directive, a database or GitHub.
//!
//! The committed files of `HEAD` are read, as for a directive whose base it is. With `--run` each verifier runs in the
//! sandbox on a clone of that commit.

use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adjutant::environment::{Environments, SetupError, Wanted};
use adjutant::report;
use adjutant::settings::NetworkSettings;
use adjutant::verify::{self, Detection, Setup, VerifierJob, VerifierRun, VerifierSpec};
use adjutant::workspace::sandbox::{Limits, Mode, Sandbox, SandboxConfig};
use adjutant::workspace::{GitError, Mirror, Remote, Removal, Workspaces, remove_all};
use adjutant_domain::baseline::SetupSource;
use adjutant_domain::evaluation::Verdict;
use adjutant_domain::ids::Sha;
use adjutant_domain::network::Hosts;
use adjutant_domain::policy::{self, PolicyFault};
use adjutant_domain::text;
use tokio_util::sync::CancellationToken;

const POLICY: &str = ".github/adjutant.yml";
const MAX_POLICY: u64 = 1 << 20;

/// Why a repository was not checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RepoError {
    #[error("`{}` is no folder that can be read: {error}", path.display())]
    Folder { path: PathBuf, error: io::Error },
    #[error("no commit could be read: {0}; give the folder of a git repository that has one")]
    Git(#[from] GitError),
    #[error("`{}` is no whole clone, because objects of its commit are missing: {error}", path.display())]
    Incomplete { path: PathBuf, error: GitError },
    #[error("{POLICY} cannot be used:\n{}", .0.join("\n"))]
    Policy(Vec<String>),
    #[error("{0}")]
    Sandbox(String),
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// Whether the verifiers are run, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act<'a> {
    Print,
    Run {
        /// Where prepared environments are kept for the next check; they are removed if there is none.
        environments: Option<&'a Path>,
    },
}

/// What a repository's own files say, without characters that move a terminal's cursor.
fn plain(said: &str) -> String {
    text::visible(said)
}

/// Says how the repository in `folder` is verified. Returns whether everything that was run passed.
pub(crate) async fn check(
    folder: &Path,
    act: Act<'_>,
    out: &mut impl Write,
    cancel: &CancellationToken,
) -> Result<bool, RepoError> {
    let folder = folder.canonicalize().map_err(|error| RepoError::Folder { path: folder.to_owned(), error })?;
    let scratch = Scratch::new()?;
    let workspaces = Workspaces::open(scratch.path.join("workspaces"))?;
    workspaces.probe().await?;
    let mirror = workspaces.mirror("checked").await?;
    let remote = Remote { url: format!("file://{}", folder.display()), token: None, silence: Duration::from_mins(5) };
    let commit = mirror.fetch_head(&remote).await.map_err(|error| incomplete(&folder, error))?;
    let way = say(&mirror, &commit, out).await?;
    let Act::Run { environments } = act else { return Ok(true) };
    if way.specs.is_empty() {
        return Ok(true);
    }
    let shelf = environments.map_or_else(|| scratch.path.join("environments"), Path::to_owned);
    run(&scratch.path, &shelf, &mirror, &commit, &way, out, cancel).await
}

/// What git calls a corruption of its other side is that side's lack of objects.
fn incomplete(folder: &Path, error: GitError) -> RepoError {
    if error.to_string().contains("repository corruption") {
        return RepoError::Incomplete { path: folder.to_owned(), error };
    }
    error.into()
}

fn unusable(faults: &[PolicyFault]) -> RepoError {
    RepoError::Policy(faults.iter().map(|fault| plain(&report::policy_fault::words(fault))).collect())
}

/// How a repository is verified.
struct Way {
    setup: Setup,
    specs: Vec<VerifierSpec>,
}

/// Prints the verifiers with the reason for each, and returns them.
async fn say(mirror: &Mirror, commit: &str, out: &mut impl Write) -> Result<Way, RepoError> {
    let policy = match mirror.read(commit, POLICY, MAX_POLICY).await? {
        Some(bytes) => Some(policy::parse(&String::from_utf8_lossy(&bytes)).map_err(|faults| unusable(&faults))?),
        None => None,
    };
    let (pinned, verifiers) = policy.map(|policy| (policy.setup, policy.verifiers)).unwrap_or_default();
    let detection = verify::detect_at(mirror, commit).await?;
    let source = if pinned.is_some() { None } else { detection.setup_source() };
    let setup = pinned.map_or_else(|| detection.setup(), |install| Setup { install, ..Setup::default() });
    if let Some(named) = verifiers {
        writeln!(out, "{} at {}: the policy names its verifiers.", POLICY, Sha::new(commit).short())?;
        say_setup(&setup, source, out)?;
        for verifier in &named {
            writeln!(out, "  {}: {}", plain(&verifier.name), plain(&verifier.run))?;
        }
        return Ok(Way { setup, specs: named.iter().map(VerifierSpec::from).collect() });
    }
    detected(&detection, &setup, source, commit, out)?;
    Ok(Way { setup, specs: detection.found.into_iter().map(|detected| detected.verifier).collect() })
}

fn say_setup(setup: &Setup, source: Option<&SetupSource>, out: &mut impl Write) -> io::Result<()> {
    for command in setup.install.iter().chain(&setup.warm) {
        writeln!(out, "  setup: {}", plain(command))?;
    }
    if let Some(source) = source {
        writeln!(out, "  The setup is taken from {}.", plain(&source.path))?;
        for skipped in &source.skipped {
            writeln!(out, "  Not done: {}", plain(skipped))?;
        }
    }
    Ok(())
}

fn detected(
    detection: &Detection,
    setup: &Setup,
    source: Option<&SetupSource>,
    commit: &str,
    out: &mut impl Write,
) -> io::Result<()> {
    if detection.found.is_empty() {
        say_setup(setup, source, out)?;
        writeln!(
            out,
            "Nothing at {} says how this repository is tested. Name the command in {POLICY}:",
            Sha::new(commit).short()
        )?;
        return writeln!(out, "\nverifiers:\n  - name: test\n    run: COMMAND");
    }
    writeln!(out, "Detected at {}:", Sha::new(commit).short())?;
    say_setup(setup, source, out)?;
    for it in &detection.found {
        writeln!(out, "  {} ({}), because of {}", it.verifier.run, it.ecosystem, plain(&it.why))?;
    }
    for folder in &detection.left_out {
        writeln!(out, "  {folder} is not tested: there are too many projects to detect")?;
    }
    let commands: Vec<&str> = detection.found.iter().map(|it| it.verifier.run.as_str()).collect();
    write!(out, "\nThese lines in {POLICY} pin that:\n\n{}", report::policy_text(&setup.install, &commands))
}

async fn run(
    scratch: &Path,
    shelf: &Path,
    mirror: &Mirror,
    commit: &str,
    way: &Way,
    out: &mut impl Write,
    cancel: &CancellationToken,
) -> Result<bool, RepoError> {
    let config = SandboxConfig::new(Mode::Bubblewrap, scratch.join("scratch"));
    let sandbox = Sandbox::probe(config).await.map_err(|error| RepoError::Sandbox(error.to_string()))?;
    let hosts = NetworkSettings::default().setup_hosts;
    let environments =
        Environments::open(shelf, sandbox.clone(), hosts).map_err(|error| RepoError::Sandbox(error.to_string()))?;
    let wanted = Wanted {
        mirror,
        repository: "checked",
        base: commit,
        commit,
        setup: &way.setup,
        log: &scratch.join("setup"),
        cancel,
    };
    let environment = match environments.prepare(wanted).await {
        Ok(environment) => environment,
        Err(SetupError::Fault(fault)) => {
            writeln!(out, "\nsetup: {}\n{}", plain(&fault.to_string()), fault.tail.trim_end())?;
            return Ok(false);
        }
        Err(error) => return Err(RepoError::Sandbox(error.to_string())),
    };
    if !way.setup.is_empty() {
        writeln!(out, "\nsetup: done in {:.1} s", environment.took.as_secs_f64())?;
    }
    let mut passed = true;
    for (number, spec) in way.specs.iter().enumerate() {
        writeln!(out, "\n{}: running", plain(&spec.name))?;
        let tree = mirror.tree(&format!("check-{number}"), commit, "checked").await?;
        let job = VerifierJob {
            workdir: tree.path(),
            scratch: None,
            layer: environment.layer(),
            allowed_hosts: Hosts::default(),
            limits: Limits { wall: spec.timeout, ..Limits::default() },
            log: scratch.join(format!("{number}.log")),
            cancel: cancel.clone(),
        };
        match verify::run_verifier(&sandbox, spec, job).await {
            Ok(VerifierRun { result, missing, .. }) => {
                passed &= result.verdict != Verdict::Fail || !result.required;
                writeln!(out, "{}", plain(&result.summary))?;
                for sentence in report::network::sentences(&result.network) {
                    writeln!(out, "{}", plain(&sentence))?;
                }
                if let Some(missing) = missing {
                    writeln!(out, "{}", plain(&missing))?;
                }
                if result.verdict == Verdict::Fail {
                    writeln!(out, "{}", result.tail.trim_end())?;
                }
            }
            Err(not_run) => {
                passed = false;
                writeln!(out, "{}", plain(&not_run.to_string()))?;
            }
        }
        tree.remove(Removal::Disposable);
    }
    Ok(passed)
}

/// A folder for one check. Other users may enter it, because as root the sandbox runs as another user.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new() -> Result<Self, RepoError> {
        let path = std::env::temp_dir().join(format!("adjutant-check-{}", uuid::Uuid::new_v4().simple()));
        let made = std::fs::DirBuilder::new().mode(0o711).create(&path);
        made.map_err(|error| RepoError::Folder { path: path.clone(), error })?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is a temporary folder, which the system removes.
        let _ = remove_all(&self.path);
    }
}
