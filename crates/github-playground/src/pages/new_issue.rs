//! Opens an issue with one of the repository's forms, or a blank one.

use std::sync::Arc;

use axum::Form as FormBody;
use axum::extract::{Extension, Path, Query, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::PageError;
use super::Pages;
use super::act::{may_send, see};
use super::controls::Scene;
use super::find_git;
use super::find_repo;
use super::form::Form;
use super::issue_form::{Element, ElementKind, IssueForm};
use super::layout::{Page, Tab, repo_page, repo_path};
use super::people::{encoded, invitation};
use super::plan::{Fields, open_from_form};
use super::session::{Session, Viewer};
use crate::app_state::AppState;
use crate::git::{GitError, Repository};
use crate::markdown::{self, TextPlace};

/// The folder with a repository's forms.
const FOLDER: &str = ".github/ISSUE_TEMPLATE";

/// The most forms that are listed.
const MAX_FORMS: usize = 30;

/// The chosen form: a file's name, or `blank`.
#[derive(Debug, Deserialize)]
pub(super) struct Chosen {
    #[serde(default)]
    template: String,
}

async fn forms(git: &Repository, branch: &str) -> Result<Vec<(String, IssueForm)>, GitError> {
    let mut forms = Vec::new();
    for entry in git.list_dir(branch, FOLDER).await?.unwrap_or_default().into_iter().take(MAX_FORMS) {
        let is_form =
            [".yml", ".yaml"].iter().any(|end| entry.path.ends_with(end)) && !entry.path.starts_with("config.");
        let Some(bytes) = (if is_form { git.blob(&entry.sha).await? } else { None }) else { continue };
        if let Some(form) = IssueForm::read(&String::from_utf8_lossy(&bytes)) {
            forms.push((entry.path, form));
        }
    }
    Ok(forms)
}

/// `GET /{owner}/{repo}/issues/new`.
pub(super) async fn show(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name)): Path<(String, String)>,
    Query(chosen): Query<Chosen>,
) -> Result<Page, PageError> {
    let (git, branch) = find_git(&app_state, &owner, &name)?;
    let forms = forms(&git, &branch).await?;
    let state = app_state.state();
    let repo = find_repo(&state, &owner, &name)?;
    let scene = Scene { viewer: &viewer, state: &state, repo };
    let form = forms.iter().find(|(file, _)| *file == chosen.template);
    let body = match form {
        _ if viewer.login().is_none() => {
            html! { h1 { "New issue" } (invitation(&viewer, "to open an issue")) }
        }
        Some((file, form)) => of_form(scene, file, form),
        None if !forms.is_empty() && chosen.template.is_empty() => choices(&repo_path(&state, repo), &forms),
        None => blank(scene),
    };
    Ok(repo_page((&viewer, &state), repo, Tab::Issues, "New issue", &body))
}

fn choices(base: &str, forms: &[(String, IssueForm)]) -> Markup {
    html! {
        h1 { "New issue" }
        ul.rows {
            @for (file, form) in forms {
                li {
                    div {
                        a.title href={ (base) "/issues/new?template=" (encoded(file)) } { (form.name) }
                        p.quiet { (form.description) }
                    }
                }
            }
            li { div { a.title href={ (base) "/issues/new?template=blank" } { "Blank issue" } p.quiet { "A title and a text." } } }
        }
    }
}

fn blank(scene: Scene<'_>) -> Markup {
    let action = scene.action("open");
    let form = Form::new(scene.viewer, "open", &action, &[]);
    html! {
        h1 { "New issue" }
        (form.around(&html! {
            (form.line("title", "Title", ""))
            (form.text("body", "Text, in Markdown", "", 12))
            p.buttons { button.primary type="submit" { "Open issue" } }
        }))
    }
}

