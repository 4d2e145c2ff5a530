use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use super::*;

/// Nests folders deeper than any path or stack allows, as an agent could.
fn nest(folder: &Path, levels: u32) {
    let script = "import os, sys\nos.chdir(sys.argv[1])\nfor _ in range(int(sys.argv[2])):\n    os.mkdir('d'); os.chdir('d')\nopen('f', 'w')";
    let made = std::process::Command::new("python3").args(["-c", script]).arg(folder).arg(levels.to_string()).status();
    assert!(made.unwrap().success());
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    let inner = outer.path().join("left");
    fs::create_dir(&inner).unwrap();
    (outer, inner)
}

/// Waits until nothing is left in a folder.
fn until_empty(folder: &Path) {
    let deadline = std::time::Instant::now() + Duration::from_mins(2);
    while fs::read_dir(folder).unwrap().next().is_some() {
        assert!(std::time::Instant::now() < deadline, "something stays in {}", folder.display());
        std::thread::yield_now();
    }
}

#[test]
fn nineteen_thousand_nested_folders_are_removed_without_stack_or_descriptors() {
    let (outer, left) = folder();
    nest(&left, 19_000);
    remove_all(&left).unwrap();
    until_empty(outer.path());
}

#[test]
fn a_discarded_folder_is_renamed_at_once_and_removed_soon() {
    let (outer, left) = folder();
    nest(&left, 3_000);
    discard(&left).unwrap();
    assert!(!left.exists());
    discard(&left).unwrap();
    until_empty(outer.path());
}

#[test]
fn everything_is_removed_except_the_targets_of_links() {
    let (outer, left) = folder();
    let kept = tempfile::tempdir().unwrap();
    fs::write(kept.path().join("mine"), "x").unwrap();
    symlink(kept.path(), left.join("out")).unwrap();
    symlink("loop", left.join("loop")).unwrap();
    symlink(&left, left.join("back")).unwrap();
    for n in 0..SOME {
        fs::write(left.join(format!("{n}")), "").unwrap();
        fs::create_dir(left.join(format!("folder-{n}"))).unwrap();
        fs::hard_link(left.join("0"), left.join(format!("folder-{n}/link"))).unwrap();
    }
    let long = left.join("n".repeat(255));
    fs::create_dir_all(long.join("x".repeat(255))).unwrap();
    fs::write(left.join(std::ffi::OsStr::from_bytes(b"\xff\xfe\n-rf")), "").unwrap();
    for (program, name) in [("mkfifo", "pipe"), ("truncate -s 4G", "sparse")] {
        let made =
            std::process::Command::new("sh").args(["-c", &format!("{program} {name}")]).current_dir(&left).status();
        assert!(made.unwrap().success());
    }
    let _socket = std::os::unix::net::UnixListener::bind(left.join("socket")).unwrap();
    for shut in [&long.join("x".repeat(255)), &long, &left.join("folder-7"), &left] {
        fs::set_permissions(shut, fs::Permissions::from_mode(0o000)).unwrap();
    }
    remove_all(&left).unwrap();
    assert!(kept.path().join("mine").exists());
    until_empty(outer.path());
    remove_all(&left).unwrap();
}

/// More entries than are removed in one turn.
const SOME: u32 = 6_000;

#[test]
fn a_file_and_a_link_in_place_of_a_folder_are_removed_themselves() {
    let (outer, left) = folder();
    symlink(&left, outer.path().join("link")).unwrap();
    remove_all(&outer.path().join("link")).unwrap();
    fs::write(left.join("file"), "x").unwrap();
    remove_all(&left.join("file")).unwrap();
    assert!(left.exists() && fs::read_dir(&left).unwrap().next().is_none());
}

#[test]
fn a_walk_ends_at_its_bounds_with_the_number_and_the_limit() {
    let (_outer, left) = folder();
    let all = |bounds: Bounds| walk(&left, bounds, |_, _| Ok(Descend::Yes)).map_err(|error| error.to_string());
    assert_eq!(all(Bounds::TREE), Ok(()));
    nest(&left, 1_000);
    let sentence = "folders were left that are nested more than 200 deep; at most 200 levels are allowed";
    assert_eq!(all(Bounds::TREE), Err(sentence.to_owned()));
    let sentence = "more than 150 files and folders were left; at most 150 are allowed";
    assert_eq!(all(Bounds { entries: 150, ..Bounds::TREE }), Err(sentence.to_owned()));
    remove_all(&left).unwrap();
    let mut deep = left.clone();
    for _ in 0..15 {
        deep.push("n".repeat(200));
    }
    fs::create_dir_all(&deep).unwrap();
    let sentence = "a file was left whose path has 3015 bytes; at most 3000 may be";
    assert_eq!(all(Bounds::TREE), Err(sentence.to_owned()));
}

#[test]
fn a_walk_follows_no_link() {
    let (_outer, left) = folder();
    symlink(&left, left.join("back")).unwrap();
    let mut seen = 0;
    let walked = walk(&left, Bounds::TREE, |_, _| {
        seen += 1;
        Ok(Descend::Yes)
    });
    assert!(walked.is_ok());
    assert_eq!(seen, 1);
}

#[test]
fn a_discarded_folder_that_remains_is_removed_at_the_next_start() {
    let (outer, left) = folder();
    fs::rename(&left, outer.path().join(".discarded-1")).unwrap();
    fs::create_dir(outer.path().join("young")).unwrap();
    sweep(outer.path(), |_| true);
    let deadline = std::time::Instant::now() + Duration::from_mins(1);
    while outer.path().join(".discarded-1").exists() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::yield_now();
    }
    assert!(outer.path().join("young").exists(), "somebody may be at work in it");
}
