//! The ecosystems with one rule each.

use super::files::{Folder, has_extension, is_solution, split};
use super::{Rule, Setup};

pub(super) fn cargo(folder: &Folder<'_>) -> Option<Rule> {
    let manifest = folder.toml("Cargo.toml")?;
    let fetch = if folder.has("Cargo.lock") { "cargo fetch --locked" } else { "cargo fetch" };
    // Without a lock file of its own, every commit has to see the one that the setup resolved.
    let setup = |test: &str| Setup::install([fetch]).warm(format!("{test} --no-run")).keeping(&["Cargo.lock"]);
    // Without `--workspace` the members of a workspace with a root package are not tested.
    let (test, why) = if manifest.contains_key("workspace") {
        ("cargo test --workspace", "the workspace in `Cargo.toml`")
    } else {
        ("cargo test", "`Cargo.toml`")
    };
    Some(Rule::new(test, why).after(setup(test)))
}

/// A package alone tests nothing but itself.
pub(super) fn cargo_covers(above: &Folder<'_>, _: &Folder<'_>) -> bool {
    above.toml("Cargo.toml").is_some_and(|manifest| manifest.contains_key("workspace"))
}

pub(super) fn deno(folder: &Folder<'_>) -> Option<Rule> {
    let name = folder.first(&["deno.json", "deno.jsonc"])?;
    // The package manager's test script is the one that people run where there are both.
    if folder.has("package.json") {
        return None;
    }
    let task = folder.json(name).is_some_and(|manifest| manifest.pointer("/tasks/test").is_some());
    let rule = Rule::new(if task { "deno task test" } else { "deno test" }, format!("`{name}`"));
    let program = "command -v deno || npm install --global --prefix ~/.local deno@2";
    Some(rule.after(Setup::install([program, "deno install"]).keeping(&["node_modules"])))
}

pub(super) fn go(folder: &Folder<'_>) -> Option<Rule> {
    let tests = folder.below().any(|path| path.ends_with("_test.go"));
    let vendored = folder.has("vendor/modules.txt");
    let setup = Setup::install((!vendored).then_some("go mod download")).warm("go test -run '^$' ./...");
    (folder.has("go.mod") && tests)
        .then(|| Rule::new("go test ./...", "`go.mod` and files named `*_test.go`").after(setup))
}

pub(super) fn maven(folder: &Folder<'_>) -> Option<Rule> {
    let program = if folder.has("mvnw") { "./mvnw" } else { "mvn" };
    // Which artefacts a run of the tests needs is known only after one: the plugins ask for more while they work.
    let setup = Setup::install([format!("{program} --batch-mode -Dmaven.test.failure.ignore=true test")]);
    (folder.has("pom.xml") && has_jvm_tests(folder))
        .then(|| Rule::new(format!("{program} --batch-mode --offline test"), "`pom.xml`").after(setup))
}

pub(super) fn gradle(folder: &Folder<'_>) -> Option<Rule> {
    let manifest = folder.first(&["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"])?;
    if !has_jvm_tests(folder) {
        return None;
    }
    let program = if folder.has("gradlew") { "./gradlew" } else { "gradle" };
    let setup = Setup::install([
        format!("{program} --no-daemon testClasses"),
        format!("{program} --no-daemon --continue test || true"),
    ]);
    Some(Rule::new(format!("{program} --no-daemon --offline test"), format!("`{manifest}`")).after(setup))
}

/// Whether a file is a test of a language for the JVM, by its name or by a folder such as `src/test` or `src/commonTest`.
fn has_jvm_tests(folder: &Folder<'_>) -> bool {
    folder.below().any(|path| {
        let code = ["java", "kt", "kts", "groovy", "scala", "clj"].iter().any(|language| has_extension(path, language));
        let lower = path.to_lowercase();
        code && (lower.contains("test") || lower.contains("spec"))
    })
}