fn of_form(scene: Scene<'_>, file: &str, asked: &IssueForm) -> Markup {
    let base = repo_path(scene.state, scene.repo);
    let action = format!("{base}/issues/new");
    let hidden = [("template", file)];
    let form = Form::new(scene.viewer, "open-from-form", &action, &hidden);
    html! {
        h1 { "New issue: " (asked.name) }
        p.quiet { (asked.description) }
        (form.around(&html! {
            (form.line("title", "Title", &asked.title))
            @for (at, element) in asked.body.iter().enumerate() { (question(&form, &base, at, element)) }
            p.buttons { button.primary type="submit" { "Open issue" } }
        }))
    }
}

fn question(form: &Form<'_>, base: &str, at: usize, element: &Element) -> Markup {
    let about = &element.attributes;
    let name = Element::field(at);
    let label =
        if element.is_required() { format!("{} (has to be answered)", about.label) } else { about.label.clone() };
    let options = element.options();
    let chosen = about.default.and_then(|at| options.get(at)).map_or("", |(word, _)| word.as_str());
    html! {
        @if element.kind == ElementKind::Markdown { (markdown::render(&about.value, TextPlace::Comment(base))) }
        @else {
            div.question {
                @if !about.description.is_empty() { p.quiet { (about.description) } }
                @match element.kind {
                    ElementKind::Textarea => (form.text_like(&name, &label, &about.value, (6, &about.placeholder))),
                    ElementKind::Dropdown if !about.multiple => {
                        @let mut words: Vec<(&str, &str)> = vec![("", "None")];
                        @let () = words.extend(options.iter().map(|(word, _)| (word.as_str(), word.as_str())));
                        (form.choice(&name, &label, &words, chosen))
                    },
                    ElementKind::Dropdown => fieldset {
                        legend { (label) }
                        @for (place, (word, _)) in options.iter().enumerate() {
                            (form.tick((&name, place), word, &html! { (word) }, word == chosen))
                        }
                    },
                    ElementKind::Checkboxes => fieldset {
                        legend { (label) }
                        @for (place, (word, required)) in options.iter().enumerate() {
                            (form.tick((&name, place), &place.to_string(), &html! { (word) @if *required { " (has to be ticked)" } }, false))
                        }
                    },
                    _ => (form.line_like(&name, &label, &about.value, &about.placeholder)),
                }
            }
        }
    }
}

/// `POST /{owner}/{repo}/issues/new`: the answers become the text, as on GitHub. The form's labels are set, whoever
/// opens the issue.
pub(super) async fn open(
    Shared(pages): Shared<Pages>,
    Extension(session): Extension<Session>,
    Path((owner, name)): Path<(String, String)>,
    headers: HeaderMap,
    FormBody(pairs): FormBody<Vec<(String, String)>>,
) -> Response {
    let fields = Fields(pairs);
    let opened = async {
        let login = may_send(&pages, &session, &fields)?;
        let unknown = |_| (StatusCode::NOT_FOUND, "There is no such form.".to_owned());
        let (git, branch) = find_git(&pages.app_state, &owner, &name).map_err(unknown)?;
        let forms = forms(&git, &branch).await.unwrap_or_default();
        let form = forms.into_iter().find(|(file, _)| file == fields.get("template"));
        let (_, form) = form.ok_or((StatusCode::NOT_FOUND, "There is no such form.".to_owned()))?;
        let text = form.text(&fields).map_err(|why| (StatusCode::UNPROCESSABLE_ENTITY, why))?;
        let (at, labels) = {
            let state = pages.app_state.state();
            let repo = find_repo(&state, &owner, &name).map_err(|_| unknown_repository())?;
            // Labels that the repository does not have are ignored.
            let known = form.labels().into_iter().filter_map(|label| repo.label(label)).map(|label| label.name.clone());
            (repo_path(&state, repo), known.collect::<Vec<_>>())
        };
        let plan = open_from_form(&at, fields.get("title"), &text, &labels, &form.assignees());
        pages.carry_out(&login, &headers, plan, &fields).await
    };
    match opened.await {
        Ok(to) => see(&to),
        Err((status, message)) => pages.again(&headers, fields, status, message).await,
    }
}

fn unknown_repository() -> (StatusCode, String) {
    (StatusCode::NOT_FOUND, "There is no such repository.".to_owned())
}
