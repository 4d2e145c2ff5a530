//! The rules for an agent's change. They are checked on a snapshot; nothing here touches a file.

use std::sync::LazyLock;

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use super::secrets::{self, KnownSecrets};
use super::snapshot::{SUBMODULE, Snapshot, adds_content, escapes};

/// The limits of one change.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Paths whose change needs a person's approval: globs from the repository's root, where `**` crosses folders.
    pub protected: GlobSet,
    /// How many files may change.
    pub max_files: usize,
    /// The most bytes of all new and changed files together.
    pub max_bytes: u64,
    /// Values that may not be pushed.
    pub known: KnownSecrets,
}

/// Paths that always need a person's approval: the repository's automation, and the policy. The folder itself is
/// included, because a symlink of its name would replace it.
pub const ALWAYS_PROTECTED: &[&str] = &[".github", ".github/**"];

/// Files that tell agents what to do, in any folder. Whatever agent works on the repository later obeys them, and some name
/// programs that it starts or the address that it sends everything to. They need a person's approval too.
pub const AGENT_CONFIGURATION: &[&str] = &[
    "**/AGENTS.md",
    "**/AGENTS.override.md",
    "**/AGENT.md",
    "**/CLAUDE.md",
    "**/CLAUDE.local.md",
    "**/GEMINI.md",
    "**/QWEN.md",
    "**/CONVENTIONS.md",
    "**/.mcp.json",
    "**/{.agents,.claude,.codex,.cursor,.gemini,.opencode,.qwen,.roo,.windsurf,.kiro,.amazonq,.junie}",
    "**/{.agents,.claude,.codex,.cursor,.gemini,.opencode,.qwen,.roo,.windsurf,.kiro,.amazonq,.junie}/**",
    "**/{.clinerules,.clinerules/**}",
    "**/{.cursorrules,.windsurfrules,.goosehints,.roomodes}",
    "**/{opencode.json,opencode.jsonc}",
    "**/{.aider.conf.yml,.aider.conf.yaml,.aider.model.settings.yml}",
];

/// Whether a path is one of [`AGENT_CONFIGURATION`].
pub fn configures_agents(path: &str) -> bool {
    static SET: LazyLock<GlobSet> = LazyLock::new(|| {
        // A test holds that each of them compiles.
        path_set(AGENT_CONFIGURATION.iter().copied()).unwrap_or_else(|_| GlobSet::empty())
    });
    SET.is_match(path)
}

/// Case is ignored, because `.GitHub` is `.github` on many people's machines.
fn pattern(glob: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(glob).literal_separator(true).case_insensitive(true).build()
}

/// A set of paths: globs from the repository's root, where `**` crosses folders.
pub fn path_set<'a>(globs: impl IntoIterator<Item = &'a str>) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(pattern(glob)?);
    }
    set.build()
}

impl Rules {
    /// Rules with protected paths in addition to [`ALWAYS_PROTECTED`] and [`AGENT_CONFIGURATION`], and the default limits.
    pub fn new<'a>(protected: impl IntoIterator<Item = &'a str>) -> Result<Self, globset::Error> {
        Ok(Self {
            protected: path_set(ALWAYS_PROTECTED.iter().chain(AGENT_CONFIGURATION).copied().chain(protected))?,
            max_files: 300,
            max_bytes: 20 * 1024 * 1024,
            known: KnownSecrets::default(),
        })
    }
}

/// A violation of the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeFault {
    /// A symlink that leaves the tree.
    #[error("`{path}` is a symlink that leads out of the repository, to `{target}`")]
    SymlinkOut {
        path: String,
        /// The target as the link has it.
        target: String,
    },
    /// A submodule was added or moved.
    #[error("`{0}` is a submodule: submodules are not changed by Adjutant")]
    Submodule(String),
    /// A repository inside the working tree.
    #[error("`{0}` is a git repository inside of the repository, and was left out")]
    NestedRepository(String),
    /// A credential that was not there before.
    #[error("`{}` line {line} holds {kind}", secrets::redact(path))]
    Secret {
        path: String,
        /// The line in the new file.
        line: u64,
        /// What it is, in a few words.
        kind: String,
    },
    /// A file is named by a credential.
    #[error("the name of `{}` holds {kind}", secrets::redact(path))]
    SecretName {
        path: String,
        /// What it is, in a few words.
        kind: String,
    },
    /// Conflict markers were left.
    #[error("`{path}` line {line} is a conflict marker: the merge is not resolved")]
    ConflictMarker {
        path: String,
        /// The line in the new file.
        line: u64,
    },
    /// A path that needs a person's approval.
    #[error("`{0}` is protected: a person has to approve this change")]
    Protected(String),
    #[error("{count} files changed; at most {limit} may")]
    TooManyFiles { count: usize, limit: usize },
    #[error("the new and changed files have {bytes} bytes; at most {limit} may be")]
    TooLarge { bytes: u64, limit: u64 },
    /// The change has more lines than are read.
    #[error("the change has too many lines to be checked for secrets and conflict markers")]
    NotReadWhole,
}

