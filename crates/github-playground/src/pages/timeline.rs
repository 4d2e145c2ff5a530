//! The timeline of an issue or a pull request: comments, reviews, pushes and changes.

use maud::{Markup, html};

use super::controls::{SaidOn, Scene, edit_title};
use super::conversation::{Said, said};
use super::icons::{Icon, icon};
use super::layout::{ago, avatar, label, login, repo_path, short_sha, title};
use super::threads;
use crate::git::CommitInfo;
use crate::state::{Comment, Issue, IssueEvent, Label, Pull, Repo, Review, ReviewComment, ReviewState, State, Time};

/// An event with its time.
enum Item<'a> {
    Comment(&'a Comment),
    Event(&'a IssueEvent),
    Review(&'a Review),
    Commit(&'a CommitInfo),
}

impl Item<'_> {
    fn at(&self) -> Time {
        match self {
            Self::Comment(comment) => comment.created_at,
            Self::Event(event) => event.created_at,
            Self::Review(review) => review.submitted_at.unwrap_or_default(),
            Self::Commit(commit) => commit.committer.date,
        }
    }
}

/// The conversation from the opening text on. `commits` are a pull request's.
pub(super) fn of_issue(scene: Scene<'_>, issue: &Issue, commits: &[CommitInfo]) -> Markup {
    let Scene { state, repo, .. } = scene;
    let base = repo_path(state, repo);
    let mut items: Vec<Item<'_>> = issue.comments.iter().map(Item::Comment).collect();
    items.extend(issue.events.iter().map(Item::Event));
    items.extend(commits.iter().map(Item::Commit));
    if let Some(pull) = &issue.pull {
        items.extend(pull.reviews.iter().filter(|review| review.submitted_at.is_some()).map(Item::Review));
    }
    items.sort_by_key(Item::at);
    let opening = Said {
        author: issue.author,
        anchor: format!("issue-{}", issue.id),
        verb: "wrote",
        body: issue.body.as_deref().unwrap_or_default(),
        at: issue.created_at,
        edited: None,
        reactions: &issue.reactions,
        on: Some(SaidOn::Issue(issue.number)),
    };
    html! {
        (said(scene, &opening, &edit_title(scene, issue)))
        @for item in &items {
            @match item {
                Item::Comment(comment) => (said(scene, &said_in(comment), &html! {})),
                Item::Event(happened) => (event(state, repo, &base, happened)),
                Item::Review(given) => @if let Some(pull) = &issue.pull { (review(scene, (issue, pull), given)) },
                Item::Commit(commit) => div.event {
                    (icon(Icon::Commit)) " " a href={ (base) "/commit/" (commit.sha) } { (title(commit.title())) }
                    span.end { (short_sha(&base, &commit.sha)) }
                },
            }
        }
    }
}

fn said_in(comment: &Comment) -> Said<'_> {
    Said {
        author: comment.author,
        anchor: format!("issuecomment-{}", comment.id),
        verb: "commented",
        body: &comment.body,
        at: comment.created_at,
        edited: (comment.updated_at > comment.created_at).then_some(comment.updated_at),
        reactions: &comment.reactions,
        on: Some(SaidOn::Comment(comment.id)),
    }
}

fn event(state: &State, repo: &Repo, base: &str, event: &IssueEvent) -> Markup {
    let actor = state.account(event.actor);
    let (drawing, words) = match event.event {
        "labeled" => (Icon::Tag, "added the label"),
        "unlabeled" => (Icon::Tag, "removed the label"),
        "closed" => (Icon::CircleCheck, "closed this"),
        "reopened" => (Icon::CircleDot, "reopened this"),
        "merged" => (Icon::Merge, "merged this"),
        "assigned" => (Icon::Person, "assigned someone"),
        "unassigned" => (Icon::Person, "unassigned someone"),
        "renamed" => (Icon::Pencil, "changed the title"),
        "ready_for_review" => (Icon::Eye, "marked this as ready for review"),
        "convert_to_draft" | "converted_to_draft" => (Icon::Pull, "marked this as a draft"),
        "review_requested" => (Icon::Eye, "asked for a review"),
        "head_ref_deleted" => (Icon::Branch, "deleted the branch"),
        "head_ref_restored" => (Icon::Branch, "restored the branch"),
        "head_ref_force_pushed" => (Icon::Branch, "force-pushed the branch"),
        "base_ref_changed" => (Icon::Branch, "changed the base branch"),
        "added_to_merge_queue" => (Icon::Merge, "put this into the merge queue"),
        "removed_from_merge_queue" => (Icon::Merge, "took this out of the merge queue"),
        other => (Icon::CircleDot, other),
    };
    let word = words.replace('_', " ");
    let shown = event.label.as_ref().map(|(name, color)| {
        let known = repo.labels.iter().find(|label| label.name == *name);
        known.cloned().unwrap_or_else(|| Label { id: 0, name: name.clone(), color: color.clone(), description: None })
    });
    html! {
        div.event {
            (icon(drawing)) " " (avatar(actor)) " " (login(actor)) " " (word) " "
            @if let Some(shown) = &shown { (label(shown)) " " }
            @if let Some(sha) = &event.commit_id { "in " (short_sha(base, sha)) " " }
            span.quiet { (ago(event.created_at)) }
        }
    }
}

fn review(scene: Scene<'_>, (issue, pull): (&Issue, &Pull), review: &Review) -> Markup {
    let Scene { state, repo, .. } = scene;
    let (drawing, class, verb) = match review.state {
        ReviewState::Approved => (Icon::Check, "open", "approved these changes"),
        ReviewState::ChangesRequested => (Icon::Cross, "closed", "requested changes"),
        ReviewState::Dismissed => (Icon::CircleSlash, "quiet", "had a review that was dismissed"),
        ReviewState::Commented | ReviewState::Pending => (Icon::Eye, "quiet", "reviewed"),
    };
    let author = state.account(review.author);
    let at = review.submitted_at.unwrap_or_default();
    let comments: Vec<&ReviewComment> =
        pull.review_comments.iter().filter(|comment| comment.review == review.id).collect();
    // An answer in a thread is stored as a review, but is shown in its thread.
    if review.body.trim().is_empty()
        && !comments.is_empty()
        && comments.iter().all(|comment| comment.in_reply_to.is_some())
    {
        return html! {};
    }
    html! {
        div.event id={ "pullrequestreview-" (review.id) } {
            span class={ "mark " (class) } { (icon(drawing)) } " " (avatar(author)) " " (login(author)) " " (verb) " "
            span.quiet { "of " (short_sha(&repo_path(state, repo), &review.commit_id)) " " (ago(at)) }
        }
        @if !review.body.trim().is_empty() || !comments.is_empty() {
            div.review {
                @if !review.body.trim().is_empty() {
                    (said(scene, &Said {
                        author: review.author, anchor: format!("review-{}", review.id), verb: "wrote", body: &review.body,
                        at, edited: None, reactions: &[], on: None,
                    }, &html! {}))
                }
                @for comment in comments.iter().filter(|comment| comment.in_reply_to.is_none()) {
                    (threads::thread(scene, (issue, pull), comment))
                }
            }
        }
    }
}
