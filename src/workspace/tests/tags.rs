//! Tags of the server in the mirror and in clones.

use super::*;

/// Commits on `main` of the seed, and pushes it.
fn grow(world: &World, commits: usize) {
    let seed = world.folder.path().join("seed");
    for number in 0..commits {
        git(&seed, &["commit", "-q", "--allow-empty", "-m", &format!("commit {number}")]);
    }
    git(&seed, &["push", "-q", "--follow-tags", &world.remote.url, "main"]);
}

fn seed(world: &World, args: &[&str]) -> String {
    git(&world.folder.path().join("seed"), args)
}

/// A clone of the server's `main`, as a verifier gets it.
async fn clone(world: &World, name: &str) -> Tree {
    let head = git(&world.server(), &["rev-parse", "main"]);
    world.mirror.fetch_commit(&world.remote, &head).await.unwrap();
    world.mirror.tree(name, &head, "verify").await.unwrap()
}

#[tokio::test]
async fn a_clone_describes_its_commit_as_the_server_does() {
    let world = world().await;
    grow(&world, 3);
    seed(&world, &["tag", "-a", "v1.0.0", "-m", "first"]);
    seed(&world, &["tag", "nightly"]);
    grow(&world, 60);
    seed(&world, &["push", "-q", &world.remote.url, "nightly"]);
    let tree = clone(&world, "verify-1").await;
    for how in [&["describe"][..], &["describe", "--tags"], &["describe", "--tags", "--long", "--match", "*[0-9]*"]] {
        let theirs = git(&world.server(), &[how, &["main"]].concat());
        assert_eq!(git(&tree.path(), how), theirs, "{how:?}");
        assert!(theirs.starts_with("v1.0.0-60-g"), "{theirs}");
    }
    assert_eq!(git(&tree.path(), &["tag", "--points-at", "v1.0.0^{commit}"]), "nightly\nv1.0.0");
}

#[tokio::test]
async fn a_clone_has_only_the_nearest_of_many_tags() {
    let world = world().await;
    grow(&world, 120);
    for number in 0..119 {
        seed(&world, &["tag", &format!("v0.{number}.0"), &format!("HEAD~{}", 119 - number)]);
    }
    seed(&world, &["push", "-q", "--tags", &world.remote.url]);
    let tree = clone(&world, "verify-1").await;
    assert_eq!(git(&tree.path(), &["tag"]), "v0.118.0");
    let history: usize = git(&tree.path(), &["rev-list", "--count", "HEAD"]).parse().unwrap();
    assert!(history < 60, "{history} commits");
}

#[tokio::test]
async fn a_branch_from_before_the_tag_does_not_change_the_description() {
    let world = world().await;
    grow(&world, 3);
    seed(&world, &["branch", "old"]);
    grow(&world, 90);
    seed(&world, &["tag", "v2"]);
    seed(&world, &["checkout", "-q", "old"]);
    seed(&world, &["commit", "-q", "--allow-empty", "-m", "work on an old branch"]);
    seed(&world, &["checkout", "-q", "main"]);
    seed(&world, &["merge", "-q", "--no-ff", "-m", "merge", "old"]);
    seed(&world, &["push", "-q", "--tags", &world.remote.url, "main"]);
    let tree = clone(&world, "verify-1").await;
    assert_eq!(git(&tree.path(), &["describe", "--tags"]), git(&world.server(), &["describe", "--tags", "main"]));
}

#[tokio::test]
async fn a_mirror_follows_moved_and_deleted_tags_and_leaves_those_of_other_history() {
    let world = world().await;
    grow(&world, 1);
    seed(&world, &["tag", "v1"]);
    seed(&world, &["tag", "gone"]);
    seed(&world, &["checkout", "-q", "--orphan", "other"]);
    seed(&world, &["commit", "-q", "-m", "another history"]);
    seed(&world, &["tag", "elsewhere"]);
    seed(&world, &["checkout", "-q", "main"]);
    grow(&world, 1);
    seed(&world, &["push", "-q", "--tags", &world.remote.url]);
    clone(&world, "verify-1").await;
    let tags = || git(world.mirror.path(), &["tag"]);
    assert_eq!(tags(), "gone\nv1");
    seed(&world, &["tag", "-f", "v1"]);
    seed(&world, &["push", "-q", "-f", &world.remote.url, "v1", ":refs/tags/gone"]);
    grow(&world, 1);
    let tree = clone(&world, "verify-2").await;
    assert_eq!(tags(), "v1");
    assert_eq!(git(&tree.path(), &["describe", "--tags"]), git(&world.server(), &["describe", "--tags", "main"]));
}

#[tokio::test]
async fn the_tags_of_an_agent_reach_neither_the_mirror_nor_the_server() {
    let world = world().await;
    grow(&world, 1);
    seed(&world, &["tag", "v1"]);
    seed(&world, &["push", "-q", "--tags", &world.remote.url]);
    let tree = clone(&world, "task-1").await;
    fs::write(tree.path().join("new"), "new").unwrap();
    git(&tree.path(), &["add", "new"]);
    git(&tree.path(), &["commit", "-qm", "mine"]);
    git(&tree.path(), &["tag", "-f", "-a", "v1", "-m", "moved by the agent"]);
    git(&tree.path(), &["tag", "v9"]);
    let snapshot = world.mirror.snapshot(&tree, &tree.base).await.unwrap();
    let parents = [tree.base.as_str()];
    let commit = world.mirror.commit(&snapshot.tree, &parents, "Work", &author(), DateTime::UNIX_EPOCH).await.unwrap();
    world.mirror.push(&world.remote, &commit, "work", None).await.unwrap();
    for repository in [world.mirror.path(), &world.server()] {
        assert_eq!(
            git(repository, &["for-each-ref", "--format=%(refname) %(objectname)", "refs/tags"]),
            format!("refs/tags/v1 {}", tree.base)
        );
    }
}
