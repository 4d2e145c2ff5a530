//! What to do about a program that a verifier's command does not find.

use adjutant_domain::text::truncate;

const CAUSE_BYTES: usize = 300;

/// Programs of toolchains, each with what to install for it. Everything else is a dependency of the repository.
const TOOLCHAINS: &[(&[&str], &str)] = &[
    (&["node", "npm", "npx"], "Node.js (Debian and Ubuntu: `apt-get install nodejs npm`)"),
    (&["pnpm", "yarn", "corepack"], "it (`npm install --global corepack && corepack enable`)"),
    (&["bun", "bunx"], "Bun (`npm install --global bun`)"),
    (&["cargo", "rustc"], "Rust (https://rustup.rs)"),
    (&["go", "gofmt"], "Go (Debian and Ubuntu: `apt-get install golang-go`)"),
    (&["java", "javac"], "a JDK (Debian and Ubuntu: `apt-get install default-jdk`)"),
    (&["mvn"], "Maven (Debian and Ubuntu: `apt-get install maven`)"),
    (&["gradle"], "Gradle (https://gradle.org/install)"),
    (&["ruby", "bundle", "gem", "rake"], "Ruby (Debian and Ubuntu: `apt-get install ruby bundler`)"),
    (&["php"], "PHP (Debian and Ubuntu: `apt-get install php-cli`)"),
    (&["composer"], "Composer (Debian and Ubuntu: `apt-get install composer`)"),
    (&["dotnet"], "the .NET SDK (https://dotnet.microsoft.com/download)"),
    (&["python", "python3", "pip", "pip3"], "Python (Debian and Ubuntu: `apt-get install python3 python3-venv`)"),
    (&["uv", "uvx"], "uv (https://docs.astral.sh/uv)"),
    (&["poetry"], "Poetry (https://python-poetry.org/docs)"),
    (&["make"], "Make (Debian and Ubuntu: `apt-get install make`)"),
    (&["cmake", "ctest"], "CMake (Debian and Ubuntu: `apt-get install cmake`)"),
    (&["cc", "gcc", "g++", "c++"], "a C compiler (Debian and Ubuntu: `apt-get install build-essential`)"),
    (&["just"], "just (`npm install --global rust-just`)"),
    (&["meson", "ninja"], "Meson (Debian and Ubuntu: `apt-get install meson`)"),
    (&["autoreconf", "aclocal"], "Autotools (Debian and Ubuntu: `apt-get install autoconf automake libtool`)"),
    (&["bats"], "bats (Debian and Ubuntu: `apt-get install bats`)"),
    (&["perl", "prove"], "Perl (Debian and Ubuntu: `apt-get install perl`)"),
    (&["mix", "elixir"], "Elixir (Debian and Ubuntu: `apt-get install elixir`)"),
    (&["deno"], "Deno (`npm install --global deno`)"),
];

/// The programs that run a repository's dependencies, each with the command that installs these.
const INSTALLERS: &[(&[&str], &str)] = &[
    (&["npm", "npx", "node"], "npm ci"),
    (&["pnpm"], "pnpm install --frozen-lockfile"),
    (&["yarn"], "yarn install --immutable"),
    (&["bun", "bunx"], "bun install --frozen-lockfile"),
    (&["uv"], "uv sync"),
    (&["poetry"], "poetry install"),
    (&["python", "python3", "pytest", "tox", "nox", "ruff", "mypy", "flake8"], "pip install"),
    (&["bundle", "rake", "rspec"], "bundle install"),
    (&["composer", "phpunit", "vendor/bin/phpunit"], "composer install"),
];

/// What package managers and build tools say of a toolchain that is older than a project wants, and which one it is.
const TOO_OLD: &[(&str, &str)] = &[
    ("invalid go version", "Go"),
    ("go.mod requires go >=", "Go"),
    ("note: module requires Go", "Go"),
    ("requires rustc", "Rust"),
    ("lock file version", "Rust"),
    ("feature `edition2024` is required", "Rust"),
    ("requires a different Python", "Python"),
    ("is not supported by the project", "Python"),
    ("engine \"node\" is incompatible", "Node.js"),
    ("code EBADENGINE", "Node.js"),
    ("ERR_PNPM_UNSUPPORTED_ENGINE", "Node.js"),
    ("requires at least Node.js", "Node.js"),
    ("invalid target release", "JDK"),
    ("Unsupported class file major version", "JDK"),
    ("requires ruby version", "Ruby"),
    ("Your Ruby version is", "Ruby"),
    ("your php version", "PHP"),
    ("NETSDK1045", ".NET SDK"),
];

