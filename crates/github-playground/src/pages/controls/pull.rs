//! Forms of pull requests: to review, merge, mark as ready and update.

use maud::{Markup, html};

use super::Scene;
use crate::pages::form::Form;
use crate::pages::layout::avatar;
use crate::pages::people::invitation;
use crate::rules;
use crate::state::{AccountKind, Issue, IssueState, Mergeability, Pull, ReviewComment, Role};
use crate::view::node_id;

/// The acts on the pull request as a whole.
pub(in crate::pages) fn end_of_pull(scene: Scene<'_>, issue: &Issue, pull: &Pull) -> Markup {
    let number = issue.number.to_string();
    let node = node_id("PR", issue.id);
    let hidden = [("number", number.as_str()), ("sha", pull.head_sha.as_str()), ("node", node.as_str())];
    let (writes, edits) = (scene.may(Role::Write), scene.viewer.is(scene.state, issue.author));
    if pull.merged.is_some() || issue.state == IssueState::Closed || !(writes || edits) {
        return html! {};
    }
    let action = |act: &str| scene.action(act);
    let (ready, draft, update, merge) = (action("ready"), action("draft"), action("update-branch"), action("merge"));
    let (enqueue, dequeue, auto, hands) =
        (action("enqueue"), action("dequeue"), action("auto-merge"), action("no-auto-merge"));
    let is_queued = scene.repo.queued(issue.number).is_some();
    let has_queue = rules::queue::of(scene.repo, &pull.base_ref).is_some();
    let form = |id, action| Form::new(scene.viewer, id, action, &hidden);
    html! {
        div.pad.acts {
            @if writes && !pull.draft {
                @if is_queued { (form("dequeue", &dequeue).inline().button("Remove from the queue")) }
                @else if has_queue { (form("enqueue", &enqueue).inline().button("Add to the merge queue")) }
                @else { (merge_form(form("merge", &merge), issue, pull)) }
            }
            div.below {
                @if writes && !pull.draft && !is_queued && scene.repo.merging.allow_auto_merge {
                    @if pull.gate.auto_merge.is_some() { (form("no-auto-merge", &hands).inline().button("Do not merge it by itself")) }
                    @else { (auto_merge_form(&form("auto-merge", &auto))) }
                }
                @if pull.draft { (form("ready", &ready).inline().button("Ready for review")) }
                @else { (form("draft", &draft).inline().button("Convert to draft")) }
                @if writes { (form("update-branch", &update).inline().button("Update branch")) }
            }
        }
    }
}

const METHODS: [(&str, &str); 3] =
    [("merge", "Create a merge commit"), ("squash", "Squash and merge"), ("rebase", "Rebase and merge")];

fn auto_merge_form(form: &Form<'_>) -> Markup {
    html! {
        details.edit open[form.was_refused()] {
            summary { "Merge when ready" }
            (form.around(&html! {
                (form.choice("method", "How", &METHODS, "merge"))
                p.buttons { button type="submit" { "Enable auto-merge" } }
            }))
        }
    }
}

fn merge_form(form: Form<'_>, issue: &Issue, pull: &Pull) -> Markup {
    html! {
        (form.around(&html! {
            (form.choice("method", "How", &METHODS, "merge"))
            details {
                summary { "Title of the commit" }
                (form.line("title", "Title; empty for GitHub's own", ""))
            }
            p.buttons {
                button.primary type="submit" { "Merge #" (issue.number) }
                @if pull.mergeability != Mergeability::Clean { " " span.quiet { "It may be refused." } }
            }
        }))
    }
}

