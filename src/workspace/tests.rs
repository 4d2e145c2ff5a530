//! The path of a change through real repositories: mirror, clone, an agent's files, commit, push.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chrono::DateTime;

use super::*;

mod contents;
mod large;
mod live_snapshot;
mod tags;
mod untouched;

const SILENCE: Duration = Duration::from_mins(1);

struct World {
    folder: tempfile::TempDir,
    remote: Remote,
    mirror: Mirror,
}

/// A server with one repository whose `main` has a few files.
async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let server = folder.path().join("server.git");
    let seed = folder.path().join("seed");
    git(folder.path(), &["init", "-q", "--bare", "-b", "main", "server.git"]);
    git(folder.path(), &["init", "-q", "-b", "main", "seed"]);
    for (path, text) in
        [("README.md", "one\ntwo\nthree\n"), (".gitignore", "target/\n*.env\n"), ("src/lib.rs", "fn a() {}\n")]
    {
        let path = seed.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    git(&seed, &["add", "-A"]);
    git(&seed, &["commit", "-qm", "Begin"]);
    git(&seed, &["push", "-q", server.to_str().unwrap(), "main"]);
    let remote = Remote { url: server.to_str().unwrap().to_owned(), token: None, silence: SILENCE };
    let workspaces = Workspaces::open(folder.path().join("data")).unwrap();
    let mirror = workspaces.mirror("42").await.unwrap();
    mirror.fetch(&remote, &[]).await.unwrap();
    World { folder, remote, mirror }
}

fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@t"])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl World {
    async fn main(&self) -> String {
        self.mirror.head("main").await.unwrap().expect("a main branch")
    }

    async fn tree(&self) -> Tree {
        self.mirror.tree("task-1", &self.main().await, "adjutant/1-1/g1-step").await.unwrap()
    }

    /// A commit on `parent` with one file changed, made the way the bot does.
    async fn commit(&self, name: &str, parent: &str, path: &str, text: &str) -> String {
        let tree = self.mirror.tree(name, parent, "work").await.unwrap();
        fs::write(tree.path().join(path), text).unwrap();
        let snapshot = self.mirror.snapshot(&tree, parent).await.unwrap();
        self.mirror.commit(&snapshot.tree, &[parent], name, &author(), DateTime::UNIX_EPOCH).await.unwrap()
    }

    fn server(&self) -> PathBuf {
        self.folder.path().join("server.git")
    }
}

fn author() -> Identity {
    Identity { name: "adjutant[bot]".to_owned(), email: "1+adjutant[bot]@users.noreply.github.com".to_owned() }
}

impl World {
    async fn faults(&self, snapshot: &Snapshot) -> Vec<ChangeFault> {
        self.mirror.check(snapshot, &Rules::new(["docs/**"]).unwrap()).await.unwrap()
    }
}

