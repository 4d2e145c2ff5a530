//! One thing that somebody said, in a box, with its reactions.

use maud::{Markup, html};

use super::layout::{ago, avatar, login};
use super::markdown::{self, Place};
use crate::playground::state::{Account, Id, Reaction, ReactionContent, Repo, State, Time};

/// What is shown of a comment, an issue's own text or a review.
pub(super) struct Said<'a> {
    pub(super) author: Id,
    pub(super) anchor: String,
    pub(super) verb: &'a str,
    pub(super) body: &'a str,
    pub(super) at: Time,
    pub(super) edited: Option<Time>,
    pub(super) reactions: &'a [Reaction],
}

/// The box. `below` stands under the text (a review's comments).
pub(super) fn said(state: &State, repo: &Repo, base: &str, said: &Said<'_>, below: &Markup) -> Markup {
    let author = state.account(said.author);
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
                    @else { (markdown::render(said.body, Place::Comment(base))) }
                    (reactions(state, said.reactions))
                }
                (below)
            }
        }
    }
}

/// What an author may do here, if it is more than to read.
fn role(state: &State, repo: &Repo, author: &Account) -> Option<&'static str> {
    let role = state.role(repo, author.id)?.name();
    (role != "read").then_some(role)
}

/// Each reaction with its count and, on hovering, who.
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

fn emoji(content: ReactionContent) -> &'static str {
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
