//! Server-side operations on one bare repository. Each is one run, or a few runs, of the `git` program.
//!
//! In: a [`Repository`] and plain values (shas, branch names, bytes). Out: plain values, or a [`GitError`] that says
//! which rule was broken, so that the REST layer can answer with GitHub's status. A branch moves only by
//! compare-and-swap (`git update-ref <ref> <new> <old>`), so that two merges into one base cannot lose a commit.
//!
//! The program runs without a shell and in a clean environment ([`command`]). No value from outside can be read as one
//! of its options, because revisions, ref names and paths are checked first ([`refs`], [`objects`]). Nothing here has a
//! work tree, knows a user, or sends a webhook. [`http`] serves clones and pushes and reports the moved refs to its
//! host.

mod blobs;
mod command;
mod diff;
mod history;
pub(crate) mod http;
mod merge;
mod objects;
mod people;
mod refs;
mod source;
mod tags;
mod text;
mod workflows;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use thiserror::Error;

pub(crate) use diff::{FileChange, FileStatus};
pub(crate) use history::{AheadBehind, CommitInfo, Signature};
pub(crate) use merge::{MergeMethod, Preview};
pub(crate) use objects::{Blob, EntryKind, FileWrite, NewTreeEntry, TreeEntry, Written};
pub(crate) use refs::{Branch, Reference, Update, branch_ref, is_sha, is_valid_ref_name};
pub(crate) use source::ImportSource;
pub(crate) use tags::{Format, Tag};

use command::Invocation;

/// A bare repository on disk. Cheap to clone; clones share a cache.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    path: PathBuf,
    /// Known commits. Nothing is ever pruned here, so an entry stays valid. Without this cache, two thirds of all
    /// processes only checked commits.
    commits: Arc<Mutex<HashSet<String>>>,
}

impl Repository {
    /// Creates a bare repository at `path` (and the folders above it) whose `HEAD` names `default_branch`.
    pub(crate) async fn init(path: impl Into<PathBuf>, default_branch: &str) -> Result<Self, GitError> {
        let path = path.into();
        if !is_valid_ref_name(&branch_ref(default_branch)) {
            return Err(GitError::InvalidRefName(default_branch.to_owned()));
        }
        std::fs::create_dir_all(&path)
            .map_err(|source| GitError::Io { what: format!("create {}", path.display()), source })?;
        Invocation::new(&path)
            .args(["init", "--quiet", "--bare", "--template="])
            .arg(format!("--initial-branch={default_branch}"))
            .arg(&path)
            .run()
            .await?;
        let repository = Self::at(path);
        repository.configure()?;
        Ok(repository)
    }

    /// Opens the repository at `path`, which must exist.
    pub(crate) fn open(path: impl Into<PathBuf>) -> Result<Self, GitError> {
        let path = path.into();
        if path.join("HEAD").is_file() && path.join("objects").is_dir() {
            return Ok(Self::at(path));
        }
        Err(GitError::NotARepository(path))
    }

