//! The scripts that the checks rely on.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name)
}

/// Runs a shell command with its own Postgres.
fn with_postgres(line: &str) -> Output {
    Command::new(script("with-postgres"))
        .args(["sh", "-c", line])
        .env_remove("ADJUTANT_TEST_DATABASE_URL")
        .output()
        .unwrap()
}

#[test]
fn with_postgres_passes_on_the_address_and_the_exit_status_and_leaves_nothing() {
    let output = with_postgres("echo \"$ADJUTANT_TEST_DATABASE_URL\"; exit 3");
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let url = String::from_utf8(output.stdout).unwrap();
    let folder = url.split("host=").nth(1).unwrap().split('&').next().unwrap();
    assert!(folder.ends_with("/run"), "{url}");
    assert!(!Path::new(folder).exists(), "{folder} is still there");
}

#[test]
fn with_postgres_uses_the_server_that_is_there() {
    let output = Command::new(script("with-postgres"))
        .args(["sh", "-c", "echo \"$ADJUTANT_TEST_DATABASE_URL\""])
        .env("ADJUTANT_TEST_DATABASE_URL", "postgres:///elsewhere")
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"postgres:///elsewhere\n");
}

#[test]
fn bootstrap_says_on_another_system_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    for program in ["bash", "env", "uname", "id", "cargo", "git", "cc"] {
        std::os::unix::fs::symlink("/bin/true", folder.path().join(program)).unwrap();
    }
    // These programs' answers matter. The others only have to exist.
    for (program, says) in [("uname", "Darwin"), ("id", "1000")] {
        let path = folder.path().join(program);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\necho {says}\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let output =
        Command::new("/bin/bash").arg(script("bootstrap")).env_clear().env("PATH", folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("brew install") && said.contains("python3"), "{said}");
    assert!(!said.contains("git"), "{said}");
}
