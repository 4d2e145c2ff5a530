//! Which commits share an environment.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{SetupError, Wanted};
use crate::verify::Setup;
use crate::workspace::TreeEntry;

/// Changed when layers are made differently.
const VERSION: &str = "2";

/// The files that say what is installed, by their whole name.
const NAMES: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain",
    "rust-toolchain.toml",
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    ".npmrc",
    ".nvmrc",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    ".pnpmfile.cjs",
    "yarn.lock",
    ".yarnrc",
    ".yarnrc.yml",
    "bun.lock",
    "bun.lockb",
    "bunfig.toml",
    "deno.json",
    "deno.jsonc",
    "deno.lock",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "tox.ini",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile",
    "Pipfile.lock",
    "go.mod",
    "go.sum",
    "go.work",
    "go.work.sum",
    "pom.xml",
    "gradle.properties",
    "gradle-wrapper.properties",
    "gradle.lockfile",
    "libs.versions.toml",
    "Gemfile",
    "Gemfile.lock",
    "composer.json",
    "composer.lock",
    "global.json",
    "NuGet.config",
    "nuget.config",
    "packages.lock.json",
    "Directory.Packages.props",
    "mix.exs",
    "mix.lock",
    "Package.swift",
    "Package.resolved",
];

/// The same, by the end of the name.
const ENDINGS: &[&str] = &[".gradle", ".gradle.kts", ".gemspec", ".csproj", ".fsproj", ".vbproj", ".sln", ".slnx"];

/// Programs whose version matters to what was installed with them.
const PROGRAMS: &[&str] = &["node", "python3", "go", "java", "ruby", "php", "dotnet", "elixir", "cc"];

/// The files that an environment depends on, and whether it is one of the commit's own.
pub(super) async fn files_of(wanted: Wanted<'_>) -> Result<(Vec<TreeEntry>, bool), SetupError> {
    let at_base = wanted.mirror.files(wanted.base).await?;
    let mut inputs = at_base.iter().filter(|entry| is_input(wanted.setup, &entry.path)).cloned().collect::<Vec<_>>();
    if wanted.commit == wanted.base {
        return Ok((inputs, false));
    }
    let at_commit = wanted.mirror.files(wanted.commit).await?;
    let there: Vec<&TreeEntry> = at_commit.iter().filter(|entry| is_input(wanted.setup, &entry.path)).collect();
    if there.iter().copied().eq(&inputs) {
        return Ok((inputs, false));
    }
    inputs = at_commit;
    Ok((inputs, true))
}

/// The name of a layer. `own` keeps the layers of commits apart from those of bases, whatever their files are.
pub(super) fn of(setup: &Setup, files: &[TreeEntry], own: bool) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.len().to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(VERSION);
    add(if own { "commit" } else { "base" });
    for command in setup.install.iter().chain(["--"].map(str::to_owned).iter()).chain(&setup.warm) {
        add(command);
    }
    for kept in &setup.keeps {
        add(kept);
    }
    for program in PROGRAMS {
        add(&identity(program));
    }
    for file in files {
        add(&file.path);
        add(&format!("{:o}", file.mode));
        add(&file.object);
    }
    hex::encode(hash.finalize())
}

/// Whether a file decides what is installed.
fn is_input(setup: &Setup, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    setup.whole
        || NAMES.contains(&name)
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || path.contains("requirements")
        || path.starts_with("patches/")
        || path.starts_with(".cargo/")
        || setup.install.iter().chain(&setup.warm).any(|command| names(command, path))
}

/// Whether a command names a file, for example a script.
fn names(command: &str, path: &str) -> bool {
    command
        .split(|c: char| c.is_whitespace() || "'\"=;&|()".contains(c))
        .any(|word| word.trim_start_matches("./") == path)
}

/// What tells one installed version of a program from another.
fn identity(program: &str) -> String {
    let path = Path::new("/usr/bin").join(program);
    let Ok(real) = path.canonicalize() else { return String::new() };
    match fs::metadata(&real) {
        Ok(metadata) => format!("{} {} {}", real.display(), metadata.len(), metadata.mtime()),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(command: &str) -> Setup {
        Setup { install: vec![command.to_owned()], ..Setup::default() }
    }

    fn file(path: &str, object: &str) -> TreeEntry {
        TreeEntry { path: path.to_owned(), mode: 0o100_644, object: object.to_owned(), size: 1 }
    }

    #[test]
    fn the_key_follows_the_commands_the_files_and_whose_they_are() {
        let files = [file("Cargo.lock", "a")];
        let key = of(&setup("cargo fetch"), &files, false);
        assert_eq!(key, of(&setup("cargo fetch"), &files, false));
        assert_ne!(key, of(&setup("cargo fetch --locked"), &files, false));
        assert_ne!(key, of(&setup("cargo fetch"), &[file("Cargo.lock", "b")], false));
        assert_ne!(key, of(&setup("cargo fetch"), &files, true), "a commit's own layer is never taken for a base's");
    }

    #[test]
    fn manifests_lockfiles_and_named_scripts_decide() {
        let setup = setup("sh ./ci/setup.sh --fast && npm ci");
        for path in ["package.json", "web/package-lock.json", "ci/setup.sh", "requirements/tests.txt", "a/b.gemspec"] {
            assert!(is_input(&setup, path), "{path}");
        }
        for path in ["src/main.rs", "README.md", "setup.sh", "docs/package.json.md"] {
            assert!(!is_input(&setup, path), "{path}");
        }
    }
}
