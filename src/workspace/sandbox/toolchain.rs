//! Programs outside `/usr`, mounted read-only.

use std::path::{Path, PathBuf};
use std::process::Stdio;

/// A folder with a `bin` in it, and its path in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// The folder on the host.
    pub host: PathBuf,
    /// The path inside the sandbox.
    pub inside: PathBuf,
}

impl Toolchain {
    /// The `index`th toolchain that the operator named.
    pub(super) fn named(host: &Path, index: usize) -> Self {
        Self { host: host.to_owned(), inside: PathBuf::from(format!("/opt/toolchains/{index}")) }
    }

    /// The Rust toolchain in use here, if it is not under `/usr` anyway.
    ///
    /// `rustc` in `PATH` is often rustup's shim, which needs a home that the sandbox does not show; the sysroot behind it
    /// is complete in itself.
    pub(super) async fn rust() -> Option<Self> {
        let output = tokio::process::Command::new("rustc")
            .args(["--print", "sysroot"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(std::time::Duration::from_secs(20), output).await.ok()?.ok()?;
        let host = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
        let useful = output.status.success() && host.join("bin/rustc").is_file() && !host.starts_with("/usr");
        useful.then(|| Self { host, inside: PathBuf::from("/opt/toolchains/rust") })
    }
}