    fn at(path: PathBuf) -> Self {
        Self { path, commits: Arc::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn git(&self) -> Invocation {
        Invocation::new(&self.path)
    }

    /// Sets what a hosted repository allows and refuses, and the hook by which a push reports the refs that it moved.
    fn configure(&self) -> Result<(), GitError> {
        let io = |what: &str| {
            let what = format!("{what} in {}", self.path.display());
            move |source| GitError::Io { what, source }
        };
        let config = self.path.join("config");
        let mut text = std::fs::read_to_string(&config).map_err(io("read config"))?;
        text.push_str(HOSTED_CONFIG);
        std::fs::write(&config, text).map_err(io("write config"))?;

        let hooks = self.path.join("hooks");
        std::fs::create_dir_all(&hooks).map_err(io("create hooks"))?;
        for (name, script) in [("post-receive", POST_RECEIVE), ("update", UPDATE)] {
            let hook = hooks.join(name);
            std::fs::write(&hook, script).map_err(io("write a hook"))?;
            make_executable(&hook).map_err(io("make a hook executable"))?;
        }
        Ok(())
    }
}

/// `refs/pull/*` belongs to the server: everybody can read it, and it is hidden from pushes, as on GitHub
/// (<https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/checking-out-pull-requests-locally>).
/// Any object may be fetched by its sha, as `actions/checkout` does. Durability is not a goal of this server.
const HOSTED_CONFIG: &str = "\
[http]
\treceivepack = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[receive]
\thideRefs = refs/pull
\tautogc = false
\tadvertisePushOptions = true
[gc]
\tauto = 0
[core]
\tfsync = none
";

/// Git gives the post-receive hook exactly the refs that this push moved, one `old new name` per line (githooks(5)).
/// The server names the file to write them to. If it names none, nothing is reported.
const POST_RECEIVE: &str = "#!/bin/sh\nexec cat >> \"${PLAYGROUND_PUSH_REPORT:-/dev/null}\"\n";

/// Git calls the update hook for every ref that a push wants to move (githooks(5)). The server has prepared messages
/// for a push that removes commits (the first digit), that brings merge commits (the second), and that brings workflow
/// files without permission (`~workflows`). The hook writes the message of its refusal to `~declined`, for the push's
/// report.
const UPDATE: &str = r#"#!/bin/sh
answers="${PLAYGROUND_PUSH_RULES:-}/$1~"
workflows="${PLAYGROUND_PUSH_RULES:-}/~workflows"
none=0000000000000000000000000000000000000000
brought() {
    tab=$(printf '\t')
    git -c core.quotePath=false log --full-history -c --format= --raw --no-abbrev --no-renames "$1" --not --all \
        -- .github/workflows | while IFS="$tab" read -r change path; do
        blob=${change% *}
        blob=${blob##* }
        [ "$blob" != "$none" ] || continue
        git for-each-ref --format='%(objectname)' refs/heads | while read -r head; do
            [ "$(git rev-parse --verify --quiet "$head:$path")" != "$blob" ] || echo known
        done | grep -q known || { echo "$path"; break; }
    done
}
if [ -e "$workflows" ] && [ "$3" != "$none" ]; then
    path=$(brought "$3")
    if [ -n "$path" ]; then
        mkdir -p "$(dirname "$answers")"
        printf "$(cat "$workflows")" "$path" > "${answers}declined"
        exit 1
    fi
fi
[ -e "${answers}11" ] || exit 0
forced=0 merges=0
case "$2 $3" in
*0000000000000000000000000000000000000000*) ;;
*)
    git merge-base --is-ancestor "$2" "$3" || forced=1
    [ -z "$(git rev-list --merges --max-count=1 "$2..$3")" ] || merges=1
    ;;
esac
[ -e "$answers$forced$merges" ] || exit 0
cat "$answers$forced$merges" >&2
cp "$answers$forced$merges~" "${answers}declined"
exit 1
"#;

fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

/// Why an operation on a repository failed.
#[derive(Debug, Error)]
pub(crate) enum GitError {
    /// There is no bare repository at this path.
    #[error("{} is not a bare git repository", .0.display())]
    NotARepository(PathBuf),
    /// The revision, or an object it needs, is not in the repository.
    #[error("`{0}` does not name anything in this repository")]
    NotFound(String),
    /// The name breaks the rules of git-check-ref-format(1), or is not a full name.
    #[error("`{0}` is not a valid reference name; it starts with refs/ and has at least two slashes")]
    InvalidRefName(String),
    /// The path is absolute, has `.`, `..` or empty parts, or is inside `.git`.
    #[error("`{0}` is not a valid path; it is relative to the top of the tree")]
    InvalidPath(String),
    /// A tree entry, person or message that git does not accept.
    #[error("{0}")]
    InvalidInput(String),
    /// The reference to be created exists.
    #[error("reference `{0}` already exists")]
    RefExists(String),
    /// The reference to be moved or deleted does not exist.
    #[error("reference `{0}` does not exist")]
    RefNotFound(String),
    /// One name is the folder of the other: `a` and `a/b` cannot both be branches.
    #[error("reference `{name}` cannot be made beside the existing ones: {reason}")]
    RefNameTaken {
        name: String,
        /// Git's message.
        reason: String,
    },
    /// Compare-and-swap failed: the reference is not at the expected commit.
    #[error("reference `{name}` is at {}, not at {expected}", .actual.as_deref().unwrap_or("nothing"))]
    Moved {
        name: String,
        /// The commit that the caller expected.
        expected: String,
        actual: Option<String>,
    },
    /// The update would remove commits, and was not forced.
    #[error("the update of `{name}` is not a fast-forward")]
    NotFastForward { name: String },
    /// The two sides change the same lines.
    #[error("merge conflict in {}", .paths.join(", "))]
    Conflict {
        /// The paths in conflict.
        paths: Vec<String>,
    },
    /// The base contains the head already.
    #[error("nothing to merge: the base already has every commit of the head")]
    UpToDate,
    /// The two histories share no commit.
    #[error("`{0}` and `{1}` have no common ancestor")]
    NoCommonAncestor(String, String),
    /// Git failed for another reason.
    #[error("`git {command}` ended with {status}: {stderr}")]
    Failed {
        command: String,
        /// Its exit status, or "a signal".
        status: String,
        /// The first lines of its stderr.
        stderr: String,
    },
    /// Git's output could not be parsed.
    #[error("could not read what `git {0}` printed")]
    Unreadable(&'static str),
    /// The program could not be run or a file could not be written.
    #[error("could not {what}: {source}")]
    Io { what: String, source: std::io::Error },
}

#[cfg(test)]
mod tests;
