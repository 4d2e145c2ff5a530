//! Node.js: which package manager, which script, and what has to be installed.

use serde_json::Value;

use super::files::Folder;
use super::{Rule, Setup};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Npm,
    Pnpm,
    Yarn,
    Bun,
}

/// The files that a package manager writes. They are asked in this order.
const LOCKFILES: &[(&str, Manager)] = &[
    ("pnpm-lock.yaml", Manager::Pnpm),
    ("bun.lock", Manager::Bun),
    ("bun.lockb", Manager::Bun),
    ("yarn.lock", Manager::Yarn),
    ("package-lock.json", Manager::Npm),
    ("npm-shrinkwrap.json", Manager::Npm),
];

/// The version of pnpm that reads a version of its lockfile.
/// <https://pnpm.io/installation#compatibility>
const PNPM: &[(&str, &str)] = &[("'9.", "9"), ("'6.", "8"), ("5.", "7")];

/// Scripts of these programs install hooks of git, which nothing here needs.
const HOOKS: &[&str] = &["husky", "lefthook", "simple-git-hooks", "git-hooks", "is-ci"];

/// Scripts that run the tests, the first one that is there.
const TESTS: &[&str] = &["test", "test:unit", "test:ci", "unit-test", "unit"];

/// Packages that download a program of their own when they are installed, and the variable that keeps them from it.
/// It comes from a host that is no registry, and a failed download would fail the whole setup.
const DOWNLOADS: &[(&str, &str)] = &[
    ("puppeteer", "PUPPETEER_SKIP_DOWNLOAD=1"),
    ("cypress", "CYPRESS_INSTALL_BINARY=0"),
    ("electron", "ELECTRON_SKIP_BINARY_DOWNLOAD=1"),
    ("chromedriver", "CHROMEDRIVER_SKIP_DOWNLOAD=true"),
    ("@sentry/cli", "SENTRYCLI_SKIP_DOWNLOAD=1"),
];

pub(super) fn rule(folder: &Folder<'_>) -> Option<Rule> {
    let package = folder.json("package.json")?;
    let Chosen { manager, version, sign } = choose(folder, &package);
    let setup = setup(folder, manager, version.as_deref(), &package);
    if let Some(name) = TESTS.iter().copied().find(|name| is_test(script(&package, name))) {
        let (test, what) = command(manager, name, &package);
        let mut rule = Rule::new(test, format!("{what} in `package.json`{sign}")).after(setup);
        if let Some((_, last)) = rule.run.split_once(" && ") {
            rule.name = super::name(last);
        }
        if prepares(&package) {
            // Package managers run it when they install, and it builds what the tests load. It belongs to each commit.
            rule.run = format!("npm run prepare && {}", rule.run);
        }
        return Some(rule);
    }
    // The root of a workspace often has no script of its own.
    let workspaces = package.get("workspaces").is_some() || folder.has("pnpm-workspace.yaml");
    let run = match manager {
        Manager::Npm if workspaces => "npm test --workspaces --if-present",
        Manager::Pnpm if workspaces => "pnpm --recursive --if-present run test",
        // Those before the fourth need a plugin for it, or stop at the first member without the script.
        Manager::Yarn if workspaces && version.as_deref().is_some_and(|version| version.starts_with('4')) => {
            "yarn workspaces foreach --all run test"
        }
        Manager::Bun if workspaces => "bun run --filter '*' test",
        Manager::Bun if folder.below().any(is_for_bun) => {
            return Some(Rule::new("bun test", format!("the files named like tests of Bun{sign}")).after(setup));
        }
        _ => return None,
    };
    Some(Rule::new(run, format!("the workspaces of `package.json`{sign}")).after(setup))
}

/// A package with a lockfile of its own is no member of the workspace above it.
pub(super) fn covers(_: &Folder<'_>, below: &Folder<'_>) -> bool {
    !LOCKFILES.iter().any(|(name, _)| below.has(name))
}

/// The command for a script, and what it runs.
fn command(manager: Manager, name: &str, package: &Value) -> (String, String) {
    let what = format!("the script `{name}`");
    let (program, short) = match manager {
        Manager::Npm => ("npm", name == "test"),
        Manager::Pnpm => ("pnpm", name == "test"),
        Manager::Yarn => ("yarn", name == "test"),
        // `bun test` is Bun's own runner, not the script.
        Manager::Bun => ("bun", false),
    };
    let run = if short { format!("{program} {name}") } else { format!("{program} run {name}") };
    let after = format!("post{name}");
    if manager != Manager::Npm || !script(package, &after).contains("audit") {
        return (run, what);
    }
    let before = format!("pre{name}");
    let first = script(package, &before);
    let before =
        if is_test(first) && !first.contains("audit") { format!("npm run {before} && ") } else { String::new() };
    (
        format!("{before}{run} --ignore-scripts"),
        format!("{what} without `{after}`, which asks a registry for advisories,"),
    )
}

