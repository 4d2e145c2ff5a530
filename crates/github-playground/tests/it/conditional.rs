//! Conditional requests, HEAD, and versions of the API.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::json;

use super::support::Harness;

impl Harness {
    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request =
            self.client.request(method, format!("{}/api/v3/repos/acme/widgets{path}", self.playground.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

const WRITER: (&str, &str) = ("authorization", "Bearer playground-writer");

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_again() {
    let harness = Harness::start().await;
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "One" })).await.expect(201);
    let first = harness.ask(Method::GET, "/issues", &[WRITER]).await;
    let tag = header(&first, "etag");
    assert!(tag.starts_with("W/\"") && tag.len() == 68, "{tag}");
    assert_eq!(header(&first, "cache-control"), "private, max-age=60, s-maxage=60");
    assert!(header(&first, "vary").contains("Authorization"));
    for known in [tag.clone(), tag.trim_start_matches("W/").to_owned(), format!("\"other\", {tag}"), "*".to_owned()] {
        let again = harness.ask(Method::GET, "/issues", &[WRITER, ("if-none-match", &known)]).await;
        assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, tag.clone()), "{known}");
        assert!(!again.headers().contains_key("content-type"));
        assert_eq!(again.text().await.unwrap(), "");
    }
    let other = harness.ask(Method::GET, "/issues", &[WRITER, ("if-none-match", "\"other\"")]).await;
    assert_eq!(other.status().as_u16(), 200);
    harness.as_user("writer", Method::PATCH, "/issues/1", json!({ "title": "Two" })).await.expect(200);
    let changed = harness.ask(Method::GET, "/issues", &[WRITER, ("if-none-match", &tag)]).await;
    assert_eq!(changed.status().as_u16(), 200);
    assert_ne!(header(&changed, "etag"), tag);
}

#[tokio::test]
async fn a_tag_belongs_to_its_token_and_media_type_and_a_date_does_not() {
    let harness = Harness::start().await;
    harness.as_user("writer", Method::POST, "/issues", json!({ "title": "One" })).await.expect(201);
    let first = harness.ask(Method::GET, "/issues/1", &[WRITER]).await;
    let (tag, date) = (header(&first, "etag"), header(&first, "last-modified"));
    let other = ("authorization", "Bearer playground-maintainer");
    let accept = ("accept", "application/vnd.github+json");
    for asked in [[other, ("x-a", "b")], [WRITER, accept]] {
        let answer = harness.ask(Method::GET, "/issues/1", &[asked[0], asked[1], ("if-none-match", &tag)]).await;
        assert_eq!(answer.status().as_u16(), 200);
    }
    assert!(date.ends_with(" GMT"), "{date}");
    let since = ("if-modified-since", date.as_str());
    assert_eq!(harness.ask(Method::GET, "/issues/1", &[other, since]).await.status().as_u16(), 304);
    // The `ETag` decides, whatever the date is.
    let both = [other, since, ("if-none-match", "\"x\"")];
    assert_eq!(harness.ask(Method::GET, "/issues/1", &both).await.status().as_u16(), 200);
    harness.playground.advance(Duration::from_secs(5));
    harness.as_user("writer", Method::PATCH, "/issues/1", json!({ "title": "Two" })).await.expect(200);
    assert_eq!(harness.ask(Method::GET, "/issues/1", &[other, since]).await.status().as_u16(), 200);
    assert_eq!(
        header(&harness.ask(Method::GET, "/issues", &[WRITER]).await, "last-modified"),
        "",
        "lists have no date"
    );
    let anonymous = harness.ask(Method::GET, "/issues/1", &[]).await;
    assert!(header(&anonymous, "cache-control").starts_with("public"));
}

#[tokio::test]
async fn a_head_has_the_headers_of_its_get_and_no_body() {
    let harness = Harness::start().await;
    for path in ["", "/issues", "/branches/main", "/nothing"] {
        let get = harness.ask(Method::GET, path, &[WRITER]).await;
        let head = harness.ask(Method::HEAD, path, &[WRITER]).await;
        assert_eq!(head.status(), get.status());
        for name in ["etag", "content-type", "last-modified", "content-length"] {
            assert_eq!(header(&head, name), header(&get, name), "{name} of {path}");
        }
        assert_eq!(head.text().await.unwrap(), "");
    }
}

#[tokio::test]
async fn errors_and_writes_have_no_tag() {
    let harness = Harness::start().await;
    assert_eq!(header(&harness.ask(Method::GET, "/issues/9", &[WRITER]).await, "etag"), "");
    let made = harness.as_user("writer", Method::POST, "/issues", json!({ "title": "One" })).await;
    assert!(!made.headers.contains_key("etag"));
}

#[tokio::test]
async fn one_version_of_the_api_is_spoken_and_named() {
    let harness = Harness::start().await;
    let selected = |answer: &Response| header(answer, "x-github-api-version-selected");
    let plain = harness.ask(Method::GET, "/issues", &[WRITER]).await;
    assert_eq!((plain.status().as_u16(), selected(&plain)), (200, "2022-11-28".to_owned()));
    let named = harness.ask(Method::GET, "/issues", &[WRITER, ("x-github-api-version", "2022-11-28")]).await;
    assert_eq!(named.status().as_u16(), 200);
    for version in ["v3", "2026-03-10", ""] {
        let refused = harness.ask(Method::POST, "/issues", &[WRITER, ("x-github-api-version", version)]).await;
        assert_eq!(refused.status().as_u16(), 400);
        let body: serde_json::Value = refused.json().await.unwrap();
        let wanted =
            format!("The version you specified in the \"X-GitHub-API-Version\" request header, \"{version}\", is not");
        assert!(body["message"].as_str().unwrap().starts_with(&wanted), "{body}");
    }
}
