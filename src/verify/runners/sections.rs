//! Manifests, of which most changes are harmless: which sections of them decide how tests are run.

use serde_json::Value;

/// A manifest whose sections are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manifest {
    Cargo,
    Npm,
    Deno,
    Pyproject,
    Composer,
}

/// The sections that say what is built and what it needs, not how it is tested. A name with a dot is one level down.
/// Everything else decides, also what is not known here.
const HARMLESS: &[(Manifest, &[&str])] = &[
    (
        Manifest::Cargo,
        &[
            "dependencies",
            "dev-dependencies",
            "build-dependencies",
            "features",
            "badges",
            "workspace.dependencies",
            "package.name",
            "package.version",
            "package.description",
            "package.authors",
            "package.license",
            "package.license-file",
            "package.keywords",
            "package.categories",
            "package.readme",
            "package.repository",
            "package.homepage",
            "package.documentation",
            "package.rust-version",
            "package.include",
            "package.exclude",
            "package.publish",
        ],
    ),
    (
        Manifest::Npm,
        &[
            "dependencies",
            "devDependencies",
            "peerDependencies",
            "peerDependenciesMeta",
            "optionalDependencies",
            "name",
            "version",
            "description",
            "keywords",
            "author",
            "contributors",
            "license",
            "homepage",
            "repository",
            "bugs",
            "funding",
            "files",
            "private",
            "publishConfig",
            "sideEffects",
            "engines",
            "bin",
            "types",
            "typings",
        ],
    ),
    (Manifest::Deno, &["name", "version", "license"]),
    (
        Manifest::Pyproject,
        &[
            "dependency-groups",
            "project.dependencies",
            "project.optional-dependencies",
            "project.name",
            "project.version",
            "project.description",
            "project.readme",
            "project.authors",
            "project.maintainers",
            "project.license",
            "project.license-files",
            "project.keywords",
            "project.classifiers",
            "project.urls",
            "project.scripts",
            "project.requires-python",
        ],
    ),
    (
        Manifest::Composer,
        &["require", "require-dev", "name", "description", "keywords", "license", "authors", "support", "homepage"],
    ),
];

/// The manifest that a file is, by its name.
pub(super) fn manifest(path: &str) -> Option<Manifest> {
    match path.rsplit('/').next().unwrap_or(path) {
        "Cargo.toml" => Some(Manifest::Cargo),
        "package.json" => Some(Manifest::Npm),
        "deno.json" | "deno.jsonc" => Some(Manifest::Deno),
        "pyproject.toml" => Some(Manifest::Pyproject),
        "composer.json" => Some(Manifest::Composer),
        _ => None,
    }
}

/// The sections that decide and that differ. A text that cannot be read differs as a whole.
pub(super) fn changed(manifest: Manifest, before: &str, after: &str) -> Vec<String> {
    let (Some(before), Some(after)) = (read(manifest, before), read(manifest, after)) else {
        return vec!["the whole file".to_owned()];
    };
    let harmless = HARMLESS.iter().find(|(of, _)| *of == manifest).map_or(&[][..], |(_, names)| *names);
    let mut found = Vec::new();
    for name in keys(&before, &after) {
        let (old, new) = (before.get(&name), after.get(&name));
        if old == new || harmless.contains(&name.as_str()) {
            continue;
        }
        // A table of which some members are harmless is compared member by member.
        if harmless.iter().any(|it| it.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))) {
            let empty = Value::Object(serde_json::Map::new());
            let (old, new) = (old.unwrap_or(&empty), new.unwrap_or(&empty));
            let members = keys(old, new).into_iter().filter(|member| old.get(member) != new.get(member));
            found
                .extend(members.map(|member| format!("{name}.{member}")).filter(|it| !harmless.contains(&it.as_str())));
        } else {
            found.push(name);
        }
    }
    found
}

/// The text as one kind of value, an object. An absent file is an empty one.
fn read(manifest: Manifest, text: &str) -> Option<Value> {
    if text.trim().is_empty() {
        return Some(Value::Object(serde_json::Map::new()));
    }
    let value = match manifest {
        Manifest::Cargo | Manifest::Pyproject => serde_json::to_value(text.parse::<toml::Table>().ok()?).ok()?,
        Manifest::Npm | Manifest::Deno | Manifest::Composer => serde_json::from_str(text).ok()?,
    };
    value.is_object().then_some(value)
}

/// The names of the members of two objects, each once.
fn keys(before: &Value, after: &Value) -> Vec<String> {
    let members = |value: &Value| value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>());
    let mut all: Vec<String> = [before, after].into_iter().filter_map(members).flatten().collect();
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_and_descriptions_are_harmless() {
        let before = r#"{"version":"1.0.0","dependencies":{"a":"1"},"scripts":{"test":"vitest"}}"#;
        let after = r#"{"version":"1.1.0","dependencies":{"a":"2","b":"1"},"scripts":{"test":"vitest"}}"#;
        assert_eq!(changed(Manifest::Npm, before, after), [""; 0]);
        let before = "[package]\nname = \"a\"\nversion = \"1.0.0\"\n[dependencies]\n";
        let after = "[package]\nname = \"a\"\nversion = \"1.0.1\"\n[dependencies]\nb = \"1\"\n[features]\nc = []\n";
        assert_eq!(changed(Manifest::Cargo, before, after), [""; 0]);
    }

    #[test]
    fn what_decides_how_tests_run_is_named() {
        let script = changed(Manifest::Npm, r#"{"scripts":{"test":"ava"}}"#, r#"{"scripts":{"test":"true"}}"#);
        assert_eq!(script, ["scripts"]);
        let package = "[package]\nname = \"a\"\n";
        let unbuilt = format!("{package}autotests = false\n[[test]]\nname = \"t\"\ntest = false\n");
        assert_eq!(changed(Manifest::Cargo, package, &unbuilt), ["package.autotests", "test"]);
        let pytest = changed(Manifest::Pyproject, "", "[tool.pytest.ini_options]\naddopts = \"-k nothing\"\n");
        assert_eq!(pytest, ["tool"]);
        let plugin = "[project.entry-points.pytest11]\na = \"a\"\n";
        assert_eq!(changed(Manifest::Pyproject, "", plugin), ["project.entry-points"]);
    }

    #[test]
    fn a_manifest_that_cannot_be_read_differs_as_a_whole() {
        assert_eq!(changed(Manifest::Npm, "{}", "{"), ["the whole file"]);
        assert_eq!(changed(Manifest::Npm, "{}", "[]"), ["the whole file"]);
        assert_eq!(changed(Manifest::Cargo, "", "a ="), ["the whole file"]);
    }
}