/// What make, npm, pnpm, yarn, bun, just and bundler print after the line of the shell that did not find a program.
const AFTERWORDS: &[&str] = &[
    ": Leaving directory",
    ": *** Waiting for unfinished jobs",
    " not remade because of errors",
    "npm ERR!",
    "npm error",
    "ELIFECYCLE",
    "Local package.json exists, but node_modules missing",
    "error Command failed with exit code",
    "info Visit https://yarnpkg.com",
    "error: script ",
    "error: recipe ",
    "error: Recipe ",
    "Install missing gem executables",
];

/// The last line that a command printed of its own, if it says that a program was not found. A wrapper ends with a status
/// of its own then: make with 2, pnpm and yarn with 1, cargo with 101.
pub(crate) fn line(output: &str) -> Option<&str> {
    let mut lines = output.lines().map(str::trim).filter(|line| !line.is_empty()).rev();
    let mut by_make = false;
    let said = lines.by_ref().find(|line| {
        by_make |= line.contains("*** [") && line.ends_with(" Error 127");
        !is_afterword(line)
    })?;
    // Cargo's line is before the reason.
    let by_cargo = |line: &&str| line.starts_with("error: could not execute process `");
    if said.starts_with("No such file or directory") {
        return lines.take(2).find(by_cargo);
    }
    let by_make = by_make && said.starts_with("make") && program(said).is_some();
    (by_make || is_said_by_a_shell(said)).then_some(said)
}

fn is_afterword(line: &str) -> bool {
    let of_make = line.contains("*** [") && line.rsplit_once("] Error ").is_some_and(|(_, status)| is_number(status));
    of_make || AFTERWORDS.iter().any(|words| line.contains(words))
}

