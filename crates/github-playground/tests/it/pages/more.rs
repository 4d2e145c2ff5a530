//! Opening issues with the repository's forms, writing files, opening pull requests, and managing the app.

use reqwest::Method;
use serde_json::json;

use super::Browser;
use crate::support::{Harness, Receiver, wait_for};

const FORM: &str = "name: Bug\ndescription: Something is wrong\ntitle: '[Bug] '\nlabels: [bug, no-such-label]\nbody:\n\
    - type: markdown\n  attributes: { value: '**Thanks** for telling.' }\n\
    - type: textarea\n  attributes: { label: What happened?, placeholder: In your words }\n  validations: { required: true }\n\
    - type: dropdown\n  attributes: { label: Version, options: ['1.0', '2.0'] }\n\
    - type: checkboxes\n  attributes: { label: Terms, options: [{ label: I have looked, required: true }] }\n\
    - type: input\n  attributes: { label: Contact }\n";

#[tokio::test]
async fn an_issue_form_of_the_repository_becomes_the_text_and_the_labels_that_github_makes_of_it() {
    let harness = Harness::start().await;
    let hooks = Receiver::of(&harness).await;
    let clone = harness.clone_as("playground-maintainer").await;
    std::fs::create_dir_all(clone.path.join(".github/ISSUE_TEMPLATE")).unwrap();
    std::fs::write(clone.path.join(".github/ISSUE_TEMPLATE/bug.yml"), FORM).unwrap();
    clone.commit_on("main", "note.txt", "x\n").await;
    clone.git(&["push", "--quiet", "origin", "main"]).await.unwrap();

    let mut outsider = Browser::acting_as(&harness, "outsider").await;
    let page = outsider.open("/acme/widgets/issues/new").await;
    assert_eq!(page.words_of(".rows .title"), ["Bug", "Blank issue"]);
    let page = outsider.open(&page.links(".rows .title")[0]).await;
    assert_eq!(page.words_of("form .markdown strong"), ["Thanks"]);
    let form = page.form("open-from-form");
    assert_eq!(form.value("title"), "[Bug] ");
    let page = outsider.send(form.write("title", "[Bug] It broke").choose("answer-2", "2.0").press("Open issue")).await;
    assert!(page.refusal().contains("What happened?: it has to be answered"), "{}", page.refusal());
    let form = page.form("open-from-form");
    assert_eq!((form.value("title"), form.value("answer-2")), ("[Bug] It broke", "2.0"), "what was typed is kept");
    let page = outsider.send(form.write("answer-1", "It **broke**.").tick("answer-3", "0").press("Open issue")).await;
    assert_eq!(page.at, "/acme/widgets/issues/1", "{}", page.refusal());
    let opened = hooks.next("issues", "opened").await.payload;
    assert_eq!(
        opened["issue"]["body"],
        "### What happened?\n\nIt **broke**.\n\n### Version\n\n2.0\n\n### Terms\n\n- [X] I have looked\n\n### Contact\n\n_No response_"
    );
    assert_eq!(opened["issue"]["labels"][0]["name"], "bug", "the form's label is set whoever opens it");
    assert_eq!(opened["issue"]["labels"].as_array().unwrap().len(), 1, "one that the repository lacks is left out");

    let page = outsider.open("/acme/widgets/issues/new?template=blank").await;
    let page = outsider.send(page.form("open").write("body", "No title").press("Open issue")).await;
    assert!(page.refusal().contains("`title` is missing"), "{}", page.refusal());
    let page = outsider.send(page.form("open").write("title", "Blank").press("Open issue")).await;
    assert_eq!((page.at.as_str(), page.words_of("h1")), ("/acme/widgets/issues/2", vec!["Blank #2".to_owned()]));
}