/// <https://bun.sh/docs/cli/test>
fn is_for_bun(path: &str) -> bool {
    let parts: Vec<&str> = path.rsplit('/').next().unwrap_or(path).split(['.', '_']).collect();
    let code = parts.last().is_some_and(|end| matches!(*end, "ts" | "tsx" | "js" | "jsx"));
    code && parts.iter().rev().nth(1).is_some_and(|part| matches!(*part, "test" | "spec"))
}

/// The package manager of a project.
struct Chosen {
    manager: Manager,
    /// Its version, if the project says.
    version: Option<String>,
    /// The file that names it, as the end of a sentence.
    sign: String,
}

/// <https://nodejs.org/api/packages.html#packagemanager>
fn choose(folder: &Folder<'_>, package: &Value) -> Chosen {
    let named = package.get("packageManager").and_then(Value::as_str).unwrap_or_default();
    let (name, version) = named.split_once('@').unwrap_or((named, ""));
    let by_name = match name {
        "pnpm" => Some(Manager::Pnpm),
        "yarn" => Some(Manager::Yarn),
        "bun" => Some(Manager::Bun),
        "npm" => Some(Manager::Npm),
        _ => None,
    };
    if let Some(manager) = by_name {
        // A hash may follow the version. It goes into a command, so it may hold nothing else.
        let version = version.split('+').next().unwrap_or_default();
        let plain = version.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
        let version = (plain && !version.is_empty()).then(|| version.to_owned());
        return Chosen { manager, version, sign: " and its `packageManager`".to_owned() };
    }
    match LOCKFILES.iter().find(|(name, _)| folder.has(name)) {
        Some((name, manager)) => Chosen {
            manager: *manager,
            version: if *manager == Manager::Pnpm { pnpm_version(folder) } else { None },
            sign: format!(" and `{name}`"),
        },
        None => Chosen { manager: Manager::Npm, version: None, sign: String::new() },
    }
}

fn pnpm_version(folder: &Folder<'_>) -> Option<String> {
    let lock = folder.text("pnpm-lock.yaml")?;
    let written = lock.lines().find_map(|line| line.strip_prefix("lockfileVersion:"))?.trim();
    PNPM.iter().find(|(start, _)| written.starts_with(start)).map(|(_, version)| (*version).to_owned())
}

/// Package managers other than npm come from npm's registry.
fn setup(folder: &Folder<'_>, manager: Manager, version: Option<&str>, package: &Value) -> Setup {
    let without: String = DOWNLOADS
        .iter()
        .filter(|(name, _)| ["dependencies", "devDependencies"].iter().any(|list| package[*list].get(name).is_some()))
        .flat_map(|(_, variable)| [variable, " "])
        .collect();
    let with = |package: &str, default: &str| {
        let version = version.unwrap_or(default);
        format!("npm install --global --prefix ~/.local {package}@{version}")
    };
    let locked = |names: &[&str]| names.iter().any(|name| folder.has(name));
    match manager {
        Manager::Npm => {
            let locked = locked(&["package-lock.json", "npm-shrinkwrap.json"]);
            let install = if locked { "npm ci" } else { "npm install --no-package-lock" };
            Setup::install([format!("{without}{install}")]).keeping(&["node_modules"])
        }
        Manager::Pnpm => {
            let frozen = if locked(&["pnpm-lock.yaml"]) { " --frozen-lockfile" } else { "" };
            Setup::install([with("pnpm", "9"), format!("{without}pnpm install{frozen}")])
                .keeping(&["node_modules", "pnpm-lock.yaml"])
        }
        Manager::Yarn => {
            // The first version and the later ones are packages of different names.
            let modern = version.map_or_else(|| folder.has(".yarnrc.yml"), |version| !version.starts_with("1."));
            // The first version fails where a dependency is made for another version of Node.js; the others only warn.
            let (program, flag, more) = if modern {
                (with("@yarnpkg/cli-dist", "4"), "immutable", "")
            } else {
                (with("yarn", "1"), "frozen-lockfile", " --ignore-engines --network-timeout 300000")
            };
            let frozen = if locked(&["yarn.lock"]) { format!(" --{flag}{more}") } else { more.to_owned() };
            let kept = &["node_modules", "yarn.lock", ".yarn", ".pnp.cjs", ".pnp.loader.mjs"];
            Setup::install([program, format!("{without}yarn install{frozen}")]).keeping(kept)
        }
        Manager::Bun => {
            let frozen = if locked(&["bun.lock", "bun.lockb"]) { " --frozen-lockfile" } else { "" };
            Setup::install([with("bun", "1"), format!("{without}bun install{frozen}")])
                .keeping(&["node_modules", "bun.lock"])
        }
    }
}

/// Whether a script is one, and other than the one that `npm init` writes.
fn is_test(script: &str) -> bool {
    !script.trim().is_empty() && !script.contains("no test specified")
}

/// Whether the project builds something when it is installed.
fn prepares(package: &Value) -> bool {
    let script = script(package, "prepare");
    !script.trim().is_empty() && !HOOKS.iter().any(|program| script.contains(program))
}

fn script<'a>(package: &'a Value, name: &str) -> &'a str {
    package["scripts"].get(name).and_then(Value::as_str).unwrap_or_default()
}