/// The form for a review of the whole.
pub(in crate::pages) fn review_box(scene: Scene<'_>, issue: &Issue, pull: &Pull) -> Markup {
    if scene.viewer.login().is_none() {
        return invitation(scene.viewer, "to review");
    }
    let number = issue.number.to_string();
    let hidden = [("number", number.as_str()), ("commit", pull.head_sha.as_str())];
    let action = scene.action("review");
    let form = Form::new(scene.viewer, "review", &action, &hidden);
    let verdicts = [("COMMENT", "Comment"), ("APPROVE", "Approve"), ("REQUEST_CHANGES", "Request changes")];
    html! {
        details.box.review-box open[form.was_refused()] {
            summary.box-head { "Review these changes" }
            div.pad {
                (form.around(&html! {
                    (form.text("body", "What you think of it, in Markdown", "", 4))
                    (form.radios("event", "Verdict", &verdicts, "COMMENT"))
                    p.buttons { button.primary type="submit" { "Submit review" } }
                }))
            }
        }
    }
}

/// The people who can be asked for a review, as check boxes.
pub(in crate::pages) fn reviewers_box(scene: Scene<'_>, issue: &Issue, pull: &Pull) -> Markup {
    let people = scene.state.accounts.values().filter(|account| account.kind == AccountKind::User);
    let able = |id| id != issue.author && scene.state.role(scene.repo, id) > Some(Role::Read);
    let people: Vec<_> = people.filter(|account| able(account.id)).collect();
    if !scene.may(Role::Triage) || people.is_empty() || issue.state == IssueState::Closed {
        return html! {};
    }
    let asked = |id: u64| pull.requested_reviewers.contains(&id);
    let number = issue.number.to_string();
    let mut hidden = vec![("number", number.as_str())];
    hidden.extend(people.iter().filter(|person| asked(person.id)).map(|person| ("had", person.login.as_str())));
    let action = scene.action("reviewers");
    let form = Form::new(scene.viewer, "reviewers", &action, &hidden);
    html! {
        details.edit open[form.was_refused()] {
            summary { "Ask for a review" }
            (form.around(&html! {
                fieldset {
                    legend { "Reviewers" }
                    @for (at, person) in people.iter().enumerate() {
                        (form.tick(("reviewer", at), &person.login, &html! { (avatar(person)) " " (person.login) }, asked(person.id)))
                    }
                }
                p.buttons { button type="submit" { "Apply" } }
            }))
        }
    }
}

/// The form for an answer to a comment on a line.
pub(in crate::pages) fn reply(scene: Scene<'_>, number: u64, first: &ReviewComment) -> Markup {
    if scene.viewer.login().is_none() {
        return html! {};
    }
    let (number, id) = (number.to_string(), first.id.to_string());
    let hidden = [("number", number.as_str()), ("id", id.as_str())];
    let (form_id, action) = (format!("reply-{id}"), scene.action("reply"));
    let form = Form::new(scene.viewer, &form_id, &action, &hidden);
    html! {
        details.edit open[form.was_refused()] {
            summary { "Reply" }
            (form.around(&html! {
                (form.text("body", "Reply, in Markdown", "", 3))
                p.buttons { button.primary type="submit" { "Reply" } }
            }))
        }
    }
}

/// The form for a comment on a line of the change.
pub(in crate::pages) fn remark_form(
    scene: Scene<'_>,
    (issue, pull): (&Issue, &Pull),
    (path, side, line): (&str, &str, u64),
) -> Markup {
    let (number, at) = (issue.number.to_string(), line.to_string());
    let then = scene.viewer.here().split('?').next().unwrap_or_default().to_owned();
    let hidden = [
        ("number", number.as_str()),
        ("commit", pull.head_sha.as_str()),
        ("path", path),
        ("side", side),
        ("line", at.as_str()),
        ("then", then.as_str()),
    ];
    let action = scene.action("remark");
    let form = Form::new(scene.viewer, "remark", &action, &hidden);
    html! {
        (form.around(&html! {
            (form.text("body", &format!("Comment on line {line} of {path}, in Markdown"), "", 3))
            p.buttons { button.primary type="submit" { "Comment" } " " a.button href=(then) { "Cancel" } }
        }))
    }
}
