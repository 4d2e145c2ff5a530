//! Tests every operation with real git in a temporary folder.

use chrono::DateTime;

use super::refs::Branch;
use super::*;

fn person(name: &str) -> Signature {
    let date = DateTime::from_timestamp(1_750_000_000, 0).unwrap();
    Signature { name: name.to_owned(), email: format!("{name}@example.org"), date }
}

fn write(path: &str, content: &str) -> FileWrite {
    FileWrite { path: path.to_owned(), content: Some(content.into()), executable: false }
}

struct Fixture {
    repository: Repository,
    first: String,
    _folder: tempfile::TempDir,
}

/// `main` with `a.txt` (three lines) and `src/b.txt`.
async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::init(folder.path().join("acme/widgets.git"), "main").await.unwrap();
    let files = [write("a.txt", "one\ntwo\nthree\n"), write("src/b.txt", "b\n")];
    let first = repository.commit_files("main", &files, "First", &person("ada")).await.unwrap();
    Fixture { repository, first, _folder: folder }
}

impl Fixture {
    async fn branch(&self, name: &str, path: &str, content: &str) -> String {
        self.repository.create_ref(&branch_ref(name), &self.first).await.unwrap();
        self.put(name, path, content).await
    }

    async fn put(&self, branch: &str, path: &str, content: &str) -> String {
        let message = format!("Write {path}");
        self.repository.write_file(branch, path, content.as_bytes(), &message, &person("bob")).await.unwrap().commit
    }

    async fn text(&self, rev: &str, path: &str) -> Option<String> {
        let blob = self.repository.read_file(rev, path).await.unwrap()?;
        Some(String::from_utf8(blob.bytes).unwrap())
    }

    async fn merge(&self, head: &str, method: MergeMethod) -> Result<String, GitError> {
        self.repository.merge("main", head, method, "Merge it\n\nBody", &person("ada"), &person("hub")).await
    }
}

#[tokio::test]
async fn a_new_repository_opens_and_has_no_branch_yet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.git");
    let repository = Repository::init(&path, "trunk").await.unwrap();
    assert_eq!(std::fs::read_to_string(path.join("HEAD")).unwrap(), "ref: refs/heads/trunk\n");
    assert_eq!(repository.branches().await.unwrap(), vec![]);
    assert_eq!(repository.resolve("trunk").await.unwrap(), None);
    assert_eq!(Repository::open(&path).unwrap().path(), repository.path());
    assert!(matches!(Repository::open(folder.path()), Err(GitError::NotARepository(_))));
}

#[tokio::test]
async fn a_revision_is_a_sha_a_branch_or_a_full_name_and_never_an_option() {
    let f = fixture().await;
    for rev in [f.first.as_str(), &f.first[..10], "main", "refs/heads/main", "HEAD"] {
        assert_eq!(f.repository.resolve(rev).await.unwrap().as_ref(), Some(&f.first), "{rev}");
    }
    for rev in ["", "--help", "-n1", "main~0", "main:a.txt", "a..b", "no-such", "main ", &"0".repeat(40), "@{0}"] {
        assert_eq!(f.repository.resolve(rev).await.unwrap(), None, "{rev}");
    }
}

#[tokio::test]
async fn the_same_commit_made_twice_has_the_same_sha() {
    assert_eq!(fixture().await.first, fixture().await.first);
}

#[test]
fn reference_names_follow_gits_rules() {
    for good in ["refs/heads/main", "refs/heads/a/b-c", "refs/bot/1/x", "refs/heads/ü"] {
        assert!(is_valid_ref_name(good), "{good}");
    }
    for bad in [
        "main",
        "refs/main",
        "refs/heads/",
        "refs/heads/a..b",
        "refs/heads/a b",
        "refs/heads/.a",
        "refs/heads/a.lock",
        "refs/heads/a.",
        "refs/heads/a@{b",
        "refs//heads/a",
        "refs/heads/a~",
        "refs/heads/-a",
        "refs/heads/a\n",
    ] {
        assert!(!is_valid_ref_name(bad), "{bad}");
    }
}

