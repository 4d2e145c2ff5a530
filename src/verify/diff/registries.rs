//! Changes to where package managers look for packages, in their configuration and in manifests.

use crate::verify::detect::has_extension;
use crate::workspace::Changed;

/// The longest line that is shown.
const MOST_CHARS: usize = 160;

/// Keys of Cargo's configuration, whichever of its two names the file has.
const CARGO: &[&str] = &[
    "registry",
    "index",
    "replace-with",
    "default",
    "local-registry",
    "directory",
    "git =",
    "git=",
    "[source",
    "[registries",
    "[patch",
    "proxy",
];

/// A configuration file, and the beginnings of its lines that name a place. An empty list takes every line with an address.
const FILES: &[(&str, &[&str])] = &[
    (".npmrc", &["registry", "@", "proxy", "https-proxy", "noproxy", "strict-ssl", "cafile", "ca=", "ca["]),
    (".yarnrc", &["registry", "\"@", "@", "proxy", "https-proxy", "strict-ssl"]),
    (
        ".yarnrc.yml",
        &[
            "npmregistryserver",
            "npmpublishregistry",
            "npmscopes",
            "unsafehttpwhitelist",
            "httpproxy",
            "httpsproxy",
            "enablestrictssl",
        ],
    ),
    (".pnpmfile.cjs", &[]),
    ("bunfig.toml", &["registry", "\"@", "@"]),
    ("pip.conf", &["index-url", "extra-index-url", "find-links", "trusted-host", "proxy", "index"]),
    ("pip.ini", &["index-url", "extra-index-url", "find-links", "trusted-host", "proxy", "index"]),
    ("uv.toml", &["index", "url", "default-index", "extra-index-url", "index-url", "find-links"]),
    (".cargo/config.toml", CARGO),
    (".cargo/config", CARGO),
    (".bundle/config", &["bundle_mirror", "bundle_gemfile"]),
    ("nuget.config", &["<add", "<clear"]),
    ("settings.xml", &["<url", "<mirror"]),
    ("gradle.properties", &["systemprop.http"]),
    ("gradle-wrapper.properties", &["distributionurl", "distributionsha256sum"]),
    ("maven-wrapper.properties", &["distributionurl", "wrapperurl"]),
    ("auth.json", &[]),
];

/// A manifest, and what a line contains if it names a place that packages come from.
const MANIFESTS: &[(&str, &[&str])] = &[
    ("cargo.toml", &["git =", "git=", "[patch", "[replace", "registry =", "registry="]),
    ("package.json", &["\"git+", "\"git:", "\"http:", "\"https:", "\"github:", "\"npm:", "\"registry\""]),
    (
        "pyproject.toml",
        &[
            "[[tool.uv.index",
            "[[tool.poetry.source",
            "[[tool.pdm.source",
            "git+",
            "@ http",
            "git =",
            "index =",
            "index-url",
            "url =",
        ],
    ),
    ("pipfile", &["[[source", "url =", "git =", "index ="]),
    ("gemfile", &["source ", "git:", "git_source", ":git", "github:"]),
    ("go.mod", &["replace ", "=>"]),
    ("composer.json", &["\"url\"", "\"repositories\""]),
    ("pom.xml", &["<repository>", "<pluginrepository>", "<repositories>"]),
    ("build.gradle", &["maven {", "maven(", "url ", "url=", "url("]),
    ("build.gradle.kts", &["maven {", "maven(", "url ", "url=", "url("]),
    ("settings.gradle", &["maven {", "maven(", "url ", "url=", "url("]),
    ("settings.gradle.kts", &["maven {", "maven(", "url ", "url=", "url("]),
];

/// Lines of `package.json` that hold an address and no package.
const DESCRIPTIONS: &[&str] =
    &["\"homepage\"", "\"url\"", "\"bugs\"", "\"repository\"", "\"$schema\"", "\"funding\"", "\"author\""];

/// A sentence if the change of the file says where packages come from.
pub(super) fn changed(file: &Changed) -> Option<String> {
    let decides = decides(&file.path)?;
    let old: Vec<&str> = file.removed.iter().map(|(_, line)| line.trim()).filter(|line| decides(line)).collect();
    let new: Vec<&str> = file.added.iter().map(|(_, line)| line.trim()).filter(|line| decides(line)).collect();
    let moved = |line: &&&str| !old.contains(*line);
    let added = new.iter().find(moved);
    let line = added.or_else(|| old.iter().find(|line| !new.contains(*line)))?;
    let verb = if added.is_some() { "now says" } else { "no longer says" };
    let shown: String = line.chars().filter(|it| *it != '`').take(MOST_CHARS).collect();
    Some(format!("`{}` changes where packages come from: it {verb} `{shown}`", file.path))
}

/// Whether a line says where packages come from.
type Decides = Box<dyn Fn(&str) -> bool>;

/// How a line of this file is recognised; `None` where it is no such file.
fn decides(path: &str) -> Option<Decides> {
    let path = path.to_ascii_lowercase();
    let is = |name: &str| path == name || path.strip_suffix(name).is_some_and(|rest| rest.ends_with('/'));
    if let Some((_, begins)) = FILES.iter().find(|(name, _)| is(name)) {
        return Some(Box::new(move |line| {
            let line = line.to_ascii_lowercase();
            let named = begins.iter().any(|begin| line.starts_with(begin));
            named || (begins.is_empty() && line.contains("://"))
        }));
    }
    if let Some((name, parts)) = MANIFESTS.iter().find(|(name, _)| is(name)) {
        return Some(Box::new(move |line| {
            let line = line.to_ascii_lowercase();
            let described = *name == "package.json" && DESCRIPTIONS.iter().any(|key| line.starts_with(key));
            !described && parts.iter().any(|part| line.contains(part)) && !is_own_source(name, &line)
        }));
    }
    let name = path.rsplit('/').next().unwrap_or(&path);
    let requirements = (name.contains("requirements") || name.contains("constraints")) && has_extension(name, "txt");
    requirements.then(|| -> Decides {
        Box::new(|line| {
            let begins = ["-i ", "--index-url", "--extra-index-url", "-f ", "--find-links", "--trusted-host", "--pre"];
            begins.iter().any(|begin| line.starts_with(begin)) || line.contains("://")
        })
    })
}

/// The place that everybody takes packages from.
fn is_own_source(manifest: &str, line: &str) -> bool {
    manifest == "gemfile" && line.starts_with("source ") && line.contains("\"https://rubygems.org\"")
}
