//! A look at a tree while an agent is still at work in it.
//!
//! Reading such a tree from outside would be a way out of the sandbox: a file that is looked at as a file may be a symlink to
//! one of ours by the time that it is opened, and what it holds would be pushed. So the changed files are copied by a run
//! in a sandbox of its own, which sees the tree and nothing of ours; no process is left in the copy when it is read. What the
//! agent's repository says is not trusted here either: it only picks what is copied, and the copy is checked like any
//! other tree. A file may be copied half-written: that is work in progress, and no hand-in.

use std::fs;
use std::io::Read;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::git::{self, GitError};
use super::mirror::Mirror;
use super::sandbox::{Bind, Limits, Sandbox, SandboxRun};
use super::snapshot::Snapshot;
use super::tree::Tree;

/// Where the run sees the agent's tree, and where it leaves its lists.
const FROM: &str = "/work/from";
const LISTS: &str = "/work/lists";
/// The most bytes of a list that are read.
const LIST_BYTES: u64 = 16 * 1024 * 1024;
/// How long a look may take.
const LIMIT: Duration = Duration::from_mins(1);
/// Copies what differs from the commit `$2` in the repository `$1` into the working directory, and lists in `$3` what is gone.
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
    /// What has changed since `base` in a tree in which a process is at work; `None` where it cannot be read now.
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
                tracing::debug!(why, "a tree in use could not be looked at");
                Ok(None)
            }
        };
        super::files::discard(&copy.folder).map_err(GitError::io(&copy.folder))?;
        found
    }
}

/// A list that a run left. It may have left anything under that name.
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
