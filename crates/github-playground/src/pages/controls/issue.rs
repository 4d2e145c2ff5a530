//! Forms of issues: to answer, close, label, assign and rename.

use maud::{Markup, html};

use super::Scene;
use crate::pages::form::Form;
use crate::pages::layout::{avatar, label, repo_path};
use crate::pages::people::invitation;
use crate::state::{AccountKind, Issue, IssueState, Repo, Role};
use crate::view::node_id;

/// The box at the end of a conversation.
pub(in crate::pages) fn answer_box(scene: Scene<'_>, issue: &Issue) -> Markup {
    if scene.viewer.login().is_none() {
        return invitation(scene.viewer, "to answer here");
    }
    let number = issue.number.to_string();
    let kind = if issue.pull.is_some() { "pull" } else { "issue" };
    let hidden = [("number", number.as_str()), ("kind", kind)];
    let action = scene.action("comment");
    let form = Form::new(scene.viewer, "answer", &action, &hidden);
    let merged = issue.pull.as_ref().is_some_and(|pull| pull.merged.is_some());
    let close = scene.may_close(issue) && !merged;
    html! {
        section.answer aria-labelledby="answer-title" {
            h2 id="answer-title" { "Answer" }
            (form.around(&html! {
                (form.text("body", "Comment, in Markdown", "", 5))
                p.buttons {
                    button.primary type="submit" { "Comment" }
                    @if close && issue.state == IssueState::Open {
                        @if issue.pull.is_some() {
                            " " button type="submit" formaction=(scene.action("close")) { "Close pull request" }
                        } @else {
                            " " button type="submit" formaction=(scene.action("close")) { "Close as completed" }
                            " " button type="submit" formaction=(scene.action("close-as-not-planned")) { "Close as not planned" }
                        }
                    } @else if close {
                        " " button type="submit" formaction=(scene.action("reopen")) { "Reopen" }
                    }
                }
            }))
        }
    }
}

/// The form for title and opening text.
pub(in crate::pages) fn edit_title(scene: Scene<'_>, issue: &Issue) -> Markup {
    if !scene.may_edit(issue) {
        return html! {};
    }
    let number = issue.number.to_string();
    let hidden = [("number", number.as_str())];
    let action = scene.action("edit-issue");
    let form = Form::new(scene.viewer, "edit-issue", &action, &hidden);
    html! {
        details.edit open[form.was_refused()] {
            summary { "Edit" }
            (form.around(&html! {
                (form.line("title", "Title", &issue.title))
                (form.text("body", "Text, in Markdown", issue.body.as_deref().unwrap_or_default(), 10))
                p.buttons { button.primary type="submit" { "Save" } }
            }))
        }
    }
}

/// The repository's labels as check boxes.
pub(in crate::pages) fn labels_box(scene: Scene<'_>, issue: &Issue) -> Markup {
    if !scene.may(Role::Triage) || scene.repo.labels.is_empty() {
        return html! {};
    }
    let set = |id: &u64| issue.labels.contains(id);
    let number = issue.number.to_string();
    let mut hidden = vec![("number", number.as_str())];
    let had = scene.repo.labels.iter().filter(|label| set(&label.id));
    hidden.extend(had.map(|label| ("had", label.name.as_str())));
    let action = scene.action("labels");
    let form = Form::new(scene.viewer, "labels", &action, &hidden);
    html! {
        details.edit open[form.was_refused()] {
            summary { "Change labels" }
            (form.around(&html! {
                fieldset {
                    legend { "Labels" }
                    @for (at, known) in scene.repo.labels.iter().enumerate() {
                        (form.tick(("label", at), &known.name, &label(known), set(&known.id)))
                    }
                }
                p.buttons { button type="submit" { "Apply" } }
            }))
        }
    }
}

/// The people who can be assigned, as check boxes.
pub(in crate::pages) fn assignees(scene: Scene<'_>, issue: &Issue) -> Markup {
    let people = scene.state.accounts.values().filter(|account| account.kind == AccountKind::User);
    let able = |id| scene.state.role(scene.repo, id) > Some(Role::Read) || scene.repo.collaborators.contains_key(&id);
    let people: Vec<_> = people.filter(|account| able(account.id)).collect();
    if !scene.may(Role::Triage) || people.is_empty() {
        return html! {};
    }
    let set = |id: u64| issue.assignees.contains(&id);
    let number = issue.number.to_string();
    let mut hidden = vec![("number", number.as_str())];
    hidden.extend(people.iter().filter(|person| set(person.id)).map(|person| ("had", person.login.as_str())));
    let action = scene.action("assign");
    let form = Form::new(scene.viewer, "assign", &action, &hidden);
    html! {
        details.edit open[form.was_refused()] {
            summary { "Assign" }
            (form.around(&html! {
                fieldset {
                    legend { "Assignees" }
                    @for (at, person) in people.iter().enumerate() {
                        (form.tick(("assignee", at), &person.login, &html! { (avatar(person)) " " (person.login) }, set(person.id)))
                    }
                }
                p.buttons { button type="submit" { "Apply" } }
            }))
        }
    }
}

/// The other repositories that an issue can be transferred to.
pub(in crate::pages) fn transfer_box(scene: Scene<'_>, issue: &Issue) -> Markup {
    let from = (scene.repo.id, issue.number);
    let able = |to: &&Repo| {
        scene.viewer.may(scene.state, to, Role::Write) && scene.state.untransferable(from, to.id).is_none()
    };
    let places: Vec<(String, String)> = scene
        .state
        .repos
        .values()
        .filter(able)
        .map(|to| (node_id("R", to.id), repo_path(scene.state, to).trim_start_matches('/').to_owned()))
        .collect();
    if !scene.may(Role::Write) || places.is_empty() {
        return html! {};
    }
    let node = node_id("I", issue.id);
    let hidden = [("node", node.as_str())];
    let action = scene.action("transfer");
    let form = Form::new(scene.viewer, "transfer", &action, &hidden);
    html! {
        details.edit open[form.was_refused()] {
            summary { "Transfer" }
            (form.around(&html! {
                (form.choice("to", "To", &places, ""))
                p.buttons { button type="submit" { "Transfer this issue" } }
            }))
        }
    }
}
