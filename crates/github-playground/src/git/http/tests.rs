//! Tests with a real git client against the router on loopback.

use std::process::Output;
use std::sync::Mutex;

use base64::Engine as _;

use super::*;
use crate::git::{FileWrite, Repository, Signature};

/// A private repository: `reader` may read, `writer` may push; the token is the login.
struct Host {
    path: PathBuf,
    pushes: Mutex<Vec<(String, Vec<RefUpdate>)>>,
}

#[async_trait]
impl GitHost for Host {
    async fn authorise(
        &self,
        owner: &str,
        repository: &str,
        authorization: Option<&str>,
        access: GitAccess,
    ) -> Result<Authorised, GitRefusal> {
        let Some(authorization) = authorization else {
            return Err(GitRefusal::new(StatusCode::UNAUTHORIZED, "Log in."));
        };
        let coded = authorization.strip_prefix("Basic ").unwrap();
        let plain = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(coded).unwrap()).unwrap();
        let login = plain.split_once(':').unwrap().1.to_owned();
        match (owner, repository, login.as_str(), access) {
            ("acme", "widgets", "writer", _) | ("acme", "widgets", "reader", GitAccess::Read) => Ok(Authorised {
                repository: self.path.clone(),
                login,
                largest_push: 1 << 30,
                without_workflows: None,
                lock: None,
            }),
            ("acme", "widgets", "reader", GitAccess::Write) => {
                Err(GitRefusal::new(StatusCode::FORBIDDEN, "Permission to acme/widgets denied to reader."))
            }
            _ => Err(GitRefusal::new(StatusCode::NOT_FOUND, "Repository not found.")),
        }
    }

    async fn obstacles(&self, _: &str, _: &str, _: &str, updates: &[RefUpdate]) -> Vec<Obstacle> {
        let guarded = updates.iter().filter(|update| update.name == "refs/heads/guarded");
        guarded
            .flat_map(|update| {
                [false, true].map(|merges| Obstacle {
                    name: update.name.clone(),
                    forced: true,
                    merges,
                    message: "No force here.\n".to_owned(),
                    reason: "not with force",
                })
            })
            .collect()
    }

    async fn pushed(&self, owner: &str, repository: &str, login: &str, updates: Vec<RefUpdate>) {
        assert_eq!((owner, repository), ("acme", "widgets"));
        self.pushes.lock().unwrap().push((login.to_owned(), updates));
    }
}

struct Fixture {
    host: Arc<Host>,
    address: std::net::SocketAddr,
    folder: tempfile::TempDir,
    first: String,
    /// Every request's `transfer-encoding` and `content-encoding`.
    encodings: Arc<Mutex<Vec<String>>>,
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::init(folder.path().join("widgets.git"), "main").await.unwrap();
    let file = FileWrite { path: "a.txt".into(), content: Some(b"a\n".to_vec()), executable: false };
    let date = chrono::DateTime::from_timestamp(1_750_000_000, 0).unwrap();
    let ada = Signature { name: "ada".into(), email: "ada@example.org".into(), date };
    let first = repository.commit_files("main", &[file], "First", &ada).await.unwrap();
    let host = Arc::new(Host { path: repository.path().to_owned(), pushes: Mutex::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let encodings = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&encodings);
    let app = router(Arc::clone(&host)).layer(axum::middleware::map_request(move |request: Request| {
        let headers = request.headers();
        let names = [header::TRANSFER_ENCODING, header::CONTENT_ENCODING];
        let values = names.iter().filter_map(|name| headers.get(name)?.to_str().ok());
        seen.lock().unwrap().extend(values.map(str::to_owned));
        async move { request }
    }));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    Fixture { host, address, folder, first, encodings }
}

impl Fixture {
    fn url(&self, login: &str) -> String {
        format!("http://x-access-token:{login}@{}/acme/widgets.git", self.address)
    }

    async fn git(&self, args: &[&str]) -> Output {
        let mut command = tokio::process::Command::new("git");
        crate::git::command::clean_environment(&mut command);
        command
            .current_dir(self.folder.path())
            .args(["-c", "user.name=w", "-c", "user.email=w@example.org"])
            .args(args);
        command.output().await.unwrap()
    }