/// `sh: 1: xo: not found`, `./check.sh: line 3: xo: command not found`, `sh: xo: not found`, `command not found: xo`.
fn is_said_by_a_shell(line: &str) -> bool {
    if let Some((shell, program)) = line.split_once("command not found: ") {
        return !program.contains(' ') && (shell.is_empty() || shell.ends_with(": ") || shell.ends_with(':'));
    }
    let Some(program) = program(line).filter(|_| line.ends_with("not found")) else { return false };
    let Some((before, _)) = line.split_once(&format!(": {program}: ")) else { return false };
    let place = before.rsplit(": ").next().unwrap_or(before);
    let is_shell = before.rsplit('/').next().is_some_and(|name| ["sh", "ash", "bash", "zsh"].contains(&name));
    is_shell || (place != before && is_number(place.trim_start_matches("line ")))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What to do if the output says that a toolchain of this machine is too old.
pub(crate) fn too_old(output: &str) -> Option<String> {
    let (_, toolchain) = TOO_OLD.iter().find(|(words, _)| output.contains(words))?;
    Some(format!(
        "The {toolchain} of this machine does not fit the project: install the version that it wants where Adjutant \
         runs, and show it to the runs by `toolchains` in the settings."
    ))
}

/// The line that names the cause in the output of a command that could not be run, and what to do about it.
pub(crate) fn reason(run: &str, output: &str) -> String {
    let lines = || output.lines().map(str::trim).filter(|line| !line.is_empty());
    let told = |line: &&str| ["not found", "Permission denied", "No such file"].iter().any(|word| line.contains(word));
    let cause = lines().rfind(told).or_else(|| lines().next_back()).unwrap_or("command not found");
    let cause = truncate(cause.trim_end_matches('.'), CAUSE_BYTES);
    if cause.contains("Permission denied") {
        return format!("{cause}. Make the file executable, or name another command in the policy.");
    }
    format!("{cause}. {}", remedy(run, program(cause)))
}

/// The program that a shell or make did not find: `sh: 1: xo: not found`, `make: xo: No such file or directory`.
fn program(line: &str) -> Option<&str> {
    let ends = [": not found", ": command not found", ": Command not found", ": No such file or directory"];
    let before = ends.iter().find_map(|end| line.strip_suffix(end))?;
    let program = before.rsplit(": ").next()?.trim();
    (!program.is_empty() && !program.contains(' ')).then_some(program)
}

fn remedy(run: &str, missing: Option<&str>) -> String {
    let of = |table: &'static [(&'static [&'static str], &'static str)], program: &str| {
        table.iter().find(|(names, _)| names.contains(&program)).map(|(_, what)| *what)
    };
    if let Some(what) = missing.and_then(|program| of(TOOLCHAINS, program)) {
        return format!("Install {what} where Adjutant runs, or name another command in the policy.");
    }
    let started = run.split_whitespace().chain(missing).find_map(|word| of(INSTALLERS, word));
    match started {
        Some(install) => format!(
            "It is one of the repository's own dependencies, which are not installed where the verifier runs: \
             `{install}` installs them."
        ),
        None => "Install the program where Adjutant runs, or name another command in the policy.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchain_that_is_too_old_is_named() {
        for (output, toolchain) in [
            ("/work/tree/go.mod:3: invalid go version '1.24.11': must match format 1.23", "The Go of"),
            ("error: package `a v0.1.0` cannot be built because it requires rustc 1.99 or newer", "The Rust of"),
            ("ERROR: Package 'a' requires a different Python: 3.11.2 not in '>=3.13'", "The Python of"),
            ("npm error code EBADENGINE", "The Node.js of"),
        ] {
            let said = too_old(output).unwrap_or_default();
            assert!(said.starts_with(toolchain) && said.contains("`toolchains`"), "{said}");
        }
        assert_eq!(too_old("npm error code E404"), None);
    }

    #[test]
    fn a_wrapper_that_did_not_find_a_program_is_told_by_the_end_of_its_output() {
        for (output, found) in [
            ("xo --all\nmake: xo: No such file or directory\nmake: *** [Makefile:2: test] Error 127", "make: xo: No"),
            (
                "/bin/sh: 1: xo: not found\nmake[1]: *** [Makefile:2: test] Error 127\n\
                 make[1]: Leaving directory '/work'\nmake: *** [Makefile:4: all] Error 2",
                "/bin/sh: 1: xo: not found",
            ),
            ("> a@1.0.0 test\n> xo\n\nsh: 1: xo: not found\nnpm error Lifecycle script `test` failed", "sh: 1: xo: "),
            ("sh: 1: vitest: not found\n\u{2009}ELIFECYCLE\u{2009} Test failed. See above.", "sh: 1: vitest: "),
            ("/bin/sh: xo: not found\nerror Command failed with exit code 127.", "/bin/sh: xo: not found"),
            ("command not found: xo", "command not found: xo"),
            ("./check.sh: line 3: xo: command not found", "./check.sh: line 3: xo"),
            ("sh: 1: xo: not found\nerror: recipe `test` failed on line 2 with exit code 127", "sh: 1: xo: "),
            (
                "error: could not execute process `no-such --all` (never executed)\n\nCaused by:\n  \
                 No such file or directory (os error 2)",
                "error: could not execute process `no-such",
            ),
        ] {
            let line = line(output).unwrap_or_default();
            assert!(!line.is_empty() && line.starts_with(found), "{output}: {line}");
        }
    }

    #[test]
    fn a_failure_that_speaks_of_something_not_found_is_no_missing_program() {
        for output in [
            "",
            "user 7: not found",
            "AssertionError: page: not found\nmake: *** [Makefile:2: test] Error 1",
            "cat: a.txt: No such file or directory\nmake: *** [Makefile:2: test] Error 1",
            "sh: 1: xo: not found\n3 of 5 checks failed",
            "make: *** No rule to make target 'a.c', needed by 'test'.  Stop.",
            "Error: No such file or directory (os error 2)",
            "sh: 1: cannot open a.txt: No such file\nmake: *** [Makefile:2: test] Error 2",
        ] {
            assert_eq!(line(output), None, "{output}");
        }
    }

    #[test]
    fn the_remedy_fits_the_ecosystem() {
        let told = [
            ("npm test", "> widgets@1.0.0 test\n> xo && ava\n\nsh: 1: xo: not found"),
            ("cd web && pnpm run test", "sh: 1: vitest: not found"),
            ("pytest", "sh: 1: pytest: not found"),
            ("cd api && CI=1 bundle exec rspec", "bundler: command not found: rspec\nInstall missing gem executables"),
            ("go test ./...", "sh: 1: go: not found"),
            ("make test", "sh: 1: make: not found."),
            ("./check.sh", "sh: 1: ./check.sh: Permission denied"),
            ("no-such-tool --all", "sh: 1: no-such-tool: not found"),
            ("x", ""),
        ];
        let told: Vec<String> = told.iter().map(|(run, output)| reason(run, output)).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        sh: 1: xo: not found. It is one of the repository's own dependencies, which are not installed where the verifier runs: `npm ci` installs them.
        sh: 1: vitest: not found. It is one of the repository's own dependencies, which are not installed where the verifier runs: `pnpm install --frozen-lockfile` installs them.
        sh: 1: pytest: not found. It is one of the repository's own dependencies, which are not installed where the verifier runs: `pip install` installs them.
        bundler: command not found: rspec. It is one of the repository's own dependencies, which are not installed where the verifier runs: `bundle install` installs them.
        sh: 1: go: not found. Install Go (Debian and Ubuntu: `apt-get install golang-go`) where Adjutant runs, or name another command in the policy.
        sh: 1: make: not found. Install Make (Debian and Ubuntu: `apt-get install make`) where Adjutant runs, or name another command in the policy.
        sh: 1: ./check.sh: Permission denied. Make the file executable, or name another command in the policy.
        sh: 1: no-such-tool: not found. Install the program where Adjutant runs, or name another command in the policy.
        command not found. Install the program where Adjutant runs, or name another command in the policy.
        ");
    }
}
