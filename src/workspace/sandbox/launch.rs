//! Starts a run, watches it, and ends it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::unix::pipe;
use tokio::process::Command;

use super::bubblewrap::{self, Scratch};
use super::layers::{Layering, Overlays};
use super::network::Outside;
use super::output::Tail;
use super::watch::{ProcessTree, RunEnd, Watch};
use super::{
    Exit, Inner, Mode, RunAs, RunOutcome, Sandbox, SandboxConfig, SandboxError, SandboxRun, Toolchain, cgroup,
    environment, limits, network, spawn,
};
use crate::workspace::programs::which;
use crate::workspace::secrets::BlottedStream;

/// Joins the control groups named before `--`, then executes the rest. Descriptor 3 is bubblewrap's report of what it
/// started, descriptor 4 the filter of system calls.
const PRELUDE: &str = r#"exec 3>"$1" 4<"$2"; shift 2; while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@""#;

pub(super) async fn probe(config: SandboxConfig) -> Result<Sandbox, SandboxError> {
    fs::create_dir_all(&config.scratch_root).map_err(SandboxError::at(&config.scratch_root))?;
    let scratch_root = config.scratch_root.canonicalize().map_err(SandboxError::at(&config.scratch_root))?;
    crate::workspace::files::sweep(&scratch_root, |name| {
        uuid::Uuid::parse_str(name.trim_start_matches("probe-")).is_ok()
    });
    let own = fs::metadata("/proc/self").map_err(SandboxError::at(Path::new("/proc/self")))?;
    let root = std::os::unix::fs::MetadataExt::uid(&own) == 0;
    let mut toolchains: Vec<Toolchain> =
        config.toolchains.iter().enumerate().map(|(index, host)| Toolchain::named(host, index)).collect();
    toolchains.extend(Toolchain::rust().await);
    let inner = |run_as| Inner {
        mode: config.mode,
        run_as,
        scratch_root: scratch_root.clone(),
        toolchains: toolchains.clone(),
        launcher: config.launcher.clone(),
        dialer: Arc::clone(&config.dialer),
        cgroups: cgroup::Parent::detect(),
        root,
        layering: Layering::Copy,
    };
    let choices: &[RunAs] = match (config.mode, root) {
        (Mode::None, _) => return Ok(Sandbox { inner: Arc::new(inner(RunAs::Mapped)) }),
        (Mode::Bubblewrap, true) => &[RunAs::Dropped, RunAs::Mapped],
        (Mode::Bubblewrap, false) => &[RunAs::Mapped],
    };
    if which("bwrap").is_none() {
        return Err(SandboxError::Missing);
    }
    let mut refusal = String::new();
    for run_as in choices {
        let inner = inner(*run_as);
        match trial(&inner).await {
            Ok(()) => return Ok(Sandbox { inner: Arc::new(with_layering(inner).await) }),
            Err(why) => refusal = why,
        }
    }
    Err(SandboxError::Forbidden(refusal))
}

/// Finds out whether overlays can be mounted here.
async fn with_layering(inner: Inner) -> Inner {
    let inner = Inner { layering: Layering::Overlay, ..inner };
    match trial(&inner).await {
        Ok(()) => inner,
        Err(why) => {
            tracing::warn!(why, "no overlay can be mounted here: prepared environments are copied for each run");
            Inner { layering: Layering::Copy, ..inner }
        }
    }
}

/// Runs a trivial command in a complete sandbox, with a layer where layers are overlays.
async fn trial(inner: &Inner) -> Result<(), String> {
    let folder = inner.scratch_root.join(format!("probe-{}", uuid::Uuid::new_v4()));
    fs::create_dir_all(folder.join("tree")).map_err(|error| error.to_string())?;
    let mut trial = SandboxRun::new(vec!["true".to_owned()], folder.join("tree"), folder.join("log"));
    if inner.layering == Layering::Overlay {
        fs::create_dir_all(folder.join("layer/home")).map_err(|error| error.to_string())?;
        trial.layer = Some(folder.join("layer"));
    }
    trial.limits.wall = Duration::from_secs(20);
    let outcome = run(inner, trial).await;
    let _ = crate::workspace::files::discard(&folder);
    match outcome {
        Ok(outcome) if outcome.exit.success() => Ok(()),
        Ok(outcome) => Err(format!("a trivial command {}: {}", outcome.exit, outcome.tail)),
        Err(error) => Err(error.to_string()),
    }
}

