//! Reading a repository: files in every form, large ones, histories, comparisons, git's own objects.

use reqwest::{Method, header};
use serde_json::{Value, json};

use super::support::{Clone, Harness};

/// Requests a media type; returns status, content type and text.
async fn asked(harness: &Harness, path: &str, accept: &str) -> (u16, String, String) {
    let url = format!("{}/api/v3/repos/acme/widgets{path}", harness.playground.url);
    let request = harness.client.get(url).bearer_auth("playground-writer").header(header::ACCEPT, accept);
    let response = request.send().await.unwrap();
    let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    (response.status().as_u16(), kind, response.text().await.unwrap())
}

async fn pushed(harness: &Harness, files: &[(&str, &str)]) -> Clone {
    let clone = harness.clone_as("playground-maintainer").await;
    for (path, text) in files {
        let path = clone.path.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    clone.git(&["add", "--all"]).await.unwrap();
    clone.git(&["commit", "--quiet", "-m", "Write"]).await.unwrap();
    clone.git(&["push", "--quiet", "origin", "main"]).await.unwrap();
    clone
}

#[tokio::test]
async fn a_file_comes_raw_rendered_and_as_an_object() {
    let harness = Harness::start().await;
    pushed(&harness, &[("docs/a.md", "# Teeth\n\n<script>x</script>\n"), ("docs/b.txt", "a < b\n")]).await;
    for accept in ["application/vnd.github.raw", "application/vnd.github.v3.raw", "application/vnd.github.raw+json"] {
        let (status, kind, text) = asked(&harness, "/contents/docs/b.txt", accept).await;
        assert_eq!((status, text.as_str()), (200, "a < b\n"), "{accept}");
        assert!(kind.starts_with("application/vnd.github.raw"), "{kind}");
    }
    let (_, kind, html) = asked(&harness, "/contents/docs/a.md", "application/vnd.github.html+json").await;
    assert!(kind.starts_with("application/vnd.github.html"), "{kind}");
    assert!(html.contains("Teeth</h") && !html.contains("<script"), "{html}");
    let (_, _, html) = asked(&harness, "/contents/docs/b.txt", "application/vnd.github.html").await;
    assert!(html.contains("<pre>a &lt; b"), "{html}");
    let (_, _, folder) = asked(&harness, "/contents/docs", "application/vnd.github.object").await;
    let folder: Value = serde_json::from_str(&folder).unwrap();
    let names: Vec<_> = folder["entries"].as_array().unwrap().iter().map(|entry| entry["name"].clone()).collect();
    assert_eq!((&folder["type"], names), (&json!("dir"), vec![json!("a.md"), json!("b.txt")]));
    assert!(harness.get("/contents/docs").await.is_array());
}

#[tokio::test]
async fn the_readme_is_looked_for_where_github_looks() {
    let harness = Harness::start().await;
    assert_eq!(harness.get("/readme").await["path"], "README.md");
    let (_, _, html) = asked(&harness, "/readme", "application/vnd.github.html").await;
    assert!(html.contains("<article"), "{html}");
    let clone = pushed(&harness, &[("docs/readme.txt", "text\n"), ("docs/ReadMe.markdown", "# Docs\n")]).await;
    assert_eq!(harness.get("/readme").await["path"], "README.md");
    assert_eq!(harness.get("/readme/docs").await["path"], "docs/ReadMe.markdown");
    clone.git(&["rm", "--quiet", "README.md"]).await.unwrap();
    clone.git(&["commit", "--quiet", "-m", "Less"]).await.unwrap();
    clone.git(&["push", "--quiet", "origin", "main"]).await.unwrap();
    assert_eq!(harness.get("/readme").await["path"], "docs/ReadMe.markdown");
    harness.as_user("writer", Method::GET, "/readme/src", Value::Null).await.expect(404);
    pushed(&harness, &[(".github/README.md", "# First\n")]).await;
    assert_eq!(harness.get("/readme").await["path"], ".github/README.md");
}

#[tokio::test]
async fn a_file_over_a_megabyte_comes_raw_only_and_one_over_a_hundred_not_at_all() {
    let harness = Harness::start().await;
    let large = "x".repeat(1024 * 1024 + 1);
    let clone = pushed(&harness, &[("fits.txt", &large[1..]), ("large.txt", &large)]).await;
    let fits = harness.get("/contents/fits.txt").await;
    assert_eq!((&fits["encoding"], &fits["size"]), (&json!("base64"), &json!(1024 * 1024)));
    let shown = harness.get("/contents/large.txt").await;
    assert_eq!(
        (&shown["encoding"], &shown["content"], &shown["size"]),
        (&json!("none"), &json!(""), &json!(large.len()))
    );
    assert_eq!(asked(&harness, "/contents/large.txt", "application/vnd.github.raw").await.2.len(), large.len());
    let blob = harness.get(&format!("/git/blobs/{}", shown["sha"].as_str().unwrap())).await;
    assert_eq!((&blob["encoding"], &blob["size"]), (&json!("base64"), &json!(large.len())));

    let huge = std::fs::File::create(clone.path.join("huge.bin")).unwrap();
    huge.set_len(100 * 1024 * 1024 + 1).unwrap();
    clone.git(&["add", "huge.bin"]).await.unwrap();
    clone.git(&["commit", "--quiet", "-m", "Huge"]).await.unwrap();
    clone.git(&["push", "--quiet", "origin", "main"]).await.unwrap();
    let sha = clone.git(&["rev-parse", "HEAD:huge.bin"]).await.unwrap();
    for path in ["/contents/huge.bin".to_owned(), format!("/git/blobs/{sha}")] {
        let refused = harness.as_user("writer", Method::GET, &path, Value::Null).await.expect(403);
        assert_eq!(refused["errors"][0]["code"], "too_large", "{path}");
    }
}

#[tokio::test]
async fn commits_are_found_by_path_author_and_time() {
    let harness = Harness::start().await;
    let clone = harness.clone_as("playground-maintainer").await;
    std::fs::create_dir_all(clone.path.join("docs")).unwrap();
    let dated = async |file: &str, author: &str, date: &str| {
        std::fs::write(clone.path.join(file), date).unwrap();
        clone.git(&["add", "--all"]).await.unwrap();
        let when = format!("user.email={author}");
        let author = format!("--author=A <{author}>");
        clone.git(&["-c", &when, "commit", "--quiet", "-m", file, &author, &format!("--date={date}")]).await.unwrap();
        clone.git(&["rev-parse", "HEAD"]).await.unwrap()
    };
    let first = dated("docs/a.md", "ada@example.com", "2020-01-01T00:00:00Z").await;
    let second = dated("b.md", "writer@playground.example", "2021-01-01T00:00:00Z").await;
    clone.git(&["push", "--quiet", "origin", "main"]).await.unwrap();
    let shas = async |query: &str| {
        let found = harness.get(&format!("/commits?{query}")).await;
        found.as_array().unwrap().iter().map(|commit| commit["sha"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(shas("path=docs").await, [first.as_str()]);
    assert_eq!(shas("path=docs/a.md&author=ada@example.com").await, [first.as_str()]);
    assert_eq!(shas("path=b.md").await, [second.as_str()]);
    assert!(shas("path=*.md").await.is_empty(), "a path is no pattern");
    assert_eq!(shas("author=ada@example.com").await, [first.as_str()]);
    assert!(shas("author=nobody").await.is_empty());
    assert_eq!(shas("per_page=1").await, [second.as_str()]);
    assert!(shas("until=2000-01-01T00:00:00Z").await.is_empty());
    assert_eq!(shas("since=2000-01-01T00:00:00Z&per_page=1").await, [second.as_str()]);
}

#[tokio::test]
async fn a_comparison_comes_in_pages_with_its_files_on_the_first() {
    let harness = Harness::start().await;
    let clone = harness.clone_as("playground-writer").await;
    clone.git(&["checkout", "--quiet", "-b", "many"]).await.unwrap();
    for at in 0..301 {
        std::fs::write(clone.path.join(format!("many-{at:03}.txt")), "x").unwrap();
    }
    clone.git(&["add", "--all"]).await.unwrap();
    clone.git(&["commit", "--quiet", "-m", "Files"]).await.unwrap();
    for at in 0..3 {
        clone.git(&["commit", "--quiet", "--allow-empty", "-m", &format!("Empty {at}")]).await.unwrap();
    }
    clone.git(&["push", "--quiet", "origin", "many"]).await.unwrap();
    let whole = harness.as_user("writer", Method::GET, "/compare/main...many", Value::Null).await;
    assert!(!whole.headers.contains_key("link"));
    let whole = whole.expect(200);
    assert_eq!((whole["commits"].as_array().unwrap().len(), whole["files"].as_array().unwrap().len()), (4, 300));
    let second = harness.as_user("writer", Method::GET, "/compare/main...many?per_page=3&page=2", Value::Null).await;
    assert!(second.headers["link"].to_str().unwrap().contains("rel=\"prev\""));
    let second = second.expect(200);
    assert_eq!((&second["total_commits"], &second["files"]), (&json!(4), &json!([])));
    assert_eq!(second["commits"][0]["commit"]["message"], "Empty 2");
    let sha = whole["commits"][0]["sha"].as_str().unwrap();
    let first = harness.as_user("writer", Method::GET, &format!("/commits/{sha}"), Value::Null).await;
    assert!(first.headers["link"].to_str().unwrap().contains("page=2>; rel=\"next\""));
    let first = first.expect(200);
    assert_eq!((first["files"].as_array().unwrap().len(), &first["stats"]["total"]), (300, &json!(301)));
    let rest = harness.get(&format!("/commits/{sha}?page=2")).await;
    assert_eq!((&rest["files"][0]["filename"], &rest["stats"]), (&json!("many-300.txt"), &first["stats"]));
}

#[tokio::test]
async fn blobs_and_trees_are_read_by_their_shas_and_trees_by_names_too() {
    let harness = Harness::start().await;
    let clone = pushed(&harness, &[("docs/deep/a.md", "a\n")]).await;
    let sha = clone.git(&["rev-parse", "HEAD:docs/deep/a.md"]).await.unwrap();
    let blob = harness.get(&format!("/git/blobs/{sha}")).await;
    assert_eq!((&blob["content"], &blob["encoding"], &blob["size"]), (&json!("YQo=\n"), &json!("base64"), &json!(2)));
    harness.as_user("writer", Method::GET, &format!("/git/blobs/{}", "0".repeat(40)), Value::Null).await.expect(404);
    let tree = clone.git(&["rev-parse", "HEAD^{tree}"]).await.unwrap();
    let paths =
        |tree: &Value| tree["tree"].as_array().unwrap().iter().map(|all| all["path"].clone()).collect::<Vec<_>>();
    let top = harness.get(&format!("/git/trees/{tree}")).await;
    assert!(paths(&top).contains(&json!("docs")) && !paths(&top).contains(&json!("docs/deep")));
    assert_eq!((&top["sha"], &top["truncated"]), (&json!(tree), &json!(false)));
    assert_eq!(harness.get("/git/trees/main").await, top);
    let whole = harness.get("/git/trees/main?recursive=0").await;
    assert!(paths(&whole).contains(&json!("docs/deep/a.md")), "any value asks for all");
    harness.as_user("writer", Method::GET, "/git/trees/none", Value::Null).await.expect(404);
}
