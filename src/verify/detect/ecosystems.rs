//! The ecosystems with one rule each.

use super::Rule;
use super::files::{Folder, has_extension, is_solution, split};

pub(super) fn cargo(folder: &Folder<'_>) -> Option<Rule> {
    let manifest = folder.toml("Cargo.toml")?;
    // Without `--workspace` the members of a workspace with a root package are not tested.
    Some(if manifest.contains_key("workspace") {
        Rule::new("cargo test --workspace", "the workspace in `Cargo.toml`")
    } else {
        Rule::new("cargo test", "`Cargo.toml`")
    })
}

pub(super) fn deno(folder: &Folder<'_>) -> Option<Rule> {
    let name = folder.first(&["deno.json", "deno.jsonc"])?;
    // The package manager's test script is the one that people run where there are both.
    if folder.has("package.json") {
        return None;
    }
    let task = folder.json(name).is_some_and(|manifest| manifest.pointer("/tasks/test").is_some());
    Some(Rule::new(if task { "deno task test" } else { "deno test" }, format!("`{name}`")))
}

pub(super) fn go(folder: &Folder<'_>) -> Option<Rule> {
    let tests = folder.below().any(|path| path.ends_with("_test.go"));
    (folder.has("go.mod") && tests).then(|| Rule::new("go test ./...", "`go.mod` and files named `*_test.go`"))
}

pub(super) fn maven(folder: &Folder<'_>) -> Option<Rule> {
    let program = if folder.has("mvnw") { "./mvnw" } else { "mvn" };
    folder.has("pom.xml").then(|| Rule::new(format!("{program} --batch-mode test"), "`pom.xml`"))
}

pub(super) fn gradle(folder: &Folder<'_>) -> Option<Rule> {
    let manifest = folder.first(&["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"])?;
    let program = if folder.has("gradlew") { "./gradlew" } else { "gradle" };
    Some(Rule::new(format!("{program} test"), format!("`{manifest}`")))
}

pub(super) fn ruby(folder: &Folder<'_>) -> Option<Rule> {
    if !folder.has("Gemfile") {
        return None;
    }
    if folder.below().any(|path| path.starts_with("spec/") && path.ends_with("_spec.rb")) {
        return Some(Rule::new("bundle exec rspec", "`Gemfile` and the files in `spec/`"));
    }
    let tests = folder.below().any(|path| path.starts_with("test/") && has_extension(path, "rb"));
    (tests && folder.has("Rakefile"))
        .then(|| Rule::new("bundle exec rake test", "`Gemfile`, `Rakefile` and the files in `test/`"))
}

pub(super) fn php(folder: &Folder<'_>) -> Option<Rule> {
    let manifest = folder.json("composer.json")?;
    if manifest.pointer("/scripts/test").is_some() {
        return Some(Rule::new("composer test", "the script `test` in `composer.json`"));
    }
    let config = folder.first(&["phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"])?;
    Some(Rule::new("vendor/bin/phpunit", format!("`composer.json` and `{config}`")))
}

pub(super) fn dotnet(folder: &Folder<'_>) -> Option<Rule> {
    let solution = folder.below().find(|path| split(path).0.is_empty() && is_solution(path))?;
    Some(Rule::new("dotnet test", format!("`{solution}`")))
}

pub(super) fn elixir(folder: &Folder<'_>) -> Option<Rule> {
    let tests = folder.below().any(|path| path.starts_with("test/") && path.ends_with("_test.exs"));
    (folder.has("mix.exs") && tests).then(|| Rule::new("mix test", "`mix.exs` and the files in `test/`"))
}

pub(super) fn swift(folder: &Folder<'_>) -> Option<Rule> {
    let tests = folder.below().any(|path| path.starts_with("Tests/"));
    (folder.has("Package.swift") && tests).then(|| Rule::new("swift test", "`Package.swift` and the files in `Tests/`"))
}
