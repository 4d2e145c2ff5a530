//! Everything that people see of a conversation at its end, as a text for a snapshot.
//!
//! Issues come first, then pull requests by the names of their branches, because their numbers depend on which of two
//! steps was faster. Values that differ from run to run are replaced by fixed words.

use std::collections::BTreeMap;
use std::fmt::Write;

use regex::{Captures, Regex};
use serde_json::{Value, json};

use super::Stage;

/// The events of an issue or pull request that are shown between its comments.
const SHOWN_EVENTS: &[&str] = &["labeled", "unlabeled", "closed", "reopened", "merged", "ready_for_review"];

impl Stage {
    /// Waits until everything is quiet, and returns what people see then: texts, states, labels, comments in their
    /// order with their reactions, reviews and check runs. Every comment counts as read.
    pub(crate) async fn transcript(&self) -> String {
        self.quiet().await;
        let listed = self.get("/issues?state=all&sort=created&direction=asc&per_page=100").await;
        let (mut issues, mut pulls) = (Vec::new(), Vec::new());
        for thread in listed.as_array().unwrap() {
            if thread["pull_request"].is_null() {
                issues.push(thread.clone());
            } else {
                pulls.push(self.get(&format!("/pulls/{}", thread["number"])).await);
            }
        }
        pulls.sort_by_key(|pull| (branch(pull).to_owned(), pull["number"].as_u64()));
        let mut text = String::new();
        for issue in &issues {
            self.write_issue(&mut text, issue).await;
        }
        for pull in &pulls {
            self.write_pull(&mut text, pull).await;
        }
        let bot = self.bot_comments("/issues/comments").await;
        self.read.lock().unwrap().extend(bot.into_iter().map(|(id, _)| id));
        Stable::new(&self.playground.url, &pulls).words(&text)
    }

    async fn write_issue(&self, text: &mut String, issue: &Value) {
        let labels: Vec<_> = issue["labels"].as_array().unwrap().iter().map(|label| word(&label["name"])).collect();
        let number = &issue["number"];
        let labels = if labels.is_empty() { String::new() } else { format!(" [{}]", labels.join(", ")) };
        writeln!(
            text,
            "# Issue #{number}: {} ({}{labels}), by {}",
            word(&issue["title"]),
            word(&issue["state"]),
            by(issue)
        )
        .unwrap();
        write_body(text, &issue["body"]);
        self.write_thread(text, number.as_u64().unwrap()).await;
    }

    async fn write_pull(&self, text: &mut String, pull: &Value) {
        let number = pull["number"].as_u64().unwrap();
        let state = match (pull["merged"].as_bool(), pull["draft"].as_bool()) {
            (Some(true), _) => format!("merged by {}", word(&pull["merged_by"]["login"])),
            (_, Some(true)) => format!("{}, draft", word(&pull["state"])),
            _ => word(&pull["state"]).to_owned(),
        };
        writeln!(text, "# Pull request #{number}: {} ({state}), by {}", word(&pull["title"]), by(pull)).unwrap();
        writeln!(text, "{} -> {}", branch(pull), word(&pull["base"]["ref"])).unwrap();
        write_body(text, &pull["body"]);
        self.write_thread(text, number).await;
        for review in self.get(&format!("/pulls/{number}/reviews?per_page=100")).await.as_array().unwrap() {
            writeln!(text, "## Review by {}: {}", by(review), word(&review["state"])).unwrap();
            write_body(text, &review["body"]);
        }
        for remark in self.get(&format!("/pulls/{number}/comments?per_page=100")).await.as_array().unwrap() {
            writeln!(text, "## {} on {}, line {}", by(remark), word(&remark["path"]), remark["line"]).unwrap();
            write_body(text, &remark["body"]);
        }
        self.write_checks(text, word(&pull["head"]["sha"])).await;
    }

    /// The comments and other events in the order of GitHub's timeline.
    async fn write_thread(&self, text: &mut String, number: u64) {
        for event in self.get(&format!("/issues/{number}/events?per_page=100")).await.as_array().unwrap() {
            let name = word(&event["event"]);
            if SHOWN_EVENTS.contains(&name) {
                let label = event["label"]["name"].as_str().map(|label| format!(" {label}")).unwrap_or_default();
                writeln!(text, "* {name}{label} by {}", word(&event["actor"]["login"])).unwrap();
            }
        }
        text.push('\n');
        for comment in self.get(&format!("/issues/{number}/comments?per_page=100")).await.as_array().unwrap() {
            writeln!(text, "## {}", by(comment)).unwrap();
            write_body(text, &comment["body"]);
            for reaction in self.reactions(comment["id"].as_u64().unwrap()).await {
                writeln!(text, "(reaction: {reaction})\n").unwrap();
            }
        }
    }

