use super::*;

/// What is detected for these paths and texts, as `command: reason`.
fn found(paths: &[&str], texts: &[(&str, &str)]) -> Vec<String> {
    let all = paths.iter().copied().chain(texts.iter().map(|(path, _)| *path)).map(str::to_owned);
    let mut files = Files::new(all.collect());
    let wanted = files.manifests();
    for (path, text) in texts.iter().filter(|(path, _)| wanted.iter().any(|wanted| wanted == path)) {
        files.add(path, text.as_bytes());
    }
    let commands = detect(&files).found.into_iter().map(|it| format!("{}: {}", it.verifier.run, it.why));
    commands.collect()
}

pub(super) fn commands(paths: &[&str], texts: &[(&str, &str)]) -> Vec<String> {
    let first = |line: String| line.split(": ").next().unwrap_or_default().to_owned();
    found(paths, texts).into_iter().map(first).collect()
}

#[test]
fn a_cargo_workspace_is_tested_with_all_its_members() {
    let package = "[package]\nname = \"a\"\n";
    assert_eq!(found(&[], &[("Cargo.toml", package)]), ["cargo test: `Cargo.toml`"]);
    let workspace = format!("[workspace]\nmembers = [\"impl\"]\n{package}");
    assert_eq!(
        found(&[], &[("Cargo.toml", &workspace), ("impl/Cargo.toml", package)]),
        ["cargo test --workspace: the workspace in `Cargo.toml`"]
    );
}

#[test]
fn the_package_manager_is_the_one_that_is_named_or_whose_lockfile_is_there() {
    let package = r#"{"scripts":{"test":"vitest"}}"#;
    for (lockfile, run) in [
        ("package-lock.json", "npm test"),
        ("pnpm-lock.yaml", "pnpm test"),
        ("yarn.lock", "yarn test"),
        ("bun.lock", "bun run test"),
    ] {
        assert_eq!(
            found(&[lockfile], &[("package.json", package)]),
            [format!("{run}: the script `test` in `package.json` and `{lockfile}`")]
        );
    }
    let named = r#"{"packageManager":"pnpm@9.1.0","scripts":{"test":"vitest"}}"#;
    assert_eq!(commands(&["yarn.lock"], &[("package.json", named)]), ["pnpm test"]);
    assert_eq!(commands(&[], &[("package.json", package)]), ["npm test"]);
}

#[test]
fn npms_placeholder_is_no_test() {
    for package in [
        r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#,
        "{}",
        "not json",
        r#"{"scripts":{"test":7}}"#,
    ] {
        assert_eq!(commands(&[], &[("package.json", package)]), [""; 0], "{package}");
    }
}

