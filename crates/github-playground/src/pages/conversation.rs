//! One comment in a box, with its reactions.

use maud::{Markup, html};

use super::controls::{SaidOn, Scene, below_text};
use super::layout::{ago, avatar, login, repo_path};
use crate::markdown::{self, TextPlace};
use crate::state::{Account, Id, Reaction, ReactionContent, Repo, State, Time};

/// The parts of a comment, an issue's own text or a review.
pub(super) struct Said<'a> {
    pub(super) author: Id,
    pub(super) anchor: String,
    pub(super) verb: &'a str,
    pub(super) body: &'a str,
    pub(super) at: Time,
    pub(super) edited: Option<Time>,
    pub(super) reactions: &'a [Reaction],
    /// The object in the API, if it can have reactions.
    pub(super) on: Option<SaidOn>,
}

/// The box. `below` is shown under the text.
pub(super) fn said(scene: Scene<'_>, said: &Said<'_>, below: &Markup) -> Markup {
    let Scene { state, repo, .. } = scene;
    let author = state.account(said.author);
    let base = repo_path(state, repo);
    html! {
        div.said id=(said.anchor) {
            (avatar(author))
            div.box {
                div.box-head {
                    (login(author)) " " (said.verb) " " a.quiet href={ "#" (said.anchor) } { (ago(said.at)) }
                    @if let Some(edited) = said.edited { span.quiet { " · edited " (ago(edited)) } }
                    @if let Some(role) = role(state, repo, author) { span.end { span.pill { (role) } } }
                }
                div.pad {
                    @if said.body.trim().is_empty() { p.quiet { em { "No description provided." } } }
                    @else { (markdown::render(said.body, TextPlace::Comment(&base))) }
                    @match said.on {
                        Some(on) => (below_text(scene, on, (said.author, said.body, said.reactions))),
                        None => (reactions(state, said.reactions)),
                    }
                    (below)
                }
            }
        }
    }
}

/// The author's role here, if it is more than read.
fn role(state: &State, repo: &Repo, author: &Account) -> Option<&'static str> {
    let role = state.role(repo, author.id)?.name();
    (role != "read").then_some(role)
}

/// Each reaction with its count, and the people on hovering.
pub(super) fn reactions(state: &State, reactions: &[Reaction]) -> Markup {
    html! {
        @if !reactions.is_empty() {
            p.reactions {
                @for (content, word, _) in ReactionContent::ALL {
                    @let people: Vec<&str> = reactions.iter().filter(|reaction| reaction.content == content)
                        .map(|reaction| state.account(reaction.author).login.as_str()).collect();
                    @if !people.is_empty() {
                        span.reaction title={ (people.join(", ")) ": " (word) } { (emoji(content)) " " (people.len()) }
                        " "
                    }
                }
            }
        }
    }
}

pub(super) fn emoji(content: ReactionContent) -> &'static str {
    match content {
        ReactionContent::PlusOne => "👍",
        ReactionContent::MinusOne => "👎",
        ReactionContent::Laugh => "😄",
        ReactionContent::Confused => "😕",
        ReactionContent::Heart => "❤️",
        ReactionContent::Hooray => "🎉",
        ReactionContent::Rocket => "🚀",
        ReactionContent::Eyes => "👀",
    }
}
