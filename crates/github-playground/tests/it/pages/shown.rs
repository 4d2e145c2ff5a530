//! The pages of a running playground, as a browser fetches them.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use github_playground::{Playground, PlaygroundOptions, start};

struct Fixture {
    playground: Playground,
    client: Client,
    _folder: tempfile::TempDir,
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let playground = start(PlaygroundOptions::new(folder.path().join("data"))).await.unwrap();
    Fixture { playground, client: Client::builder().user_agent("test").build().unwrap(), _folder: folder }
}

impl Fixture {
    async fn call(&self, method: Method, login: &str, path: &str, body: Value) -> Value {
        let url = format!("{}/api/v3/repos/acme/widgets{path}", self.playground.url);
        let request = self.client.request(method, url).bearer_auth(format!("playground-{login}"));
        let answer = request.json(&body).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    async fn get(&self, address: &str) -> (u16, String) {
        let url =
            if address.starts_with('/') { format!("{}{address}", self.playground.url) } else { address.to_owned() };
        let answer = self.client.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn page(&self, path: &str) -> String {
        let (status, text) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {text}");
        text
    }

    /// An open pull request that adds a file. Returns its JSON.
    async fn pull(&self) -> Value {
        let head = self.call(Method::GET, "writer", "/git/ref/heads/main", json!({})).await["object"]["sha"].clone();
        self.call(Method::POST, "writer", "/git/refs", json!({ "ref": "refs/heads/feature/x", "sha": head })).await;
        let content = json!({ "message": "Add <b>", "content": "b25lCnR3bwo=", "branch": "feature/x" });
        self.call(Method::PUT, "writer", "/contents/src/new.txt", content).await;
        let new = json!({ "title": "Add a <file>", "head": "feature/x", "base": "main", "body": "Closes #1" });
        self.call(Method::POST, "writer", "/pulls", new).await
    }
}

#[tokio::test]
async fn an_issues_page_shows_what_was_said_and_done_and_nothing_hidden() {
    let f = fixture().await;
    let body = "<!-- secret -->\nHello **you**\n\n```mermaid\ngraph LR\na-->b\n```";
    let issue = f.call(Method::POST, "outsider", "/issues", json!({ "title": "A <title>", "body": body })).await;
    f.call(Method::POST, "maintainer", "/issues/1/labels", json!({ "labels": ["enhancement"] })).await;
    let comment = json!({ "body": "/approve <script>alert(1)</script>" });
    let comment = f.call(Method::POST, "maintainer", "/issues/1/comments", comment).await;
    let reaction = format!("/issues/comments/{}/reactions", comment["id"]);
    f.call(Method::POST, "writer", &reaction, json!({ "content": "rocket" })).await;

    let page = f.page("/acme/widgets/issues/1").await;
    for part in [
        "A &lt;title&gt;",
        "<strong>you</strong>",
        "<svg class=\"flowchart\"",
        "added the label",
        "enhancement",
        "🚀 1",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    assert!(page.contains(&format!("id=\"issuecomment-{}\"", comment["id"])), "the comment's html_url leads to it");
    for part in ["secret", "<script", "<title>A <"] {
        assert!(!page.contains(part), "{part} is in {page}");
    }
    assert!(f.page("/acme/widgets/issues").await.contains("A &lt;title&gt;"));
    f.call(Method::PATCH, "maintainer", "/issues/1", json!({ "state": "closed" })).await;
    assert!(!f.page("/acme/widgets/issues").await.contains("A &lt;title&gt;"));
    assert!(f.page("/acme/widgets/issues?state=closed").await.contains("A &lt;title&gt;"));
    assert_eq!(f.get(issue["html_url"].as_str().unwrap()).await.0, 200);
    f.playground.shutdown().await;
}

#[tokio::test]
async fn a_pull_requests_tabs_show_its_commits_files_reviews_and_end() {
    let f = fixture().await;
    f.call(Method::POST, "writer", "/issues", json!({ "title": "Wanted" })).await;
    let pull = f.pull().await;
    let review = json!({ "event": "REQUEST_CHANGES", "body": "Almost",
        "comments": [{ "path": "src/new.txt", "line": 2, "side": "RIGHT", "body": "Why two?" }] });
    f.call(Method::POST, "maintainer", "/pulls/2/reviews", review).await;
    let page = f.page("/acme/widgets/pull/2").await;
    for part in
        ["Add a &lt;file&gt;", "requested changes", "Why two?", "src/new.txt", "feature/x", "wants to merge 1 commit"]
    {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    assert!(
        f.page("/acme/widgets/issues/1").await.contains("/acme/widgets/pull/2"),
        "the issue names its pull request"
    );
    assert!(f.page("/acme/widgets/pull/2/commits").await.contains("Add &lt;b&gt;"));
    let files = f.page("/acme/widgets/pull/2/files").await;
    assert!(files.contains("<tr class=\"add\">") && files.contains("+two"), "{files}");
    assert!(f.page("/acme/widgets/pull/2.diff").await.contains("+++ b/src/new.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n"));
    assert!(f.page("/acme/widgets/pull/2/checks").await.contains("No checks"));
    assert!(
        f.page("/acme/widgets/issues/2").await.contains("wants to merge"),
        "an issue's path leads to the pull request"
    );
    assert!(f.page("/acme/widgets/pull/1").await.contains("Wanted"), "and the other way round");

    f.call(Method::PUT, "maintainer", "/pulls/2/merge", json!({ "sha": pull["head"]["sha"] })).await;
    let page = f.page("/acme/widgets/pull/2").await;
    assert!(page.contains("This pull request was merged.") && page.contains("badge done"), "{page}");
    assert!(f.page("/acme/widgets/pull/2/files").await.contains("+two"), "a merged one still shows its change");
    f.playground.shutdown().await;
}

#[tokio::test]
async fn files_branches_and_commits_are_shown_at_any_branch() {
    let f = fixture().await;
    let pull = f.pull().await;
    assert!(f.page("/").await.contains("widgets"));
    assert!(f.page("/acme").await.contains("/acme/widgets"));
    let home = f.page("/acme/widgets").await;
    assert!(home.contains("House rules") && home.contains("/acme/widgets/tree/main/src"), "{home}");
    assert!(f.page("/acme/widgets/tree/feature/x/src").await.contains("/blob/feature/x/src/new.txt"));
    assert!(f.page("/acme/widgets/blob/feature/x/src/new.txt").await.contains("<tr id=\"L2\">"));
    assert!(f.page("/acme/widgets/branches").await.contains("0 behind · 1 ahead"));
    assert!(f.page("/acme/widgets/commits/feature/x").await.contains("Add &lt;b&gt;"));
    let commit = format!("/acme/widgets/commit/{}", pull["head"]["sha"].as_str().unwrap());
    assert!(f.page(&commit).await.contains("+two"));
    for absent in [
        "/acme/no",
        "/acme/widgets/issues/9",
        "/acme/widgets/blob/main/no",
        "/acme/widgets/commit/--help",
        "/nobody",
        "/acme/widgets/tree/no",
    ] {
        let (status, page) = f.get(absent).await;
        assert_eq!(status, 404, "{absent}: {page}");
    }
    let style = f.client.get(format!("{}/-/style.css", f.playground.url)).send().await.unwrap();
    assert_eq!(style.headers()["content-type"], "text/css; charset=utf-8");
    assert!(style.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    f.playground.shutdown().await;
}
