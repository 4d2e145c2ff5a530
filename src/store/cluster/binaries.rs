//! Finds the system's Postgres.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ClusterError;

/// The programs that a usable folder must contain.
const PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// A folder with the programs of one Postgres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    folder: PathBuf,
    major: u32,
}

impl Binaries {
    /// The first usable binaries: of the version that wrote `data` if there is data, else the first that are found.
    pub(super) fn find(data: Option<(PathBuf, u32)>) -> Result<Self, ClusterError> {
        Self::find_in(&folders(|name| std::env::var_os(name), Path::new("/")), data)
    }

    fn find_in(folders: &[PathBuf], data: Option<(PathBuf, u32)>) -> Result<Self, ClusterError> {
        let mut others = Vec::new();
        for folder in folders.iter().filter(|folder| is_complete(folder)) {
            let Some(major) = major_version(folder) else {
                continue;
            };
            if data.as_ref().is_none_or(|(_, wanted)| *wanted == major) {
                return Ok(Self { folder: folder.clone(), major });
            }
            others.push(major.to_string());
        }
        match data {
            Some((folder, wanted)) if !others.is_empty() => {
                Err(ClusterError::OtherVersion { folder, wanted, found: others.join(", ") })
            }
            _ => Err(ClusterError::NoBinaries(
                folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", "),
            )),
        }
    }

    /// The path of one program.
    pub(super) fn program(&self, name: &'static str) -> PathBuf {
        debug_assert!(PROGRAMS.contains(&name));
        self.folder.join(name)
    }
}

/// The folders to search, best first. If the operator sets `$PG_BIN`, only that one.
fn folders(variable: impl Fn(&str) -> Option<OsString>, root: &Path) -> Vec<PathBuf> {
    if let Some(folder) = variable("PG_BIN").filter(|value| !value.is_empty()) {
        return vec![PathBuf::from(folder)];
    }
    let mut found: Vec<PathBuf> = variable("PATH")
        .map(|path| std::env::split_paths(&path).collect::<Vec<_>>())
        .unwrap_or_default()
        .into_iter()
        .filter(|folder| is_complete(folder))
        .collect();
    found.extend(versions_newest_first(&root.join("usr/lib/postgresql"), str::parse::<u32>));
    for homebrew in ["opt/homebrew/opt", "usr/local/opt", "home/linuxbrew/.linuxbrew/opt"] {
        found.extend(versions_newest_first(&root.join(homebrew), |name| {
            name.strip_prefix("postgresql@").unwrap_or("").parse::<u32>()
        }));
    }
    if found.is_empty() {
        found.push(root.join("usr/lib/postgresql/*/bin"));
        found.insert(0, PathBuf::from("PATH"));
    }
    found
}

/// The `bin` folders below `parent` whose name has a version, newest first.
fn versions_newest_first<E>(parent: &Path, version: impl Fn(&str) -> Result<u32, E>) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let major = version(entry.file_name().to_str()?).ok()?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn is_complete(folder: &Path) -> bool {
    PROGRAMS.iter().all(|program| folder.join(program).is_file())
}

/// `postgres --version` says `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`.
fn major_version(folder: &Path) -> Option<u32> {
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

fn parse_major(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL) ")?.1;
    let digits = number.find(|character: char| !character.is_ascii_digit()).unwrap_or(number.len());
    number[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder with programs that only print their version.
    fn fake(folder: &Path, version: &str) {
        std::fs::create_dir_all(folder).unwrap();
        for program in PROGRAMS {
            let path = folder.join(program);
            std::fs::write(&path, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn the_operators_setting_has_precedence() {
        let variable = |name: &str| Some(OsString::from(if name == "PG_BIN" { "/opt/pg" } else { "/usr/bin" }));
        assert_eq!(folders(variable, Path::new("/")), [PathBuf::from("/opt/pg")]);
    }

    #[test]
    fn the_newest_installed_version_is_preferred() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "17", "15"] {
            fake(&root.path().join("usr/lib/postgresql").join(version).join("bin"), version);
        }
        let found = Binaries::find_in(&folders(|_| None, root.path()), None).unwrap();
        assert_eq!(found.major, 17);
    }

    #[test]
    fn data_is_opened_by_the_version_that_wrote_it() {
        let root = tempfile::tempdir().unwrap();
        for version in ["17", "15"] {
            fake(&root.path().join("usr/lib/postgresql").join(version).join("bin"), version);
        }
        let all = folders(|_| None, root.path());
        let found = Binaries::find_in(&all, Some((PathBuf::from("/data"), 15))).unwrap();
        assert_eq!(found.major, 15);

        let error = Binaries::find_in(&all, Some((PathBuf::from("/data"), 14))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the data in /data was written by Postgres 14, and only 17, 15 is installed: install Postgres 14 \
             (`apt-get install postgresql-14`), or move the folder away to start afresh"
        );
    }

    #[test]
    fn without_binaries_one_line_says_how_to_get_them() {
        let root = tempfile::tempdir().unwrap();
        let error = Binaries::find_in(&folders(|_| None, root.path()), None).unwrap_err();
        let line = error.to_string();
        assert!(line.contains("apt-get install postgresql"), "{line}");
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn the_major_version_is_read_from_every_kind_of_release() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.13 (Debian 15.13-0)"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(parse_major("something else"), None);
    }
}
