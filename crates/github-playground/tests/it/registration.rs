//! Apps that are registered from a manifest in addition to the first one, and people who let an app act for them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, redirect::Policy};
use serde_json::{Value, json};
use sha2::Sha256;

use super::support::{Harness, wait_for};

/// An app in the form of the answer to its conversion.
pub(super) struct Registered(pub(super) Value);

impl Registered {
    pub(super) fn jwt(&self) -> String {
        let now = chrono::Utc::now().timestamp();
        let key = EncodingKey::from_rsa_pem(self.0["pem"].as_str().unwrap().as_bytes()).unwrap();
        let claims = json!({ "iss": self.0["client_id"], "iat": now - 60, "exp": now + 300 });
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).unwrap()
    }

    fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap()
    }
}

pub(super) fn manifest(hook: &str) -> Value {
    json!({
        "name": "Gear Counter", "url": "https://example.com/", "hook_attributes": { "url": hook },
        "redirect_url": "https://example.com/made", "callback_urls": ["https://example.com/back"],
        "default_events": ["issues"], "default_permissions": { "issues": "write", "metadata": "read" },
    })
}

/// Posts a form as another site could, and does not follow the redirect.
async fn post_form(harness: &Harness, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
    let stubborn = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    form(&stubborn, format!("{}{path}", harness.playground.url), fields).await
}

