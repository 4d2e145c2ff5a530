//! Finds the programs that are started from here.
//!
//! A program that is named by its full path is started with `posix_spawn`, without a copy of this process's page
//! tables. To look up a name in another environment, the standard library has to use `fork` instead. In a large process
//! that copy is most of the cost of a start.

use std::ffi::OsString;
use std::path::PathBuf;

/// Our own `PATH`, or the usual one if it is not set.
pub(super) fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
}

/// The program `name` in our own `PATH`. Relative folders are skipped, because they mean something else in another
/// working directory.
pub(super) fn which(name: &str) -> Option<PathBuf> {
    let folders = path();
    let mut found = std::env::split_paths(&folders).map(|folder| folder.join(name));
    found.find(|file| file.is_absolute() && file.is_file())
}
