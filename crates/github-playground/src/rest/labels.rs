//! Labels, of a repository and of an issue. <https://docs.github.com/en/rest/issues/labels>

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Router,
    http::StatusCode,
    routing::{delete, get},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{Answer, AnyInput, At, Ctx, Input, created, no_content, ok},
    issues::{ISSUES, find},
    sizes::{check_label, check_label_count},
};
use crate::{
    acts::Writer,
    app_state::AppState,
    error::ApiError,
    state::{Id, Label, Role, Scope, State},
    view::{View, merge},
    webhooks::Event,
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/labels", get(list).post(create))
        .route("/repos/{owner}/{repo}/labels/{label}", get(read).patch(edit).delete(remove))
        .route("/repos/{owner}/{repo}/issues/{number}/labels", get(of_issue).post(add).put(set).delete(clear))
        .route("/repos/{owner}/{repo}/issues/{number}/labels/{label}", delete(take_off))
}

/// A label in a request: its name, or an object with its name.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum LabelName {
    Name(String),
    Object { name: String },
}

impl LabelName {
    fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Object { name } => name,
        }
    }
}

/// The two forms that GitHub accepts: `{"labels": […]}` and a plain array.
#[derive(Deserialize)]
#[serde(untagged)]
enum LabelNames {
    Bare(Vec<LabelName>),
    Named { labels: Vec<LabelName> },
}

impl LabelNames {
    fn names(&self) -> &[LabelName] {
        match self {
            Self::Bare(names) | Self::Named { labels: names } => names,
        }
    }
}

/// The ids of these labels. A missing label is created if the caller may push; else the request is refused.
pub(super) fn ensure_labels(
    app_state: &Arc<AppState>,
    state: &mut State,
    writer: Writer,
    names: &[LabelName],
) -> Result<Vec<Id>, ApiError> {
    let may_create = writer.via_app || state.role(state.repo_by_id(writer.repo), writer.actor) >= Some(Role::Write);
    check_label_count(names.len())?;
    // All names are checked before the first label is created.
    for name in names.iter().map(LabelName::name) {
        check_label(Some(name), None)?;
        if name.trim().is_empty() {
            return Err(ApiError::invalid("Label", "name", "missing_field"));
        }
        if !may_create && state.repo_by_id(writer.repo).label(name).is_none() {
            return Err(ApiError::forbidden("You do not have permission to create labels on this repository."));
        }
    }
    let mut ids = Vec::new();
    for name in names.iter().map(LabelName::name) {
        let known = state.repo_by_id(writer.repo).label(name).map(|label| label.id);
        let id = known.unwrap_or_else(|| {
            let id = add_label(state, writer.repo, name.to_owned(), "ededed".to_owned(), None);
            announce(app_state, state, writer, id, "created", json!({}));
            id
        });
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn add_label(state: &mut State, repo: Id, name: String, color: String, description: Option<String>) -> Id {
    let id = state.new_id();
    state.repo_mut(repo).labels.push(Label { id, name, color, description });
    id
}

fn announce(
    app_state: &Arc<AppState>,
    state: &mut State,
    writer: Writer,
    label: Id,
    action: &'static str,
    extra: Value,
) {
    let repo = state.repo_by_id(writer.repo);
    let Some(label) = repo.labels.iter().find(|all| all.id == label) else { return };
    let mut fields = json!({ "label": View::new(state, &app_state.urls).label(repo, label) });
    merge(&mut fields, extra);
    app_state.announce(
        state,
        Event { name: "label", action: Some(action), repo: writer.repo, sender: writer.actor, fields },
    );
}

async fn list(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    let view = ctx.view(&state);
    Ok(ctx.list(&repo.labels, |label| view.label(repo, label)))
}

#[derive(Deserialize)]
struct New {
    name: Option<String>,
    #[serde(rename = "new_name")]
    renamed: Option<String>,
    color: Option<String>,
    description: Option<String>,
}

impl New {
    fn color(&self) -> Result<Option<String>, ApiError> {
        match &self.color {
            Some(color) if color.len() == 6 && color.chars().all(|c| c.is_ascii_hexdigit()) => {
                Ok(Some(color.to_lowercase()))
            }
            Some(_) => Err(ApiError::invalid("Label", "color", "invalid")),
            None => Ok(None),
        }
    }
}

async fn create(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(new): Input<New>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), ISSUES, Role::Write)?;
    let color = new.color()?.unwrap_or_else(|| "ededed".to_owned());
    let label = new.name.filter(|name| !name.trim().is_empty());
    let label = label.ok_or_else(|| ApiError::invalid("Label", "name", "missing_field"))?;
    check_label(Some(&label), new.description.as_deref())?;
    if state.repo_by_id(writer.repo).label(&label).is_some() {
        return Err(ApiError::invalid("Label", "name", "already_exists"));
    }
    let id = add_label(&mut state, writer.repo, label.clone(), color, new.description);
    announce(&ctx.app_state, &mut state, writer, id, "created", json!({}));
    let repo = state.repo_by_id(writer.repo);
    let label = repo.label(&label).ok_or_else(ApiError::not_found)?;
    Ok(created(ctx.view(&state).label(repo, label)))
}