#[tokio::test]
async fn a_change_goes_from_a_clone_to_the_server() {
    let world = world().await;
    let base = world.main().await;
    let tree = world.tree().await;
    fs::write(tree.path().join("src/lib.rs"), "fn a() {}\nfn b() {}\n").unwrap();
    fs::remove_file(tree.path().join("README.md")).unwrap();
    fs::create_dir(tree.path().join("target")).unwrap();
    fs::write(tree.path().join("target/out"), "built").unwrap();
    let snapshot = world.mirror.snapshot(&tree, &base).await.unwrap();
    let seen: Vec<_> = snapshot
        .diff
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.status, file.additions, file.deletions))
        .collect();
    assert_eq!(seen, [("README.md", Status::Deleted, 0, 3), ("src/lib.rs", Status::Modified, 1, 0)]);
    assert_eq!(world.faults(&snapshot).await, []);
    let message = "Add b\n\nAdjutant-Step: 7-1/parse\n";
    let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let commit = world.mirror.commit(&snapshot.tree, &[&base], message, &author(), at).await.unwrap();
    assert_eq!(commit, world.mirror.commit(&snapshot.tree, &[&base], message, &author(), at).await.unwrap());
    world.mirror.push(&world.remote, &commit, "adjutant/1-1/g1-step", None).await.unwrap();
    world.mirror.push(&world.remote, &commit, "adjutant/1-1/g1-step", None).await.expect("a second time is harmless");
    assert_eq!(
        git(&world.server(), &["log", "-1", "--format=%an %ae %at", "adjutant/1-1/g1-step"]),
        "adjutant[bot] 1+adjutant[bot]@users.noreply.github.com 1700000000"
    );
    assert_eq!(world.mirror.remote_head(&world.remote, "adjutant/1-1/g1-step").await.unwrap(), Some(commit.clone()));
    assert_eq!(world.mirror.remote_head(&world.remote, "g1-step").await.unwrap(), None);
    let find = |value| world.mirror.find_commit_with_trailer(Some(&base), &commit, "Adjutant-Step", value);
    assert_eq!(find("7-1/parse").await.unwrap(), Some(commit.clone()));
    assert_eq!(find("7-1/other").await.unwrap(), None);
    tree.remove(Removal::Pushed);
    assert!(world.mirror.existing_tree("task-1").await.unwrap().is_none());
}

#[tokio::test]
async fn a_clone_has_no_remote_and_is_found_again() {
    let world = world().await;
    let tree = world.tree().await;
    let config = fs::read_to_string(tree.path().join(".git/config")).unwrap();
    assert!(!config.contains("remote"), "{config}");
    let mirror = world.mirror.path().to_str().unwrap();
    let grep = Command::new("grep").args(["-rlF", mirror]).arg(tree.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&grep.stdout), "", "a file of the clone names the mirror");
    assert!(!tree.path().join(".git/objects/info/alternates").exists());
    assert_eq!(git(&tree.path(), &["status", "--porcelain", "--branch"]), "## adjutant/1-1/g1-step");
    assert_eq!(world.mirror.existing_tree("task-1").await.unwrap(), Some(tree));
    assert!(matches!(world.mirror.tree("task-1", &world.main().await, "x").await, Err(GitError::TreeExists(_))));
}

#[tokio::test]
async fn the_clones_repository_is_neither_executed_nor_trusted() {
    let world = world().await;
    let (base, tree) = (world.main().await, world.tree().await);
    let trap = world.folder.path().join("trap");
    let spring = format!("#!/bin/sh\ntouch {}\ncat\n", trap.display());
    let script = tree.path().join("spring.sh");
    fs::write(&script, spring).unwrap();
    git(&tree.path(), &["update-index", "--chmod=+x", "--add", "spring.sh"]);
    Command::new("chmod").arg("+x").arg(&script).status().unwrap();
    for (key, value) in [
        ("core.fsmonitor", "./spring.sh"),
        ("filter.x.clean", "./spring.sh"),
        ("diff.external", "./spring.sh"),
        ("core.worktree", "/"),
        ("core.excludesFile", "/etc/passwd"),
    ] {
        git(&tree.path(), &["config", "--file", ".git/config", key, value]);
    }
    fs::create_dir_all(tree.path().join(".git/hooks")).unwrap();
    fs::copy(&script, tree.path().join(".git/hooks/post-index-change")).unwrap();
    fs::write(tree.path().join(".git/info-exclude"), "*").unwrap();
    fs::write(tree.path().join(".gitattributes"), "* filter=x diff=x\n").unwrap();
    fs::write(tree.path().join("new.txt"), "text\n").unwrap();
    let snapshot = world.mirror.snapshot(&tree, &base).await.unwrap();
    assert!(!trap.exists(), "a planted program was run");
    let paths: Vec<_> = snapshot.diff.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, [".gitattributes", "new.txt", "spring.sh"]);
}

