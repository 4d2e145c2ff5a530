//! `adjutant check repo`: how a repository is verified, said and tried without a directive.

use std::path::Path;
use std::process::{Command, Output};

/// A repository with these files in its one commit.
fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    for arguments in [&["init", "-q", "-b", "main"][..], &["add", "-A"], &["commit", "-q", "-m", "start"]] {
        let git = Command::new("git")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .current_dir(folder.path())
            .status();
        assert!(git.unwrap().success());
    }
    folder
}

/// The exit status, standard output and standard error.
fn check(folder: &Path, more: &[&str]) -> (i32, String, String) {
    let command = Command::new(env!("CARGO_BIN_EXE_adjutant")).args(["check", "repo"]).arg(folder).args(more).output();
    let Output { status, stdout, stderr } = command.unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn what_is_detected_is_printed_with_its_reason_and_the_policy_that_pins_it() {
    let folder = repository(&[("Cargo.toml", "[workspace]\nmembers = []\n")]);
    let (status, told, errors) = check(folder.path(), &[]);
    assert_eq!((status, errors.as_str()), (0, ""));
    assert!(told.contains("cargo test --workspace (Cargo), because of the workspace in `Cargo.toml`"), "{told}");
    assert!(told.ends_with("verifiers:\n  - name: test\n    run: cargo test --workspace\n"), "{told}");
}

#[test]
fn setup_for_another_tool_is_taken_from_its_file_and_a_version_from_the_tags() {
    let steps =
        "jobs:\n  copilot-setup-steps:\n    steps:\n      - uses: actions/checkout@v4\n      - run: touch made\n";
    let makefile = "test:\n\ttest -e made\n\tgit describe --tags | grep -x v1.2.3\n";
    let folder = repository(&[("Makefile", makefile), (".github/workflows/copilot-setup-steps.yml", steps)]);
    let tagged = Command::new("git").args(["tag", "v1.2.3"]).current_dir(folder.path()).status();
    assert!(tagged.unwrap().success());
    let (status, told, errors) = check(folder.path(), &["--run"]);
    assert_eq!((status, errors.as_str()), (0, ""), "{told}");
    assert!(told.contains("  setup: touch made\n"), "{told}");
    assert!(told.contains("The setup is taken from .github/workflows/copilot-setup-steps.yml.\n"), "{told}");
    assert!(told.contains("Not done: the action `actions/checkout@v4`\n"), "{told}");
}

#[test]
fn a_repository_without_a_sign_of_tests_is_told_what_to_write() {
    let folder = repository(&[("README.md", "# x\n")]);
    let (status, told, _) = check(folder.path(), &[]);
    assert_eq!(status, 0);
    assert!(told.contains("Name the command in .github/adjutant.yml"), "{told}");
}

#[test]
fn a_clone_that_lacks_objects_is_called_what_it_is() {
    let folder = repository(&[("README.md", "# x\n")]);
    let object = Command::new("git").args(["rev-parse", "HEAD:README.md"]).current_dir(folder.path()).output().unwrap();
    let object = String::from_utf8(object.stdout).unwrap().trim().to_owned();
    let (start, rest) = object.split_at(2);
    std::fs::remove_file(folder.path().join(".git/objects").join(start).join(rest)).unwrap();
    let (status, _, errors) = check(folder.path(), &[]);
    assert_eq!(status, 2);
    assert!(errors.contains("is no whole clone, because objects of its commit are missing"), "{errors}");
}

#[test]
fn the_verifiers_of_the_policy_are_run_in_the_sandbox_and_a_failure_is_shown() {
    let policy = |run: &str| format!("verifiers:\n  - {{ name: test, run: \"{run}\" }}\n");
    let passes = repository(&[(".github/adjutant.yml", &policy("test -f README.md")), ("README.md", "# x\n")]);
    let (status, told, errors) = check(passes.path(), &["--run"]);
    assert_eq!((status, errors.as_str()), (0, ""), "{told}");
    assert!(told.contains("test passed in"), "{told}");
    let fails = repository(&[(".github/adjutant.yml", &policy("echo 2 of 3 failed; exit 4"))]);
    let (status, told, _) = check(fails.path(), &["--run"]);
    assert_eq!(status, 1);
    assert!(told.contains("test exited with status 4: 2 of 3 failed"), "{told}");
    let missing = repository(&[(".github/adjutant.yml", &policy("no-such-tool"))]);
    let (status, told, _) = check(missing.path(), &["--run"]);
    assert_eq!(status, 1);
    assert!(told.contains("no-such-tool: not found"), "{told}");
}

#[test]
fn a_run_inherits_no_descriptor_of_what_started_adjutant() {
    let policy = "verifiers:\n  - { name: test, run: \"ls -l /proc/self/fd >&2; exit 4\" }\n";
    let folder = repository(&[(".github/adjutant.yml", policy)]);
    let script = r#"exec 7</etc/hostname 8<&7; exec "$0" check repo "$1" --run"#;
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_adjutant")])
        .arg(folder.path())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let held: Vec<&str> = told.lines().filter_map(|line| line.split_once(" -> ")).map(|(_, target)| target).collect();
    assert!(held.len() >= 3, "{told}");
    let allowed = |target: &str| target == "/dev/null" || target.starts_with("pipe:") || target.starts_with("/proc/");
    assert!(held.iter().all(|target| allowed(target)), "{told}");
}

#[test]
fn what_is_no_repository_and_what_is_no_policy_are_errors() {
    let empty = tempfile::tempdir().unwrap();
    let (status, _, errors) = check(empty.path(), &[]);
    assert_eq!(status, 2, "{errors}");
    assert!(errors.contains("give the folder of a git repository"), "{errors}");
    let (status, _, errors) = check(Path::new("/no/such/folder"), &[]);
    assert_eq!(status, 2);
    assert!(errors.contains("/no/such/folder"), "{errors}");
    let broken = repository(&[(".github/adjutant.yml", "autonmy: manual\n")]);
    let (status, _, errors) = check(broken.path(), &[]);
    assert_eq!(status, 2);
    assert!(errors.contains("autonmy"), "{errors}");
}