#[tokio::test]
async fn references_are_created_moved_and_deleted_under_guard() {
    let f = fixture().await;
    let r = &f.repository;
    let next = f.branch("feature", "c.txt", "c\n").await;
    let error = r.create_ref("refs/heads/feature", &f.first).await.unwrap_err();
    assert!(matches!(error, GitError::RefExists(_)), "{error}");
    let error = r.create_ref("refs/heads/feature/deep", &f.first).await.unwrap_err();
    assert!(matches!(error, GitError::RefNameTaken { .. }), "{error}");
    let error = r.create_ref("refs/heads/x", &"1".repeat(40)).await.unwrap_err();
    assert!(matches!(error, GitError::NotFound(_)), "{error}");
    let tree = r.commit("main").await.unwrap().unwrap().tree;
    let error = r.create_ref("refs/heads/x", &tree).await.unwrap_err();
    assert!(matches!(error, GitError::InvalidInput(_)), "{error}");

    let error = r.update_ref("refs/heads/feature", &f.first, None, Update::FastForward).await.unwrap_err();
    assert!(matches!(error, GitError::NotFastForward { .. }), "{error}");
    let error = r.update_ref("refs/heads/main", &next, Some(&next), Update::FastForward).await.unwrap_err();
    assert!(matches!(error, GitError::Moved { actual: Some(ref at), .. } if *at == f.first), "{error}");
    r.update_ref("refs/heads/main", &next, Some(&f.first), Update::FastForward).await.unwrap();
    r.update_ref("refs/heads/main", &f.first, None, Update::Force).await.unwrap();
    assert_eq!(r.ref_sha("refs/heads/main").await.unwrap(), Some(f.first.clone()));

    r.delete_ref("refs/heads/feature").await.unwrap();
    assert!(matches!(r.delete_ref("refs/heads/feature").await, Err(GitError::RefNotFound(_))));
    assert_eq!(r.branches().await.unwrap(), vec![Branch { name: "main".into(), sha: f.first.clone() }]);
}

#[tokio::test]
async fn references_are_found_by_any_prefix() {
    let f = fixture().await;
    for name in ["refs/heads/feature-a", "refs/heads/feature-b", "refs/pull/1/head"] {
        f.repository.set_ref(name, &f.first).await.unwrap();
    }
    let names = |refs: Vec<Reference>| refs.into_iter().map(|r| r.name).collect::<Vec<_>>();
    assert_eq!(names(f.repository.refs("refs/heads/feat").await.unwrap()).len(), 2);
    assert_eq!(f.repository.reference("refs/pull/1/head").await.unwrap().unwrap().kind, "commit");
    assert_eq!(f.repository.reference("refs/pull/1").await.unwrap(), None);
}

#[tokio::test]
async fn history_has_authors_messages_and_relations() {
    let f = fixture().await;
    let head = f.branch("feature", "c.txt", "c\n").await;
    let other = f.put("main", "d.txt", "d\n").await;
    let commit = f.repository.commit(&head).await.unwrap().unwrap();
    assert_eq!((commit.title(), &commit.parents), ("Write c.txt", &vec![f.first.clone()]));
    assert_eq!(commit.author, person("bob"));
    assert_eq!(f.repository.commit("nope").await.unwrap(), None);

    let shas = |log: Vec<CommitInfo>| log.into_iter().map(|commit| commit.sha).collect::<Vec<_>>();
    assert_eq!(shas(f.repository.log("feature", 0, 10).await.unwrap()), vec![head.clone(), f.first.clone()]);
    assert_eq!(shas(f.repository.log("feature", 1, 10).await.unwrap()), vec![f.first.clone()]);
    assert_eq!(shas(f.repository.commits_between("main", "feature").await.unwrap()), vec![head.clone()]);
    assert_eq!(shas(f.repository.commits_between("main", "main").await.unwrap()), Vec::<String>::new());

    assert!(f.repository.is_ancestor(&f.first, &head).await.unwrap());
    assert!(!f.repository.is_ancestor(&other, &head).await.unwrap());
    assert_eq!(f.repository.merge_base("main", "feature").await.unwrap(), Some(f.first.clone()));
    let apart = f.repository.ahead_behind("main", "feature").await.unwrap();
    assert_eq!(apart, AheadBehind { ahead: 1, behind: 1 });
}

