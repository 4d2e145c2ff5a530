//! Takes a snapshot of a tree while an agent is still working in it.
//!
//! Reading such a tree from outside would break the sandbox. A path that was checked as a file may be a symlink to one
//! of our files when it is opened, and its contents would be pushed. Therefore a separate sandboxed run copies the
//! changed files. That run sees the tree and none of our files, and no process is left in the copy when it is read. The
//! agent's repository is not trusted here either: it only selects what is copied, and the copy is checked like any
//! other tree. A file may be copied half-written. That is acceptable, because the snapshot is progress and not a
//! submission.

use std::fs;
use std::io::Read;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::git::{self, GitError};
use super::mirror::Mirror;
use super::sandbox::{Bind, Limits, Sandbox, SandboxRun};
use super::snapshot::Snapshot;
use super::tree::Tree;

/// The path of the agent's tree in the run, and the path of the lists that it writes.
const FROM: &str = "/work/from";
const LISTS: &str = "/work/lists";
/// The most bytes of a list that are read.
const LIST_BYTES: u64 = 16 * 1024 * 1024;
/// How long taking a snapshot may take.
const LIMIT: Duration = Duration::from_mins(1);
/// Copies the files that differ from the commit `$2` in the repository `$1` into the working directory, and lists the
/// deleted ones in `$3`.
const COPY: &str = r#"
set -e
out=$(pwd)
cd "$1"
look() { git -c safe.directory='*' -c core.fsmonitor=false "$@"; }
differs() { look diff --no-ext-diff --no-textconv --no-renames --ignore-submodules=all --name-only -z "$@" --; }
differs --diff-filter=D "$2" > "$3/deleted"
{ differs --diff-filter=d "$2"; look ls-files --others --exclude-standard -z; } > "$3/changed"
xargs -0 -r -a "$3/changed" cp -P --parents --preserve=mode -t "$out" -- || true
"#;

impl Mirror {
    /// The changes since `base` in a tree in which a process is running; `None` if the tree cannot be read now.
    pub async fn live_snapshot(
        &self,
        sandbox: &Sandbox,
        tree: &Tree,
        base: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<Snapshot>, GitError> {
        let copy = Tree { folder: tree.beside("live_snapshot"), base: git::sha(base)?.to_owned() };
        let lists = Bind::new(copy.beside("lists"), LISTS);
        super::files::discard(&copy.folder).map_err(GitError::io(&copy.folder))?;
        for folder in [&copy.path(), &lists.host] {
            fs::create_dir_all(folder).map_err(GitError::io(folder))?;
        }
        let from = Bind::new(tree.path(), FROM);
        let seen = |bind: &Bind| sandbox.seen(bind).display().to_string();
        let argv = ["sh", "-c", COPY, "sh"].map(str::to_owned).into_iter();
        let argv = argv.chain([seen(&from), base.to_owned(), seen(&lists)]).collect();
        let mut run = SandboxRun::new(argv, copy.path(), copy.beside("log"));
        run.env.insert("GIT_OPTIONAL_LOCKS".to_owned(), "0".to_owned());
        run.limits = Limits { wall: LIMIT, output_bytes: 1024 * 1024, ..Limits::default() };
        run.readonly.push(from);
        run.writable.push(lists.clone());
        run.cancel = cancel.clone();
        let seen = match sandbox.run(run).await {
            Ok(ran) if ran.exit.success() => read_list(&lists.host.join("deleted")),
            Ok(ran) => Err(ran.tail),
            Err(error) => Err(error.to_string()),
        };
        let found = match seen {
            Ok(deleted) => self.snapshot_of_copy(&copy, base, deleted).await.map(Some),
            Err(why) => {
                tracing::debug!(why, "a running agent's tree could not be read");
                Ok(None)
            }
        };
        super::files::discard(&copy.folder).map_err(GitError::io(&copy.folder))?;
        found
    }
}

/// Reads a list that a run wrote. The run may have put anything under that name.
fn read_list(path: &std::path::Path) -> Result<Vec<u8>, String> {
    let metadata = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("the list is no regular file".to_owned());
    }
    let mut list = Vec::new();
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(LIST_BYTES).read_to_end(&mut list).map_err(|error| error.to_string())?;
    Ok(list)
}
