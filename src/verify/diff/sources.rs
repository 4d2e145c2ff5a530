//! Where the packages of a lockfile come from, before and after a change.
//!
//! Lockfiles are read by lines, because they may be large and need not be valid. A line counts by the key that its format
//! has for a place; addresses of home pages and of sponsors do not.

use std::collections::{BTreeMap, BTreeSet};

/// The most places that are named for one lockfile.
const MOST_NAMED: usize = 5;

/// A kind of lockfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lockfile {
    name: &'static str,
    /// What a line contains if it says where a package comes from. An empty list takes every line with an address.
    keys: &'static [&'static str],
    /// What a line begins with if it names the package of the lines below.
    package: &'static str,
    /// The places from which everybody takes packages of this kind.
    usual: &'static [&'static str],
    /// Whether an address on a forge stands for that repository, and not for the whole forge.
    repositories: bool,
}

const NPM: &[&str] = &["registry.npmjs.org", "registry.yarnpkg.com"];
const PYPI: &[&str] = &["pypi.org", "files.pythonhosted.org"];
const FORGES: &[&str] = &["github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "codeload.github.com"];

const LOCKFILES: &[Lockfile] = &[
    Lockfile {
        name: "package-lock.json",
        keys: &["\"resolved\":"],
        package: "\"node_modules/",
        usual: NPM,
        repositories: true,
    },
    Lockfile {
        name: "npm-shrinkwrap.json",
        keys: &["\"resolved\":"],
        package: "\"node_modules/",
        usual: NPM,
        repositories: true,
    },
    Lockfile { name: "yarn.lock", keys: &["resolved ", "resolution:"], package: "", usual: NPM, repositories: true },
    Lockfile {
        name: "pnpm-lock.yaml",
        keys: &["tarball:", "repo:", "registry:"],
        package: "",
        usual: NPM,
        repositories: true,
    },
    Lockfile { name: "bun.lock", keys: &[], package: "", usual: NPM, repositories: true },
    Lockfile { name: "deno.lock", keys: &[], package: "", usual: &["jsr.io", "deno.land"], repositories: true },
    Lockfile {
        name: "Cargo.lock",
        keys: &["source = "],
        package: "name = ",
        usual: &["github.com/rust-lang/crates.io-index", "index.crates.io"],
        repositories: true,
    },
    Lockfile { name: "Gemfile.lock", keys: &["remote:"], package: "", usual: &["rubygems.org"], repositories: true },
    Lockfile { name: "poetry.lock", keys: &["url = "], package: "name = ", usual: PYPI, repositories: true },
    Lockfile {
        name: "uv.lock",
        keys: &["source = ", "url = ", "registry = "],
        package: "name = ",
        usual: PYPI,
        repositories: true,
    },
    Lockfile { name: "pdm.lock", keys: &["url = ", "git = "], package: "name = ", usual: PYPI, repositories: true },
    Lockfile { name: "Pipfile.lock", keys: &["\"url\":", "\"git\":"], package: "", usual: PYPI, repositories: true },
    Lockfile {
        name: "composer.lock",
        keys: &["\"url\":"],
        package: "\"name\":",
        usual: &["repo.packagist.org", "packagist.org", "api.github.com", "github.com"],
        repositories: false,
    },
    Lockfile {
        name: "Package.resolved",
        keys: &["\"location\"", "\"repositoryURL\""],
        package: "",
        usual: FORGES,
        repositories: true,
    },
    Lockfile { name: "flake.lock", keys: &["\"url\":"], package: "", usual: FORGES, repositories: true },
];

impl Lockfile {
    /// The kind of the file at this path.
    pub(super) fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        LOCKFILES.iter().copied().find(|lockfile| lockfile.name == name)
    }
}

/// The places, each with a package that comes from it, and the place of each package.
#[derive(Default)]
struct Sources<'a> {
    places: BTreeMap<String, &'a str>,
    packages: BTreeMap<&'a str, BTreeSet<String>>,
}