    async fn git_ok(&self, args: &[&str]) -> String {
        let output = self.git(args).await;
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    async fn git_fails(&self, args: &[&str]) -> String {
        let output = self.git(args).await;
        assert!(!output.status.success(), "{args:?} was expected to fail");
        String::from_utf8(output.stderr).unwrap()
    }

    async fn clone_as(&self, login: &str) {
        self.git_ok(&["clone", "--quiet", &self.url(login), "work"]).await;
    }

    async fn commit(&self, file: &str, content: &[u8]) -> String {
        std::fs::write(self.folder.path().join("work").join(file), content).unwrap();
        self.git_ok(&["-C", "work", "add", "."]).await;
        self.git_ok(&["-C", "work", "commit", "--quiet", "-m", file]).await;
        self.git_ok(&["-C", "work", "rev-parse", "HEAD"]).await
    }

    fn pushes(&self) -> Vec<(String, Vec<RefUpdate>)> {
        std::mem::take(&mut *self.host.pushes.lock().unwrap())
    }
}

fn update(name: &str, old: Option<&str>, new: Option<&str>) -> RefUpdate {
    RefUpdate { name: name.into(), old: old.map(str::to_owned), new: new.map(str::to_owned) }
}

#[tokio::test]
async fn a_clone_asks_for_credentials_and_gets_the_files() {
    let f = fixture().await;
    f.clone_as("reader").await;
    assert_eq!(std::fs::read(f.folder.path().join("work/a.txt")).unwrap(), b"a\n");
    let anonymous = format!("http://{}/acme/widgets.git", f.address);
    let complaint = f.git_fails(&["ls-remote", &anonymous]).await;
    assert!(complaint.contains("could not read Username"), "{complaint}");
    assert_eq!(f.pushes(), vec![]);
}

#[tokio::test]
async fn the_address_without_dot_git_and_protocol_version_2_work() {
    let f = fixture().await;
    let url = f.url("reader");
    let url = url.strip_suffix(".git").unwrap();
    for version in ["protocol.version=0", "protocol.version=2"] {
        let heads = f.git_ok(&["-c", version, "ls-remote", url, "refs/heads/main"]).await;
        assert_eq!(heads, format!("{}\trefs/heads/main", f.first));
    }
    let request = reqwest::Client::new().get(format!("{url}/info/refs?service=git-upload-pack"));
    let answer = request.header("git-protocol", "version=2").send().await.unwrap().text().await.unwrap();
    assert!(answer.contains("version 2"), "{answer}");
}

#[tokio::test]
async fn a_push_reports_exactly_the_refs_that_it_moved() {
    let f = fixture().await;
    f.clone_as("writer").await;
    let second = f.commit("b.txt", b"b\n").await;
    f.git_ok(&["-C", "work", "push", "--quiet", "origin", "main", "main:refs/heads/feature", "main:refs/bot/x"]).await;
    let mut pushes = f.pushes();
    assert_eq!(pushes.len(), 1);
    let (login, mut updates) = pushes.remove(0);
    updates.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(login, "writer");
    let expected = [
        update("refs/bot/x", None, Some(&second)),
        update("refs/heads/feature", None, Some(&second)),
        update("refs/heads/main", Some(&f.first), Some(&second)),
    ];
    assert_eq!(updates, expected);

    f.git_ok(&["-C", "work", "push", "--quiet", "origin", "main"]).await;
    assert_eq!(f.pushes(), vec![], "nothing moved");
    f.git_ok(&["-C", "work", "push", "--quiet", "origin", ":feature"]).await;
    assert_eq!(f.pushes(), vec![("writer".into(), vec![update("refs/heads/feature", Some(&second), None)])]);
    let left = std::fs::read_dir(&f.host.path).unwrap().flatten();
    assert_eq!(left.filter(|file| file.file_name().to_string_lossy().starts_with("push-")).count(), 0);
}

#[tokio::test]
async fn a_large_push_comes_in_chunks_and_many_wants_in_gzip() {
    let f = fixture().await;
    f.clone_as("writer").await;
    // Bytes that do not compress, so that the pack is larger than what git sends in one piece.
    let noise: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
    let large = f.commit("noise.bin", &noise).await;
    f.git_ok(&["-C", "work", "-c", "http.postBuffer=65536", "push", "--quiet", "origin", "main"]).await;
    assert!(f.encodings.lock().unwrap().contains(&"chunked".to_owned()));
    assert_eq!(f.pushes()[0].1, vec![update("refs/heads/main", Some(&f.first), Some(&large))]);

    f.git_ok(&["clone", "--quiet", &f.url("reader"), "other"]).await;
    assert_eq!(std::fs::read(f.folder.path().join("other/noise.bin")).unwrap(), noise);
    // Forty branches with one commit each give forty "want" lines, which the client compresses.
    for n in 0..40 {
        f.git_ok(&["-C", "work", "commit", "--quiet", "--allow-empty", "-m", &n.to_string()]).await;
    }
    let specs: Vec<String> = (0..40).map(|n| format!("main~{n}:refs/heads/b{n}")).collect();
    let push = ["-C", "work", "push", "--quiet", "origin"];
    f.git_ok(&push.into_iter().chain(specs.iter().map(String::as_str)).collect::<Vec<_>>()).await;
    f.git_ok(&["-C", "other", "fetch", "--quiet", "origin"]).await;
    let newest = f.git_ok(&["-C", "work", "rev-parse", "main"]).await;
    assert_eq!(f.git_ok(&["-C", "other", "rev-parse", "origin/b0"]).await, newest);
    assert!(f.encodings.lock().unwrap().contains(&"gzip".to_owned()));
}

#[tokio::test]
async fn pull_request_refs_are_served_and_refuse_a_push() {
    let f = fixture().await;
    let repository = Repository::open(&f.host.path).unwrap();
    repository.set_ref("refs/pull/1/head", &f.first).await.unwrap();
    f.clone_as("writer").await;
    f.git_ok(&["-C", "work", "fetch", "--quiet", "origin", "refs/pull/1/head"]).await;
    f.commit("b.txt", b"b\n").await;
    let complaint = f.git_fails(&["-C", "work", "push", "origin", "main:refs/pull/1/head"]).await;
    assert!(complaint.contains("hidden ref"), "{complaint}");
    assert_eq!(f.pushes(), vec![]);
    assert_eq!(repository.ref_sha("refs/pull/1/head").await.unwrap(), Some(f.first.clone()));
}

#[tokio::test]
async fn a_user_who_may_not_push_or_read_gets_an_error() {
    let f = fixture().await;
    f.clone_as("reader").await;
    f.commit("b.txt", b"b\n").await;
    let complaint = f.git_fails(&["-C", "work", "push", "origin", "main"]).await;
    assert!(complaint.contains("denied to reader") || complaint.contains("403"), "{complaint}");
    let complaint = f.git_fails(&["ls-remote", &f.url("stranger")]).await;
    assert!(complaint.contains("not found"), "{complaint}");
    let dumb = reqwest::get(format!("http://{}/acme/widgets.git/info/refs", f.address)).await.unwrap();
    assert_eq!(dumb.status(), 403);
    assert_eq!(f.pushes(), vec![]);
}

#[tokio::test]
async fn two_pushes_at_once_report_each_its_own() {
    let f = fixture().await;
    f.clone_as("writer").await;
    let head = f.commit("b.txt", b"b\n").await;
    let names: Vec<String> = (0..6).map(|n| format!("refs/heads/b{n}")).collect();
    let specs: Vec<String> = names.iter().map(|name| format!("main:{name}")).collect();
    let args: Vec<[&str; 6]> =
        specs.iter().map(|spec| ["-C", "work", "push", "--quiet", "origin", spec.as_str()]).collect();
    futures_util::future::join_all(args.iter().map(|args| f.git_ok(args))).await;
    let mut seen: Vec<RefUpdate> = f
        .pushes()
        .into_iter()
        .map(|(_, updates)| {
            assert_eq!(updates.len(), 1);
            updates[0].clone()
        })
        .collect();
    seen.sort_by(|a, b| a.name.cmp(&b.name));
    let expected: Vec<RefUpdate> = names.iter().map(|name| update(name, None, Some(&head))).collect();
    assert_eq!(seen, expected);
}
