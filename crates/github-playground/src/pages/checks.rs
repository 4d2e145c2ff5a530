//! Check runs: the list of a commit, and the output of each.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use maud::{Markup, html};

use super::PageError;
use super::controls::Scene;
use super::find_repo;
use super::form::Form;
use super::icons::{Icon, Look, icon, run_look};
use super::layout::{Page, Tab, ago, badge, mark, repo_page, repo_path, short_sha};
use super::session::Viewer;
use crate::app_state::AppState;
use crate::markdown::{self, TextPlace};
use crate::state::{CheckRun, CheckStatus, Repo, Role, State, Status, StatusState};

/// The newest run of each name on a commit, by name.
pub(super) fn latest<'a>(repo: &'a Repo, sha: &str) -> Vec<&'a CheckRun> {
    let mut runs: Vec<&CheckRun> = Vec::new();
    for run in repo.runs.iter().filter(|run| run.head_sha == sha) {
        match runs.iter_mut().find(|seen| seen.name == run.name) {
            Some(seen) => *seen = run,
            None => runs.push(run),
        }
    }
    runs.sort_by(|a, b| a.name.cmp(&b.name));
    runs
}

fn latest_statuses<'a>(repo: &'a Repo, sha: &str) -> Vec<&'a Status> {
    let mut statuses: Vec<&Status> = Vec::new();
    for status in repo.statuses.iter().filter(|status| status.sha == sha) {
        match statuses.iter_mut().find(|seen| seen.context == status.context) {
            Some(seen) => *seen = status,
            None => statuses.push(status),
        }
    }
    statuses
}

/// The look of a commit's checks together: that of the worst. `None` if there is none.
pub(super) fn rollup(repo: &Repo, sha: &str) -> Option<Look> {
    let looks =
        latest(repo, sha).into_iter().map(run_look).chain(latest_statuses(repo, sha).into_iter().map(status_look));
    let rank = |look: &Look| ["closed", "attention", "open", "quiet"].iter().position(|class| *class == look.class);
    looks.min_by_key(rank)
}

fn status_look(status: &Status) -> Look {
    let (icon, class, word) = match status.state {
        StatusState::Success => (Icon::Check, "open", "Successful"),
        StatusState::Pending => (Icon::CircleDot, "attention", "Pending"),
        StatusState::Failure | StatusState::Error => (Icon::Cross, "closed", "Failing"),
    };
    Look { icon, class, word }
}

/// One line for each check of a commit, as in the box at the end of a pull request.
pub(super) fn list(state: &State, repo: &Repo, sha: &str) -> Markup {
    let (runs, statuses) = (latest(repo, sha), latest_statuses(repo, sha));
    let base = repo_path(state, repo);
    html! {
        @if !(runs.is_empty() && statuses.is_empty()) {
            div.box.checks {
                div.box-head {
                    @if let Some(look) = rollup(repo, sha) { (mark(&look)) " " }
                    strong { "Checks" } " " span.quiet { "of " (short_sha(&base, sha)) }
                }
                ul.files {
                    @for run in &runs {
                        li {
                            (mark(&run_look(run))) " " a href={ (base) "/runs/" (run.id) } { strong { (run.name) } }
                            @if let Some(title) = &run.output.title { " " span.quiet { (title) } }
                            span.end.quiet { (lasted(run)) }
                        }
                    }
                    @for status in &statuses {
                        li {
                            (mark(&status_look(status))) " " strong { (status.context) } " "
                            span.quiet { (status.description.as_deref().unwrap_or_default()) }
                        }
                    }
                }
            }
        }
    }
}

/// Every check of a commit in full, with a list of links beside them.
pub(super) fn in_full(scene: Scene<'_>, sha: &str) -> Markup {
    let Scene { state, repo, .. } = scene;
    let runs = latest(repo, sha);
    html! {
        @if runs.is_empty() { p.nothing { "No checks on " (short_sha(&repo_path(state, repo), sha)) " yet." } }
        @else {
            div.columns.checks-page {
                nav.side aria-label="Checks" { ul.plain { @for run in &runs {
                    li { a href={ "#run-" (run.id) } { (mark(&run_look(run))) " " (run.name) } }
                } } }
                div.main { @for run in &runs { (card(scene, run)) } }
            }
        }
    }
}