async fn read(ctx: Ctx, At((owner, name, label)): At<(String, String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    let label = repo.label(&label).ok_or_else(ApiError::not_found)?;
    Ok(ok(ctx.view(&state).label(repo, label)))
}

async fn edit(ctx: Ctx, At((owner, name, label)): At<(String, String, String)>, Input(edit): Input<New>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), ISSUES, Role::Write)?;
    let id = state.repo_by_id(writer.repo).label(&label).ok_or_else(ApiError::not_found)?.id;
    let color = edit.color()?;
    let renamed = edit.renamed.or(edit.name).filter(|name| !name.trim().is_empty());
    check_label(renamed.as_deref(), edit.description.as_deref())?;
    let repo = state.repo_mut(writer.repo);
    if renamed.as_deref().and_then(|name| repo.label(name)).is_some_and(|other| other.id != id) {
        return Err(ApiError::invalid("Label", "name", "already_exists"));
    }
    let mut changes = json!({});
    if let Some(label) = repo.labels.iter_mut().find(|label| label.id == id) {
        let was = label.clone();
        label.name = renamed.unwrap_or_else(|| label.name.clone());
        label.color = color.unwrap_or_else(|| label.color.clone());
        label.description = edit.description.or_else(|| label.description.clone());
        let description = (was.description.unwrap_or_default(), label.description.clone().unwrap_or_default());
        let pairs = [("name", (was.name, label.name.clone())), ("color", (was.color, label.color.clone()))];
        for (field, (from, to)) in pairs.into_iter().chain([("description", description)]) {
            if from != to {
                changes[field] = json!({ "from": from });
            }
        }
    }
    if changes != json!({}) {
        announce(&ctx.app_state, &mut state, writer, id, "edited", json!({ "changes": changes }));
    }
    let repo = state.repo_by_id(writer.repo);
    let label = repo.labels.iter().find(|label| label.id == id).ok_or_else(ApiError::not_found)?;
    Ok(ok(ctx.view(&state).label(repo, label)))
}

async fn remove(ctx: Ctx, At((owner, name, label)): At<(String, String, String)>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), ISSUES, Role::Write)?;
    let id = state.repo_by_id(writer.repo).label(&label).ok_or_else(ApiError::not_found)?.id;
    // There is no event for the issues that lose the label.
    announce(&ctx.app_state, &mut state, writer, id, "deleted", json!({}));
    let repo = state.repo_mut(writer.repo);
    repo.labels.retain(|label| label.id != id);
    repo.issues.change_all(|issue| issue.labels.retain(|label| *label != id));
    Ok(no_content())
}

async fn of_issue(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), ISSUES)?;
    let labels = ctx.view(&state).labels(repo, &find(repo, number)?.labels);
    Ok(ctx.list(labels, |label| label))
}

/// Sets an issue's labels to the result of `wanted` for its present ones, and answers with them.
fn change(
    ctx: &Ctx,
    (owner, name, number): &(String, String, u64),
    names: &[LabelName],
    wanted: impl Fn(&[Id], Vec<Id>) -> Vec<Id>,
) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (owner, name), ISSUES, Role::Triage)?;
    let had = find(state.repo_by_id(writer.repo), *number)?.labels.clone();
    // Counted first, so that no label is created for an issue that cannot take it.
    let repo = state.repo_by_id(writer.repo);
    let (known, new): (Vec<_>, Vec<_>) = names.iter().map(|name| repo.label(name.name())).partition(Option::is_some);
    let known = known.into_iter().flatten().map(|label| label.id).collect();
    let distinct: BTreeSet<Id> = wanted(&had, known).into_iter().collect();
    check_label_count(distinct.len() + new.len())?;
    let asked = ensure_labels(&ctx.app_state, &mut state, writer, names)?;
    ctx.app_state.set_labels(&mut state, (writer.repo, *number), writer.actor, &wanted(&had, asked));
    let repo = state.repo_by_id(writer.repo);
    let labels = ctx.view(&state).labels(repo, &repo.issues[number].labels);
    Ok(ok(labels.into()))
}

async fn add(ctx: Ctx, At(at): At<(String, String, u64)>, AnyInput(names): AnyInput<LabelNames>) -> Answer {
    change(&ctx, &at, names.names(), |had, named| had.iter().copied().chain(named).collect())
}

async fn set(ctx: Ctx, At(at): At<(String, String, u64)>, AnyInput(names): AnyInput<LabelNames>) -> Answer {
    change(&ctx, &at, names.names(), |_, named| named)
}

async fn clear(ctx: Ctx, At(at): At<(String, String, u64)>) -> Answer {
    change(&ctx, &at, &[], |_, _| Vec::new())?;
    Ok(no_content())
}

async fn take_off(ctx: Ctx, At((owner, name, number, label)): At<(String, String, u64, String)>) -> Answer {
    let id = {
        let state = ctx.state();
        let repo = ctx.read(&state, (&owner, &name), &[Scope::Metadata])?;
        let id = repo.label(&label).map(|label| label.id);
        id.filter(|id| repo.issues.get(&number).is_some_and(|issue| issue.labels.contains(id)))
    };
    let missing = || ApiError::new(StatusCode::NOT_FOUND, "Label does not exist");
    let id = id.ok_or_else(missing)?;
    change(&ctx, &(owner, name, number), &[], |had, _| had.iter().copied().filter(|kept| *kept != id).collect())
}
