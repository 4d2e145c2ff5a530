//! The arguments for bubblewrap: a run sees only what it may see.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use adjutant_domain::network::Network;

use crate::workspace::files::{self, Bounds, Descend, WalkError};

use super::layers::Overlays;
use super::{Bind, HOME, INSIDE_UID, Inner, RunAs, SandboxError, SandboxRun, TREE, network, seccomp};

/// Folders with programs and libraries. On a merged-`/usr` system all but the first are symlinks into it.
const SYSTEM: &[&str] = &["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/// Files of `/etc` that programs need to start: the linker's cache, Debian's alternatives (without them there is no
/// `cc`).
const ETC: &[&str] = &["/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/openssl.cnf"];
/// What Debian's Maven needs to start. Its `settings.xml` may hold passwords, and is left out.
const MAVEN: &[&str] = &["/etc/maven/m2.conf", "/etc/maven/logging"];
/// Certificates, for a run with network.
const CERTIFICATES: &[&str] =
    &["/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/certs", "/etc/pki/ca-trust"];
/// How the host resolves names.
const RESOLVER: &str = "/etc/resolv.conf";
/// Folders that bubblewrap would otherwise make readable only by root.
const PARENTS: &[&str] = &["/etc", "/etc/ssl", "/etc/pki", "/home", "/opt", "/opt/toolchains", "/work"];

/// The home and temporary folders of a run.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) root: PathBuf,
    disposable: bool,
}