pub(super) async fn run(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name, id)): Path<(String, String, u64)>,
) -> Result<Page, PageError> {
    let state = app_state.state();
    let repo = find_repo(&state, &owner, &name)?;
    let run = repo.runs.iter().find(|run| run.id == id).ok_or(PageError::NotFound("such check run"))?;
    let base = repo_path(&state, repo);
    let pulls = repo.pulls().filter(|(_, pull)| pull.head_sha == run.head_sha);
    let body = html! {
        h1 { (run.name) }
        p.quiet {
            "Check of " (short_sha(&base, &run.head_sha))
            @for (issue, _) in pulls { " · " a href={ (base) "/pull/" (issue.number) "/checks" } { (issue.title) " #" (issue.number) } }
        }
        (card(Scene { viewer: &viewer, state: &state, repo }, run))
    };
    Ok(repo_page((&viewer, &state), repo, Tab::Pulls, &run.name, &body))
}

fn card(scene: Scene<'_>, run: &CheckRun) -> Markup {
    let Scene { state, repo, .. } = scene;
    let base = repo_path(state, repo);
    let output = &run.output;
    html! {
        section.box.check id={ "run-" (run.id) } {
            div.box-head {
                h2 { (run.name) } (badge(&run_look(run)))
                span.end.quiet { (state.app.name) " · " (lasted(run)) }
            }
            div.pad {
                @if let Some(title) = &output.title { h3 { (title) } }
                @if let Some(summary) = &output.summary { (markdown::render(summary, TextPlace::Comment(&base))) }
                @if let Some(text) = &output.text { (markdown::render(text, TextPlace::Comment(&base))) }
                @if output.title.is_none() && output.summary.is_none() { p.nothing { "It has said nothing yet." } }
                @for note in &output.annotations {
                    div class={ "annotation " (if note.annotation_level == "failure" { "closed" } else { "attention" }) } {
                        code { (note.path) ":" (note.start_line) } " "
                        @if let Some(title) = &note.title { strong { (title) } " " }
                        pre { (note.message) }
                    }
                }
                (buttons(scene, run))
            }
        }
    }
}

/// The app's own buttons, and those for another run. GitHub shows them to everybody with write access.
/// <https://docs.github.com/en/rest/guides/using-the-rest-api-to-interact-with-checks#check-runs-and-requested-actions>
fn buttons(scene: Scene<'_>, run: &CheckRun) -> Markup {
    if !scene.may(Role::Write) {
        return html! {
            @if !run.actions.is_empty() {
                p.quiet { "Whoever may write can press: " @for action in &run.actions { span.pill { (action.label) } " " } }
            }
        };
    }
    let (id, suite) = (run.id.to_string(), run.suite.to_string());
    let (press, again, all) = (scene.action("press"), scene.action("rerun"), scene.action("rerun-suite"));
    let (press_id, again_id, all_id) = (format!("press-{id}"), format!("rerun-{id}"), format!("rerun-suite-of-{id}"));
    let (of_run, of_suite) = ([("id", id.as_str())], [("id", suite.as_str())]);
    html! {
        @if !run.actions.is_empty() {
            (Form::new(scene.viewer, &press_id, &press, &of_run).inline().around(&html! {
                @for action in &run.actions {
                    button type="submit" name="identifier" value=(action.identifier) title=(action.description) { (action.label) }
                    " "
                }
            }))
        }
        div.below {
            (Form::new(scene.viewer, &again_id, &again, &of_run).inline().button("Run again"))
            (Form::new(scene.viewer, &all_id, &all, &of_suite).inline().button("Run all again"))
        }
    }
}

fn lasted(run: &CheckRun) -> Markup {
    let end = run.completed_at.filter(|_| run.status == CheckStatus::Completed);
    html! {
        @if let Some(end) = end { (ago(end)) " · " (duration((end - run.started_at).num_seconds())) }
        @else { (icon(Icon::CircleDot)) " started " (ago(run.started_at)) }
    }
}

fn duration(seconds: i64) -> String {
    if seconds >= 60 { format!("{}m {}s", seconds / 60, seconds % 60) } else { format!("{}s", seconds.max(0)) }
}
