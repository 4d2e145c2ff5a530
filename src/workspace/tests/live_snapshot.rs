//! Takes snapshots of a tree while a process is working in it.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::workspace::sandbox::{Mode, Sandbox, SandboxConfig};

async fn sandbox(world: &World) -> Sandbox {
    // The sandbox's user is not ours.
    for folder in [world.folder.path().to_owned(), world.folder.path().join("data")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let scratch_root = world.folder.path().join("scratch");
    Sandbox::probe(SandboxConfig::new(Mode::Bubblewrap, scratch_root)).await.unwrap()
}

async fn live_snapshot(world: &World, tree: &Tree) -> Option<Snapshot> {
    let sandbox = sandbox(world).await;
    world.mirror.live_snapshot(&sandbox, tree, &world.main().await, &CancellationToken::new()).await.unwrap()
}

#[tokio::test]
async fn a_live_snapshot_sees_what_a_snapshot_sees() {
    let world = world().await;
    let tree = world.tree().await;
    let path = tree.path();
    assert!(live_snapshot(&world, &tree).await.unwrap().is_empty(), "nothing has changed yet");

    fs::write(path.join("README.md"), "one\n2\nthree\n").unwrap();
    fs::write(path.join("tool.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(path.join("tool.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(path.join("deep/er")).unwrap();
    fs::write(path.join("deep/er/a file"), "x\n").unwrap();
    symlink("README.md", path.join("link")).unwrap();
    fs::remove_file(path.join("src/lib.rs")).unwrap();
    fs::create_dir(path.join("target")).unwrap();
    fs::write(path.join("target/built"), "ignored\n").unwrap();
    // A file that the agent committed itself counts like any other file.
    git(&path, &["add", "README.md"]);
    git(&path, &["commit", "-qm", "By itself"]);

    let seen = live_snapshot(&world, &tree).await.unwrap();
    let whole = world.mirror.snapshot(&tree, &world.main().await).await.unwrap();
    assert_eq!(seen.diff.files.len(), 5, "{:?}", seen.diff);
    assert_eq!((seen.tree, seen.diff), (whole.tree, whole.diff));
    assert!(!tree.beside("live_snapshot").exists(), "the copy is gone");
}

#[tokio::test]
async fn a_live_snapshot_follows_no_symlink_and_takes_in_nothing_that_is_ignored() {
    let world = world().await;
    let tree = world.tree().await;
    let path = tree.path();
    let outside = world.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("key.pem"), "ours\n").unwrap();
    symlink(&outside, path.join("lead")).unwrap();
    // The agent's own repository claims that the file behind the link belongs to the tree, and that ignored files do
    // not exist.
    fs::write(path.join("own.env"), "SECRET=1\n").unwrap();
    git(&path, &["add", "--force", "own.env"]);
    let blob = git(&path, &["hash-object", "-w", "README.md"]);
    git(&path, &["rm", "--cached", "-rq", "README.md"]);
    git(&path, &["update-index", "--add", "--cacheinfo", &format!("100644,{blob},lead/key.pem")]);

    let seen = live_snapshot(&world, &tree).await.unwrap();
    let added: BTreeSet<&str> = seen.diff.files.iter().map(|file| file.path.as_str()).collect();
    assert!(added.contains("lead") && !added.contains("lead/key.pem") && !added.contains("own.env"), "{added:?}");
    let rules = Rules::new([]).unwrap();
    assert!(
        world
            .mirror
            .check(&seen, &rules)
            .await
            .unwrap()
            .iter()
            .any(|fault| matches!(fault, ChangeFault::SymlinkOut { .. })),
        "and it is turned down"
    );
}
