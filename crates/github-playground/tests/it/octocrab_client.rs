//! octocrab's typed models can read every answer that the bot's gateway requests.

use octocrab::{
    Octocrab, Page,
    models::{
        self, AppId, CheckSuiteId, CombinedStatus, Installation, InstallationRepositories, InstallationToken,
        checks::{CheckRun, ListCheckRuns, ListCheckSuites},
        commits::{Commit, CommitComparison, GitCommitObject},
        issues::{Comment, Issue},
        pulls::{self, PullRequest, Review},
        reactions::Reaction,
        repos::{Branch, Content, DiffEntry, FileUpdate, Object, Ref, RepoCommit},
    },
    params::pulls::MergeMethod,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::support::Harness;

fn client(harness: &Harness, token: &str) -> Octocrab {
    let base = format!("{}/api/v3", harness.playground.url);
    Octocrab::builder().base_uri(base).unwrap().personal_token(token.to_owned()).build().unwrap()
}

struct Typed {
    octocrab: Octocrab,
}

impl Typed {
    async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let path = format!("/api/v3/repos/acme/widgets{path}");
        self.octocrab.get(&path, None::<&()>).await.unwrap_or_else(|error| panic!("GET {path}: {error:?}"))
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: Value) -> T {
        let path = format!("/api/v3/repos/acme/widgets{path}");
        self.octocrab.post(&path, Some(&body)).await.unwrap_or_else(|error| panic!("POST {path}: {error:?}"))
    }
}

#[tokio::test]
async fn the_app_authenticates_and_mints_by_octocrab_itself() {
    let harness = Harness::start().await;
    let key =
        jsonwebtoken::EncodingKey::from_rsa_pem(&std::fs::read(&harness.playground.app_pem_path).unwrap()).unwrap();
    let base = format!("{}/api/v3", harness.playground.url);
    let app = Octocrab::builder().base_uri(base).unwrap().app(AppId(harness.playground.app_id), key).build().unwrap();
    assert_eq!(app.current().app().await.unwrap().slug.as_deref(), Some("playground-app"));
    let installation: Installation = app.apps().get_repository_installation("acme", "widgets").await.unwrap();
    assert_eq!(installation.id.0, harness.playground.installation_id);
    let path = format!("/app/installations/{}/access_tokens", installation.id);
    let minted: InstallationToken = app.post(&path, Some(&json!({ "repositories": ["widgets"] }))).await.unwrap();
    assert_eq!(minted.repositories.unwrap().len(), 1);
    let installed = app.installation(installation.id).unwrap();
    let issues: Page<Issue> = installed.issues("acme", "widgets").list().send().await.unwrap();
    assert_eq!(issues.items.len(), 0);
    let path = "/installation/repositories";
    let repositories: InstallationRepositories = installed.get(path, None::<&()>).await.unwrap();
    assert_eq!(repositories.total_count, 1);
}

#[tokio::test]
async fn issues_comments_labels_and_reactions_are_readable() {
    let harness = Harness::start().await;
    let octocrab = client(&harness, "playground-maintainer");
    let handler = octocrab.issues("acme", "widgets");
    let creation = handler.create("Do it").body("All of it").labels(vec!["bug".to_owned()]);
    let issue = Box::pin(creation.send()).await.unwrap();
    assert_eq!(issue.labels[0].name, "bug");
    let labels = handler.add_labels(1, &["directive".to_owned()]).await.unwrap();
    assert_eq!(labels.len(), 2);
    let comment: Comment = handler.create_comment(1, "/approve").await.unwrap();
    let eyes = models::reactions::ReactionContent::Eyes;
    let reaction: Reaction = handler.create_comment_reaction(comment.id, eyes).await.unwrap();
    assert_eq!(reaction.user.login, "maintainer");
    assert_eq!(handler.list_comments(1).send().await.unwrap().items.len(), 1);
    let closed = handler.update(1).state(models::IssueState::Closed).send().await.unwrap();
    assert!(closed.closed_at.is_some());
    let repo = octocrab.repos("acme", "widgets").get().await.unwrap();
    assert_eq!(repo.default_branch.as_deref(), Some("main"));
    assert!(repo.permissions.unwrap().admin);
    assert_eq!(octocrab.current().user().await.unwrap().login, "maintainer");
}

