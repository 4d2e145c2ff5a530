//! Files that git takes for modified although nobody touched them.

use super::*;

/// A commit on `main` with two files whose blobs have CRLF although their attributes say `text`.
async fn with_crlf(world: &World) -> String {
    let seed = world.folder.path().join("seed");
    fs::write(seed.join(".gitattributes"), "*.txt text\n*.bat text eol=crlf\n").unwrap();
    fs::write(seed.join("blob"), "one\r\ntwo\r\n").unwrap();
    let blob = git(&seed, &["hash-object", "-w", "--no-filters", "blob"]);
    for name in ["menu.txt", "start.bat"] {
        git(&seed, &["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{name}")]);
    }
    git(&seed, &["add", ".gitattributes"]);
    git(&seed, &["commit", "-qm", "CRLF"]);
    git(&seed, &["push", "-q", &world.remote.url, "HEAD:crlf"]);
    world.mirror.fetch(&world.remote, &[]).await.unwrap();
    world.mirror.head("crlf").await.unwrap().unwrap()
}

async fn changed(world: &World, tree: &Tree, base: &str) -> (Vec<String>, u64) {
    let snapshot = world.mirror.snapshot(tree, base).await.unwrap();
    (snapshot.diff.files.into_iter().map(|file| file.path).collect(), snapshot.bytes)
}

#[tokio::test]
async fn files_with_crlf_under_text_attributes_are_no_part_of_a_change() {
    let world = world().await;
    let base = with_crlf(&world).await;
    let tree = world.mirror.tree("crlf", &base, "work").await.unwrap();
    assert_eq!(changed(&world, &tree, &base).await, (vec![], 0));
    fs::write(tree.path().join("new.txt"), "x\n").unwrap();
    assert_eq!(changed(&world, &tree, &base).await, (vec!["new.txt".to_owned()], 2));
}

#[tokio::test]
async fn what_was_touched_in_such_a_file_is_part_of_the_change() {
    let world = world().await;
    let base = with_crlf(&world).await;
    let tree = world.mirror.tree("crlf", &base, "work").await.unwrap();
    fs::write(tree.path().join("menu.txt"), "one\r\nthree\r\n").unwrap();
    Command::new("chmod").arg("+x").arg(tree.path().join("start.bat")).status().unwrap();
    let snapshot = world.mirror.snapshot(&tree, &base).await.unwrap();
    let files: Vec<_> =
        snapshot.diff.files.iter().map(|file| (file.path.as_str(), file.mode, file.additions)).collect();
    assert_eq!(files, [("menu.txt", 0o100_644, 2), ("start.bat", 0o100_755, 0)]);
}