#[tokio::test]
async fn violations_of_the_rules_are_found() {
    let world = world().await;
    let (base, tree) = (world.main().await, world.tree().await);
    let path = |name: &str| tree.path().join(name);
    symlink("/etc/passwd", path("out")).unwrap();
    symlink("../../x", path("src/up")).unwrap();
    symlink("../README.md", path("src/fine")).unwrap();
    git(&tree.path(), &["init", "-q", "vendored"]);
    fs::write(path("vendored/file"), "x").unwrap();
    git(&path("vendored"), &["commit", "-q", "--allow-empty", "-m", "x"]);
    fs::write(path("key.txt"), format!("a\nt = ghs_{}\n", "a1B2".repeat(9))).unwrap();
    fs::write(path("merge.txt"), "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n").unwrap();
    fs::create_dir_all(path(".github/workflows")).unwrap();
    fs::write(path(".github/workflows/ci.yml"), "on: push\n").unwrap();
    fs::write(path(".gitmodules"), "").unwrap();
    let snapshot = world.mirror.snapshot(&tree, &base).await.unwrap();
    let found = world.faults(&snapshot).await;
    let expected = [
        ChangeFault::NestedRepository("vendored".into()),
        ChangeFault::SymlinkOut { path: "out".into(), target: "/etc/passwd".into() },
        ChangeFault::SymlinkOut { path: "src/up".into(), target: "../../x".into() },
        ChangeFault::Protected(".github/workflows/ci.yml".into()),
        ChangeFault::Submodule(".gitmodules".into()),
        ChangeFault::ConflictMarker { path: "merge.txt".into(), line: 1 },
        ChangeFault::Secret {
            path: "key.txt".into(),
            line: 2,
            kind: "what looks like a GitHub installation token".into(),
        },
    ];
    assert_eq!(found, expected);
    assert!(snapshot.diff.files.iter().all(|file| !file.path.starts_with("vendored")));
    assert_eq!(found.iter().filter(|fault| fault.refuses()).count(), 5);
    let few = Rules { max_files: 2, max_bytes: 10, ..Rules::new([]).unwrap() };
    assert!(matches!(
        world.mirror.check(&snapshot, &few).await.unwrap()[..2],
        [ChangeFault::TooManyFiles { .. }, ChangeFault::TooLarge { .. }]
    ));
}

#[tokio::test]
async fn loosened_ignore_rules_publish_nothing() {
    let world = world().await;
    let (base, tree) = (world.main().await, world.tree().await);
    fs::write(tree.path().join(".gitignore"), "new-rule\n").unwrap();
    fs::write(tree.path().join("prod.env"), "x").unwrap();
    fs::create_dir(tree.path().join("target")).unwrap();
    fs::write(tree.path().join("target/a b"), "x").unwrap();
    fs::write(tree.path().join("new-rule"), "x").unwrap();
    let snapshot = world.mirror.snapshot(&tree, &base).await.unwrap();
    assert_eq!(snapshot.ignored, ["prod.env", "target/a b"]);
    let paths: Vec<_> = snapshot.diff.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, [".gitignore"]);
}

#[tokio::test]
async fn a_working_tree_without_changes_gives_the_bases_tree() {
    let world = world().await;
    let (base, tree) = (world.main().await, world.tree().await);
    let snapshot = world.mirror.snapshot(&tree, &base).await.unwrap();
    assert!(snapshot.is_empty());
    assert_eq!(snapshot.tree, world.mirror.tree_of(&base).await.unwrap());
}

