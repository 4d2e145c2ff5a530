//! Files that test runners and build tools read by themselves, by name.

use globset::{Glob, GlobSet, GlobSetBuilder};
use std::sync::LazyLock;

use crate::verify::detect::has_extension;
use crate::workspace::{Changed, Status};

/// Read by the tools of an ecosystem wherever they stand. Each line is one ecosystem.
const READ_BY_TOOLS: &[&[&str]] = &[
    // Cargo: <https://doc.rust-lang.org/cargo/reference/config.html>
    &[".cargo/**", "build.rs", "rust-toolchain", "rust-toolchain.toml", ".config/nextest.toml"],
    // Node.js
    &[".npmrc", ".yarnrc", ".yarnrc.yml", ".yarn/**", ".pnpmfile.*", "bunfig.toml", "node_modules/**", ".pnp.*"],
    &["jest.config.*", "vitest.config.*", "vitest.workspace.*", "vite.config.*", "karma.conf.*", ".mocharc*"],
    &["pnpm-workspace.yaml", "lerna.json", "turbo.json", "nx.json"],
    &["ava.config.*", "playwright.config.*", "babel.config.*", ".babelrc*", ".swcrc", "tsconfig*.json", ".taprc"],
    // Python: <https://docs.pytest.org/en/stable/reference/customize.html>, <https://docs.python.org/3/library/site.html>
    &["conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "noxfile.py", "setup.py"],
    &["setup.cfg", ".coveragerc", "*.pth"],
    &["sitecustomize.py", "usercustomize.py", "pip.conf", "uv.toml"],
    // Go
    &["go.work", "vendor/modules.txt"],
    // Java
    &["pom.xml", ".mvn/**", "mvnw", "mvnw.cmd", "build.gradle", "build.gradle.kts", "settings.gradle"],
    &["settings.gradle.kts", "gradle.properties", "gradle/wrapper/**", "gradlew", "gradlew.bat", "buildSrc/**"],
    // Ruby and PHP
    &["Rakefile", ".rspec", ".bundle/**", "spec/spec_helper.rb", "test/test_helper.rb", "phpunit*.xml*"],
    // .NET, Elixir, Swift
    &[
        "Directory.Build.props",
        "Directory.Build.targets",
        "nuget.config",
        "*.runsettings",
        "*.sln",
        "*.slnx",
        "*.csproj",
    ],
    &["*.fsproj", "mix.exs", "test/test_helper.exs", "Package.swift"],
    // Setup that is described for other tools
    &[".github/workflows/copilot-setup-steps.*", ".devcontainer/devcontainer.json", ".devcontainer.json"],
];

/// A module of this name in the repository is imported in place of the runner's own.
const MODULES_OF_RUNNERS: &[&str] =
    &["unittest", "pytest", "_pytest", "pluggy", "doctest", "nose", "trial", "tox", "coverage", "importlib", "runpy"];

static READ: LazyLock<GlobSet> = LazyLock::new(|| {
    let mut set = GlobSetBuilder::new();
    for pattern in READ_BY_TOOLS.iter().copied().flatten() {
        for anywhere in ["", "**/"] {
            set.add(Glob::new(&format!("{anywhere}{pattern}")).expect("the table holds patterns"));
        }
    }
    set.build().expect("the table is small")
});

/// Why a file decides how tests are run, as the end of a sentence that begins with its path.
pub(super) fn reason(file: &Changed) -> Option<String> {
    if let Some(module) = shadowed(file) {
        return Some(format!("is imported in place of the module `{module}` that runs the tests"));
    }
    // A module `build` of a crate is no build script.
    let module = file.path.ends_with("src/build.rs");
    (!module && READ.is_match(&file.path)).then(|| "is read by the tools that run the tests".to_owned())
}

/// The module of a runner that a new file hides.
fn shadowed(file: &Changed) -> Option<&'static str> {
    if file.status != Status::Added {
        return None;
    }
    let stem =
        |part: &'static str| file.path.split('/').any(|found| found == part || found.strip_suffix(".py") == Some(part));
    MODULES_OF_RUNNERS.iter().copied().find(|module| has_extension(&file.path, "py") && stem(module))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, status: Status) -> Changed {
        Changed {
            path: path.to_owned(),
            status,
            old_mode: 0,
            mode: 0o100_644,
            object: String::new(),
            additions: 0,
            deletions: 0,
            binary: false,
            added: Vec::new(),
            removed: Vec::new(),
        }
    }

    #[test]
    fn files_that_runners_read_by_themselves_are_found_in_any_folder() {
        for path in [
            ".npmrc",
            "packages/a/.npmrc",
            ".cargo/config.toml",
            "build.rs",
            "impl/build.rs",
            "vitest.config.ts",
            "tests/conftest.py",
            "setup.cfg",
            "pnpm-workspace.yaml",
            "tests/App.Tests.csproj",
            "mix.exs",
            "tsconfig.test.json",
            "phpunit.xml.dist",
            ".mvn/wrapper/maven-wrapper.properties",
            ".github/workflows/copilot-setup-steps.yml",
            ".devcontainer/devcontainer.json",
        ] {
            assert!(reason(&file(path, Status::Modified)).is_some(), "{path}");
        }
        for path in ["src/build.rs", "src/lib.rs", "README.md", "docs/conftest.md", "src/vitest.ts"] {
            assert!(reason(&file(path, Status::Modified)).is_none(), "{path}");
        }
    }

    #[test]
    fn a_new_module_with_the_name_of_a_runner_is_found() {
        assert!(reason(&file("unittest.py", Status::Added)).unwrap().contains("`unittest`"));
        assert!(reason(&file("src/pytest/__init__.py", Status::Added)).unwrap().contains("`pytest`"));
        assert!(reason(&file("docs/pytest/page.md", Status::Added)).is_none());
    }
}
