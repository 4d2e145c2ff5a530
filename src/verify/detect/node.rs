//! Node.js: which package manager, and which script.

use serde_json::Value;

use super::Rule;
use super::files::Folder;

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

pub(super) fn rule(folder: &Folder<'_>) -> Option<Rule> {
    let package = folder.json("package.json")?;
    let (manager, sign) = manager(folder, &package);
    if has_test(&package) {
        let run = match manager {
            Manager::Npm => "npm test",
            Manager::Pnpm => "pnpm test",
            Manager::Yarn => "yarn test",
            // `bun test` is Bun's own runner, not the script.
            Manager::Bun => "bun run test",
        };
        return Some(Rule::new(run, format!("the script `test` in `package.json`{sign}")));
    }
    // The root of a workspace often has no script of its own.
    let workspaces = package.get("workspaces").is_some() || folder.has("pnpm-workspace.yaml");
    let run = match manager {
        Manager::Npm if workspaces => "npm test --workspaces --if-present",
        Manager::Pnpm if workspaces => "pnpm --recursive --if-present run test",
        _ => return None,
    };
    Some(Rule::new(run, format!("the workspaces of `package.json`{sign}")))
}

/// The package manager, and the file that names it.
/// <https://nodejs.org/api/packages.html#packagemanager>
fn manager(folder: &Folder<'_>, package: &Value) -> (Manager, String) {
    let named = package.get("packageManager").and_then(Value::as_str).unwrap_or_default();
    let by_name = match named.split('@').next().unwrap_or_default() {
        "pnpm" => Some(Manager::Pnpm),
        "yarn" => Some(Manager::Yarn),
        "bun" => Some(Manager::Bun),
        "npm" => Some(Manager::Npm),
        _ => None,
    };
    if let Some(manager) = by_name {
        return (manager, " and its `packageManager`".to_owned());
    }
    match LOCKFILES.iter().find(|(name, _)| folder.has(name)) {
        Some((name, manager)) => (*manager, format!(" and `{name}`")),
        None => (Manager::Npm, String::new()),
    }
}

/// Whether there is a test script other than the one that `npm init` writes.
fn has_test(package: &Value) -> bool {
    let script = package.pointer("/scripts/test").and_then(Value::as_str).unwrap_or_default();
    !script.trim().is_empty() && !script.contains("no test specified")
}
