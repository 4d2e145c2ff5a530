//! Check runs: found by name and external id, and always written whole.
//!
//! <https://docs.github.com/en/rest/checks/runs>

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{error::GitHubError, gate::Write, model::AppRef, repository::RepoClient, transport::segment};
use adjutant_domain::check::{Annotation, CheckAction, CheckState, Conclusion};
use adjutant_domain::ids::Sha;

/// The longest title, summary and text, in bytes. GitHub documents this number as "characters"; a text that keeps to it
/// in bytes keeps to it in both.
const LONGEST_TEXT: usize = 65_535;
/// The most buttons on one check run.
const MOST_ACTIONS: usize = 3;
const LONGEST_LABEL: usize = 20;
const LONGEST_DESCRIPTION: usize = 40;
const LONGEST_IDENTIFIER: usize = 20;
/// The most annotations that one request may add.
/// <https://docs.github.com/en/rest/checks/runs#update-a-check-run>
const ANNOTATIONS_A_REQUEST: usize = 50;
/// The most annotations of one check run. Nobody reads more, and each fifty cost a write.
pub const MOST_ANNOTATIONS: usize = 200;
/// GitHub allows 64 KB of a message.
const LONGEST_MESSAGE: usize = 65_535;
const LONGEST_ANNOTATION_TITLE: usize = 255;

/// The contents of a check run.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckRun {
    /// The name, by which branch rules may require it.
    pub name: String,
    /// The commit that it is about.
    pub head_sha: Sha,
    /// Distinguishes it from others of the same name on the same commit.
    pub external_id: String,
    pub state: CheckState,
    /// One line.
    pub title: String,
    /// Markdown. Cut at GitHub's limit.
    pub summary: String,
    /// More Markdown, below. Cut at GitHub's limit.
    pub text: Option<String>,
    /// Buttons, at most three.
    pub actions: Vec<CheckAction>,
    /// Remarks on lines of files, at most [`MOST_ANNOTATIONS`] of them.
    pub annotations: Vec<Annotation>,
}

/// An existing check run of this app.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExistingCheck {
    /// GitHub's numeric id.
    pub id: u64,
    pub name: String,
    /// Distinguishes it from others of the same name.
    #[serde(default, deserialize_with = "super::model::text")]
    pub external_id: String,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// The conclusion, once completed.
    #[serde(default)]
    pub conclusion: Option<String>,
    /// The URL of its page.
    #[serde(default)]
    pub html_url: Option<String>,
    #[serde(default)]
    app: Option<AppRef>,
    #[serde(default)]
    output: ExistingOutput,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct ExistingOutput {
    #[serde(default)]
    annotations_count: u64,
}

impl ExistingCheck {
    pub fn is_completed(&self) -> bool {
        self.status == "completed"
    }
}

#[derive(Deserialize)]
struct RawPage {
    check_runs: Vec<ExistingCheck>,
}

impl RepoClient {
    /// This app's check run with this name and external id on a commit.
    pub async fn find_check(
        &self,
        head: &Sha,
        name: &str,
        external_id: &str,
    ) -> Result<Option<ExistingCheck>, GitHubError> {
        let app = self.github().app_id();
        // `filter=all` is needed: by default GitHub lists only the newest of a name, and that may be of another round.
        let name = segment(name);
        let path = format!("/commits/{head}/check-runs?check_name={name}&app_id={app}&filter=all&per_page=100");
        self.search(&path, |page: RawPage| {
            page.check_runs
                .into_iter()
                .find(|run| run.external_id == external_id && run.app.is_none_or(|by| by.id == app))
        })
        .await
    }

    /// All of this app's check runs on a commit.
    pub async fn own_checks(&self, head: &Sha) -> Result<Vec<ExistingCheck>, GitHubError> {
        let app = self.github().app_id();
        let mut all = Vec::new();
        let path = format!("/commits/{head}/check-runs?app_id={app}&filter=all&per_page=100");
        self.search(&path, |page: RawPage| {
            all.extend(page.check_runs.into_iter().filter(|run| run.app.is_none_or(|by| by.id == app)));
            None::<()>
        })
        .await?;
        Ok(all)
    }

    /// Writes a check run: updates the one with this external id, or creates it. Returns its id.
    ///
    /// GitHub adds the annotations of every request to those that are there, and nobody can remove one. So only those are
    /// sent that it does not show yet, and a second call changes nothing.
    pub async fn put_check(&self, check: &CheckRun) -> Result<u64, GitHubError> {
        let existing = self.find_check(&check.head_sha, &check.name, &check.external_id).await?;
        let shown = match &existing {
            Some(run) if run.output.annotations_count > 0 && !check.annotations.is_empty() => {
                self.shown_annotations(run.id).await?
            }
            _ => Vec::new(),
        };
        let missing = check.missing(&shown);
        let mut requests = missing.chunks(ANNOTATIONS_A_REQUEST);
        let mut body = check.body(requests.next().unwrap_or_default());
        let id = if let Some(run) = &existing {
            self.patch_check(run.id, body).await?
        } else {
            body["head_sha"] = json!(check.head_sha);
            let answer = self.write(Method::POST, "/check-runs", Some(body), Write::Changes).await?;
            answer.ok()?.json::<Written>()?.id
        };
        for more in requests {
            self.patch_check(id, json!({ "output": check.output(more) })).await?;
        }
        Ok(id)
    }

