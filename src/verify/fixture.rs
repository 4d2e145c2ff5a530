//! Files of a diff, for tests.

use crate::workspace::{Changed, Status};

/// A file whose lines `removed` became `added`.
pub(super) fn changed(path: &str, removed: &[&str], added: &[&str]) -> Changed {
    let lines = |lines: &[&str]| (1..).zip(lines.iter().map(|line| (*line).to_owned())).collect::<Vec<_>>();
    Changed {
        path: path.to_owned(),
        status: Status::Modified,
        old_mode: 0o100_644,
        mode: 0o100_644,
        object: String::new(),
        additions: added.len() as u64,
        deletions: removed.len() as u64,
        binary: false,
        added: lines(added),
        removed: lines(removed),
    }
}
