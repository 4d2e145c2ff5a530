//! What the pages refuse: other sites, other host names, injected markup.

use reqwest::{Client, Method, StatusCode, redirect::Policy};
use serde_json::json;

use super::Browser;
use crate::support::Harness;

const EVIL: &str =
    "\"><script>alert(1)</script><img src=x onerror=alert(1)>[x](javascript:alert(1))<a href=javascript:alert(1)>";

#[tokio::test]
async fn only_a_form_of_this_browsers_own_pages_acts() {
    let harness = Harness::start().await;
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Wanted" })).await.expect(201);
    let mut writer = Browser::acting_as(&harness, "writer").await;
    let form = writer.open("/acme/widgets/issues/1").await.form("answer").write("body", "Hello").press("Comment");
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let post = async |cookie: Option<&str>, headers: &[(&str, &str)], token: &str| {
        let mut request = client.post(format!("{}{}", harness.playground.url, form.action));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        let body = format!("token={token}&as=writer&number=1&body=Hello&back=%2Facme%2Fwidgets%2Fissues%2F1");
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        request.send().await.unwrap().status()
    };
    let (cookie, token) = (writer.cookie.clone().unwrap(), form.value("token").to_owned());
    let forged = cookie.replace("writer", "maintainer");
    let cookie = Some(cookie.as_str());
    assert_eq!(post(None, &[], &token).await, StatusCode::FORBIDDEN, "without the session");
    assert_eq!(post(cookie, &[], "").await, StatusCode::FORBIDDEN, "without the token");
    let other = Browser::acting_as(&harness, "writer").await;
    assert_eq!(post(other.cookie.as_deref(), &[], &token).await, StatusCode::FORBIDDEN, "with another's token");
    assert_eq!(post(Some(&forged), &[], &token).await, StatusCode::FORBIDDEN, "with a forged session");
    for headers in [
        &[("origin", "http://evil.example")][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("host", "evil.example")],
        &[("host", "evil.example"), ("origin", "http://evil.example")],
    ] {
        assert_eq!(post(cookie, headers, &token).await, StatusCode::MISDIRECTED_REQUEST, "{headers:?}");
    }
    assert_eq!(harness.get("/issues/1").await["comments"], 0, "nothing of that was done");
    let own = harness.playground.url.clone();
    assert_eq!(
        post(cookie, &[("origin", &own), ("sec-fetch-site", "same-origin")], &token).await,
        StatusCode::SEE_OTHER
    );
    assert_eq!(harness.get("/issues/1").await["comments"], 1);
}

#[tokio::test]
async fn a_form_made_for_one_person_does_not_act_as_another() {
    let harness = Harness::start().await;
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "Wanted" })).await.expect(201);
    let mut browser = Browser::acting_as(&harness, "writer").await;
    let form = browser.open("/acme/widgets/issues/1").await.form("answer").write("body", "Me").press("Comment");
    browser.act_as("maintainer").await;
    let page = browser.send(form).await;
    assert!(page.status == 403 && page.refusal().contains("You act as maintainer by now"), "{}", page.refusal());
    let page = browser.send(page.form("answer").press("Comment")).await;
    assert_eq!(page.status, 200, "sent once more it is meant");
    assert_eq!(harness.get("/issues/1/comments").await[0]["user"]["login"], "maintainer");

    let page = browser.open("/acme/widgets/issues/1").await;
    let page = browser.send(page.form("act-as").press("Nobody")).await;
    assert!(!page.forms().contains(&"answer".to_owned()), "{:?}", page.forms());
    let form = page.form("act-as");
    let stranger = form.clone().write("back", "https://evil.example/").press("writer");
    assert_eq!(browser.send(stranger).await.at, "/", "nobody is led away");
    let mut unknown = form.press("writer");
    unknown.fields.retain(|(name, _)| name != "login");
    unknown.fields.push(("login".to_owned(), "playground-app[bot]".to_owned()));
    let page = browser.send(unknown).await;
    assert!(page.refusal().contains("Nobody here is called"), "{}", page.refusal());
}

#[tokio::test]
async fn foreign_text_is_escaped_everywhere() {
    let harness = Harness::start().await;
    let issue = json!({ "title": EVIL, "body": EVIL });
    harness.as_user("writer", Method::POST, "/issues", issue).await.expect(201);
    harness.as_user("writer", Method::POST, "/issues/1/comments", json!({ "body": EVIL })).await.expect(201);
    let label = json!({ "name": "\"><b onclick=x>", "color": "ff0000", "description": "\"><script>" });
    harness.as_user("maintainer", Method::POST, "/labels", label).await.expect(201);
    let pull = harness
        .open_pull("feature", "\"><script>.txt", "<script>alert(1)</script>\n", json!({ "title": EVIL, "body": EVIL }))
        .await;
    let run = json!({
        "name": EVIL, "head_sha": pull["head"]["sha"], "status": "completed", "conclusion": "failure",
        "output": { "title": EVIL, "summary": EVIL, "text": EVIL,
            "annotations": [{ "path": "x", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": EVIL, "title": EVIL }] },
        "actions": [{ "label": "\"><script>", "description": "\"><script>", "identifier": "\"><script>" }],
    });
    let run = harness.as_app(Method::POST, "/check-runs", run).await.expect(201)["id"].to_string();

    let mut maintainer = Browser::acting_as(&harness, "maintainer").await;
    for path in [
        "/",
        "/acme",
        "/acme/widgets",
        "/acme/widgets/issues",
        "/acme/widgets/issues?q=%22%3E%3Cscript%3E&label=%3Cb%3E&author=%22",
        "/acme/widgets/issues/1",
        "/acme/widgets/pulls",
        "/acme/widgets/pull/2",
        "/acme/widgets/pull/2/files",
        "/acme/widgets/pull/2/commits",
        "/acme/widgets/pull/2/checks",
        &format!("/acme/widgets/runs/{run}"),
        "/acme/widgets/branches",
        "/acme/widgets/tree/feature",
        "/acme/widgets/commits/feature",
        "/acme/widgets/pull/2/files?path=%22%3E%3Cscript%3E.txt&side=RIGHT&line=1",
        "/-/sign-in?back=javascript:alert(1)",
    ] {
        // Opening a page checks for elements and attributes that would run code.
        let page = maintainer.open(path).await;
        assert!(!page.source.contains("<script") && !page.source.contains("<img src"), "{path}");
    }
    let answer = reqwest::get(format!("{}/acme/widgets", harness.playground.url)).await.unwrap();
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("script"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"), "{policy}");
    assert_eq!(answer.headers()["x-frame-options"], "DENY");
    assert_eq!(answer.headers()["referrer-policy"], "same-origin");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn the_pages_answer_at_an_address_and_not_under_a_name_that_could_be_anybodys() {
    let harness = Harness::start().await;
    let client = Client::new();
    let url = format!("{}/acme/widgets", harness.playground.url);
    let get = async |host: &str| client.get(&url).header("host", host).send().await.unwrap().status().as_u16();
    assert_eq!((get("localhost:3000").await, get("[::1]:3000").await), (200, 200));
    assert_eq!((get("evil.example").await, get("127.0.0.1.evil.example:3000").await), (421, 421));
}
