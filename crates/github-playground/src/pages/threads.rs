//! Review threads: a comment on a line with its replies.

use maud::{Markup, html};

use super::controls::{SaidOn, Scene, below_text, reply};
use super::diff;
use super::layout::{ago, avatar, login, repo_path};
use crate::markdown::{self, TextPlace};
use crate::state::{Issue, Pull, ReviewComment};

/// The number of lines of a hunk above a thread.
const HUNK_LINES: usize = 8;

/// A thread with the lines it is about.
pub(super) fn thread(scene: Scene<'_>, (issue, pull): (&Issue, &Pull), first: &ReviewComment) -> Markup {
    html! {
        div.box.remark {
            div.box-head { code { (first.path) @if let Some(line) = first.line { ":" (line) } } }
            @if !first.diff_hunk.is_empty() { (diff::hunk_end(&first.diff_hunk, HUNK_LINES)) }
            (remarks(scene, (issue, pull), first))
        }
    }
}

/// The comments of a thread, and a form to answer.
pub(super) fn remarks(scene: Scene<'_>, (issue, pull): (&Issue, &Pull), first: &ReviewComment) -> Markup {
    let answers = pull.review_comments.iter().filter(|comment| comment.in_reply_to == Some(first.id));
    html! {
        @for comment in std::iter::once(first).chain(answers) { (remark(scene, comment)) }
        div.pad { (reply(scene, issue.number, first)) }
    }
}

fn remark(scene: Scene<'_>, comment: &ReviewComment) -> Markup {
    let author = scene.state.account(comment.author);
    let base = repo_path(scene.state, scene.repo);
    html! {
        div.pad.said-in-thread id={ "discussion_r" (comment.id) } {
            p { (avatar(author)) " " (login(author)) " " span.quiet { (ago(comment.created_at)) } }
            (markdown::render(&comment.body, TextPlace::Comment(&base)))
            (below_text(scene, SaidOn::ReviewComment(comment.id), (comment.author, &comment.body, &comment.reactions)))
        }
    }
}