/// Runs in a separate task, which ends the process tree properly even if the caller's future is dropped.
pub(super) async fn run_detached(inner: Arc<Inner>, mut request: SandboxRun) -> Result<RunOutcome, SandboxError> {
    request.cancel = request.cancel.child_token();
    let _ends_with_us = request.cancel.clone().drop_guard();
    let task = tokio::spawn(async move { run(&inner, request).await });
    task.await.unwrap_or_else(|error| Err(SandboxError::Start(error.to_string())))
}

async fn run(inner: &Inner, mut run: SandboxRun) -> Result<RunOutcome, SandboxError> {
    check(&run)?;
    // Paths are resolved before the working directory changes.
    let binds = run.readonly.iter_mut().chain(&mut run.writable).map(|bind| &mut bind.host);
    for path in binds.chain([&mut run.workdir]).chain(&mut run.layer) {
        *path = path.canonicalize().map_err(SandboxError::at(path))?;
    }
    let started = Instant::now();
    let Prepared { scratch, overlays, groups } = prepare(inner, &run).await?;
    let (reader, writer) = std::io::pipe().map_err(|error| SandboxError::Start(error.to_string()))?;
    let second = writer.try_clone().map_err(|error| SandboxError::Start(error.to_string()))?;
    let mut command = command(inner, &run, &scratch, &overlays, groups.as_ref());
    let (outside, stdin) = outside(inner, &run)?;
    command.stdin(stdin).stdout(writer).stderr(second);
    let mut child = spawn::spawn(command).await.map_err(|error| SandboxError::Start(error.to_string()))?;
    let reader =
        pipe::Receiver::from_owned_fd(reader.into()).map_err(|error| SandboxError::Start(error.to_string()))?;
    let processes =
        ProcessTree { mode: inner.mode, group: child.id(), status: scratch.folder("status"), groups: groups.as_ref() };
    let log = create_log(&run.log).await.map_err(SandboxError::at(&run.log))?;
    let (blotted, limit) = (BlottedStream::new(run.blots.clone()), run.limits.output_bytes);
    let mut watch = Watch { reader, log, blotted, tail: Tail::default(), written: 0, limit };
    let ended =
        watch.until_end(&mut child, &run, &scratch.root, &processes).await.map_err(SandboxError::at(&run.log))?;
    let (written, tail) = (watch.written, watch.tail.text());
    let status = tokio::fs::read_to_string(scratch.folder("status")).await.unwrap_or_default();
    // Removing a home full of build output takes long, and the caller need not wait for it.
    tokio::task::spawn_blocking(move || drop((groups, scratch)));
    let launched = outside.as_ref().is_none_or(Outside::launched);
    let reported = inner.mode == Mode::None || status.contains("\"exit-code\"");
    let exit = match ended {
        RunEnd::Stopped(exit) => exit,
        RunEnd::ByItself(exit) if launched && reported => exit_of(exit),
        RunEnd::ByItself(_) => return Err(SandboxError::Start(tail)),
    };
    let refused = outside.map(|outside| outside.refused()).unwrap_or_default();
    Ok(RunOutcome { exit, duration: started.elapsed(), tail, log_bytes: written, refused })
}

/// A new, empty log that only our user can read.
async fn create_log(path: &Path) -> std::io::Result<tokio::fs::File> {
    let log = tokio::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).await?;
    log.set_permissions(fs::Permissions::from_mode(0o600)).await?;
    Ok(log)
}

/// Our side of the network of a run that has ports of ours, and the run's standard input.
fn outside(inner: &Inner, run: &SandboxRun) -> Result<(Option<Outside>, Stdio), SandboxError> {
    if !run.is_launched(inner.mode) {
        return Ok((None, Stdio::null()));
    }
    let hosts = run.network.hosts().cloned();
    let door = run.door.clone().filter(|door| door.inside);
    let opened = Outside::open(hosts, door, Arc::clone(&inner.dialer));
    let (outside, stdin) = opened.map_err(|error| SandboxError::Start(error.to_string()))?;
    Ok((Some(outside), stdin.into()))
}