    async fn write_checks(&self, text: &mut String, head: &str) {
        let found = self.get(&format!("/commits/{head}/check-runs?per_page=100")).await;
        let mut runs = found["check_runs"].as_array().unwrap().clone();
        runs.sort_by_key(|run| word(&run["name"]).to_owned());
        for run in runs {
            let state = run["conclusion"].as_str().unwrap_or_else(|| word(&run["status"]));
            writeln!(text, "## Check {}: {state}: {}", word(&run["name"]), word(&run["output"]["title"])).unwrap();
            write_body(text, &run["output"]["summary"]);
            write_body(text, &run["output"]["text"]);
        }
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn by(written: &Value) -> &str {
    word(&written["user"]["login"])
}

fn branch(pull: &Value) -> &str {
    word(&pull["head"]["ref"])
}

/// A text as people see it, without HTML comments.
fn write_body(text: &mut String, body: &Value) {
    let hidden = Regex::new(r"(?s)<!--.*?-->\n?").unwrap();
    let seen = hidden.replace_all(word(body), "").replace('\r', "");
    if !seen.trim().is_empty() {
        // A diagram's colours are not text.
        for line in seen.trim().lines().filter(|line| !line.trim_start().starts_with("classDef ")) {
            writeln!(text, "{}", line.trim_end()).unwrap();
        }
        text.push('\n');
    }
}

/// Replaces values that differ from run to run.
struct Stable<'a> {
    url: &'a str,
    /// The words for pull requests' numbers.
    pulls: BTreeMap<String, String>,
}

impl<'a> Stable<'a> {
    fn new(url: &'a str, pulls: &[Value]) -> Self {
        let named = |pull: &Value| {
            let name = branch(pull).rsplit('/').next().unwrap_or_default();
            (pull["number"].to_string(), name.to_owned())
        };
        Self { url, pulls: pulls.iter().map(named).collect() }
    }

    fn words(&self, text: &str) -> String {
        let text = text.replace(self.url, "https://github");
        let text = self.numbers(&text);
        let text = counted(&text, r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "id", 36);
        let text = counted(&text, r"\b[0-9a-f]{7,64}\b", "sha", 7);
        let text = replaced(&text, r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?UTC|Z)?", "[time]");
        let text = replaced(&text, r"issuecomment-\d+", "issuecomment-[id]");
        let text = replaced(&text, r"\b\d+(\.\d+)? (ms|s|min|h)( \d+ (s|min))?\b", "[duration]");
        // The bot leaves out a duration of less than a second.
        let text = replaced(&text, r" · \[duration\] at work", "");
        let text = text.replace(" · [duration] at work", "");
        replaced(&text, r"127\.0\.0\.1:\d+", "[address]")
    }

    fn numbers(&self, text: &str) -> String {
        let number = Regex::new(r"(#|/pull/)(\d+)\b").unwrap();
        let name = |found: &Captures<'_>| match self.pulls.get(&found[2]) {
            Some(name) => format!("{}{name}", &found[1]),
            None => found[0].to_owned(),
        };
        number.replace_all(text, name).into_owned()
    }
}

fn replaced(text: &str, pattern: &str, word: &str) -> String {
    Regex::new(pattern).unwrap().replace_all(text, word).into_owned()
}

/// Replaces each match of a pattern by a word and a number. Matches with the same first characters get the same number.
fn counted(text: &str, pattern: &str, word: &str, significant: usize) -> String {
    let mut known: Vec<String> = Vec::new();
    let name = |found: &Captures<'_>| {
        let key = &found[0];
        // A number or a word is not a hash.
        if significant < 36
            && !(key.contains(|c: char| c.is_ascii_digit()) && key.contains(|c: char| c.is_alphabetic()))
        {
            return key.to_owned();
        }
        let key = key[..significant].to_owned();
        let at = known.iter().position(|it| *it == key).unwrap_or_else(|| {
            known.push(key);
            known.len() - 1
        });
        format!("{word}-{}", at + 1)
    };
    Regex::new(pattern).unwrap().replace_all(text, name).into_owned()
}

#[test]
fn what_differs_from_run_to_run_is_replaced_by_the_same_words() {
    let pulls = [json!({ "number": 7, "head": { "ref": "adjutant/1-1/g1-parse" } })];
    let text =
        "http://127.0.0.1:81/acme/widgets/pull/7 #7 #1 at 0f1e2d3 and 4444444 in 1.5 s (0f1e2d3c4b5a) · 3 s at work";
    assert_eq!(
        Stable::new("http://127.0.0.1:81", &pulls).words(text),
        "https://github/acme/widgets/pull/g1-parse #g1-parse #1 at sha-1 and 4444444 in [duration] (sha-1)"
    );
}
