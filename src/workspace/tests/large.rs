//! Changes that are too large for people, for models or for memory.

use super::*;

/// What a prompt gets of a change.
const SHOWN: u64 = 64 * 1024;

#[tokio::test]
async fn a_change_of_a_hundred_thousand_lines_is_read_whole_and_shown_in_part() {
    let world = world().await;
    let (base, tree) = (world.main().await, world.tree().await);
    let lines = (0..100_000).map(|number| format!("line {number}\n")).collect::<Vec<_>>().concat();
    fs::write(tree.path().join("many.txt"), lines).unwrap();
    fs::write(tree.path().join("zz.txt"), format!("t = ghs_{}\n", "a1B2".repeat(9))).unwrap();
    let snapshot = world.mirror.snapshot(&tree, &base).await.unwrap();
    assert_eq!((snapshot.diff.additions(), snapshot.diff.truncated), (100_001, false));
    let faults = world.faults(&snapshot).await;
    assert!(matches!(faults[..], [ChangeFault::Secret { line: 1, .. }]), "what comes last is read too: {faults:?}");
    let shown = world.mirror.patch(&world.mirror.tree_of(&base).await.unwrap(), &snapshot.tree, SHOWN).await.unwrap();
    assert!(shown.len() as u64 <= SHOWN && shown.contains("many.txt"), "{} bytes", shown.len());
}

#[tokio::test]
async fn a_line_that_is_too_long_is_refused_and_never_passed_unread() {
    let world = world().await;
    let (base, tree) = (world.main().await, world.tree().await);
    let path = tree.path().join("long.txt");
    // 50 MB are more than a change may have; 18 MB are more than is read of its lines.
    for (megabytes, too_large) in [(50, true), (18, false)] {
        fs::write(&path, "x".repeat(megabytes * 1_000_000)).unwrap();
        let snapshot = world.mirror.snapshot(&tree, &base).await.unwrap();
        assert!(snapshot.diff.truncated, "{megabytes} MB");
        assert!(snapshot.diff.files[0].added.iter().all(|(_, line)| line.len() <= 16 * 1024 * 1024));
        let faults = world.faults(&snapshot).await;
        assert!(faults.contains(&ChangeFault::NotReadWhole), "{megabytes} MB: {faults:?}");
        assert_eq!(faults.iter().any(|fault| matches!(fault, ChangeFault::TooLarge { .. })), too_large);
        assert!(faults.iter().all(ChangeFault::refuses), "{faults:?}");
        assert!(faults.iter().all(|fault| fault.to_string().len() < 200));
        let shown =
            world.mirror.patch(&world.mirror.tree_of(&base).await.unwrap(), &snapshot.tree, SHOWN).await.unwrap();
        assert!(shown.len() as u64 <= SHOWN);
    }
}
