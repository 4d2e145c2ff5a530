//! The files that detection looks at.

use std::collections::{BTreeMap, BTreeSet};

use super::{native, sources};

/// The largest manifest that is read.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;
/// The most manifests of one commit that are read.
const MOST_MANIFESTS: usize = 200;
/// How many folders below the root a project may be.
const DEPTH: usize = 2;

/// The files whose text decides.
const MANIFESTS: &[&str] = &[
    "Cargo.toml",
    "package.json",
    "pnpm-workspace.yaml",
    "deno.json",
    "deno.jsonc",
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "tox.ini",
    "pnpm-lock.yaml",
    "composer.json",
    "CMakeLists.txt",
    "meson.build",
    "Makefile.in",
    "GNUmakefile",
    "makefile",
    "Makefile",
    "justfile",
    "Justfile",
    ".justfile",
];

/// The files that make a folder a project of its own.
const PROJECTS: &[&str] = &[
    "Cargo.toml",
    "package.json",
    "deno.json",
    "deno.jsonc",
    "pyproject.toml",
    "setup.py",
    "requirements.txt",
    "manage.py",
    "go.mod",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "Gemfile",
    "gems.rb",
    "composer.json",
    "mix.exs",
    "Package.swift",
];

/// Folders with the code of others, or with projects that are only examples or data of tests.
const NOT_OURS: &[&str] = &[
    "node_modules",
    "vendor",
    "vendored",
    "third_party",
    "third-party",
    "thirdparty",
    "external",
    "extern",
    "deps",
    "subprojects",
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "demos",
    "fixture",
    "fixtures",
    "testdata",
    "test-data",
    "test_data",
    "template",
    "templates",
    "bench",
    "benches",
    "benchmark",
    "benchmarks",
    "fuzz",
    "doc",
    "docs",
    "website",
    "site",
    "test",
    "tests",
    "e2e",
    "playground",
    "playgrounds",
];

/// The same, as a word of a longer name: `runtime-tests`, `test_helpers`.
const WORDS_NOT_OURS: &[&str] = &["test", "tests", "e2e", "example", "examples", "fixture", "fixtures", "benchmarks"];

/// The paths of a commit, and the texts of its manifests.
#[derive(Debug, Clone, Default)]
pub struct Files {
    paths: BTreeSet<String>,
    texts: BTreeMap<String, String>,
}

impl Files {
    /// Files without texts. [`Files::manifests`] says which texts are needed.
    pub fn new(paths: BTreeSet<String>) -> Self {
        Self { paths, texts: BTreeMap::new() }
    }

    /// The paths of the manifests that decide.
    pub fn manifests(&self) -> Vec<String> {
        let wanted = |path: &&String| {
            let (folder, name) = split(path);
            let of_tests = native::TEST_FOLDERS.contains(&folder) && matches!(name, "CMakeLists.txt" | "meson.build");
            let listed = MANIFESTS.contains(&name) && (is_candidate(folder) || of_tests);
            listed || sources::FILES.contains(&path.as_str())
        };
        // Those nearest to the root decide most.
        let mut found: Vec<String> = self.paths.iter().filter(wanted).cloned().collect();
        found.sort_by_key(|path| path.matches('/').count());
        found.truncate(MOST_MANIFESTS);
        found
    }

    /// The text of a manifest.
    pub fn add(&mut self, path: &str, bytes: &[u8]) {
        self.texts.insert(path.to_owned(), String::from_utf8_lossy(bytes).into_owned());
    }

    pub(super) fn root(&self) -> Folder<'_> {
        self.folder("")
    }

    pub(super) fn folder<'a>(&'a self, path: &'a str) -> Folder<'a> {
        Folder { path, files: self }
    }

    /// The root and the folders that are projects of their own, those nearest to the root first.
    pub(super) fn folders(&self) -> Vec<Folder<'_>> {
        let projects = self.paths.iter().map(|path| split(path)).filter(|(folder, name)| {
            !folder.is_empty() && is_candidate(folder) && (PROJECTS.contains(name) || is_solution(name))
        });
        let found: BTreeSet<&str> = projects.map(|(folder, _)| folder).collect();
        let mut folders = vec![self.root()];
        folders.extend(found.into_iter().map(|path| Folder { path, files: self }));
        folders.sort_by_key(|folder| folder.path.split('/').filter(|part| !part.is_empty()).count());
        folders
    }
}

/// One folder of the repository.
#[derive(Clone, Copy)]
pub(super) struct Folder<'a> {
    /// Relative to the root; empty for the root.
    pub(super) path: &'a str,
    files: &'a Files,
}

impl<'a> Folder<'a> {
    fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    /// Whether the folder has that file.
    pub(super) fn has(&self, name: &str) -> bool {
        self.files.paths.contains(&self.at(name))
    }

    /// The first of these files that the folder has.
    pub(super) fn first<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().find(|name| self.has(name))
    }

    /// The text of a manifest.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.files.texts.get(&self.at(name)).map(String::as_str)
    }

    /// The value of a JSON manifest; null if it is no JSON.
    pub(super) fn json(&self, name: &str) -> Option<serde_json::Value> {
        Some(serde_json::from_str(self.text(name)?).unwrap_or_default())
    }

    /// The table of a TOML manifest; empty if it is no TOML.
    pub(super) fn toml(&self, name: &str) -> Option<toml::Table> {
        Some(self.text(name)?.parse().unwrap_or_default())
    }

    /// The paths below the folder, relative to it.
    pub(super) fn below(&self) -> impl Iterator<Item = &'a str> {
        let start = if self.path.is_empty() { String::new() } else { format!("{}/", self.path) };
        self.files.paths.iter().filter_map(move |path| path.strip_prefix(&start))
    }

    /// Whether it is `other` or below it.
    pub(super) fn is_below(&self, other: &str) -> bool {
        other.is_empty()
            || self.path == other
            || self.path.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// Folder and name of a path.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Whether a file has that extension, which is given without its dot.
pub(in crate::verify) fn has_extension(path: &str, extension: &str) -> bool {
    split(path).1.rsplit_once('.').is_some_and(|(_, found)| found == extension)
}

/// Whether a name is that of a .NET solution.
pub(super) fn is_solution(name: &str) -> bool {
    ["sln", "slnx"].iter().any(|extension| has_extension(name, extension))
}

/// Whether a folder holds the code of others, examples or data.
pub(super) fn is_not_ours(folder: &str) -> bool {
    folder
        .split('/')
        .any(|part| NOT_OURS.contains(&part) || part.split(['-', '_']).any(|word| WORDS_NOT_OURS.contains(&word)))
}

/// Whether a folder may be a project that is tested. Its name goes into a command, so it may hold nothing that a shell
/// gives a meaning.
fn is_candidate(folder: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '+');
    folder.is_empty()
        || (folder.split('/').count() <= DEPTH
            && folder.chars().all(plain)
            && !folder.split('/').any(|part| part.starts_with(['.', '-']))
            && !is_not_ours(folder))
}
