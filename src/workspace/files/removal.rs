//! Removes folders of any depth and size.
//!
//! The standard library's `remove_dir_all` recurses once per level and holds a descriptor for each: 19,000 nested
//! folders end the process. Here a nested folder is first *lifted*: it is renamed to the top, where it is emptied like
//! any other. Depth therefore costs no stack, no descriptors and no long paths. Every step leaves fewer entries, so an
//! interrupted removal can continue.
//!
//! Discarded folders are renamed at once, so that nobody finds them again. One thread removes them in turns of some
//! thousand entries each. A failure is logged once, and the removal is tried again a few times at growing intervals.
//! After that the next start of the program tries again ([`super::sweep`]).

use std::collections::VecDeque;
use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, mpsc};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// What the name of a discarded folder begins with; a random part follows.
const DISCARDED: &str = ".discarded-";
/// How many entries of one folder are removed before the next folder's turn.
const SLICE: u32 = 5_000;
/// How often a removal is repeated when another one lifts folders into the same place.
const MEETINGS: u32 = 100;
/// The pauses before a failed removal is tried again.
const AGAIN: [Duration; 3] = [Duration::from_mins(1), Duration::from_mins(10), Duration::from_hours(1)];

/// Renames a folder, or whatever else is at `path`, at once. It is removed later. Succeeds if nothing is there.
pub(crate) fn discard(path: &Path) -> io::Result<()> {
    let (Some(parent), Some(_)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it has no folder around it"));
    };
    let aside = parent.join(format!("{DISCARDED}{}", uuid::Uuid::new_v4().simple()));
    match fs::rename(path, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => {
            take_up(aside);
            Ok(())
        }
    }
}

/// Whether a folder of this name was discarded.
pub(super) fn is_discarded(name: &OsStr) -> bool {
    name.as_bytes().starts_with(DISCARDED.as_bytes())
}

/// Hands a discarded folder to the thread that removes it.
pub(super) fn take_up(path: PathBuf) {
    static THREAD: LazyLock<Option<mpsc::Sender<PathBuf>>> = LazyLock::new(|| {
        let (sender, receiver) = mpsc::channel();
        let started = std::thread::Builder::new().name("removal".to_owned()).spawn(move || work(&receiver));
        started.inspect_err(|error| tracing::warn!(%error, "no thread can be started that removes folders")).ok()?;
        Some(sender)
    });
    if let Some(thread) = &*THREAD {
        // Fails only when the process ends.
        let _ = thread.send(path);
    }
}

/// A folder that is to be removed.
struct Waiting {
    path: PathBuf,
    failures: usize,
    not_before: Instant,
}

/// Removes the received folders in turns. Ends when all senders are dropped.
fn work(incoming: &mpsc::Receiver<PathBuf>) {
    let mut waiting: VecDeque<Waiting> = VecDeque::new();
    loop {
        let now = Instant::now();
        let next_due = waiting.iter().map(|it| it.not_before).min();
        let received = match next_due {
            None => incoming.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            Some(due) => incoming.recv_timeout(due.saturating_duration_since(now)),
        };
        match received {
            Ok(path) => waiting.push_back(Waiting { path, failures: 0, not_before: now }),
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        let Some(index) = waiting.iter().position(|it| it.not_before <= Instant::now()) else { continue };
        let Some(mut turn) = waiting.remove(index) else { continue };
        match remove_some(&turn.path, SLICE) {
            Ok(Progress::Done) => tracing::debug!(path = %turn.path.display(), "a folder was removed"),
            Ok(Progress::More) => waiting.push_back(turn),
            Err(error) => {
                if turn.failures == 0 {
                    tracing::warn!(path = %turn.path.display(), %error, "a folder could not be removed; it is tried again later");
                }
                let Some(pause) = AGAIN.get(turn.failures) else {
                    tracing::warn!(path = %turn.path.display(), %error, "a folder could not be removed; the next start tries again");
                    continue;
                };
                turn.failures += 1;
                turn.not_before = Instant::now() + *pause;
                waiting.push_back(turn);
            }
        }
    }
}

/// Removes a folder, or whatever else is at `path`, before it returns. Succeeds if nothing is there.
pub fn remove_all(path: &Path) -> io::Result<()> {
    let mut met = 0;
    loop {
        match remove_some(path, SLICE) {
            Ok(Progress::Done) => return Ok(()),
            Ok(Progress::More) => {}
            // The thread was removing a folder inside, and lifted another one to a place that was read already.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && met < MEETINGS => met += 1,
            Err(error) => return Err(error),
        }
    }
}

/// How far a removal has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Done,
    More,
}

