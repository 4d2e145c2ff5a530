//! Git, as the playground's server side has it: operations on one bare repository, each of them one or a few
//! runs of the `git` program.
//!
//! In: a [`Repository`] and plain values (shas, branch names, bytes). Out: plain values, or a [`GitError`] that
//! says which rule was broken, so that the REST layer can answer with GitHub's status. A branch moves only by
//! compare-and-swap (`git update-ref <ref> <new> <old>`): two merges of one base cannot lose a commit.
//!
//! The program runs without a shell, with an environment of our own ([`command`]), and no value from outside can
//! be read as one of its options: revisions, ref names and paths are checked first ([`refs`], [`objects`]).
//! Nothing here has a work tree, knows a user, or sends a webhook. [`http`] serves clones and pushes and tells
//! its host which refs moved.

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

/// A bare repository on disk. Cheap to clone; clones share what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    path: PathBuf,
    /// Shas that were seen to be commits. Nothing is ever pruned here, so that they stay so; asking git each time was
    /// two in three of all processes.
    commits: Arc<Mutex<HashSet<String>>>,
}

impl Repository {
    /// Makes a bare repository at `path` (and the folders above it) whose `HEAD` names `default_branch`.
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

    /// The repository at `path`, which must be one.
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

    /// Where it lies on disk.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn git(&self) -> Invocation {
        Invocation::new(&self.path)
    }

    /// What a hosted repository allows and refuses, and the hook by which a push reports the refs that it moved.
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

/// `refs/pull/*` belongs to the server: readable by everyone, hidden from pushes, as on GitHub
/// (<https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/checking-out-pull-requests-locally>).
/// Any object may be fetched by its sha, as `actions/checkout` does. Durability is not what this server is for.
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

/// Git hands a post-receive hook exactly the refs that this push moved, one `old new name` a line
/// (githooks(5)); the server names the file to put them in. Pushes that nobody listens to report nothing.
const POST_RECEIVE: &str = "#!/bin/sh\nexec cat >> \"${PLAYGROUND_PUSH_REPORT:-/dev/null}\"\n";

/// Git asks the update hook for every ref that a push wants to move (githooks(5)); the server has laid out what to say if the
/// push drops commits (the first digit) and if it brings merge commits (the second), and what to say if it brings workflow files
/// (`~workflows`), where the pusher may not. What it declined with, it leaves in `~declined` for the push's report.
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

/// Why an operation on a repository was not done.
#[derive(Debug, Error)]
pub(crate) enum GitError {
    /// Nothing that looks like a bare repository lies there.
    #[error("{} is not a bare git repository", .0.display())]
    NotARepository(PathBuf),
    /// The revision, or an object it needs, is not in the repository.
    #[error("`{0}` does not name anything in this repository")]
    NotFound(String),
    /// Against the rules of git-check-ref-format(1), or not a full name.
    #[error("`{0}` is not a valid reference name; it starts with refs/ and has at least two slashes")]
    InvalidRefName(String),
    /// Absolute, with `.` or `..` or empty parts, or inside `.git`.
    #[error("`{0}` is not a valid path; it is relative to the top of the tree")]
    InvalidPath(String),
    /// A tree entry, person or message that git would not store.
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
        /// The name that was asked for.
        name: String,
        /// Git's words.
        reason: String,
    },
    /// Compare-and-swap failed: the reference is not where the caller believed.
    #[error("reference `{name}` is at {}, not at {expected}", .actual.as_deref().unwrap_or("nothing"))]
    Moved {
        name: String,
        /// What the caller believed.
        expected: String,
        actual: Option<String>,
    },
    /// The update would drop commits, and was not forced.
    #[error("the update of `{name}` is not a fast-forward")]
    NotFastForward { name: String },
    /// The two sides change the same lines.
    #[error("merge conflict in {}", .paths.join(", "))]
    Conflict {
        /// The paths in conflict.
        paths: Vec<String>,
    },
    /// Everything that was to be merged is there already.
    #[error("nothing to merge: the base already has every commit of the head")]
    UpToDate,
    /// The two histories share no commit.
    #[error("`{0}` and `{1}` have no common ancestor")]
    NoCommonAncestor(String, String),
    /// Git failed in a way that none of the above covers.
    #[error("`git {command}` ended with {status}: {stderr}")]
    Failed {
        command: String,
        /// Its exit status, or "a signal".
        status: String,
        /// The first lines of what it said.
        stderr: String,
    },
    /// Git printed something that this code does not understand.
    #[error("could not read what `git {0}` printed")]
    Unreadable(&'static str),
    /// The program could not be run or a file could not be written.
    #[error("could not {what}: {source}")]
    Io { what: String, source: std::io::Error },
}

#[cfg(test)]
mod tests;
