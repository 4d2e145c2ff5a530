//! Finds out from a repository's files how it is tested.
//!
//! In: the paths of a commit and the texts of its manifests ([`Files`]). Out: one [`Detected`] for each folder and
//! ecosystem, with the command, and the reason in words that a person can check. The rules of each ecosystem are the
//! functions of the table `ECOSYSTEMS`; a build system or task runner (`RUNNERS`) counts only where the root is no
//! project of an ecosystem, because its `test` usually runs the same commands.
//!
//! What never happens here: nothing is run, and nothing is read from the commit under test. The caller passes the *base*
//! commit.

mod ecosystems;
mod files;
mod native;
mod node;
mod python;
mod runners;
mod setup;
mod sources;

use std::collections::BTreeSet;

use super::VerifierSpec;
use crate::workspace::{GitError, Mirror};

use adjutant_domain::baseline::SetupSource;
pub use files::Files;
use files::Folder;
pub(super) use files::has_extension;
pub use setup::Setup;
use sources::Described;

/// The most folders of one repository that are tested by detection. A larger repository names its verifiers.
pub const MOST_DETECTED: usize = 8;

/// How one folder of a repository is tested.
#[derive(Debug, Clone, PartialEq)]
pub struct Detected {
    /// The folder, relative to the root; empty for the root itself.
    pub folder: String,
    /// The name of the ecosystem, for example `Cargo`.
    pub ecosystem: &'static str,
    /// The command. It changes into the folder by itself.
    pub verifier: VerifierSpec,
    /// What it needs to be installed.
    pub setup: Setup,
    /// The files that led to it, as the end of the sentence "… because of".
    pub why: String,
}

/// Everything that was detected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detection {
    /// At most [`MOST_DETECTED`], those nearest to the root first.
    pub found: Vec<Detected>,
    /// The folders beyond [`MOST_DETECTED`].
    pub left_out: Vec<String>,
    /// The setup that a file of the repository describes for another tool.
    described: Option<Described>,
}

impl Detection {
    /// What all verifiers together need to be installed: as their ecosystems say, else as the repository describes it for
    /// other tools.
    pub fn setup(&self) -> Setup {
        if let Some(described) = self.described_setup() {
            return Setup::install(described.install.clone());
        }
        let mut setup = Setup::default();
        for detected in &self.found {
            setup.and(detected.setup.clone());
        }
        setup
    }

    /// The file that the setup is taken from, if it is one for another tool.
    pub fn setup_source(&self) -> Option<&SetupSource> {
        self.described_setup().map(|described| &described.source)
    }

    fn described_setup(&self) -> Option<&Described> {
        self.described.as_ref().filter(|_| self.found.iter().all(|detected| detected.setup.is_empty()))
    }
}

/// A command and its reason, as a rule of an ecosystem gives it.
struct Rule {
    /// The name of its check run.
    name: String,
    run: String,
    why: String,
    setup: Setup,
}

impl Rule {
    fn new(run: impl Into<String>, why: impl Into<String>) -> Self {
        let run = run.into();
        Self { name: name(&run), run, why: why.into(), setup: Setup::default() }
    }

    fn after(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }
}

/// A kind of project.
struct Ecosystem {
    name: &'static str,
    /// How a folder is tested, if it is a project of this kind.
    rule: fn(&Folder<'_>) -> Option<Rule>,
    /// Whether the command of the first folder tests the second one, too, which is below it.
    covers: fn(&Folder<'_>, &Folder<'_>) -> bool,
}

impl Ecosystem {
    const fn new(name: &'static str, rule: fn(&Folder<'_>) -> Option<Rule>) -> Self {
        Self { name, rule, covers: |_, _| true }
    }

    const fn covering(self, covers: fn(&Folder<'_>, &Folder<'_>) -> bool) -> Self {
        Self { covers, ..self }
    }
}