#[tokio::test]
async fn pull_requests_reviews_and_merges_are_readable() {
    let harness = Harness::start().await;
    harness.open_pull("feature", "notes.md", "one\n", json!({})).await;
    let octocrab = client(&harness, "playground-maintainer");
    let typed = Typed { octocrab: client(&harness, "playground-maintainer") };
    let handler = octocrab.pulls("acme", "widgets");
    let listed = handler.list().head("acme:feature").send().await.unwrap();
    assert_eq!(listed.items.len(), 1);
    let pull: PullRequest = handler.get(1).await.unwrap();
    assert_eq!(pull.head.ref_field, "feature");
    let files: Page<DiffEntry> = handler.list_files(1).await.unwrap();
    assert_eq!(files.items[0].filename, "notes.md");
    let commits: Vec<RepoCommit> = typed.get("/pulls/1/commits").await;
    assert_eq!(commits.len(), 1);
    let body =
        json!({ "event": "COMMENT", "body": "Hm.", "comments": [{ "path": "notes.md", "line": 1, "body": "Here." }] });
    let review: Review = typed.post("/pulls/1/reviews", body).await;
    assert_eq!(review.state, Some(pulls::ReviewState::Commented));
    let reviews: Vec<Review> = typed.get("/pulls/1/reviews").await;
    let comments: Vec<pulls::Comment> = typed.get("/pulls/1/comments").await;
    assert_eq!((reviews.len(), comments.len()), (1, 1));
    let merged = handler.merge(1).method(MergeMethod::Squash).sha(pull.head.sha).send().await.unwrap();
    assert!(merged.merged);
    let merged: PullRequest = handler.get(1).await.unwrap();
    assert_eq!(merged.merged, Some(true));
}

#[tokio::test]
async fn checks_statuses_and_git_are_readable() {
    let harness = Harness::start().await;
    let token = harness.installation_token(json!({})).await;
    let app = Typed { octocrab: client(&harness, &token) };
    let reference: Ref = app.get("/git/ref/heads/main").await;
    let Object::Commit { sha, .. } = reference.object else { panic!("a branch points to a commit") };
    let output = json!({ "title": "Tests", "summary": "All pass" });
    let new = json!({ "name": "test", "head_sha": sha, "conclusion": "success", "output": output });
    let run: CheckRun = app.post("/check-runs", new).await;
    assert_eq!(run.conclusion.as_deref(), Some("success"));
    let runs: ListCheckRuns = app.get(&format!("/commits/{sha}/check-runs")).await;
    let suites: ListCheckSuites = app.get(&format!("/commits/{sha}/check-suites")).await;
    assert_eq!((runs.total_count, suites.total_count), (1, 1));
    let suite: models::checks::CheckSuite = app.get(&format!("/check-suites/{}", suites.check_suites[0].id)).await;
    assert_ne!(suite.id, CheckSuiteId(0));
    let combined: CombinedStatus = app.get("/commits/main/status").await;
    assert_eq!(combined.total_count, 0);
    let branches: Vec<Branch> = app.get("/branches").await;
    assert_eq!(branches[0].name, "main");
    let commit: Commit = app.get("/commits/main").await;
    let object: GitCommitObject = app.get(&format!("/git/commits/{sha}")).await;
    assert_eq!((commit.sha, object.sha), (sha.clone(), sha.clone()));
    let folder: Vec<Content> = app.get("/contents/").await;
    let file: Content =
        app.get(&format!("/contents/{}", folder.iter().find(|entry| entry.r#type == "file").unwrap().path)).await;
    assert!(file.decoded_content().is_some());
    let update =
        app.octocrab.repos("acme", "widgets").create_file("notes.md", "Add notes", "one\n").branch("main").send().await;
    let update: FileUpdate = update.unwrap();
    assert_eq!(update.content.path, "notes.md");
    let compared: CommitComparison = app.get(&format!("/compare/{sha}...main")).await;
    assert_eq!(compared.ahead_by, 1);
}
