//! A playground that is started for another app than the default one.

use github_playground::{PlaygroundApp, PlaygroundArgs, SeedLabel, SeedText, open};
use reqwest::Client;
use serde_json::Value;

fn text(path: &str, text: &str) -> SeedText {
    SeedText { path: path.to_owned(), text: text.to_owned() }
}

#[tokio::test]
async fn the_app_has_the_name_of_its_starter_and_finds_its_files_and_labels_in_the_repositories() {
    let folder = tempfile::tempdir().unwrap();
    let own = super::import::repository(folder.path());
    let app = PlaygroundApp {
        name: "Gear Counter".to_owned(),
        slug: "gear-counter".to_owned(),
        files: vec![text(".github/gears.yml", "teeth: 12\n"), text("README.md", "\nCounted by machine.\n")],
        labels: vec![SeedLabel { name: "count".to_owned(), color: "0e8a16".to_owned(), description: None }],
    };
    let args = PlaygroundArgs {
        listen: "127.0.0.1:0".parse().unwrap(),
        data: Some(folder.path().join("data")),
        seed: None,
        import: vec![own.to_str().unwrap().parse().unwrap()],
        webhook_url: None,
        rate_limits: false,
        json: false,
    };
    let (playground, imported) = open(&args, app).await.unwrap();
    assert_eq!(playground.app_slug, "gear-counter");
    let get = async |path: &str| {
        let request = Client::new().get(format!("{}/api/v3{path}", playground.url)).header("user-agent", "test");
        let request = request.header("accept", "application/vnd.github.raw+json");
        request.bearer_auth("playground-maintainer").send().await.unwrap().text().await.unwrap()
    };
    let app: Value = serde_json::from_str(&get("/apps/gear-counter").await).unwrap();
    assert_eq!(app["name"], "Gear Counter");
    assert_eq!(get("/repos/acme/widgets/contents/.github/gears.yml").await, "teeth: 12\n");
    let readme = get("/repos/acme/widgets/contents/README.md").await;
    assert!(
        readme.starts_with("# widgets\n") && readme.ends_with("first two rules.\n\nCounted by machine.\n"),
        "{readme}"
    );
    assert_eq!(imported[0].repository, "acme/my-gears");
    for repository in ["widgets", "my-gears"] {
        let label: Value = serde_json::from_str(&get(&format!("/repos/acme/{repository}/labels/count")).await).unwrap();
        assert_eq!(label["color"], "0e8a16", "{repository}");
    }
    playground.shutdown().await;
}