const ECOSYSTEMS: &[Ecosystem] = &[
    Ecosystem::new("Cargo", ecosystems::cargo).covering(ecosystems::cargo_covers),
    Ecosystem::new("Node.js", node::rule).covering(node::covers),
    Ecosystem::new("Deno", ecosystems::deno),
    Ecosystem::new("Python", python::project),
    // A module's packages end where another module begins: <https://go.dev/ref/mod#modules-overview>
    Ecosystem::new("Go", ecosystems::go).covering(|_, _| false),
    Ecosystem::new("Maven", ecosystems::maven),
    Ecosystem::new("Gradle", ecosystems::gradle),
    Ecosystem::new("Ruby", ecosystems::ruby),
    Ecosystem::new("PHP", ecosystems::php),
    Ecosystem::new(".NET", ecosystems::dotnet),
    Ecosystem::new("Elixir", ecosystems::elixir),
    Ecosystem::new("Swift", ecosystems::swift),
    Ecosystem::new("Perl", ecosystems::perl),
];

/// How a root is tested that is no project of an ecosystem, in the order in which they are asked; the first answer is
/// taken.
const RUNNERS: &[Ecosystem] = &[
    Ecosystem::new("just", runners::just),
    Ecosystem::new("Autotools", native::configured),
    Ecosystem::new("make", runners::make),
    Ecosystem::new("Meson", native::meson),
    Ecosystem::new("CMake", native::cmake),
    Ecosystem::new("Autotools", native::autotools),
    Ecosystem::new("bats", runners::bats),
];

/// What is only taken where nothing else is found in any folder.
const GUESSES: &[Ecosystem] =
    &[Ecosystem::new("Python", python::loose_tests), Ecosystem::new("shell", runners::script)];

/// The verifiers for a commit whose policy names none. Pass the base commit, never the one under test.
pub async fn detect_at(mirror: &Mirror, commit: &str) -> Result<Detection, GitError> {
    let paths = mirror.files(commit).await?.into_iter().map(|entry| entry.path).collect();
    let mut files = Files::new(paths);
    for path in files.manifests() {
        if let Some(bytes) = mirror.read(commit, &path, files::MAX_BYTES).await? {
            files.add(&path, &bytes);
        }
    }
    Ok(detect(&files))
}

/// The verifiers that fit the files of a repository. All are required.
pub fn detect(files: &Files) -> Detection {
    let mut found: Vec<Detected> = Vec::new();
    for folder in files.folders() {
        for Ecosystem { name, rule, covers } in ECOSYSTEMS {
            let covered = found.iter().any(|it| {
                it.ecosystem == *name && folder.is_below(&it.folder) && covers(&files.folder(&it.folder), &folder)
            });
            if let Some(rule) = (!covered).then(|| rule(&folder)).flatten() {
                found.push(detected(&folder, name, rule));
            }
        }
    }
    let root = files.root();
    let first = |all: &[Ecosystem]| all.iter().find_map(|it| Some(detected(&root, it.name, (it.rule)(&root)?)));
    if found.is_empty() {
        found.extend(first(RUNNERS).or_else(|| first(GUESSES)));
    } else if found.iter().all(|it| !it.folder.is_empty() && !runners::names(&root, &it.folder)) {
        // Projects in folders beside a root of another kind, for example the bindings of a library in C.
        found.splice(0..0, first(RUNNERS));
    }
    if root.has(".gitmodules") {
        for it in &mut found {
            it.why.push_str("; git submodules are not fetched");
        }
    }
    let left_out = found.split_off(found.len().min(MOST_DETECTED));
    let folders: BTreeSet<String> = left_out.into_iter().map(|it| it.folder).collect();
    Detection { found, left_out: folders.into_iter().collect(), described: sources::described(files) }
}

fn detected(folder: &Folder<'_>, ecosystem: &'static str, rule: Rule) -> Detected {
    let Rule { name, run, why, setup } = rule;
    let verifier = if folder.path.is_empty() {
        VerifierSpec::required(name, run)
    } else {
        VerifierSpec::required(format!("{name} in {}", folder.path), format!("cd {} && {run}", folder.path))
    };
    let setup = setup.in_folder(folder);
    Detected { folder: folder.path.to_owned(), ecosystem, verifier, setup, why }
}

/// The first words of a command without its options, as the name of its check run.
fn name(run: &str) -> String {
    let words = run.split_whitespace().filter(|word| !word.starts_with('-') && *word != "./...");
    words.take(3).collect::<Vec<_>>().join(" ").trim_start_matches("./").to_owned()
}

#[cfg(test)]
mod tests;
