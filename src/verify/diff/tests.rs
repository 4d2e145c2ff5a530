use super::*;
use crate::verify::fixture::changed;

fn sources(path: &str, before: &str, after: &str) -> Vec<String> {
    sources::changed(path, sources::Lockfile::of(path).unwrap(), before, after)
}

#[test]
fn a_lockfile_that_takes_packages_from_a_new_place_is_named() {
    let npm = |host: &str| {
        format!(
            "{{\n \"node_modules/left-pad\": {{\n \"resolved\": \"https://{host}/left-pad/-/left-pad-1.3.0.tgz\",\n \
             \"funding\": {{ \"url\": \"https://sponsors.example/x\" }}\n}}\n}}\n"
        )
    };
    let yarn = |host: &str| format!("left-pad@^1:\n  resolved \"https://{host}/left-pad/-/left-pad-1.3.0.tgz#abc\"\n");
    let cargo = |source: &str| format!("[[package]]\nname = \"left\"\nversion = \"1.0.0\"\nsource = \"{source}\"\n");
    let uv =
        |host: &str| format!("[[package]]\nname = \"left\"\nsource = {{ registry = \"https://{host}/simple\" }}\n");
    let gem = |host: &str| format!("GEM\n  remote: https://{host}/\n  specs:\n    left (1.0)\n");
    let crates = "registry+https://github.com/rust-lang/crates.io-index";
    for (path, before, after, place) in [
        ("package-lock.json", npm("registry.npmjs.org"), npm("evil.example"), "evil.example` (`left-pad`)"),
        ("a/yarn.lock", yarn("registry.yarnpkg.com"), yarn("evil.example"), "evil.example` (`left-pad/-`)"),
        ("Cargo.lock", cargo(crates), cargo("registry+https://evil.example/index"), "evil.example` (`left`)"),
        (
            "Cargo.lock",
            cargo(crates),
            cargo("git+https://github.com/evil/left?rev=1#1"),
            "github.com/evil/left` (`left`)",
        ),
        ("uv.lock", uv("pypi.org"), uv("evil.example"), "evil.example` (`left`)"),
        ("Gemfile.lock", gem("rubygems.org"), gem("evil.example"), "evil.example`"),
        ("package-lock.json", npm("mirror.acme.io"), npm("registry.npmjs.org"), "registry.npmjs.org` (`left-pad`)"),
        ("package-lock.json", String::new(), npm("evil.example"), "evil.example` (`left-pad`)"),
    ] {
        let told = sources(path, &before, &after);
        assert_eq!(told, [format!("`{path}` takes packages from `{place}, which it did not before")], "{path}");
        assert_eq!(sources(path, &after, &after), [""; 0], "{path}");
    }
    assert_eq!(sources("package-lock.json", "", &npm("registry.npmjs.org")), [""; 0]);
    let clear = npm("registry.npmjs.org").replace("https://registry", "http://registry");
    let told = sources("package-lock.json", &npm("registry.npmjs.org"), &clear);
    assert!(told[0].contains("`http://registry.npmjs.org`"), "{told:?}");
}

#[test]
fn a_package_that_moves_between_known_places_is_named() {
    let lock = |source: &str| {
        format!(
            "[[package]]\nname = \"a\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
             [[package]]\nname = \"b\"\nsource = \"registry+https://own.acme.io/index\"\n\
             [[package]]\nname = \"c\"\nsource = \"registry+https://{source}\"\n"
        )
    };
    let told = sources("Cargo.lock", &lock("github.com/rust-lang/crates.io-index"), &lock("own.acme.io/index"));
    assert_eq!(told, ["`Cargo.lock` takes `c` from another place than before"]);
}

#[test]
fn a_lockfile_of_twenty_megabytes_is_read() {
    let entry = "\"node_modules/a\": {\n\"resolved\": \"https://registry.npmjs.org/a/-/a-1.0.0.tgz\",\n},\n";
    let mut lock = entry.repeat(20 * 1024 * 1024 / entry.len());
    lock.push_str(&entry.replace("registry.npmjs.org", "evil.example"));
    let told = sources("package-lock.json", entry, &lock);
    assert_eq!(told, ["`package-lock.json` takes packages from `evil.example` (`a`), which it did not before"]);
    let many: String = (0..1000).map(|at| entry.replace("registry.npmjs.org", &format!("h{at}.example"))).collect();
    assert_eq!(sources("package-lock.json", entry, &many).len(), 6);
}

#[test]
fn a_changed_registry_is_named_in_configuration_and_manifests() {
    for (path, line) in [
        (".npmrc", "registry=https://evil.example/"),
        ("sub/.npmrc", "@acme:registry=https://evil.example/"),
        (".yarnrc.yml", "npmRegistryServer: \"https://evil.example\""),
        ("pip.conf", "extra-index-url = https://evil.example/simple"),
        (".cargo/config.toml", "replace-with = \"evil\""),
        ("requirements-dev.txt", "--extra-index-url https://evil.example/simple"),
        ("requirements.txt", "left @ https://evil.example/left.whl"),
        ("go.mod", "replace example.com/a => evil.example/a v1.0.0"),
        ("Gemfile", "source \"https://evil.example\""),
        ("pyproject.toml", "[[tool.uv.index]]"),
        ("package.json", "\"left\": \"git+https://evil.example/left.git\","),
        ("Cargo.toml", "left = { git = \"https://evil.example/left\" }"),
    ] {
        let told = registries::changed(&changed(path, &[], &[line])).unwrap();
        assert_eq!(told, format!("`{path}` changes where packages come from: it now says `{line}`"));
        let told = registries::changed(&changed(path, &[line], &[])).unwrap();
        assert!(told.contains("no longer says"), "{told}");
        assert_eq!(registries::changed(&changed(path, &[line], &[line])), None, "it only moved");
    }
}

#[test]
fn ordinary_changes_of_manifests_are_not_named() {
    for (path, line) in [
        (".npmrc", "save-exact=true"),
        (".npmrc", "//registry.npmjs.org/:_authToken=${TOKEN}"),
        ("package.json", "\"homepage\": \"https://acme.io\","),
        ("package.json", "\"left-pad\": \"^1.3.0\","),
        ("Cargo.toml", "serde = \"1\""),
        ("Cargo.toml", "repository = \"https://github.com/acme/x\""),
        ("go.mod", "require example.com/a v1.0.0"),
        ("Gemfile", "source \"https://rubygems.org\""),
        ("requirements.txt", "left==1.0"),
        ("src/main.rs", "registry = \"https://evil.example\""),
    ] {
        assert_eq!(registries::changed(&changed(path, &[], &[line])), None, "{path}: {line}");
    }
}

#[test]
fn generated_files_alone_and_binary_files_are_named() {
    let generated =
        Generated::read("# x\n*.pb.go linguist-generated\ndist/** linguist-generated=true -diff\n*.md text\n");
    let diff = |paths: &[&str]| crate::workspace::Diff {
        files: paths.iter().map(|path| changed(path, &[], &["x"])).collect(),
        truncated: false,
    };
    assert!(generated.alone(&diff(&["a/b.pb.go", "dist/x/y.js"])).unwrap().contains("`a/b.pb.go`"));
    assert_eq!(generated.alone(&diff(&["a/b.pb.go", "a/b.proto"])), None);
    assert_eq!(generated.alone(&diff(&[])), None);
    let binary = |path| binary(&Changed { binary: true, ..changed(path, &[], &[]) });
    assert!(binary("tool.exe").is_some());
    assert_eq!(binary("docs/logo.PNG"), None);
}