pub(super) fn ruby(folder: &Folder<'_>) -> Option<Rule> {
    let specs = folder.below().any(|path| path.starts_with("spec/") && path.ends_with("_spec.rb"));
    let tests =
        folder.has("Rakefile") && folder.below().any(|path| path.starts_with("test/") && has_extension(path, "rb"));
    let Some(gemfile) = folder.first(&["Gemfile", "gems.rb"]) else {
        // Without a manifest there is nothing to install.
        return match (specs && folder.has(".rspec"), tests, specs && folder.has("Rakefile")) {
            (true, ..) => Some(Rule::new("rspec", "`.rspec` and the files in `spec/`")),
            (_, true, _) => Some(Rule::new("rake test", "`Rakefile` and the files in `test/`")),
            // Specs are Minitest's as often: only the default task knows.
            (.., true) => Some(Rule::new("rake", "`Rakefile` and the files in `spec/`")),
            _ => None,
        };
    };
    let locked = folder.first(&["Gemfile.lock", "gems.locked"]).is_some();
    // The gems of the machine are enough for many; the option that prefers them is unknown to older versions of Bundler.
    let install = if locked { "bundle install" } else { "bundle install --local || bundle install" };
    let setup = Setup::install([install]).keeping(&["Gemfile.lock", "gems.locked"]);
    if specs {
        return Some(Rule::new("bundle exec rspec", format!("`{gemfile}` and the files in `spec/`")).after(setup));
    }
    let why = format!("`{gemfile}`, `Rakefile` and the files in `test/`");
    tests.then(|| Rule::new("bundle exec rake test", why).after(setup))
}

pub(super) fn php(folder: &Folder<'_>) -> Option<Rule> {
    let config = folder.first(&["phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"]);
    let Some(manifest) = folder.json("composer.json") else {
        return config.map(|config| Rule::new("phpunit", format!("`{config}`")));
    };
    let setup =
        Setup::install(["composer install --no-interaction --no-progress"]).keeping(&["vendor", "composer.lock"]);
    if manifest.pointer("/scripts/test").is_some() {
        return Some(Rule::new("composer test", "the script `test` in `composer.json`").after(setup));
    }
    Some(Rule::new("vendor/bin/phpunit", format!("`composer.json` and `{}`", config?)).after(setup))
}

pub(super) fn dotnet(folder: &Folder<'_>) -> Option<Rule> {
    let solution = folder.below().find(|path| split(path).0.is_empty() && is_solution(path))?;
    let is_test = |path: &str| {
        ["csproj", "fsproj", "vbproj"].iter().any(|kind| has_extension(path, kind))
            && path.to_lowercase().contains("test")
    };
    if !folder.below().any(is_test) {
        return None;
    }
    let setup = Setup::install(["dotnet restore"]).keeping(&["obj"]);
    Some(Rule::new("dotnet test --no-restore", format!("`{solution}`")).after(setup))
}

pub(super) fn elixir(folder: &Folder<'_>) -> Option<Rule> {
    let tests = folder.below().any(|path| path.starts_with("test/") && path.ends_with("_test.exs"));
    let setup = Setup::install(["mix local.hex --force", "mix local.rebar --force", "mix deps.get"])
        .warm("MIX_ENV=test mix deps.compile")
        .keeping(&["deps", "_build"]);
    (folder.has("mix.exs") && tests).then(|| Rule::new("mix test", "`mix.exs` and the files in `test/`").after(setup))
}

pub(super) fn swift(folder: &Folder<'_>) -> Option<Rule> {
    let tests = folder.below().any(|path| path.starts_with("Tests/"));
    (folder.has("Package.swift") && tests).then(|| Rule::new("swift test", "`Package.swift` and the files in `Tests/`"))
}

/// <https://metacpan.org/pod/ExtUtils::MakeMaker>, <https://metacpan.org/pod/Module::Build>
pub(super) fn perl(folder: &Folder<'_>) -> Option<Rule> {
    if !folder.below().any(|path| path.starts_with("t/") && has_extension(path, "t")) {
        return None;
    }
    let (sign, run) = match folder.first(&["Makefile.PL", "Build.PL", "cpanfile", "dist.ini"])? {
        sign @ "Makefile.PL" => (sign, "perl Makefile.PL && make test"),
        sign @ "Build.PL" => (sign, "perl Build.PL && ./Build test"),
        sign => (sign, "prove --lib --recurse t"),
    };
    Some(Rule { name: "perl tests".to_owned(), ..Rule::new(run, format!("`{sign}` and the files in `t/`")) })
}