#[tokio::test]
async fn files_between_are_what_the_head_changed_with_renames_and_patches() {
    let f = fixture().await;
    f.branch("feature", "a.txt", "one\n2\nthree\nfour\n").await;
    f.put("feature", "bin.dat", "\0\u{1}").await;
    f.put("feature", "diff --git a.txt", "diff --git x\n").await;
    f.put("main", "elsewhere.txt", "not the head's doing\n").await;
    let renamed =
        [FileWrite { path: "src/b.txt".into(), content: None, executable: false }, write("src/moved.txt", "b\n")];
    f.repository.commit_files("feature", &renamed, "Move", &person("bob")).await.unwrap();

    let files = f.repository.files_between("main", "feature").await.unwrap();
    let seen: Vec<_> =
        files.iter().map(|file| (file.path.as_str(), file.status, file.additions, file.deletions)).collect();
    assert_eq!(
        seen,
        vec![
            ("a.txt", FileStatus::Modified, 2, 1),
            ("bin.dat", FileStatus::Added, 0, 0),
            ("diff --git a.txt", FileStatus::Added, 1, 0),
            ("src/moved.txt", FileStatus::Renamed, 0, 0),
        ]
    );
    assert_eq!(files[0].patch.as_deref(), Some("@@ -1,3 +1,4 @@\n one\n-two\n+2\n three\n+four"));
    assert_eq!((files[1].patch.as_deref(), files[3].patch.as_deref()), (None, None));
    assert_eq!(files[2].patch.as_deref(), Some("@@ -0,0 +1 @@\n+diff --git x"));
    assert_eq!(files[3].previous_path.as_deref(), Some("src/b.txt"));
    assert_eq!(f.repository.blob(&files[0].blob_sha).await.unwrap().unwrap(), b"one\n2\nthree\nfour\n");
    assert_eq!(f.repository.files_of_commit(&f.first).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_removed_file_keeps_the_blob_that_it_had() {
    let f = fixture().await;
    let blob = f.repository.read_file("main", "a.txt").await.unwrap().unwrap().sha;
    let gone = f.repository.delete_file("main", "a.txt", "Remove", &person("bob")).await.unwrap();
    let files = f.repository.files_of_commit(&gone.commit).await.unwrap();
    assert_eq!((files[0].status, &files[0].blob_sha, files[0].deletions), (FileStatus::Removed, &blob, 3));
    let error = f.repository.delete_file("main", "a.txt", "Again", &person("bob")).await.unwrap_err();
    assert!(matches!(error, GitError::NotFound(_)), "{error}");
}

#[tokio::test]
async fn a_merge_commit_has_both_parents_and_moves_the_branch() {
    let f = fixture().await;
    let head = f.branch("feature", "c.txt", "c\n").await;
    let base = f.put("main", "d.txt", "d\n").await;
    assert!(matches!(f.repository.merge_preview("main", &head).await.unwrap(), Preview::Clean { .. }));
    let merged = f.merge(&head, MergeMethod::Merge).await.unwrap();
    let commit = f.repository.commit("main").await.unwrap().unwrap();
    assert_eq!((commit.sha, commit.parents), (merged, vec![base, head.clone()]));
    assert_eq!(
        (commit.message.as_str(), commit.author, commit.committer),
        ("Merge it\n\nBody", person("ada"), person("hub"))
    );
    assert_eq!(f.text("main", "c.txt").await.as_deref(), Some("c\n"));
    assert_eq!(f.repository.merge_preview("main", &head).await.unwrap(), Preview::UpToDate);
    assert!(matches!(f.merge(&head, MergeMethod::Merge).await, Err(GitError::UpToDate)));
}

#[tokio::test]
async fn a_squash_is_one_commit_and_a_rebase_keeps_each() {
    let f = fixture().await;
    f.branch("feature", "c.txt", "c\n").await;
    let head = f.put("feature", "e.txt", "e\n").await;
    let base = f.put("main", "d.txt", "d\n").await;
    let squashed = f.merge(&head, MergeMethod::Squash).await.unwrap();
    assert_eq!(f.repository.commit(&squashed).await.unwrap().unwrap().parents, vec![base.clone()]);

    f.repository.update_ref("refs/heads/main", &base, None, Update::Force).await.unwrap();
    let rebased = f.merge(&head, MergeMethod::Rebase).await.unwrap();
    let log = f.repository.log(&rebased, 0, 2).await.unwrap();
    assert_eq!(log.iter().map(CommitInfo::title).collect::<Vec<_>>(), vec!["Write e.txt", "Write c.txt"]);
    assert_eq!((&log[1].parents, &log[1].author, &log[1].committer), (&vec![base], &person("bob"), &person("hub")));
    assert_eq!(f.text("main", "d.txt").await.as_deref(), Some("d\n"));
}

#[tokio::test]
async fn a_conflict_names_its_paths_and_changes_nothing() {
    let f = fixture().await;
    let head = f.branch("feature", "a.txt", "one\nTWO\nthree\n").await;
    let base = f.put("main", "a.txt", "one\nzwei\nthree\n").await;
    let paths = vec!["a.txt".to_owned()];
    assert_eq!(f.repository.merge_preview("main", &head).await.unwrap(), Preview::Conflict { paths: paths.clone() });
    for method in [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase] {
        let error = f.merge(&head, method).await.unwrap_err();
        assert!(matches!(error, GitError::Conflict { paths: ref found } if *found == paths), "{error}");
    }
    assert_eq!(f.repository.resolve("main").await.unwrap(), Some(base));
}

#[tokio::test]
async fn two_merges_of_one_base_lose_nothing() {
    let f = fixture().await;
    let mut heads = Vec::new();
    for n in 0..6 {
        heads.push(f.branch(&format!("b{n}"), &format!("{n}.txt"), "x\n").await);
    }
    let results = futures_util::future::join_all(heads.iter().map(|head| f.merge(head, MergeMethod::Squash))).await;
    let files = f.repository.list_dir("main", "").await.unwrap().unwrap();
    let merged = results.iter().filter(|result| result.is_ok()).count();
    assert!(merged >= 1);
    assert_eq!(files.len(), 2 + merged, "a file for every merge that was said to be done");
    assert!(
        results.iter().all(|result| matches!(result, Ok(_) | Err(GitError::Moved { .. } | GitError::Failed { .. })))
    );
}

#[tokio::test]
async fn files_and_folders_are_read_at_any_revision() {
    let f = fixture().await;
    f.put("main", "src/b.txt", "changed\n").await;
    assert_eq!(f.text(&f.first, "src/b.txt").await.as_deref(), Some("b\n"));
    assert_eq!(f.text("main", "src/b.txt").await.as_deref(), Some("changed\n"));
    assert_eq!(f.text("main", "src").await, None);
    let top = f.repository.list_dir("main", "").await.unwrap().unwrap();
    let top: Vec<_> = top.iter().map(|entry| (entry.path.as_str(), entry.kind, entry.size)).collect();
    assert_eq!(top, vec![("a.txt", EntryKind::Blob, Some(14)), ("src", EntryKind::Tree, None)]);
    assert_eq!(f.repository.list_dir("main", "src").await.unwrap().unwrap()[0].path, "b.txt");
    assert_eq!(f.repository.list_dir("main", "a.txt").await.unwrap(), None);
    assert_eq!(f.repository.list_tree_recursively("main").await.unwrap().unwrap().len(), 3);
    for bad in ["../x", "/etc/passwd", "a//b", ".git/config", "x/.GIT/y", "."] {
        let error = f.repository.read_file("main", bad).await.unwrap_err();
        assert!(matches!(error, GitError::InvalidPath(_)), "{bad}: {error}");
    }
}

#[tokio::test]
async fn trees_are_made_over_a_base_with_deletions_and_folders() {
    let f = fixture().await;
    let blob = f.repository.create_blob(b"new\n").await.unwrap();
    let src = f.repository.entry("main", "src").await.unwrap().unwrap().sha;
    let entry = |path: &str, mode: &str, sha: Option<&str>| NewTreeEntry {
        path: path.to_owned(),
        mode: mode.to_owned(),
        sha: sha.map(str::to_owned),
    };
    let entries =
        [entry("bin/run", "100755", Some(&blob)), entry("a.txt", "100644", None), entry("copy", "040000", Some(&src))];
    let tree = f.repository.create_tree(Some("main"), &entries).await.unwrap();
    let commit = f.repository.create_commit(&tree, &[], "Tree", &person("ada"), &person("ada")).await.unwrap();
    let all = f.repository.list_tree_recursively(&commit).await.unwrap().unwrap();
    let files: Vec<_> =
        all.iter().filter(|e| e.kind == EntryKind::Blob).map(|e| (e.path.as_str(), e.mode.as_str())).collect();
    assert_eq!(files, vec![("bin/run", "100755"), ("copy/b.txt", "100644"), ("src/b.txt", "100644")]);
    assert!(matches!(
        f.repository.create_tree(None, &[entry("x", "100644", Some(&src))]).await,
        Err(GitError::NotFound(_))
    ));
    assert!(matches!(
        f.repository.create_tree(None, &[entry("x", "777", Some(&blob))]).await,
        Err(GitError::InvalidInput(_))
    ));
    let leftovers = std::fs::read_dir(f.repository.path()).unwrap().flatten();
    assert_eq!(leftovers.filter(|file| file.file_name().to_string_lossy().starts_with("index-")).count(), 0);
}