    /// The annotations that a check run shows, as GitHub lists them.
    async fn shown_annotations(&self, id: u64) -> Result<Vec<Value>, GitHubError> {
        let mut all = Vec::new();
        let path = format!("/check-runs/{id}/annotations?per_page=100");
        self.search(&path, |page: Vec<ShownAnnotation>| {
            all.extend(page.into_iter().map(ShownAnnotation::into_sent));
            None::<()>
        })
        .await?;
        Ok(all)
    }

    /// Completes a check run that nobody will finish, without changing its texts.
    pub async fn complete_check(&self, id: u64, conclusion: Conclusion) -> Result<(), GitHubError> {
        let body = json!({ "status": "completed", "conclusion": conclusion.as_str() });
        self.patch_check(id, body).await.map(drop)
    }

    async fn patch_check(&self, id: u64, body: Value) -> Result<u64, GitHubError> {
        let path = format!("/check-runs/{id}");
        let answer = self.write(Method::PATCH, &path, Some(body), Write::Changes).await?;
        Ok(answer.ok()?.json::<Written>()?.id)
    }
}

#[derive(Deserialize)]
struct Written {
    id: u64,
}

/// An annotation in GitHub's list, which has more members than one is written with.
#[derive(Deserialize)]
struct ShownAnnotation {
    path: String,
    start_line: u64,
    end_line: u64,
    annotation_level: Option<String>,
    message: Option<String>,
    title: Option<String>,
}

impl ShownAnnotation {
    /// As it was written.
    fn into_sent(self) -> Value {
        let mut sent = json!({
            "path": self.path,
            "start_line": self.start_line,
            "end_line": self.end_line,
            "annotation_level": self.annotation_level,
            "message": self.message,
        });
        if let Some(title) = self.title.filter(|title| !title.is_empty()) {
            sent["title"] = title.into();
        }
        sent
    }
}

impl CheckRun {
    /// The annotations that are to be written where these are shown.
    fn missing(&self, shown: &[Value]) -> Vec<Value> {
        let room = MOST_ANNOTATIONS.saturating_sub(shown.len());
        self.annotations.iter().map(annotation).filter(|wanted| !shown.contains(wanted)).take(room).collect()
    }

    fn body(&self, annotations: &[Value]) -> Value {
        let actions: Vec<Value> = self.actions.iter().take(MOST_ACTIONS).map(button).collect();
        let mut body = json!({
            "name": self.name,
            "external_id": self.external_id,
            "output": self.output(annotations),
            "actions": actions,
        });
        body["status"] = self.state.status().into();
        if let Some(conclusion) = self.state.conclusion() {
            body["conclusion"] = conclusion.as_str().into();
        }
        body
    }

    fn output(&self, annotations: &[Value]) -> Value {
        let mut output = json!({
            "title": within(&self.title, LONGEST_TEXT),
            "summary": within(&self.summary, LONGEST_TEXT),
        });
        if let Some(text) = &self.text {
            output["text"] = within(text, LONGEST_TEXT).into();
        }
        if !annotations.is_empty() {
            output["annotations"] = annotations.into();
        }
        output
    }
}

fn annotation(annotation: &Annotation) -> Value {
    let mut sent = json!({
        "path": annotation.path,
        "start_line": annotation.start_line,
        "end_line": annotation.end_line,
        "annotation_level": annotation.level.as_str(),
        "message": within(&annotation.message, LONGEST_MESSAGE).trim(),
    });
    let title = within(&annotation.title, LONGEST_ANNOTATION_TITLE).trim();
    if !title.is_empty() {
        sent["title"] = title.into();
    }
    sent
}

fn button(action: &CheckAction) -> Value {
    let short = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    json!({
        "label": short(&action.label, LONGEST_LABEL),
        "description": short(&action.description, LONGEST_DESCRIPTION),
        "identifier": short(&action.identifier, LONGEST_IDENTIFIER),
    })
}

/// The longest prefix of the text with at most this many bytes, cut between characters.
fn within(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check() -> CheckRun {
        CheckRun {
            name: "adjutant".to_owned(),
            head_sha: Sha::new("a"),
            external_id: "x".to_owned(),
            state: CheckState::Completed(Conclusion::ActionRequired),
            title: "yellow".to_owned(),
            summary: "ü".repeat(40_000),
            text: None,
            actions: Vec::new(),
            annotations: Vec::new(),
        }
    }

    #[test]
    fn a_summary_is_cut_at_githubs_limit_between_characters() {
        let body = check().body(&[]);
        let summary = body["output"]["summary"].as_str().unwrap();
        assert_eq!(summary.len(), 65_534);
        assert!(summary.chars().all(|c| c == 'ü'));
    }

    #[test]
    fn a_check_that_waits_for_a_person_is_completed_as_action_required() {
        let body = check().body(&[]);
        assert_eq!((&body["status"], &body["conclusion"]), (&json!("completed"), &json!("action_required")));
        let running = CheckRun { state: CheckState::InProgress, ..check() }.body(&[]);
        assert_eq!(running["status"], "in_progress");
        assert!(running.get("conclusion").is_none());
    }

    #[test]
    fn no_more_than_three_buttons_of_the_allowed_length_are_sent() {
        let button = CheckAction { label: "l".repeat(30), description: "d".repeat(60), identifier: "i".repeat(30) };
        let body = CheckRun { actions: vec![button; 4], ..check() }.body(&[]);
        let actions = body["actions"].as_array().unwrap();
        assert_eq!(actions.len(), 3);
        assert_eq!(actions[0]["label"].as_str().unwrap().len(), 20);
        assert_eq!(actions[0]["description"].as_str().unwrap().len(), 40);
        assert_eq!(actions[0]["identifier"].as_str().unwrap().len(), 20);
    }
}