fn check(run: &SandboxRun) -> Result<(), SandboxError> {
    if run.argv.first().is_none_or(String::is_empty) {
        return Err(SandboxError::EmptyCommand);
    }
    // The variables pass through the shell and bubblewrap outside the sandbox (as arguments, every user of the machine
    // could read them). None may change how those two run.
    let bad = |name: &str| {
        name.is_empty()
            || name.contains(['=', '\0'])
            || name.starts_with("LD_")
            || matches!(name, "ENV" | "BASH_ENV" | "IFS" | "GLIBC_TUNABLES")
    };
    match run.env.iter().find(|(name, value)| bad(name) || value.contains('\0')) {
        Some((name, _)) => Err(SandboxError::Variable(name.clone())),
        None => Ok(()),
    }
}

/// What a run needs around its command.
struct Prepared {
    scratch: Scratch,
    overlays: Overlays,
    groups: Option<cgroup::Groups>,
}

async fn prepare(inner: &Inner, run: &SandboxRun) -> Result<Prepared, SandboxError> {
    let mut scratch = Scratch::make(inner, run)?;
    let overlays = Overlays::prepare(inner, run, &scratch).await?;
    if let Some(folder) = run.log.parent() {
        // What programs print is for the operator. A folder that exists keeps its mode.
        let mut builder = tokio::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).await.map_err(SandboxError::at(folder))?;
    }
    if inner.mode == Mode::Bubblewrap && inner.run_as == RunAs::Dropped {
        let mut writable = vec![run.workdir.clone()];
        writable.extend(run.writable.iter().map(|bind| bind.host.clone()));
        let given = tokio::task::spawn_blocking(move || {
            scratch.give_away()?;
            for path in &writable {
                bubblewrap::give_away(path)?;
            }
            Ok::<_, SandboxError>(scratch)
        });
        scratch = given.await.map_err(|error| SandboxError::Start(error.to_string()))??;
    }
    let groups = match &inner.cgroups {
        Some(parent) => Some(
            parent
                .create(&uuid::Uuid::new_v4().to_string(), &run.limits)
                .map_err(|error| SandboxError::Start(format!("no control group could be made: {error}")))?,
        ),
        None => None,
    };
    Ok(Prepared { scratch, overlays, groups })
}

fn command(
    inner: &Inner,
    run: &SandboxRun,
    scratch: &Scratch,
    overlays: &Overlays,
    groups: Option<&cgroup::Groups>,
) -> Command {
    let mut argv: Vec<OsString> = vec!["-c".into(), PRELUDE.into(), "sh".into()];
    argv.extend(["status", "filter"].map(|name| scratch.folder(name).into_os_string()));
    argv.extend(groups.iter().flat_map(|groups| groups.member_files()).map(OsString::from));
    argv.push("--".into());
    if inner.mode == Mode::Bubblewrap {
        argv.extend(overlays.programs(inner.run_as));
        argv.extend([which("bwrap").unwrap_or_else(|| "bwrap".into()).into(), "--json-status-fd".into(), "3".into()]);
        argv.extend(bubblewrap::arguments(inner, run, scratch, overlays));
        argv.extend(bubblewrap::run_as(inner.run_as).into_iter().map(OsString::from));
        if run.is_launched(inner.mode) {
            let door = run.door.as_ref().is_some_and(|door| door.inside);
            argv.extend(network::launch(run.network.hosts().is_some(), door).into_iter().map(OsString::from));
        }
    }
    argv.extend(limits::wrapper(&run.limits, groups.is_some()).into_iter().map(OsString::from));
    argv.extend(run.argv.iter().map(OsString::from));
    let mut command = Command::new("/bin/sh");
    command
        .args(argv)
        .env_clear()
        .envs(environment::variables(inner, run, scratch))
        .current_dir(&run.workdir)
        .process_group(0);
    command
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), std::os::unix::process::ExitStatusExt::signal(&status)) {
        (Some(code @ 129..=159), _) => Exit::Signal(code - 128),
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_steer_the_loader_are_refused() {
        let mut run = SandboxRun::new(vec!["true".into()], "/", "/log");
        assert!(check(&run).is_ok());
        run.env.insert("LD_PRELOAD".into(), "/tmp/x.so".into());
        assert!(matches!(check(&run), Err(SandboxError::Variable(name)) if name == "LD_PRELOAD"));
        run.argv.clear();
        assert!(matches!(check(&run), Err(SandboxError::EmptyCommand)));
    }
}
