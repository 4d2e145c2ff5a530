//! Shows a run a prepared environment that it cannot change: a read-only layer under its own files.
//!
//! A layer is a folder with `home` and `tree` in it. A run sees its own home and clone with the files of the layer below
//! them. What it writes stays in its own folders, and the layer is as it was. Where the kernel allows it, this is an
//! overlay file system in a mount namespace outside bubblewrap's, which costs nothing. Elsewhere the layer is copied into
//! the run's folders.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::bubblewrap::Scratch;
use super::{Inner, Mode, RunAs, SandboxError, SandboxRun};

/// Mounts one overlay for every four arguments before `--` (lower, upper, work, view), then executes the rest.
const MOUNT: &str = r#"o=$1; shift; while [ "$1" != -- ]; do mount -t overlay overlay -o "${o}lowerdir=$1,upperdir=$2,workdir=$3" "$4" || exit 125; shift 4; done; shift; exec "$@""#;
/// The folders of a layer.
const PARTS: [&str; 2] = ["home", "tree"];

/// How layers are shown on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layering {
    /// By an overlay file system.
    Overlay,
    /// By a copy for each run.
    Copy,
}

/// One overlay: what is below, and the run's own folder above it.
#[derive(Debug)]
pub(super) struct Overlay {
    lower: PathBuf,
    upper: PathBuf,
    work: PathBuf,
    pub(super) view: PathBuf,
}

/// The overlays of a run.
#[derive(Debug, Default)]
pub(super) struct Overlays {
    pub(super) home: Option<Overlay>,
    pub(super) tree: Option<Overlay>,
}

impl Overlays {
    /// Makes what the run needs to see its layer: the folders for the overlays, else copies of the layer's files.
    pub(super) async fn prepare(inner: &Inner, run: &SandboxRun, scratch: &Scratch) -> Result<Self, SandboxError> {
        let Some(layer) = &run.layer else { return Ok(Self::default()) };
        let [home, tree] = PARTS.map(|part| layer.join(part));
        let own = [scratch.folder("home"), run.workdir.clone()];
        if inner.layering == Layering::Overlay && inner.mode == Mode::Bubblewrap && can_overlay(scratch, run, layer) {
            let overlay = |part: &str, lower: PathBuf, upper: &Path| -> Result<Option<Overlay>, SandboxError> {
                if !lower.is_dir() {
                    return Ok(None);
                }
                let folder = scratch.folder("overlay").join(part);
                let (work, view) = (folder.join("work"), folder.join("view"));
                for path in [&work, &view] {
                    fs::create_dir_all(path).map_err(SandboxError::at(path))?;
                }
                Ok(Some(Overlay { lower, upper: upper.to_owned(), work, view }))
            };
            return Ok(Self { home: overlay("home", home, &own[0])?, tree: overlay("tree", tree, &own[1])? });
        }
        for (from, to) in [home, tree].iter().zip(&own) {
            if from.is_dir() {
                copy(from, to).await?;
            }
        }
        Ok(Self::default())
    }

    /// The programs that mount the overlays before bubblewrap starts. They have a mount namespace of their own, so that the
    /// mounts end with the run.
    pub(super) fn programs(&self, run_as: RunAs) -> Vec<OsString> {
        let overlays: Vec<&Overlay> = self.home.iter().chain(&self.tree).collect();
        if overlays.is_empty() {
            return Vec::new();
        }
        let (namespaces, options): (&[&str], _) = match run_as {
            RunAs::Dropped => (&["--mount"], ""),
            // An ordinary user mounts in a user namespace, where attributes of the kernel's own are out of reach.
            RunAs::Mapped => (&["--user", "--map-root-user", "--mount"], "userxattr,"),
        };
        let mut argv: Vec<OsString> = vec!["/usr/bin/unshare".into()];
        argv.extend(namespaces.iter().map(OsString::from));
        argv.extend(["--propagation", "private", "--", "/bin/sh", "-c", MOUNT, "sh", options].map(OsString::from));
        for overlay in overlays {
            argv.extend([&overlay.lower, &overlay.upper, &overlay.work, &overlay.view].map(OsString::from));
        }
        argv.push("--".into());
        argv
    }
}

/// Whether these folders can be parts of an overlay: the work folder and the upper one have to be on one file system, and
/// a path may hold no character with a meaning in the mount options.
fn can_overlay(scratch: &Scratch, run: &SandboxRun, layer: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let plain = |path: &Path| !path.as_os_str().to_string_lossy().contains([',', ':', '\\', '"']);
    device(&scratch.root) == device(&run.workdir) && [&scratch.root, &run.workdir, layer].into_iter().all(plain)
}

/// Copies a layer's folder into a run's own. What the run has already stays.
async fn copy(from: &Path, to: &Path) -> Result<(), SandboxError> {
    let mut command = Command::new("cp");
    command.args(["--archive", "--no-clobber", "--reflink=auto", "--no-target-directory", "--"]).args([from, to]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let copied = command.output().await.map_err(|error| SandboxError::Start(format!("cp: {error}")))?;
    if copied.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&copied.stderr);
    Err(SandboxError::Start(format!(
        "the prepared environment could not be copied: {}",
        said.lines().next().unwrap_or("cp failed")
    )))
}