/// Removes at most `most` entries of what is at `path`.
fn remove_some(path: &Path, most: u32) -> io::Result<Progress> {
    let top = match open(rustix::fs::CWD, path) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(Progress::Done),
        Err(Errno::NOTDIR | Errno::LOOP) => {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(Progress::Done),
            };
        }
        Err(error) => return Err(error.into()),
    };
    let mut removal = Removal { top: top.as_fd(), left: most };
    if removal.empty()? == Progress::More {
        return Ok(Progress::More);
    }
    match fs::remove_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(Progress::Done),
    }
}

struct Removal<'a> {
    /// The folder that is removed.
    top: BorrowedFd<'a>,
    /// How many entries may still be removed or lifted.
    left: u32,
}

impl Removal<'_> {
    /// Empties the folder at the top.
    fn empty(&mut self) -> io::Result<Progress> {
        // Lifted folders are added during the read, and the same pass may or may not return them.
        loop {
            let mut found = false;
            for (name, kind) in entries(self.top)? {
                found = true;
                if kind != FileType::Directory {
                    gone(rustix::fs::unlinkat(self.top, &name, AtFlags::empty()))?;
                } else if self.take_apart(&name)? == Progress::More {
                    return Ok(Progress::More);
                }
                if self.is_used_up() {
                    return Ok(Progress::More);
                }
            }
            if !found {
                return Ok(Progress::Done);
            }
        }
    }

    /// Removes a folder at the top: its files are removed, and its folders are lifted to the top.
    fn take_apart(&mut self, name: &CStr) -> io::Result<Progress> {
        let folder = match open(self.top, name) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(Progress::Done),
            Err(error) => return Err(error.into()),
        };
        loop {
            let inside = entries(folder.as_fd())?;
            if inside.is_empty() {
                break;
            }
            for (inner, kind) in inside {
                if kind == FileType::Directory {
                    self.lift(folder.as_fd(), &inner)?;
                } else {
                    gone(rustix::fs::unlinkat(&folder, &inner, AtFlags::empty()))?;
                }
                if self.is_used_up() {
                    return Ok(Progress::More);
                }
            }
        }
        gone(rustix::fs::unlinkat(self.top, name, AtFlags::REMOVEDIR))?;
        Ok(Progress::Done)
    }

    fn lift(&self, folder: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        let lifted = format!("{}", uuid::Uuid::new_v4().simple());
        match rustix::fs::renameat(folder, name, self.top, &lifted) {
            // A folder can be renamed only if it is writable. Opening it makes it so.
            Err(Errno::ACCESS | Errno::PERM) => {
                drop(open(folder, name)?);
                gone(rustix::fs::renameat(folder, name, self.top, &lifted))
            }
            renamed => gone(renamed),
        }
    }

    fn is_used_up(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }
}

/// Treats a missing entry as success, because another process may remove the same folder.
fn gone(done: rustix::io::Result<()>) -> io::Result<()> {
    match done {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Opens a folder, but no symlink to one. Missing permissions are added first.
fn open(at: impl AsFd, name: impl rustix::path::Arg + Copy) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = rustix::fs::openat(&at, name, flags | OFlags::PATH, Mode::empty())?;
    let mode = Mode::from_raw_mode(rustix::fs::fstat(&handle)?.st_mode);
    if !mode.contains(Mode::RWXU) {
        // By its descriptor: an `O_PATH` handle does not support `fchmod`, and the name may point to something else by
        // now.
        let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
        match rustix::fs::chmod(&path, Mode::RWXU) {
            // Somebody else owns it, but it may still be readable.
            Ok(()) | Err(Errno::PERM) => {}
            Err(error) => return Err(error),
        }
    }
    rustix::fs::openat(&at, name, flags, Mode::empty())
}

/// The names in a folder, at most [`SLICE`] of them, and the type of each.
fn entries(folder: BorrowedFd<'_>) -> io::Result<Vec<(CString, FileType)>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let kind = match entry.file_type() {
            // Some file systems do not say.
            FileType::Unknown => match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            },
            kind => kind,
        };
        found.push((name.to_owned(), kind));
        if found.len() >= SLICE as usize {
            break;
        }
    }
    Ok(found)
}
