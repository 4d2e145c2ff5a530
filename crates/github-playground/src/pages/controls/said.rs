//! Forms below a comment: to react, edit and delete.

use maud::{Markup, html};

use super::Scene;
use crate::pages::conversation::{emoji, reactions};
use crate::pages::form::Form;
use crate::state::{Id, Reaction, ReactionContent, Role};

/// The object that the text belongs to.
#[derive(Debug, Clone, Copy)]
pub(in crate::pages) enum SaidOn {
    /// An issue's or pull request's own text, by its number.
    Issue(u64),
    Comment(Id),
    ReviewComment(Id),
}

impl SaidOn {
    fn kind(self) -> (&'static str, u64) {
        match self {
            Self::Issue(number) => ("issue", number),
            Self::Comment(id) => ("comment", id),
            Self::ReviewComment(id) => ("review-comment", id),
        }
    }

    /// The acts that edit and delete it. An issue's own text has another form.
    fn acts(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Issue(_) => None,
            Self::Comment(_) => Some(("edit-comment", "delete-comment")),
            Self::ReviewComment(_) => Some(("edit-remark", "delete-remark")),
        }
    }
}

/// The reactions, and the viewer's forms.
pub(in crate::pages) fn below_text(
    scene: Scene<'_>,
    on: SaidOn,
    (author, body, given): (Id, &str, &[Reaction]),
) -> Markup {
    html! {
        (reactions(scene.state, given))
        @if scene.viewer.login().is_some() {
            div.below {
                (react(scene, on, given))
                @if scene.viewer.is(scene.state, author) || scene.may(Role::Write) { (change(scene, on, body)) }
            }
        }
    }
}

fn react(scene: Scene<'_>, on: SaidOn, given: &[Reaction]) -> Markup {
    let (kind, id) = on.kind();
    let (id, form_id) = (id.to_string(), format!("react-{kind}-{id}"));
    let me = scene.viewer.account(scene.state).map(|me| me.id);
    let word =
        |content: ReactionContent| ReactionContent::ALL.iter().find(|all| all.0 == content).map_or("", |all| all.1);
    let mine = given.iter().filter(|reaction| Some(reaction.author) == me);
    let mine: Vec<String> = mine.map(|reaction| format!("{} {}", word(reaction.content), reaction.id)).collect();
    let mut hidden = vec![("kind", kind), ("id", id.as_str())];
    hidden.extend(mine.iter().map(|mine| ("mine", mine.as_str())));
    let action = scene.action("react");
    let form = Form::new(scene.viewer, &form_id, &action, &hidden).inline();
    html! {
        details.react open[form.was_refused()] {
            summary { "React" }
            (form.around(&html! {
                @for (content, word, _) in ReactionContent::ALL {
                    button type="submit" name="content" value=(word) aria-label={ "React with " (word) } { (emoji(content)) }
                }
            }))
        }
    }
}

fn change(scene: Scene<'_>, on: SaidOn, body: &str) -> Markup {
    let Some((edit, delete)) = on.acts() else { return html! {} };
    let (kind, id) = on.kind();
    let id = id.to_string();
    let hidden = [("id", id.as_str())];
    let (edit_id, delete_id) = (format!("edit-{kind}-{id}"), format!("delete-{kind}-{id}"));
    let (edit, delete) = (scene.action(edit), scene.action(delete));
    let form = Form::new(scene.viewer, &edit_id, &edit, &hidden);
    html! {
        details.edit open[form.was_refused()] {
            summary { "Edit" }
            (form.around(&html! {
                (form.text("body", "Text, in Markdown", body, 5))
                p.buttons { button.primary type="submit" { "Save" } }
            }))
        }
        details.edit {
            summary { "Delete" }
            (Form::new(scene.viewer, &delete_id, &delete, &hidden).button("Delete for good"))
        }
    }
}