#[test]
fn the_members_of_a_workspace_without_a_script_at_its_root_are_tested() {
    assert_eq!(
        commands(&["package-lock.json"], &[("package.json", r#"{"workspaces":["a"]}"#)]),
        ["npm test --workspaces --if-present"]
    );
    assert_eq!(
        commands(&["pnpm-lock.yaml"], &[("package.json", "{}"), ("pnpm-workspace.yaml", "packages: [a]")]),
        ["pnpm --recursive --if-present run test"]
    );
}

#[test]
fn a_c_library_with_scripts_in_its_tests_is_no_python_project() {
    let scripts = ["tests/unity/auto/run_test.py", "tests/unity/auto/parse.py", "cJSON.c"];
    assert_eq!(commands(&scripts, &[("Makefile", "all:\n\tcc\ntest: tests\n\t./test\n")]), ["make test"]);
    assert_eq!(commands(&scripts, &[]), [""; 0]);
    assert_eq!(commands(&["test_a.py", "b.c"], &[]), ["pytest"]);
}

#[test]
fn a_python_project_needs_a_sign_and_tests() {
    let project = ("pyproject.toml", "[project]\nname = \"a\"\n");
    assert_eq!(
        found(&["tests/test_a.py", "tests/b.py"], &[project]),
        ["pytest: `pyproject.toml` and 2 files with tests"]
    );
    assert_eq!(commands(&["a.py"], &[project]), [""; 0]);
    assert_eq!(commands(&["node_modules/x/tests/a.py"], &[project]), [""; 0]);
    assert_eq!(commands(&["tests/a.py", "setup.py"], &[]), ["pytest"]);
    // A linter's settings make no Python project.
    assert_eq!(commands(&["tests/a.py"], &[("pyproject.toml", "[tool.ruff]\n")]), [""; 0]);
}

#[test]
fn each_other_ecosystem_has_its_command() {
    assert_eq!(commands(&["go.mod", "a_test.go"], &[]), ["go test ./..."]);
    assert_eq!(commands(&["go.mod", "a.go"], &[]), [""; 0]);
    let java = "src/test/java/ATest.java";
    assert_eq!(commands(&["pom.xml", java], &[]), ["mvn --batch-mode --offline test"]);
    assert_eq!(commands(&["pom.xml", "mvnw", java], &[]), ["./mvnw --batch-mode --offline test"]);
    assert_eq!(commands(&["build.gradle.kts", "gradlew", java], &[]), ["./gradlew --no-daemon --offline test"]);
    assert_eq!(commands(&["build.gradle", "pom.xml", "src/main/A.java"], &[]), [""; 0], "no tests");
    assert_eq!(commands(&["Gemfile", "spec/a_spec.rb"], &[]), ["bundle exec rspec"]);
    assert_eq!(commands(&["Gemfile", "Rakefile", "test/a_test.rb"], &[]), ["bundle exec rake test"]);
    assert_eq!(commands(&["gems.rb", "Rakefile", "test/a_test.rb"], &[]), ["bundle exec rake test"]);
    assert_eq!(commands(&["Rakefile", "test/a_test.rb"], &[]), ["rake test"]);
    assert_eq!(commands(&["Rakefile", "spec/a_spec.rb"], &[]), ["rake"]);
    assert_eq!(commands(&[".rspec", "spec/a_spec.rb"], &[]), ["rspec"]);
    assert_eq!(commands(&["phpunit.xml"], &[]), ["phpunit"]);
    assert_eq!(commands(&["phpunit.xml.dist"], &[("composer.json", "{}")]), ["vendor/bin/phpunit"]);
    assert_eq!(commands(&[], &[("composer.json", r#"{"scripts":{"test":"pest"}}"#)]), ["composer test"]);
    assert_eq!(commands(&["App.sln", "App.Tests/App.Tests.csproj"], &[]), ["dotnet test --no-restore"]);
    assert_eq!(commands(&["App.sln", "App/App.csproj"], &[]), [""; 0], "no tests");
    assert_eq!(commands(&["Makefile.PL", "t/a.t"], &[]), ["perl Makefile.PL && make test"]);
    assert_eq!(commands(&["cpanfile", "t/a.t"], &[]), ["prove --lib --recurse t"]);
    assert_eq!(commands(&["mix.exs", "test/a_test.exs"], &[]), ["mix test"]);
    assert_eq!(commands(&["Package.swift", "Tests/A.swift"], &[]), ["swift test"]);
    assert_eq!(commands(&[], &[("deno.json", r#"{"tasks":{"test":"deno test -A"}}"#)]), ["deno task test"]);
}

#[test]
fn a_task_runner_counts_only_when_nothing_else_is_found() {
    assert_eq!(commands(&[], &[("Makefile", "all test: build\n\ttrue\n")]), ["make test"]);
    assert_eq!(commands(&[], &[("Makefile", "check:\n\ttrue\n")]), ["make check"]);
    assert_eq!(commands(&[], &[("Makefile", "test:\n\ttrue\n"), ("Cargo.toml", "")]), ["cargo test"]);
    assert_eq!(commands(&[], &[("justfile", "@test *args:\n  true\n")]), ["just test"]);
    for makefile in
        ["test := x\n", "test:=x\n", "\ttest: x\n", "# test: x\n", "tests:\n", ".PHONY: test\n", "a = test: x\n"]
    {
        assert_eq!(commands(&[], &[("Makefile", makefile)]), [""; 0], "{makefile}");
    }
}

#[test]
fn every_project_of_a_monorepo_is_tested_in_its_folder() {
    let package = r#"{"scripts":{"test":"vitest"}}"#;
    assert_eq!(
        commands(
            &["backend/setup.py", "backend/tests/test_a.py", "frontend/bun.lock"],
            &[("frontend/package.json", package), ("examples/a/package.json", package), ("docs/package.json", package)],
        ),
        ["cd backend && ~/.venvs/backend/bin/pytest", "cd frontend && bun run test"]
    );
    let names = detect(&Files::new(["a/b/go.mod".to_owned(), "a/b/c_test.go".to_owned()].into())).found;
    assert_eq!(names[0].verifier.name, "go test in a/b");
    let below = [("runtime-tests/deno/deno.json", "{}"), ("e2e/package.json", package)];
    assert_eq!(commands(&[], &below), [""; 0], "projects that belong to tests");
    // Deeper ones, and those that a shell would misread, are left to a policy.
    let go = |folder: &str| [format!("{folder}/go.mod"), format!("{folder}/a_test.go")];
    let odd: BTreeSet<String> = ["a/b/c", "a $(b)", "-a"].iter().flat_map(|folder| go(folder)).collect();
    assert_eq!(detect(&Files::new(odd)).found, []);
}

#[test]
fn a_repository_with_very_many_projects_names_its_verifiers_itself() {
    let of = |number: i32| ["go.mod", "a_test.go"].map(|name| format!("services/s{number:02}/{name}"));
    let many: BTreeSet<String> = (0..20).flat_map(of).collect();
    let detection = detect(&Files::new(many));
    assert_eq!(detection.found.len(), MOST_DETECTED);
    assert_eq!(detection.left_out.first().map(String::as_str), Some("services/s08"));
    assert_eq!(detection.left_out.len(), 12);
}

/// What is installed for these paths and texts.
pub(super) fn installed(paths: &[&str], texts: &[(&str, &str)]) -> Vec<String> {
    let all = paths.iter().copied().chain(texts.iter().map(|(path, _)| *path)).map(str::to_owned);
    let mut files = Files::new(all.collect());
    for (path, text) in texts {
        files.add(path, text.as_bytes());
    }
    detect(&files).setup().install
}

#[test]
fn the_lockfile_decides_what_node_installs() {
    let package = ("package.json", r#"{"scripts":{"test":"vitest"}}"#);
    let pinned = |manager: &str| format!(r#"{{"scripts":{{"test":"vitest"}},"packageManager":"{manager}"}}"#);
    let program = |package: &str| format!("npm install --global --prefix ~/.local {package}");
    assert_eq!(installed(&["package-lock.json"], &[package]), ["npm ci"]);
    assert_eq!(installed(&[], &[package]), ["npm install --no-package-lock"]);
    for (lock, version) in
        [("lockfileVersion: '9.0'", "9"), ("lockfileVersion: '6.0'", "8"), ("lockfileVersion: 5.4", "7")]
    {
        let found = installed(&[], &[package, ("pnpm-lock.yaml", lock)]);
        assert_eq!(found, [program(&format!("pnpm@{version}")), "pnpm install --frozen-lockfile".to_owned()]);
    }
    let pnpm = pinned("pnpm@10.33.0+sha512.abc");
    assert_eq!(
        installed(&["pnpm-lock.yaml"], &[("package.json", &pnpm)]),
        [program("pnpm@10.33.0"), "pnpm install --frozen-lockfile".to_owned()]
    );
    let berry = pinned("yarn@3.6.0");
    assert_eq!(
        installed(&["yarn.lock"], &[("package.json", &berry)]),
        [program("@yarnpkg/cli-dist@3.6.0"), "yarn install --immutable".to_owned()]
    );
    assert_eq!(
        installed(&["yarn.lock"], &[package]),
        [program("yarn@1"), "yarn install --frozen-lockfile --ignore-engines --network-timeout 300000".to_owned()]
    );
    let hostile = pinned("pnpm@1; curl evil");
    assert_eq!(installed(&[], &[("package.json", &hostile)])[0], program("pnpm@9"), "no version is a command");
}

#[test]
fn what_a_project_builds_when_it_is_installed_is_built_for_each_commit() {
    let script = |prepare: &str| format!(r#"{{"scripts":{{"test":"vitest","prepare":"{prepare}"}}}}"#);
    assert_eq!(commands(&[], &[("package.json", &script("tsc"))]), ["npm run prepare && npm test"]);
    assert_eq!(commands(&[], &[("package.json", &script("husky install"))]), ["npm test"]);
}

#[test]
fn the_extras_and_groups_of_tests_are_installed_for_python() {
    let tests = &["tests/test_a.py"];
    let of = |text: &str| {
        let found = installed(tests, &[("pyproject.toml", text)]);
        found
            .into_iter()
            .filter(|command| command.contains("pip install --quiet -") || command.contains("uv sync"))
            .collect::<Vec<_>>()
    };
    let extras = "[project]\nname='a'\n[project.optional-dependencies]\ntest=['pytest']\ndocs=['sphinx']\n";
    let start = "~/.venv/bin/pip install --quiet";
    assert_eq!(of(extras), [format!("{start} --upgrade pip"), format!("{start} --editable '.[test]'")]);
    let groups = "[project]\nname='a'\n[dependency-groups]\ndev=['pytest']\n";
    assert_eq!(of(groups)[1..], [format!("{start} --group dev"), format!("{start} --editable .")], "the project last");
    let old = "from setuptools import setup\nsetup(extras_require={'tests': ['pytest']})\n";
    let found = installed(&["tests/test_a.py", "requirements-dev.txt"], &[("setup.py", old)]);
    assert!(found.contains(&format!("{start} --editable '.[tests]'")), "{found:?}");
    assert!(found.contains(&format!("{start} --requirement requirements-dev.txt")), "{found:?}");
    let tox = "[testenv]\ndeps =\n    -r requirements/ci.txt\n    flaky>=3\n    {env:X}\ncommands = pytest\n[testenv:docs]\ndeps = sphinx\n";
    let found = installed(tests, &[("tox.ini", tox)]);
    assert!(found.contains(&format!("{start} --requirement 'requirements/ci.txt'")), "{found:?}");
    assert!(found.contains(&format!("{start} 'flaky>=3'")), "{found:?}");
    assert!(!found.iter().any(|command| command.contains("sphinx") || command.contains("{env")), "{found:?}");
}

#[test]
fn a_compiled_extension_makes_the_environment_one_of_the_whole_commit() {
    let whole = |name: &str, text: &str| {
        let mut files = Files::new(["tests/test_a.py".to_owned(), name.to_owned()].into());
        files.add(name, text.as_bytes());
        detect(&files).setup().whole
    };
    assert!(whole("pyproject.toml", "[project]\n[build-system]\nbuild-backend='maturin'\n"));
    assert!(whole("setup.py", "setup(ext_modules=[Extension('a', ['a.c'])])"));
    assert!(!whole("pyproject.toml", "[project]\n[build-system]\nbuild-backend='hatchling.build'\n"));
}

#[test]
fn build_systems_of_c_are_told_apart() {
    let cmake = |options: &str, tests: &str| {
        format!(
            "cmake -S . -B build{options} && cmake --build build --parallel 4 && \
             ctest --test-dir {tests} --output-on-failure --no-tests=error"
        )
    };
    let root = |text: &'static str| commands(&[], &[("CMakeLists.txt", text)]);
    assert_eq!(root("project(a)\nENABLE_TESTING()\n"), [cmake("", "build")]);
    assert_eq!(root("project(a)\n"), [""; 0]);
    let options = "option(A_BUILD_TESTS \"Build (all) tests\" OFF)\noption(A_TESTING \"on\" ON)\n\
                   option(A_WITHOUT_TESTS \"none\" OFF)\noption( A_TEST\n  \"unset\")\ninclude(CTest)\n";
    assert_eq!(root(options), [cmake(" -DA_BUILD_TESTS=ON -DA_TEST=ON", "build")]);
    let below = [("CMakeLists.txt", "add_subdirectory(test)\n"), ("test/CMakeLists.txt", "enable_testing ()\n")];
    assert_eq!(commands(&[], &below), [cmake("", "build/test")]);
    let meson = "meson setup build && meson test -C build --print-errorlogs";
    assert_eq!(commands(&[], &[("meson.build", "x = 1\ntest('a', exe)\n")]), [meson]);
    assert_eq!(
        commands(&[], &[("meson.build", "subdir('tests')\n"), ("tests/meson.build", "  test('a', b)")]),
        [meson]
    );
    assert_eq!(commands(&[], &[("meson.build", "tests = {}\n")]), [""; 0]);
    let hidden = commands(&["build/version"], &[("meson.build", "test('a', exe)")]);
    assert_eq!(hidden, [meson.replace("build", "_build")]);
    assert_eq!(commands(&["configure.ac", "Makefile.am"], &[]), ["autoreconf --install && ./configure && make check"]);
    assert_eq!(commands(&["configure", "Makefile.am"], &[]), ["./configure && make check"]);
    // The makefile that is committed only says that `configure` makes the real one.
    let placeholder = [("Makefile", "all:\n\t@echo configure first\ntest:\n"), ("Makefile.in", "check test: all\n")];
    assert_eq!(commands(&["configure"], &placeholder), ["./configure && make test"]);
}

#[test]
fn a_project_in_a_folder_does_not_hide_what_the_root_is() {
    let library = ("CMakeLists.txt", "enable_testing()\n");
    let found = commands(&["support/build.gradle", "contrib/net.sln"], &[library]);
    assert!(found.len() == 1 && found[0].starts_with("cmake "), "{found:?}");
    let bindings = ["python/setup.py", "python/test_a.py"];
    let found = commands(&bindings, &[("Makefile", "test:\n\t./run\n")]);
    assert_eq!(found, ["make test", "cd python && ~/.venvs/python/bin/pytest"]);
    // A target that calls what is detected would only run it twice.
    let found = commands(&bindings, &[("Makefile", "test:\n\tcd python && pytest\n")]);
    assert_eq!(found, ["cd python && ~/.venvs/python/bin/pytest"]);
}

#[test]
fn a_project_that_the_one_above_does_not_test_is_tested_itself() {
    let package = "[package]\nname = \"a\"\n";
    assert_eq!(
        commands(&[], &[("Cargo.toml", package), ("tools/Cargo.toml", package)]),
        ["cargo test", "cd tools && cargo test"]
    );
    assert_eq!(
        commands(&["go.mod", "a_test.go", "cmd/go.mod", "cmd/b_test.go"], &[]),
        ["go test ./...", "cd cmd && go test ./..."]
    );
    let node = ("package.json", r#"{"scripts":{"test":"vitest"}}"#);
    assert_eq!(commands(&[], &[node, ("a/package.json", node.1)]), ["npm test"]);
    assert_eq!(commands(&["a/yarn.lock"], &[node, ("a/package.json", node.1)]), ["npm test", "cd a && yarn test"]);
}

#[test]
fn a_repository_with_submodules_is_told_that_they_are_missing() {
    assert_eq!(
        found(&[".gitmodules", "go.mod", "a_test.go"], &[]),
        ["go test ./...: `go.mod` and files named `*_test.go`; git submodules are not fetched"]
    );
}

#[test]
fn scripts_and_bats_are_found_where_there_is_nothing_else() {
    assert_eq!(commands(&["test/a.bats", "test/run"], &[]), ["bats --recursive test"]);
    assert_eq!(commands(&["script/test", "a.c"], &[]), ["./script/test"]);
    assert_eq!(commands(&["script/test"], &[("Cargo.toml", "")]), ["cargo test"]);
}

#[test]
fn scripts_of_node_are_chosen_by_what_they_do() {
    let scripts = |all: &str| commands(&[], &[("package.json", &format!(r#"{{"scripts":{{{all}}}}}"#))]);
    assert_eq!(scripts(r#""test:unit":"vitest","test:e2e":"playwright test""#), ["npm run test:unit"]);
    // Advisories change without the code, and asking for them needs a network.
    assert_eq!(
        scripts(r#""pretest":"eslint .","test":"tape","posttest":"npx npm audit""#),
        ["npm run pretest && npm test --ignore-scripts"]
    );
    let mut files = Files::new(["package.json".to_owned()].into());
    files.add("package.json", br#"{"scripts":{"pretest":"eslint .","test":"tape","posttest":"npm audit"}}"#);
    assert_eq!(detect(&files).found[0].verifier.name, "npm test");
    assert_eq!(scripts(r#""test":"tape","posttest":"aud --production && npm audit""#), ["npm test --ignore-scripts"]);
    assert_eq!(commands(&["bun.lock", "src/a.test.ts"], &[("package.json", "{}")]), ["bun test"]);
    let workspace = r#"{"workspaces":["a"],"packageManager":"yarn@4.1.0"}"#;
    assert_eq!(commands(&[], &[("package.json", workspace)]), ["yarn workspaces foreach --all run test"]);
    let browser = r#"{"scripts":{"test":"jest"},"devDependencies":{"puppeteer":"1"}}"#;
    assert_eq!(installed(&["package-lock.json"], &[("package.json", browser)]), ["PUPPETEER_SKIP_DOWNLOAD=1 npm ci"]);
}