#[tokio::test]
async fn a_file_is_edited_to_a_new_branch_and_a_pull_request_is_opened_from_it() {
    let harness = Harness::start().await;
    let mut writer = Browser::acting_as(&harness, "writer").await;
    let page = writer.open("/acme/widgets/blob/main/README.md").await;
    let edit = page.links("a[href*='/edit/']");
    let page = writer.open(&edit[0]).await;
    let form = page.form("write");
    let text = format!("{}\r\nOne more line.\r\n", form.value("content").trim_end().replace('\n', "\r\n"));
    let form = form.write("content", &text).write("branch", "better-readme").press("Commit");
    let page = writer.send(form).await;
    assert_eq!(page.status, 200, "{}", page.refusal());
    let file = harness.get("/contents/README.md?ref=better-readme").await;
    let encoded: String = file["content"].as_str().unwrap().split_whitespace().collect();
    let content = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded).unwrap();
    let content = String::from_utf8(content).unwrap();
    assert!(
        content.ends_with("\nOne more line.\n") && !content.contains('\r'),
        "its lines end as they did: {content:?}"
    );

    let page = writer.open("/acme/widgets/compare?head=better-readme").await;
    let page = writer.send(page.form("open-pull").write("title", "Better").press("Open pull request")).await;
    assert_eq!((page.at.as_str(), page.words_of("h1")), ("/acme/widgets/pull/1", vec!["Better #1".to_owned()]));
    let mut outsider = Browser::acting_as(&harness, "outsider").await;
    let page = outsider.open("/acme/widgets/edit/main/README.md").await;
    let page = outsider.send(page.form("write").write("content", "Mine").press("Commit")).await;
    assert_eq!(page.status, 403, "{}", page.refusal());
    assert!(page.form("write").value("content").contains("Mine"), "what was typed is kept");
}

#[tokio::test]
async fn the_apps_page_shows_deliveries_redelivers_them_and_suspends_the_app() {
    let harness = Harness::start().await;
    let hooks = Receiver::of(&harness).await;
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "<b>" })).await.expect(201);
    let first = hooks.next("issues", "opened").await;
    let mut maintainer = Browser::acting_as(&harness, "maintainer").await;
    let page = maintainer.open("/apps/playground-app").await;
    assert!(page.words().contains("acme/widgets") && page.words().contains("issues: write"), "{}", page.words());
    let page = maintainer.open(&page.links(".rows a")[0]).await;
    for part in [first.guid.as_str(), "X-Hub-Signature-256", "\"title\": \"<b>\""] {
        assert!(page.words().contains(part), "{part} is missing in {}", page.words());
    }
    let form = page.form("redeliver").press("Send again");
    let mut outsider = Browser::acting_as(&harness, "outsider").await;
    assert!(!outsider.open(&page.at).await.forms().contains(&"redeliver".to_owned()));
    let mut stolen = form.clone();
    let own = outsider.open(&page.at).await.form("act-as");
    for (name, value) in &mut stolen.fields {
        own.fields
            .iter()
            .filter(|(field, _)| field == name && ["token", "as"].contains(&name.as_str()))
            .for_each(|(_, own)| value.clone_from(own));
    }
    assert_eq!(outsider.send(stolen).await.status, 403, "offered or not, who only reads cannot");

    let page = maintainer.send(form).await;
    assert!(page.words().contains("redelivery"), "{}", page.words());
    let again = wait_for("the redelivery", async || hooks.all().get(1).cloned()).await;
    assert_eq!((again.guid.as_str(), again.signed), (first.guid.as_str(), true));

    let id = format!("suspend-{}", harness.playground.installation_id);
    let page = maintainer.send(page.form(&id).press("Suspend")).await;
    assert!(page.words().contains("Suspended"), "{}", page.words());
    let token = format!("/app/installations/{}/access_tokens", harness.playground.installation_id);
    assert_eq!(harness.call(Method::POST, &token, &harness.app_token(), Some(json!({}))).await.status, 403);
    let page = maintainer.send(page.form(&id).press("Take the suspension back")).await;
    assert!(!page.words().contains("Suspended"), "{}", page.words());
    harness.installation_token(json!({})).await;
}