impl ChangeFault {
    /// Whether the change may still be pushed, for a person to approve.
    pub fn needs_person(&self) -> bool {
        matches!(self, Self::Protected(_))
    }

    /// Whether the change must not be pushed. A nested repository was already left out, so that the rest may go.
    pub fn refuses(&self) -> bool {
        !matches!(self, Self::Protected(_) | Self::NestedRepository(_))
    }
}

/// The violations that need no look into the files, in the order of the change's files.
pub(super) fn check(snapshot: &Snapshot, rules: &Rules) -> Vec<ChangeFault> {
    let mut faults = Vec::new();
    let files = &snapshot.diff.files;
    if files.len() > rules.max_files {
        faults.push(ChangeFault::TooManyFiles { count: files.len(), limit: rules.max_files });
    }
    if snapshot.bytes > rules.max_bytes {
        faults.push(ChangeFault::TooLarge { bytes: snapshot.bytes, limit: rules.max_bytes });
    }
    if snapshot.diff.truncated {
        faults.push(ChangeFault::NotReadWhole);
    }
    faults.extend(snapshot.nested.iter().cloned().map(ChangeFault::NestedRepository));
    for (path, target) in snapshot.symlinks.iter().filter(|(path, target)| escapes(path, target)) {
        faults.push(ChangeFault::SymlinkOut { path: path.clone(), target: target.clone() });
    }
    for file in files {
        if file.mode == SUBMODULE || file.old_mode == SUBMODULE || file.path == ".gitmodules" {
            faults.push(ChangeFault::Submodule(file.path.clone()));
        }
        if rules.protected.is_match(&file.path) {
            faults.push(ChangeFault::Protected(file.path.clone()));
        }
        if adds_content(file.status) {
            faults.extend(conflict_marker(&file.path, &file.added));
        }
    }
    faults
}

fn conflict_marker(path: &str, added: &[(u64, String)]) -> Option<ChangeFault> {
    let (line, _) = added.iter().find(|(_, line)| marker(line, "<<<<<<<"))?;
    let closes = added.iter().any(|(_, line)| marker(line, ">>>>>>>"));
    closes.then(|| ChangeFault::ConflictMarker { path: path.to_owned(), line: *line })
}

fn marker(line: &str, mark: &str) -> bool {
    line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\r']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_the_automation_is_protected_itself_and_however_it_is_spelt() {
        let rules = Rules::new(["migrations/**"]).unwrap();
        for path in [".github", ".GitHub", ".github/adjutant.yml", ".Github/workflows/ci.yml", "migrations/1.sql"] {
            assert!(rules.protected.is_match(path), "{path}");
        }
        for path in ["src/.github", ".github.md", "src/lib.rs"] {
            assert!(!rules.protected.is_match(path), "{path}");
        }
    }

    #[test]
    fn what_tells_agents_what_to_do_is_protected_in_every_folder_and_spelling() {
        assert!(AGENT_CONFIGURATION.iter().all(|glob| pattern(glob).is_ok()));
        let rules = Rules::new([]).unwrap();
        for path in [
            "CLAUDE.md",
            "docs/claude.md",
            "AGENTS.md",
            ".mcp.json",
            ".claude",
            ".claude/settings.json",
            "web/.cursor/rules/a.mdc",
            ".codex/config.toml",
            ".clinerules",
            "opencode.json",
            ".aider.conf.yml",
        ] {
            assert!(rules.protected.is_match(path) && configures_agents(path), "{path}");
        }
        for path in ["src/claude.rs", "docs/AGENTS.md.txt", "claude/settings.json", "README.md", "mcp.json"] {
            assert!(!rules.protected.is_match(path) && !configures_agents(path), "{path}");
        }
    }
}