impl Scratch {
    pub(super) fn make(inner: &Inner, run: &SandboxRun) -> Result<Self, SandboxError> {
        let (root, disposable) = match &run.scratch {
            Some(root) => (root.clone(), false),
            None => (inner.scratch_root.join(uuid::Uuid::new_v4().to_string()), true),
        };
        fs::create_dir_all(&root).map_err(SandboxError::at(&root))?;
        let root = root.canonicalize().map_err(SandboxError::at(&root))?;
        let scratch = Self { root, disposable };
        let overlay = scratch.folder("overlay");
        files::discard(&overlay).map_err(SandboxError::at(&overlay))?;
        for name in ["home", "tmp", "shm"] {
            let folder = scratch.root.join(name);
            // Only the home is kept. Bubblewrap creates folders for binds as root, and would follow symlinks that an
            // earlier run planted in the others.
            if name != "home" {
                files::discard(&folder).map_err(SandboxError::at(&folder))?;
            }
            fs::create_dir_all(&folder).map_err(SandboxError::at(&folder))?;
        }
        let user = format!("worker:x:{INSIDE_UID}:{INSIDE_UID}:worker:{HOME}:/bin/sh\n");
        scratch.write("passwd", format!("root:x:0:0:root:/:/bin/false\n{user}"))?;
        scratch.write("group", format!("root:x:0:\nworker:x:{INSIDE_UID}:\n"))?;
        scratch.write("hosts", "127.0.0.1 localhost\n::1 localhost\n")?;
        scratch.write("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")?;
        scratch.write("status", "")?;
        scratch.write("empty", "")?;
        scratch.write("filter", seccomp::filter().unwrap_or_default())?;
        Ok(scratch)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<(), SandboxError> {
        let path = self.root.join(name);
        fs::write(&path, content).map_err(SandboxError::at(&path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).map_err(SandboxError::at(&path))
    }

    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Makes the sandbox's user the owner of the folders. A home in which an earlier run left more than the bounds
    /// allow is emptied.
    pub(super) fn give_away(&self) -> Result<(), SandboxError> {
        for name in ["home", "tmp", "shm"] {
            let folder = self.folder(name);
            match give_away(&folder) {
                Err(WalkError::Excess(excess)) => {
                    tracing::warn!(folder = %folder.display(), %excess, "a home exceeds its bounds; it is emptied");
                    files::discard(&folder).map_err(SandboxError::at(&folder))?;
                    fs::create_dir(&folder).map_err(SandboxError::at(&folder))?;
                    give_away(&folder)?;
                }
                given => given?,
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.disposable
            && let Err(error) = files::discard(&self.root)
        {
            tracing::warn!(folder = %self.root.display(), %error, "a scratch folder could not be removed");
        }
    }
}

/// The arguments of `bwrap` up to and with the `--`.
pub(super) fn arguments(inner: &Inner, run: &SandboxRun, scratch: &Scratch, overlays: &Overlays) -> Vec<OsString> {
    let mut args = Arguments::default();
    args.flags(&[
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--die-with-parent",
        "--new-session",
    ]);
    if run.network != Network::Host {
        args.flags(&["--unshare-net"]);
    }
    if seccomp::filter().is_some() {
        args.flags(&["--seccomp", "4"]);
    }
    args.flags(&["--hostname", "sandbox", "--cap-drop", "ALL"]);
    match inner.run_as {
        // Needed only to change the user: `setpriv` drops both capabilities with the change (see `run_as`).
        RunAs::Dropped => args.flags(&["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]),
        RunAs::Mapped => {
            let id = INSIDE_UID.to_string();
            args.flags(&["--unshare-user", "--uid", &id, "--gid", &id]);
        }
    }
    system(&mut args, run);
    args.flags(&["--dev", "/dev", "--proc", "/proc"]);
    for (name, inside) in [
        ("passwd", "/etc/passwd"),
        ("group", "/etc/group"),
        ("hosts", "/etc/hosts"),
        ("nsswitch.conf", "/etc/nsswitch.conf"),
    ] {
        args.bind("--ro-bind", &scratch.folder(name), Path::new(inside));
    }
    let home = overlays.home.as_ref().map_or_else(|| scratch.folder("home"), |overlay| overlay.view.clone());
    let tree = overlays.tree.as_ref().map_or(&run.workdir, |overlay| &overlay.view);
    args.bind("--bind", &home, Path::new(HOME));
    args.bind("--bind", tree, Path::new(TREE));
    for (name, inside) in [("tmp", "/tmp"), ("shm", "/dev/shm")] {
        args.bind("--bind", &scratch.folder(name), Path::new(inside));
    }
    mask(&mut args, run, scratch);
    for toolchain in &inner.toolchains {
        args.bind("--ro-bind", &toolchain.host, &toolchain.inside);
    }
    let readonly = run.readonly.iter().map(|bind| ("--ro-bind", bind));
    let writable = run.writable.iter().map(|bind| ("--bind", bind));
    for (how, Bind { host, inside }) in readonly.chain(writable) {
        args.parents(inside);
        args.bind(how, host, inside);
    }
    if run.is_launched(inner.mode) || run.shows_program {
        args.bind("--ro-bind", &inner.launcher, Path::new(network::LAUNCHER));
    }
    // The writable rest of the root is in memory that no limit counts.
    args.flags(&["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", TREE, "--"]);
    args.list
}

/// Covers what a run is not to read of its clone. Of a link, what it leads to in the clone is covered.
fn mask(args: &mut Arguments, run: &SandboxRun, scratch: &Scratch) {
    let found = run.masked.iter().filter_map(|path| run.workdir.join(path).canonicalize().ok());
    for path in found {
        // The clone's own path was resolved before.
        let Some(inside) = path.strip_prefix(&run.workdir).ok().filter(|inside| !inside.as_os_str().is_empty()) else {
            continue;
        };
        let inside = Path::new(TREE).join(inside);
        if path.is_dir() {
            args.flags(&["--perms", "0555", "--tmpfs"]);
            args.list.push(inside.into());
        } else {
            args.bind("--ro-bind", &scratch.folder("empty"), &inside);
        }
    }
}

/// The programs between `bwrap` and the command that make the tree an unprivileged user, in a user namespace of its own.
pub(super) fn run_as(run_as: RunAs) -> Vec<String> {
    match run_as {
        RunAs::Mapped => Vec::new(),
        RunAs::Dropped => {
            let real = super::DROPPED_UID;
            let seen = INSIDE_UID;
            [
                "/usr/bin/setpriv",
                &format!("--reuid={real}"),
                &format!("--regid={real}"),
                "--clear-groups",
                "--inh-caps=-all",
                "--",
                "/usr/bin/unshare",
                "--user",
                &format!("--map-user={seen}"),
                &format!("--map-group={seen}"),
                "--",
            ]
            .map(str::to_owned)
            .to_vec()
        }
    }
}

/// Makes the sandbox's user the owner of a folder and everything in it, without following symlinks.
pub(super) fn give_away(root: &Path) -> Result<(), WalkError> {
    let owner = super::DROPPED_UID;
    let give = |path: &Path, metadata: &fs::Metadata| {
        if metadata.uid() != owner || metadata.gid() != owner {
            std::os::unix::fs::lchown(path, Some(owner), Some(owner))?;
        }
        Ok(Descend::Yes)
    };
    let given = fs::symlink_metadata(root).and_then(|metadata| give(root, &metadata));
    given.map_err(WalkError::io(root))?;
    files::walk(root, Bounds::TREE, give)
}

fn system(args: &mut Arguments, run: &SandboxRun) {
    args.bind("--ro-bind", Path::new("/usr"), Path::new("/usr"));
    for path in SYSTEM.iter().map(Path::new) {
        match (fs::read_link(path), path.is_dir()) {
            (Ok(target), _) => args.bind("--symlink", &target, path),
            (Err(_), true) => args.bind("--ro-bind", path, path),
            (Err(_), false) => {}
        }
    }
    for parent in PARENTS {
        args.flags(&["--perms", "0755", "--dir", parent]);
    }
    let further: &[&str] = match run.network {
        // A program may refuse to start without them, also where it needs none for its port.
        Network::None if run.door.is_none() => &[],
        Network::None | Network::Hosts(_) => CERTIFICATES,
        Network::Host => &[CERTIFICATES, &[RESOLVER]].concat(),
    };
    for path in ETC.iter().chain(further).map(Path::new) {
        args.bind("--ro-bind-try", path, path);
    }
    let maven = MAVEN.iter().map(PathBuf::from).filter(|path| path.exists());
    for path in maven.chain(java()) {
        args.parents(&path);
        args.bind("--ro-bind", &path, &path);
    }
}

/// The configuration of Debian's JDKs, to which links below `/usr/lib/jvm` lead.
fn java() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir("/etc").into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("java-"));
    named.map(|entry| entry.path()).filter(|path| path.is_dir())
}

#[derive(Default)]
struct Arguments {
    list: Vec<OsString>,
}

impl Arguments {
    fn flags(&mut self, flags: &[&str]) {
        self.list.extend(flags.iter().map(OsString::from));
    }

    /// Creates the parent folders of `inside`, which everybody may enter.
    fn parents(&mut self, inside: &Path) {
        let mut parents: Vec<&Path> = inside.ancestors().skip(1).filter(|path| path.parent().is_some()).collect();
        parents.reverse();
        for parent in parents {
            self.flags(&["--perms", "0755", "--dir"]);
            self.list.push(parent.into());
        }
    }

    fn bind(&mut self, how: &str, host: &Path, inside: &Path) {
        self.list.extend([how.into(), host.into(), inside.into()]);
    }
}
