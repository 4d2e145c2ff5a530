//! The folders of the private Postgres, and the account that runs it.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{ClusterError, at};

/// `sockaddr_un.sun_path` holds 108 bytes on Linux (104 on macOS) with the terminating zero.
const LONGEST_SOCKET: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
/// The name that Postgres gives its socket at port 5432.
const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// Used by root if another account cannot reach the data folder, for example below `/root`.
const ROOTS_FALLBACK: &str = "/var/lib/adjutant";

/// The folders of one cluster and the account that owns its data.
///
/// We own `base` with its locks and its log. The account that runs the server owns `base/data` and the socket's folder.
/// Root opens only files that the other account cannot have replaced by a link.
#[derive(Debug, Clone)]
pub(super) struct DataFolder {
    pub(super) base: PathBuf,
    account: Option<Account>,
}

/// The account that runs the server if we are root.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Account {
    uid: u32,
    gid: u32,
}

impl DataFolder {
    /// Creates `data_dir` and the cluster's folder in it, and finds the account to use.
    pub(super) fn settle(data_dir: &Path) -> Result<Self, ClusterError> {
        fs::create_dir_all(data_dir).map_err(at(data_dir))?;
        let data_dir = data_dir.canonicalize().map_err(at(data_dir))?;
        if own_uid(&data_dir).map_err(at(&data_dir))? != 0 {
            let base = data_dir.join("postgres");
            make_folder(&base, 0o700)?;
            return Ok(Self { base, account: None });
        }
        let passwd = fs::read_to_string("/etc/passwd").map_err(at(Path::new("/etc/passwd")))?;
        let account = lesser_account(&passwd).ok_or(ClusterError::NoAccount)?;
        let base = if reachable(&data_dir, &account) {
            data_dir.join("postgres")
        } else {
            make_folder(Path::new(ROOTS_FALLBACK), 0o755)?;
            elsewhere(&data_dir)
        };
        make_folder(&base, 0o711)?;
        Ok(Self { base, account: Some(account) })
    }

    /// Whether `data_dir` has a cluster. Creates nothing.
    pub(super) fn has_data(data_dir: &Path) -> bool {
        let Ok(data_dir) = data_dir.canonicalize() else { return false };
        [data_dir.join("postgres"), elsewhere(&data_dir)].iter().any(|base| base.join("data").is_dir())
    }

    /// The folder that Postgres calls `PGDATA`.
    pub(super) fn data(&self) -> PathBuf {
        self.base.join("data")
    }

    /// The file for the server's log.
    pub(super) fn log(&self) -> PathBuf {
        self.base.join("log")
    }

    /// The data and the major version that wrote it, if there is data.
    pub(super) fn data_version(&self) -> Result<Option<(PathBuf, u32)>, ClusterError> {
        let file = self.data().join("PG_VERSION");
        match fs::read_to_string(&file) {
            Ok(text) => Ok(text.trim().parse().ok().map(|major| (self.data(), major))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&file)(error)),
        }
    }

    /// An empty folder of mode 0700 that belongs to the account that runs the server.
    pub(super) fn make_private_folder(&self, path: &Path) -> Result<(), ClusterError> {
        make_folder(path, 0o700)?;
        if let Some(account) = &self.account {
            chown(path, Some(account.uid), Some(account.gid)).map_err(at(path))?;
        }
        Ok(())
    }

    /// The folder for the socket: in `base`, or a short one under the system's temporary folder. That one is recorded
    /// in `base`, so that it is found again while the server runs and after a kill.
    pub(super) fn socket_folder(&self) -> Result<PathBuf, ClusterError> {
        let near = self.base.join("socket");
        if is_fit_for_socket(&near) {
            self.make_private_folder(&near)?;
            return Ok(near);
        }
        let record = self.base.join("socket-folder");
        if let Ok(recorded) = fs::read_to_string(&record) {
            let recorded = PathBuf::from(recorded);
            if self.is_ours(&recorded) {
                return Ok(recorded);
            }
        }
        // A random name, so that other users of the temporary folder cannot have created it before.
        let short = std::env::temp_dir().join(format!("adjutant-{}", &Uuid::new_v4().simple().to_string()[..12]));
        let short = if is_fit_for_socket(&short) {
            short
        } else {
            Path::new("/tmp").join(short.file_name().unwrap_or_default())
        };
        fs::create_dir(&short).map_err(at(&short))?;
        self.make_private_folder(&short)?;
        fs::write(&record, short.as_os_str().as_bytes()).map_err(at(&record))?;
        Ok(short)
    }

    /// Removes the short socket folder of a server that was stopped: nothing of it stays if the data folder is removed
    /// next. The next start makes another one.
    pub(super) fn remove_short_socket_folder(&self) {
        let record = self.base.join("socket-folder");
        let Ok(recorded) = fs::read_to_string(&record).map(PathBuf::from) else { return };
        // Only an empty folder is removed, and only ours.
        if self.is_ours(&recorded) && fs::remove_dir(&recorded).is_ok() {
            let _ = fs::remove_file(&record);
        }
    }

    fn is_ours(&self, folder: &Path) -> bool {
        let Ok(found) = fs::symlink_metadata(folder) else {
            return false;
        };
        let owner = match &self.account {
            Some(account) => Some(account.uid),
            None => own_uid(&self.base).ok(),
        };
        found.is_dir() && Some(found.uid()) == owner && found.mode() & 0o777 == 0o700
    }

    /// A command that runs as the cluster's account, without our environment (it may hold secrets) and outside our
    /// process group, so that a ctrl-C meant for us does not reach it first.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .current_dir(&self.base)
            .stdin(Stdio::null())
            .process_group(0);
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }
}

