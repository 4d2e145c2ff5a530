//! Credentials in the files of a change.

use super::*;

fn token() -> String {
    format!("ghp_{}", "a1B2c3D4e5".repeat(4))
}

fn told(faults: &[ChangeFault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn credentials_in_binary_files_and_in_names_are_found() {
    let world = world().await;
    let (base, tree) = (world.main().await, world.tree().await);
    let path = |name: &str| tree.path().join(name);
    let wide = format!("a\r\nT={}\r\n", token()).encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    fs::write(path("deploy.cfg"), [&[0xff, 0xfe][..], &wide].concat()).unwrap();
    fs::write(path("nul.dat"), format!("\0\nT={}\n", token())).unwrap();
    fs::write(path("hidden.txt"), format!("T={}\n", token())).unwrap();
    fs::write(path(".gitattributes"), "hidden.txt -diff\n").unwrap();
    fs::write(path(&token()), "x\n").unwrap();
    symlink(token(), path("link")).unwrap();
    let snapshot = world.mirror.snapshot(&tree, &base).await.unwrap();
    assert_eq!(
        told(&world.faults(&snapshot).await),
        [
            "the name of `[redacted]` holds what looks like a GitHub personal access token",
            "`deploy.cfg` line 2 holds what looks like a GitHub personal access token",
            "`hidden.txt` line 1 holds what looks like a GitHub personal access token",
            "`link` line 1 holds what looks like a GitHub personal access token",
            "`nul.dat` line 2 holds what looks like a GitHub personal access token",
        ]
    );
}

#[tokio::test]
async fn what_was_public_before_may_move_and_what_is_new_beside_it_may_not() {
    let world = world().await;
    let parent = world.main().await;
    let base = world.commit("leak", &parent, "fixture.txt", &format!("one\n{}\n", token())).await;
    let tree = world.mirror.tree("moved", &base, "work").await.unwrap();
    fs::rename(tree.path().join("fixture.txt"), tree.path().join("moved.txt")).unwrap();
    let snapshot = world.mirror.snapshot(&tree, &base).await.unwrap();
    assert_eq!(world.faults(&snapshot).await, []);
    fs::write(tree.path().join("moved.txt"), format!("{}\nglpat-{}\n", token(), "a1B2c3".repeat(4))).unwrap();
    let snapshot = world.mirror.snapshot(&tree, &base).await.unwrap();
    assert_eq!(
        told(&world.faults(&snapshot).await),
        ["`moved.txt` line 2 holds what looks like a GitLab access token"]
    );
}

#[tokio::test]
async fn the_values_of_an_agents_variables_are_found_also_when_encoded() {
    use base64::Engine as _;
    let world = world().await;
    let (base, tree) = (world.main().await, world.tree().await);
    let value = "Zk3vB8qLx2WnT6";
    fs::write(tree.path().join("a.txt"), value).unwrap();
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("user:{value}"));
    fs::write(tree.path().join("b.txt"), format!("Authorization: Basic {encoded}\n")).unwrap();
    let rules = Rules { known: KnownSecrets::new([("MODEL_KEY", value)]), ..Rules::new([]).unwrap() };
    let snapshot = world.mirror.snapshot(&tree, &base).await.unwrap();
    assert_eq!(
        told(&world.mirror.check(&snapshot, &rules).await.unwrap()),
        [
            "`a.txt` line 1 holds the value of the variable `MODEL_KEY`, which the agent was given",
            "`b.txt` line 1 holds the value of the variable `MODEL_KEY`, which the agent was given",
        ]
    );
    assert_eq!(world.faults(&snapshot).await, []);
}