#[tokio::test]
async fn kinds_of_merges_are_distinguished_and_a_conflict_can_be_resolved() {
    let world = world().await;
    let base = world.main().await;
    let ours = world.commit("ours", &base, "README.md", "one\nours\nthree\n").await;
    let theirs = world.commit("theirs", &base, "README.md", "one\ntheirs\nthree\n").await;
    let other = world.commit("other", &base, "other.txt", "x\n").await;
    let mirror = &world.mirror;
    assert_eq!(mirror.merge(&ours, &base).await.unwrap(), Merge::UpToDate(ours.clone()));
    let Merge::Clean { tree } = mirror.merge(&ours, &other).await.unwrap() else { panic!("not clean") };
    let paths: Vec<_> = mirror.files(&tree).await.unwrap().into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, [".gitignore", "README.md", "other.txt", "src/lib.rs"]);
    let Merge::Conflicted { paths, .. } = mirror.merge(&ours, &theirs).await.unwrap() else { panic!("no conflict") };
    assert_eq!(paths, ["README.md"]);

    let (tree, paths) = mirror.tree_of_merge("conflict", &ours, &theirs, "work").await.unwrap();
    assert_eq!(paths, ["README.md"]);
    assert!(fs::read_to_string(tree.path().join("README.md")).unwrap().contains("<<<<<<<"));
    assert_eq!(git(&tree.path(), &["rev-parse", "HEAD"]), ours);
    assert!(matches!(
        world.faults(&mirror.snapshot(&tree, &ours).await.unwrap()).await[..],
        [ChangeFault::ConflictMarker { .. }]
    ));
    fs::write(tree.path().join("README.md"), "one\nboth\nthree\n").unwrap();
    let resolved = mirror.snapshot(&tree, &ours).await.unwrap();
    assert_eq!(world.faults(&resolved).await, []);
    let merged =
        mirror.commit(&resolved.tree, &[&ours, &theirs], "Merge", &author(), DateTime::UNIX_EPOCH).await.unwrap();
    assert!(mirror.is_ancestor(&theirs, &merged).await.unwrap());
    assert_eq!(mirror.read(&merged, "README.md", 100).await.unwrap().unwrap(), b"one\nboth\nthree\n");
    assert_eq!(mirror.read(&merged, "README.md", 3).await.unwrap(), None);
    assert_eq!(mirror.read(&merged, "absent", 100).await.unwrap(), None);
    assert!(mirror.patch(&ours, &merged, 10_000).await.unwrap().contains("+both"));
}