/// Sentences for places that are new in the lockfile, and for packages that come from another place than before.
pub(super) fn changed(path: &str, lockfile: Lockfile, before: &str, after: &str) -> Vec<String> {
    let (old, new) = (read(lockfile, before), read(lockfile, after));
    let usual = |place: &str| old.places.is_empty() && lockfile.usual.contains(&place);
    let added: Vec<_> =
        new.places.iter().filter(|(place, _)| !old.places.contains_key(*place) && !usual(place)).collect();
    let mut told: Vec<String> = added
        .iter()
        .take(MOST_NAMED)
        .map(|(place, package)| {
            let which = if package.is_empty() { String::new() } else { format!(" (`{}`)", shown(package)) };
            format!("`{path}` takes packages from `{}`{which}, which it did not before", shown(place))
        })
        .collect();
    if added.len() > MOST_NAMED {
        told.push(format!("`{path}` takes packages from {} more new places", added.len() - MOST_NAMED));
    }
    let moved = new.packages.iter().filter(|(package, places)| {
        let known = |place: &String| old.places.contains_key(place);
        old.packages.get(*package).is_some_and(|before| places.is_disjoint(before)) && places.iter().all(known)
    });
    let moved: Vec<&str> = moved.map(|(package, _)| *package).collect();
    if let Some(first) = moved.first() {
        let more = if moved.len() > 1 { format!(" and {} more", moved.len() - 1) } else { String::new() };
        told.push(format!("`{path}` takes `{}`{more} from another place than before", shown(first)));
    }
    told
}

fn read(lockfile: Lockfile, text: &str) -> Sources<'_> {
    let mut sources = Sources::default();
    let mut package = "";
    for line in text.lines().map(str::trim) {
        if !lockfile.package.is_empty() && line.starts_with(lockfile.package) {
            package = line[lockfile.package.len()..].trim_matches(|it: char| "\"{:, ".contains(it));
        }
        if !lockfile.keys.is_empty() && !lockfile.keys.iter().any(|key| line.contains(key)) {
            continue;
        }
        for (place, named) in places(line, lockfile.repositories) {
            let package = if lockfile.package.is_empty() { named } else { package };
            sources.places.entry(place.clone()).or_insert(package);
            if !package.is_empty() {
                sources.packages.entry(package).or_default().insert(place);
            }
        }
    }
    sources
}

/// The places that a line names, each with the path behind its host without the file's name.
fn places(line: &str, repositories: bool) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("://") {
        let scheme =
            line[..at].rsplit(|it: char| !it.is_ascii_alphanumeric() && !"+-.".contains(it)).next().unwrap_or_default();
        let rest = &line[at + 3..];
        let end = rest.find(|it: char| it.is_whitespace() || "\"'`<>(){}[],\\".contains(it)).unwrap_or(rest.len());
        let address = rest[..end].split(['?', '#']).next().unwrap_or_default();
        let (host, path) = address.split_once('/').unwrap_or((address, ""));
        let host = host.rsplit('@').next().unwrap_or(host).to_ascii_lowercase();
        let host = host.strip_suffix(":443").unwrap_or(&host).to_owned();
        let is_git = scheme.starts_with("git") || scheme.starts_with("ssh");
        let place = if repositories && (is_git || FORGES.contains(&host.as_str())) {
            let repository: Vec<&str> = path.split('/').take(2).map(|part| part.trim_end_matches(".git")).collect();
            format!("{host}/{}", repository.join("/"))
        } else {
            host
        };
        // In clear, anybody on the way may answer.
        let place = if scheme == "http" { format!("http://{place}") } else { place };
        found.push((place, path.rsplit_once('/').map_or("", |(folder, _)| folder)));
    }
    found
}

fn shown(text: &str) -> String {
    text.chars().filter(|it| !it.is_control() && *it != '`').take(120).collect()
}