/// The token of the pages' forms, taken from the page for a manifest.
async fn form_token(harness: &Harness) -> String {
    let manifest = manifest("http://127.0.0.1:9/hook").to_string();
    let page = post_form(harness, "/settings/apps/new", &[("manifest", &manifest)]).await.text().await.unwrap();
    let (_, rest) = page.split_once(r#"name="token" value=""#).expect("a token in the form");
    rest.split_once('"').unwrap().0.to_owned()
}

/// Posts a form that was filled in on a page of the playground.
pub(super) async fn submit(harness: &Harness, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
    let token = form_token(harness).await;
    post_form(harness, path, &[fields, &[("token", token.as_str())]].concat()).await
}

async fn form(client: &reqwest::Client, url: String, fields: &[(&str, &str)]) -> reqwest::Response {
    let encoded = reqwest::Url::parse_with_params("http://form.test", fields).unwrap();
    let request = client.post(url).header("content-type", "application/x-www-form-urlencoded");
    request.body(encoded.query().unwrap().to_owned()).send().await.unwrap()
}

/// The target of an answer's redirect and its parameters.
fn led_to(answer: &reqwest::Response) -> (String, std::collections::HashMap<String, String>) {
    assert!(answer.status().is_redirection(), "{}", answer.status());
    let place = reqwest::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let pairs = place.query_pairs().into_owned().collect();
    (format!("{}{}", place.host_str().unwrap(), place.path()), pairs)
}

async fn agree(harness: &Harness, manifest: &Value) -> String {
    let fields = [("manifest", manifest.to_string()), ("name", "Gear Counter".to_owned())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = submit(harness, "/organizations/acme/settings/apps/new?state=a%26b", &fields).await;
    let (place, parameters) = led_to(&answer);
    assert_eq!((place.as_str(), parameters["state"].as_str()), ("example.com/made", "a&b"));
    parameters["code"].clone()
}

async fn convert(harness: &Harness, code: &str) -> super::support::Reply {
    harness.call(Method::POST, &format!("/app-manifests/{code}/conversions"), "", None).await
}

pub(super) async fn register(harness: &Harness, manifest: &Value) -> Registered {
    let code = agree(harness, manifest).await;
    Registered(convert(harness, &code).await.expect(201))
}

#[tokio::test]
async fn a_manifest_becomes_an_app_once_and_within_an_hour() {
    let harness = Harness::start().await;
    let page =
        post_form(&harness, "/settings/apps/new", &[("manifest", &manifest("http://127.0.0.1:9/hook").to_string())])
            .await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("Gear Counter") && page.contains("issues: write"), "{page}");
    let code = agree(&harness, &manifest("http://127.0.0.1:9/hook")).await;
    let app = convert(&harness, &code).await.expect(201);
    assert_eq!((app["slug"].as_str(), app["owner"]["login"].as_str()), (Some("gear-counter"), Some("acme")));
    assert!(app["pem"].as_str().unwrap().starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    assert!(app["webhook_secret"].is_string() && app["client_secret"].is_string());
    convert(&harness, &code).await.expect(404);
    convert(&harness, "nothing").await.expect(404);
    let mut other = manifest("http://127.0.0.1:9/hook");
    other["hook_attributes"]["active"] = json!(false);
    let fields = [("manifest", other.to_string()), ("name", "Late".to_owned())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let early = led_to(&submit(&harness, "/settings/apps/new", &fields).await).1["code"].clone();
    let app = convert(&harness, &early).await.expect(201);
    assert_eq!((&app["webhook_secret"], &app["owner"]["login"]), (&Value::Null, &json!("maintainer")));
    let fields = [fields[0], ("name", "Later")];
    let late = led_to(&submit(&harness, "/settings/apps/new", &fields).await).1["code"].clone();
    harness.playground.advance(Duration::from_secs(3601));
    convert(&harness, &late).await.expect(404);
}

#[tokio::test]
async fn a_manifest_that_is_wrong_is_refused_on_the_page() {
    let harness = Harness::start().await;
    for (text, path) in [
        ("nonsense", "/settings/apps/new"),
        ("{}", "/settings/apps/new"),
        (r#"{"url":"no address"}"#, "/settings/apps/new"),
        (r#"{"url":"https://example.com","default_permissions":{"magic":"write"}}"#, "/settings/apps/new"),
    ] {
        assert_eq!(submit(&harness, path, &[("manifest", text)]).await.status(), 422, "{text}");
    }
    let good = manifest("http://127.0.0.1:9/hook").to_string();
    assert_eq!(submit(&harness, "/organizations/none/settings/apps/new", &[("manifest", &good)]).await.status(), 404);
    let taken = [("manifest", good.as_str()), ("name", "playground-app")];
    assert_eq!(submit(&harness, "/settings/apps/new", &taken).await.status(), 422);
}

#[tokio::test]
async fn an_agreement_is_only_possible_on_the_pages_here() {
    let harness = Harness::start().await;
    let app = register(&harness, &manifest("http://127.0.0.1:9/hook")).await;
    let other = manifest("http://127.0.0.1:9/hook").to_string().replace("Gear Counter", "Intruder");
    let skipping = [("manifest", other.as_str()), ("name", "Intruder")];
    let page = post_form(&harness, "/settings/apps/new", &skipping).await;
    assert_eq!(page.status(), 200, "a name that nobody wrote here is a proposal");
    assert!(page.text().await.unwrap().contains(r#"value="Intruder""#));
    let authorize = [("client_id", app.text("client_id")), ("login", "writer")];
    let install = [("account", "acme")];
    let asked = [("/login/oauth/authorize", &authorize[..]), ("/apps/gear-counter/installations/new", &install[..])];
    for (path, fields) in asked {
        assert_eq!(post_form(&harness, path, fields).await.status(), 403, "{path}");
        let guess = [fields, &[("token", "guess")]].concat();
        assert_eq!(post_form(&harness, path, &guess).await.status(), 403, "{path}");
    }
    let token = form_token(&harness).await;
    let asked = [asked[0], asked[1], ("/settings/apps/new", &skipping[..])];
    for (path, fields) in asked {
        let url = format!("{}{path}", harness.playground.url);
        let fields = [fields, &[("token", token.as_str())]].concat();
        let encoded = reqwest::Url::parse_with_params("http://form.test", &fields).unwrap();
        for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
        {
            let request = harness.client.post(&url).header("content-type", "application/x-www-form-urlencoded");
            let request = request.header(name, value).body(encoded.query().unwrap().to_owned());
            let answer = request.send().await.unwrap();
            let wanted = if path == "/settings/apps/new" { 200 } else { 403 };
            assert_eq!(answer.status(), wanted, "{path} with {name}: {value}");
        }
    }
    let installations = harness.call(Method::GET, "/app/installations", &app.jwt(), None).await.expect(200);
    assert_eq!(installations, json!([]), "nothing of that was done");
    harness.call(Method::GET, "/apps/intruder", &harness.app_token(), None).await.expect(404);
    assert!(submit(&harness, "/apps/gear-counter/installations/new", &install).await.status().is_redirection());
}

type Inbox = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

async fn keep(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) {
    inbox.lock().unwrap().push((headers, body));
}

#[tokio::test]
async fn a_registered_app_acts_and_gets_webhooks_like_the_first_one() {
    let harness = Harness::start().await;
    let inbox = Inbox::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hook = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(keep)).with_state(inbox.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let app = register(&harness, &manifest(&hook)).await;
    let own = harness.call(Method::GET, "/app", &app.jwt(), None).await.expect(200);
    assert_eq!((&own["id"], &own["installations_count"]), (&app.0["id"], &json!(0)));
    harness.call(Method::GET, "/repos/acme/widgets/installation", &app.jwt(), None).await.expect(404);
    let installed = submit(&harness, "/apps/gear-counter/installations/new", &[("account", "acme")]).await;
    assert!(installed.status().is_redirection());
    let again = submit(&harness, "/apps/gear-counter/installations/new", &[("account", "acme")]).await;
    assert_eq!(again.status(), 422);
    let (headers, ping) = wait_for("the ping", async || inbox.lock().unwrap().first().cloned()).await;
    assert_eq!(headers["x-github-event"], "ping");
    let ping: Value = serde_json::from_slice(&ping).unwrap();
    assert_eq!((&ping["hook"]["app_id"], &ping["hook"]["config"]["url"]), (&app.0["id"], &json!(hook)));
    let here = harness.call(Method::GET, "/orgs/acme/installation", &app.jwt(), None).await.expect(200);
    assert_eq!((&here["app_slug"], &here["repository_selection"]), (&json!("gear-counter"), &json!("all")));
    let mint = format!("/app/installations/{}/access_tokens", here["id"]);
    harness.call(Method::POST, &mint, &harness.app_token(), None).await.expect(404);
    let token = harness.call(Method::POST, &mint, &app.jwt(), None).await.expect(201)["token"].clone();
    let title = Some(json!({ "title": "Count" }));
    let path = "/repos/acme/widgets/issues";
    let issue = harness.call(Method::POST, path, token.as_str().unwrap(), title).await.expect(201);
    assert_eq!(issue["user"]["login"], "gear-counter[bot]");
    assert_eq!(issue["performed_via_github_app"]["slug"], "gear-counter");
    let (headers, body) = wait_for("the new app's webhook", async || {
        let told = |(headers, _): &&(HeaderMap, Bytes)| headers["x-github-event"] == "issues";
        inbox.lock().unwrap().iter().find(told).cloned()
    })
    .await;
    assert_eq!(headers["x-github-hook-installation-target-id"], app.0["id"].to_string().as_str());
    let mut mac = Hmac::<Sha256>::new_from_slice(app.text("webhook_secret").as_bytes()).unwrap();
    mac.update(&body);
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(headers["x-hub-signature-256"], signature.as_str());
    let payload: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(payload["installation"]["id"], here["id"]);
    let foreign = harness.call(Method::GET, "/app/installations", &app.jwt(), None).await.expect(200);
    assert_eq!(foreign.as_array().unwrap().len(), 1, "the first app's installation is not its own");
    let other = format!("/app/installations/{}", harness.playground.installation_id);
    harness.call(Method::DELETE, &other, &app.jwt(), None).await.expect(404);
    let deliveries = harness.call(Method::GET, "/app/hook/deliveries", &harness.app_token(), None).await.expect(200);
    assert_eq!(deliveries, json!([]), "the first app has no hook");
}

/// Lets a person authorise the app, and returns the code.
pub(super) async fn authorize(harness: &Harness, app: &Registered, login: &str) -> String {
    let fields = [("client_id", app.text("client_id")), ("login", login), ("state", "xyz")];
    let (place, parameters) = led_to(&submit(harness, "/login/oauth/authorize", &fields).await);
    assert_eq!((place.as_str(), parameters["state"].as_str()), ("example.com/back", "xyz"));
    parameters["code"].clone()
}

pub(super) async fn trade(harness: &Harness, app: &Registered, more: Value) -> Value {
    let mut body = json!({ "client_id": app.text("client_id"), "client_secret": app.text("client_secret") });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let url = format!("{}/login/oauth/access_token", harness.playground.url);
    let answer = harness.client.post(url).header("accept", "application/json").json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200, "also refusals are 200");
    answer.json().await.unwrap()
}

#[tokio::test]
async fn an_app_acting_for_a_user_is_limited_to_the_permissions_of_both() {
    let harness = Harness::start().await;
    let app = register(&harness, &manifest("http://127.0.0.1:9/hook")).await;
    let page = format!("{}/login/oauth/authorize?client_id={}", harness.playground.url, app.text("client_id"));
    let page = harness.client.get(page).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Gear Counter") && page.contains("triager"), "{page}");
    let code = authorize(&harness, &app, "writer").await;
    let granted = trade(&harness, &app, json!({ "code": code })).await;
    let token = granted["access_token"].as_str().unwrap();
    assert!(token.starts_with("ghu_") && granted["refresh_token"].as_str().unwrap().starts_with("ghr_"));
    assert_eq!((&granted["expires_in"], &granted["token_type"]), (&json!(28800), &json!("bearer")));
    assert_eq!(harness.call(Method::GET, "/user", token, None).await.expect(200)["login"], "writer");
    let title = || Some(json!({ "title": "Count" }));
    let path = "/repos/acme/widgets/issues";
    harness.call(Method::POST, path, token, title()).await.expect(403);
    submit(&harness, "/apps/gear-counter/installations/new", &[("account", "acme")]).await;
    let issue = harness.call(Method::POST, path, token, title()).await.expect(201);
    assert_eq!(issue["user"]["login"], "writer");
    let label = Some(json!({ "name": "new", "color": "ededed" }));
    harness.call(Method::POST, "/repos/acme/widgets/labels", token, label).await.expect(201);
    let branch =
        Some(json!({ "ref": "refs/heads/new", "sha": harness.get("/git/ref/heads/main").await["object"]["sha"] }));
    let refused = harness.call(Method::POST, "/repos/acme/widgets/git/refs", token, branch).await;
    assert_eq!(refused.body["message"], "Resource not accessible by integration", "the app may not write contents");
    refused.expect(403);
    let clone = harness.clone_as(token).await;
    clone.commit_on("mine", "notes.md", "no\n").await;
    assert!(clone.git(&["push", "origin", "mine"]).await.unwrap_err().contains("403"));
    let mine = harness.call(Method::GET, "/user/installations", token, None).await.expect(200);
    assert_eq!((&mine["total_count"], &mine["installations"][0]["app_slug"]), (&json!(1), &json!("gear-counter")));
    harness.playground.make_private();
    harness.call(Method::GET, path, token, None).await.expect(200);
    harness.call(Method::GET, "/repos/acme/widgets/commits", token, None).await.expect(404);
}

#[tokio::test]
async fn codes_and_secrets_are_checked_and_tokens_expire() {
    let harness = Harness::start().await;
    let app = register(&harness, &manifest("http://127.0.0.1:9/hook")).await;
    let code = authorize(&harness, &app, "writer").await;
    let wrong = trade(&harness, &app, json!({ "code": code, "client_secret": "guess" })).await;
    assert_eq!(wrong["error"], "incorrect_client_credentials");
    let wrong = trade(&harness, &app, json!({ "code": "guess" })).await;
    assert_eq!(wrong["error"], "bad_verification_code");
    let granted = trade(&harness, &app, json!({ "code": code })).await;
    assert_eq!(
        trade(&harness, &app, json!({ "code": code })).await["error"],
        "bad_verification_code",
        "a code is good once"
    );
    let stale = authorize(&harness, &app, "writer").await;
    harness.playground.advance(Duration::from_secs(601));
    assert_eq!(trade(&harness, &app, json!({ "code": stale })).await["error"], "bad_verification_code");
    let elsewhere =
        [("client_id", app.text("client_id")), ("login", "writer"), ("redirect_uri", "https://evil.example/")];
    let (place, parameters) = led_to(&submit(&harness, "/login/oauth/authorize", &elsewhere).await);
    assert_eq!((place.as_str(), parameters["error"].as_str()), ("example.com/back", "redirect_uri_mismatch"));
    let here =
        [("client_id", app.text("client_id")), ("login", "writer"), ("redirect_uri", "https://example.com/back")];
    let code = led_to(&submit(&harness, "/login/oauth/authorize", &here).await).1["code"].clone();
    let wrong = trade(&harness, &app, json!({ "code": code, "redirect_uri": "https://evil.example/" })).await;
    assert_eq!(wrong["error"], "redirect_uri_mismatch");
    harness.playground.advance(Duration::from_hours(8));
    let token = granted["access_token"].as_str().unwrap();
    harness.call(Method::GET, "/user", token, None).await.expect(401);
    let refresh = json!({ "grant_type": "refresh_token", "refresh_token": granted["refresh_token"] });
    let renewed = trade(&harness, &app, refresh.clone()).await;
    harness.call(Method::GET, "/user", renewed["access_token"].as_str().unwrap(), None).await.expect(200);
    assert_eq!(trade(&harness, &app, refresh).await["error"], "bad_refresh_token", "it was used");
    let odd = trade(&harness, &app, json!({ "grant_type": "magic" })).await;
    assert_eq!(odd["error"], "unsupported_grant_type");
    let url = format!("{}/login/oauth/access_token", harness.playground.url);
    let fields = [("client_id", app.text("client_id")), ("code", "guess")];
    let form = form(&harness.client, url, &fields).await.text().await.unwrap();
    assert!(form.contains("error=incorrect_client_credentials&"), "a form is answered by a form: {form}");
    assert_eq!(
        submit(&harness, "/login/oauth/authorize", &[("client_id", "none"), ("login", "writer")]).await.status(),
        404
    );
}

#[tokio::test]
async fn an_app_asks_about_tokens_and_gives_them_back() {
    let harness = Harness::start().await;
    let app = register(&harness, &manifest("http://127.0.0.1:9/hook")).await;
    let basic = |user: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")));
    let own = basic(app.text("client_id"), app.text("client_secret"));
    let call = async |method: Method, what: &str, header: &str, token: &str| {
        let url = format!("{}/api/v3/applications/{}/{what}", harness.playground.url, app.text("client_id"));
        let request = harness.client.request(method, url).json(&json!({ "access_token": token }));
        let request = if header.is_empty() { request } else { request.header("authorization", header) };
        request.send().await.unwrap()
    };
    let granted = async || {
        let code = authorize(&harness, &app, "writer").await;
        trade(&harness, &app, json!({ "code": code })).await["access_token"].as_str().unwrap().to_owned()
    };
    let (first, second) = (granted().await, granted().await);
    let told: Value = call(Method::POST, "token", &own, &first).await.json().await.unwrap();
    assert_eq!((&told["user"]["login"], &told["app"]["name"]), (&json!("writer"), &json!("Gear Counter")));
    assert_eq!(call(Method::POST, "token", &own, "ghu_guess").await.status(), 404);
    assert_eq!(call(Method::POST, "token", "", &first).await.status(), 401);
    let guess = basic(app.text("client_id"), "guess");
    assert_eq!(call(Method::DELETE, "token", &guess, &first).await.status(), 404);
    assert_eq!(call(Method::DELETE, "grant", &guess, &first).await.status(), 404);
    assert_eq!(call(Method::DELETE, "token", &own, &first).await.status(), 204);
    harness.call(Method::GET, "/user", &first, None).await.expect(401);
    harness.call(Method::GET, "/user", &second, None).await.expect(200);
    assert_eq!(call(Method::DELETE, "grant", &own, &second).await.status(), 204);
    harness.call(Method::GET, "/user", &second, None).await.expect(401);
}
