//! Compares everything that a playground answers and sends with GitHub's own description.
//!
//! `scripts/github-description` writes the description to `fixtures`. A [`Watched`] playground checks each answer and
//! webhook. When it is dropped, the test fails on the first ones that GitHub would not have sent.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "for tests alone: what fails here is the test")]

mod description;
mod graphql;
mod typed;

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use github_playground::{Exchange, Observer, Playground, PlaygroundOptions, start};
use serde_json::Value;

use description::{GITHUB, parameters};

/// Operations that the playground serves and the description lacks.
const UNDESCRIBED: &[(&str, &str)] = &[
    // The root of a tree. The description treats it as an empty `path`.
    ("GET", "/repos/{owner}/{repo}/contents"),
    // Presses a button of a check run, for people without a browser.
    ("POST", "/repos/{owner}/{repo}/check-runs/{id}/requested_action"),
];
/// The most violations that a failure lists.
const TOLD: usize = 8;

/// A playground whose answers and webhooks are all compared with the description.
pub struct Watched {
    playground: Option<Playground>,
    conformance: Arc<Conformance>,
    counted: bool,
}

impl Watched {
    /// Starts a playground and observes it.
    pub async fn start(mut options: PlaygroundOptions) -> Self {
        let conformance = Arc::new(Conformance { app: options.app.slug.clone(), seen: Mutex::default() });
        options.observer = Some(conformance.clone());
        Self { playground: Some(start(options).await.unwrap()), conformance, counted: true }
    }

    /// Does not add its operations to the list of exercised ones. For tests that are skipped on some machines.
    #[must_use]
    pub fn uncounted(mut self) -> Self {
        self.counted = false;
        self
    }

    /// Stops the playground and waits until it has ended.
    pub async fn shutdown(mut self) {
        self.playground.take().unwrap().shutdown().await;
    }
}

impl Deref for Watched {
    type Target = Playground;

    fn deref(&self) -> &Playground {
        self.playground.as_ref().unwrap()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let seen = self.conformance.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if self.counted {
            remember(&seen.names);
        }
        if !std::thread::panicking() {
            let told: Vec<_> = seen.violations.iter().take(TOLD).map(String::as_str).collect();
            assert!(told.is_empty(), "GitHub would not do that:\n{}", told.join("\n"));
        }
    }
}

/// The results so far.
#[derive(Debug)]
struct Conformance {
    /// The slug of the app under test, with which its user agent begins.
    app: String,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The operations and webhooks, by their names in the fixtures.
    names: BTreeSet<String>,
    violations: BTreeSet<String>,
}

impl Conformance {
    /// An operation that was only ever refused does not count as exercised.
    fn note(&self, name: String, violation: Result<(), String>, refused: bool) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(violation) = violation {
            seen.violations.insert(format!("{name}: {violation}"));
        }
        if !refused {
            seen.names.insert(name);
        }
    }
}

impl Observer for Conformance {
    fn answered(&self, exchange: &Exchange<'_>) {
        let Exchange { method, path, status, content_type, answer, .. } = exchange;
        match GITHUB.answers(exchange, exchange.user_agent.starts_with(&self.app)) {
            Some((name, verdict)) => {
                let json = *status < 300 && content_type.starts_with("application/json");
                let verdict = verdict.and_then(|()| if json { typed::answer(name, answer) } else { Ok(()) });
                self.note(name.to_owned(), verdict, *status >= 400);
            }
            // HEAD is GET without a body, and the description does not have it.
            None if *status == 404 || *method == "HEAD" || is_undescribed(method, path) => {}
            None => {
                let verdict = Err(format!("{status}, and GitHub describes no such operation"));
                self.note(format!("{method} {path}"), verdict, true);
            }
        }
    }

    fn queried(&self, query: &str, answer: &Value) {
        if let Err(violation) = graphql::fits(query, answer) {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.violations.insert(format!("GraphQL: {violation}, to {query}"));
        }
    }

    fn sent(&self, event: &str, payload: &Value) {
        // The caller chooses the action of a dispatch.
        let named = payload["action"].as_str().filter(|_| event != "repository_dispatch");
        let action = named.map(|action| format!(".{action}"));
        let name = format!("{event}{}", action.unwrap_or_default());
        let unknown = || Err("GitHub describes no such webhook, or webhooks.txt does not name it".to_owned());
        let verdict = GITHUB.sends(&name, payload).unwrap_or_else(unknown);
        let verdict = verdict.and_then(|()| typed::webhook(&name, event, payload));
        self.note(name, verdict, false);
    }
}

fn is_undescribed(method: &str, path: &str) -> bool {
    UNDESCRIBED.iter().any(|(known, template)| *known == method && parameters(template, path).is_some())
}

/// Adds the exercised operations to the list of this build, which `scripts/github-coverage` reads.
fn remember(names: &BTreeSet<String>) {
    static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let new: Vec<_> = names.difference(&known).cloned().collect();
    if new.is_empty() {
        return;
    }
    // Somebody else's build is not ours to add to.
    if let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(list_of_this_build()) {
        file.write_all((new.join("\n") + "\n").as_bytes()).unwrap();
    }
    known.extend(new);
}

/// `target/tmp/github-exercised.txt`. Tests run from `target/<profile>/deps`.
fn list_of_this_build() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.ancestors().nth(3).unwrap().join("tmp");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join("github-exercised.txt")
}
