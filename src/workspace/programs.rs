//! Where programs are that are started from here.
//!
//! A program that is named by its path is started without a copy of this process's page tables (`posix_spawn` in place of
//! `fork`, which the standard library needs to look a name up in another environment): in a large process that is most of
//! what starting it costs.

use std::ffi::OsString;
use std::path::PathBuf;

/// Our own `PATH`, or what is usual where there is none.
pub(super) fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
}

/// The program `name` in our own `PATH`; a folder that is not named from the root is another one in another place, and is
/// passed by.
pub(super) fn which(name: &str) -> Option<PathBuf> {
    let folders = path();
    let mut found = std::env::split_paths(&folders).map(|folder| folder.join(name));
    found.find(|file| file.is_absolute() && file.is_file())
}