#[tokio::test]
async fn a_push_never_drops_what_others_pushed() {
    let world = world().await;
    let base = world.main().await;
    let ours = world.commit("ours", &base, "a", "a\n").await;
    let next = world.commit("next", &ours, "b", "b\n").await;
    let theirs = world.commit("theirs", &ours, "c", "c\n").await;
    let push = |sha: &str, expected: Option<&str>| {
        let (mirror, remote, sha, expected) =
            (world.mirror.clone(), world.remote.clone(), sha.to_owned(), expected.map(str::to_owned));
        async move { mirror.push(&remote, &sha, "work", expected.as_deref()).await }
    };
    push(&ours, None).await.unwrap();
    assert!(matches!(push(&next, None).await, Err(PushError::Moved)), "it was expected not to exist");
    push(&theirs, Some(&ours)).await.unwrap();
    assert!(matches!(push(&next, Some(&ours)).await, Err(PushError::Moved)));
    assert!(matches!(push(&next, Some(&theirs)).await, Err(PushError::NotFastForward)));
    assert_eq!(world.mirror.remote_head(&world.remote, "work").await.unwrap(), Some(theirs));
    fs::create_dir_all(world.server().join("hooks")).unwrap();
    let hook = world.server().join("hooks/pre-receive");
    fs::write(&hook, "#!/bin/sh\necho the branch is protected >&2\nexit 1\n").unwrap();
    Command::new("chmod").arg("+x").arg(hook).status().unwrap();
    let refused = world.mirror.push(&world.remote, &next, "fresh", None).await;
    assert!(
        matches!(&refused, Err(PushError::Rejected(why)) if why.contains("the branch is protected")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_commit_that_no_branch_names_is_fetched_by_its_name() {
    let world = world().await;
    git(&world.server(), &["config", "uploadpack.allowReachableSHA1InWant", "true"]);
    let seed = world.folder.path().join("seed");
    git(&seed, &["commit", "-q", "--allow-empty", "-m", "later"]);
    git(&seed, &["push", "-q", &world.remote.url, "HEAD:refs/pull/1/head"]);
    let sha = git(&seed, &["rev-parse", "HEAD"]);
    assert!(!world.mirror.has(&sha).await.unwrap());
    world.mirror.fetch_commit(&world.remote, &sha).await.unwrap();
    assert!(world.mirror.has(&sha).await.unwrap());
}

#[tokio::test]
async fn a_missing_repository_and_an_absent_server_are_distinguished() {
    let world = world().await;
    let gone =
        Remote { url: world.folder.path().join("gone.git").display().to_string(), token: None, silence: SILENCE };
    assert!(matches!(world.mirror.fetch(&gone, &[]).await, Err(GitError::NotFound(_))));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let absent = Remote { url: format!("http://127.0.0.1:{port}/a/b.git"), token: None, silence: SILENCE };
    let error = world.mirror.fetch(&absent, &[]).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_counts_as_down() {
    let world = world().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a/b.git", listener.local_addr().unwrap());
    let silent = Remote { url, token: None, silence: Duration::from_secs(1) };
    let fetching = tokio::time::timeout(Duration::from_mins(1), world.mirror.fetch(&silent, &["main"]));
    let error = fetching.await.expect("it does not wait for ever").unwrap_err();
    assert!(matches!(error, GitError::Network(_)), "{error}");
    drop(listener);
}

#[tokio::test]
async fn the_token_goes_in_a_header_and_nowhere_else() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = world().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a/b.git", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.unwrap();
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let remote = Remote { url, token: Some("ghs_secret".to_owned().into()), silence: SILENCE };
    let error = world.mirror.fetch(&remote, &["main"]).await.unwrap_err();
    assert!(matches!(error, GitError::AuthFailed(_)), "{error}");
    // base64 of `x-access-token:ghs_secret`
    assert!(server.await.unwrap().contains("Authorization: Basic eC1hY2Nlc3MtdG9rZW46Z2hzX3NlY3JldA=="));
    assert!(!format!("{error:?} {remote:?}").contains("ghs_secret"));
}

#[tokio::test]
async fn an_agents_files_are_read_whatever_it_did_to_its_repository() {
    use super::sandbox::{Mode, Sandbox, SandboxConfig, SandboxRun};
    let world = world().await;
    let (base, tree) = (world.main().await, world.tree().await);
    let config = SandboxConfig::new(Mode::Bubblewrap, world.folder.path().join("scratch"));
    let sandbox = Sandbox::probe(config).await.unwrap();
    let script = "git log --oneline | grep -q Begin && echo x > a && git add a && git commit -qm mine && git checkout -qb elsewhere \
                  && echo y > b && chmod 000 b && mkdir closed && echo z > closed/c && chmod 000 closed && rm -rf .git/refs .git/objects";
    let argv = ["sh", "-ec", script].map(str::to_owned).to_vec();
    let outcome = sandbox.run(SandboxRun::new(argv, tree.path(), tree.beside("log"))).await.unwrap();
    assert!(outcome.exit.success(), "{}", outcome.tail);
    let snapshot = world.mirror.snapshot(&tree, &base).await.unwrap();
    let paths: Vec<_> = snapshot.diff.files.iter().map(|file| (file.path.as_str(), file.mode)).collect();
    assert_eq!(paths, [("a", 0o100_644), ("b", 0o100_644), ("closed/c", 0o100_644)]);
    let commit = world.mirror.commit(&snapshot.tree, &[&base], "Work", &author(), DateTime::UNIX_EPOCH).await.unwrap();
    world.mirror.push(&world.remote, &commit, "refs/adjutant/7-1/checkpoint", None).await.unwrap();
    assert_eq!(git(&world.server(), &["rev-parse", "refs/adjutant/7-1/checkpoint"]), commit);
    tree.remove(Removal::Pushed);
}