/// Where root keeps the cluster if another account cannot reach the data folder.
fn elsewhere(data_dir: &Path) -> PathBuf {
    let digest = Sha256::digest(data_dir.as_os_str().as_bytes());
    Path::new(ROOTS_FALLBACK).join(format!("postgres-{}", hex::encode(&digest[..6])))
}

/// Our effective user id, read from a file created in `folder`: `geteuid` cannot be called without `unsafe`.
fn own_uid(folder: &Path) -> io::Result<u32> {
    let probe = folder.join(format!(".probe-{}", Uuid::new_v4().simple()));
    let file = fs::File::create_new(&probe)?;
    let uid = file.metadata().map(|metadata| metadata.uid());
    fs::remove_file(&probe)?;
    uid
}

fn make_folder(path: &Path, mode: u32) -> Result<(), ClusterError> {
    fs::create_dir_all(path).map_err(at(path))?;
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(at(path))
}

/// `postgres` if Postgres was installed as a package, else `nobody`.
fn lesser_account(passwd: &str) -> Option<Account> {
    ["postgres", "nobody"].into_iter().find_map(|name| {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (found, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
            (found == name).then_some(Account { uid: uid.parse().ok()?, gid: gid.parse().ok()? })
        })
    })
}

/// Whether `account` may enter every folder on the way to `path`.
fn reachable(path: &Path, account: &Account) -> bool {
    path.ancestors().all(|folder| {
        fs::metadata(folder).is_ok_and(|found| {
            let bit = if found.uid() == account.uid {
                0o100
            } else if found.gid() == account.gid {
                0o010
            } else {
                0o001
            };
            found.mode() & bit != 0
        })
    })
}

/// Whether the path is short enough for a socket's address, and has no character at which Postgres splits its list of
/// folders.
fn is_fit_for_socket(folder: &Path) -> bool {
    let bytes = folder.as_os_str().as_bytes();
    bytes.len() + 1 + SOCKET_NAME.len() <= LONGEST_SOCKET
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\npostgres:x:101:104::/:/bin/sh\n";

    #[test]
    fn root_hands_the_server_to_postgres_or_else_to_nobody() {
        assert_eq!(lesser_account(PASSWD), Some(Account { uid: 101, gid: 104 }));
        let without = PASSWD.replace("postgres", "someone");
        assert_eq!(lesser_account(&without), Some(Account { uid: 65534, gid: 65534 }));
        assert_eq!(lesser_account("root:x:0:0::/:/bin/sh"), None);
    }

    #[test]
    fn a_long_or_odd_path_is_no_place_for_a_socket() {
        assert!(is_fit_for_socket(Path::new("/var/lib/adjutant/postgres/socket")));
        assert!(!is_fit_for_socket(Path::new(&format!("/{}", "x".repeat(100)))));
        assert!(!is_fit_for_socket(Path::new("/srv/a,b/socket")));
    }

    #[test]
    fn the_short_socket_folder_is_recorded_and_found_again() {
        let long = tempfile::tempdir().unwrap();
        let base = long.path().join("x".repeat(90));
        fs::create_dir(&base).unwrap();
        let place = DataFolder { base, account: None };
        let first = place.socket_folder().unwrap();
        assert_eq!(place.socket_folder().unwrap(), first);
        assert_eq!(fs::metadata(&first).unwrap().mode() & 0o777, 0o700);

        fs::remove_dir(&first).unwrap();
        let second = place.socket_folder().unwrap();
        assert_ne!(first, second, "a name that was free for a while may be somebody else's");
        fs::remove_dir(second).unwrap();
    }

    #[test]
    fn a_folder_behind_a_closed_one_is_not_reachable() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let stranger = Account { uid: 4_000_000, gid: 4_000_000 };
        fs::set_permissions(outer.path(), Permissions::from_mode(0o700)).unwrap();
        assert!(!reachable(&inner, &stranger));
        fs::set_permissions(outer.path(), Permissions::from_mode(0o711)).unwrap();
        assert!(reachable(&inner, &stranger));
    }
}
