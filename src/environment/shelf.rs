//! The layers on this machine: found, made one at a time, and removed when nobody used them for long.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::OwnedMutexGuard;

use super::{SetupError, SetupFault};
use crate::workspace::files::discard;

/// How many layers of one repository are kept.
const MOST: usize = 4;
/// A layer is kept at least for this time after its last use, because another process may use it.
const RECENT: Duration = Duration::from_hours(3);
/// The file whose date is the last use.
const USED: &str = "used";
/// What the names of unfinished layers begin with.
const MAKING: &str = ".making-";

/// How long the fault of a setup is kept for those who waited for it.
const FAULT_KEPT: Duration = Duration::from_hours(2);

type Locks = Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>;

/// The folder with the layers of all repositories.
#[derive(Debug)]
pub struct Shelf {
    root: PathBuf,
    locks: Locks,
    faults: Mutex<HashMap<PathBuf, (Instant, SetupFault)>>,
    in_use: Arc<Mutex<HashMap<PathBuf, usize>>>,
}

/// A layer that is being made. It is removed unless it is put on the shelf.
#[derive(Debug)]
pub(super) struct Making {
    path: PathBuf,
}

impl Making {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// A layer that is used. It is not removed while this value lives.
#[derive(Debug)]
pub(super) struct InUse {
    path: PathBuf,
    all: Arc<Mutex<HashMap<PathBuf, usize>>>,
}

impl InUse {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.path) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.path);
            }
        }
    }
}

impl Shelf {
    /// Opens the folder, and removes what killed processes left unfinished.
    pub(super) fn open(root: &Path) -> Result<Self, SetupError> {
        fs::create_dir_all(root).map_err(SetupError::at(root))?;
        let root = root.canonicalize().map_err(SetupError::at(root))?;
        for repository in fs::read_dir(&root).into_iter().flatten().flatten() {
            remove_unfinished(&repository.path());
        }
        Ok(Self { root, locks: Locks::default(), faults: Mutex::default(), in_use: Arc::default() })
    }

    /// Waits until nobody else of this process makes that layer.
    pub(super) async fn lock(&self, repository: &str, key: &str) -> OwnedMutexGuard<()> {
        let path = self.path(repository, key);
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(locks.entry(path).or_default())
        };
        lock.lock_owned().await
    }

    /// The layer of that name, if it is there.
    pub(super) fn take(&self, repository: &str, key: &str) -> Option<InUse> {
        let path = self.path(repository, key);
        let mut all = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        // Its date is written before it is looked for, so that another process does not remove it in between.
        if !path.is_dir() || touch(&path).is_err() {
            return None;
        }
        *all.entry(path.clone()).or_default() += 1;
        Some(InUse { path, all: Arc::clone(&self.in_use) })
    }

    /// The fault of a setup that ended after `since`.
    pub(super) fn fault_since(&self, repository: &str, key: &str, since: Instant) -> Option<SetupFault> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.get(&self.path(repository, key)).filter(|(at, _)| *at > since).map(|(_, fault)| fault.clone())
    }

    pub(super) fn remember_fault(&self, repository: &str, key: &str, fault: &SetupFault) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody waits longer than this for a setup.
        faults.retain(|_, (at, _)| at.elapsed() < FAULT_KEPT);
        faults.insert(self.path(repository, key), (Instant::now(), fault.clone()));
    }

    /// An empty folder for a new layer.
    pub(super) fn begin(&self, repository: &str) -> Result<Making, SetupError> {
        let path = self.root.join(repository).join(format!("{MAKING}{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir_all(&path).map_err(SetupError::at(&path))?;
        Ok(Making { path })
    }

    /// Gives a finished layer its name. If another process was faster, its layer is taken.
    pub(super) fn put(&self, repository: &str, key: &str, making: &Making) -> Result<InUse, SetupError> {
        let path = self.path(repository, key);
        touch(&making.path).map_err(SetupError::at(&making.path))?;
        let named = fs::rename(&making.path, &path);
        match self.take(repository, key) {
            Some(layer) => Ok(layer),
            None => Err(SetupError::Files {
                path,
                source: named.err().unwrap_or_else(|| std::io::Error::other("the layer is gone")),
            }),
        }
    }

    /// Removes the layers of a repository that were not used for the longest time, and what was never finished.
    pub(super) fn prune(&self, repository: &str) {
        remove_unfinished(&self.root.join(repository));
        let all = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let mut layers: Vec<(SystemTime, PathBuf)> = fs::read_dir(self.root.join(repository))
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
            .map(|entry| (last_use(&entry.path()), entry.path()))
            .collect();
        layers.sort();
        layers.reverse();
        for (_, path) in layers.into_iter().skip(MOST) {
            if !all.contains_key(&path) && is_old(&path) {
                remove(&path);
            }
        }
    }

    fn path(&self, repository: &str, key: &str) -> PathBuf {
        self.root.join(repository).join(key)
    }
}

fn touch(layer: &Path) -> std::io::Result<()> {
    File::create(layer.join(USED)).map(drop)
}

fn last_use(layer: &Path) -> SystemTime {
    let date = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    date(&layer.join(USED)).or_else(|| date(layer)).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn is_old(layer: &Path) -> bool {
    last_use(layer).elapsed().is_ok_and(|age| age > RECENT)
}

/// Removes what a killed process left behind while it made or removed a layer.
fn remove_unfinished(repository: &Path) {
    for entry in fs::read_dir(repository).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with('.') && is_old(&entry.path()) {
            remove(&entry.path());
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = discard(path) {
        tracing::warn!(path = %path.display(), %error, "a prepared environment could not be removed");
    }
}
