//! The frame of every page, and the parts that several pages use.

use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, html};

use super::icons::{Icon, Look, icon};
use super::refusal::Refusal;
use super::session::Viewer;
use super::{STYLE_PATH, people};
use crate::state::{Account, AccountKind, IssueState, Label, Repo, State};

/// A complete page.
#[derive(Debug)]
pub(super) struct Page(Markup);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        Html(self.0.into_string()).into_response()
    }
}

/// Adds the frame to a page.
pub(super) fn page(viewer: &Viewer, title: &str, body: &Markup) -> Page {
    Page(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href=(STYLE_PATH);
            }
            body {
                a.skip href="#content" { "To the content" }
                header.top {
                    a.brand href="/" { "Playground" } span.what { "a GitHub on this machine" }
                    (people::switch(viewer))
                }
                main id="content" tabindex="-1" {
                    @if let Some(refusal) = viewer.refusal() { (not_done(refusal)) }
                    (body)
                }
            }
        }
    })
}

/// The refusal, above everything else.
fn not_done(refusal: &Refusal) -> Markup {
    html! {
        div.refusal role="alert" {
            strong { "Not done." } " " (refusal.message)
            @if !refusal.form.is_empty() { " " a href={ "#" (refusal.form) } { "To the form" } }
        }
    }
}

/// The tab of a repository that a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Code,
    Issues,
    Pulls,
}

/// A page of a repository, with its name and tabs.
pub(super) fn repo_page((viewer, state): (&Viewer, &State), repo: &Repo, tab: Tab, title: &str, body: &Markup) -> Page {
    let path = repo_path(state, repo);
    let owner = &state.account(repo.owner).login;
    let open = |pulls: bool| {
        repo.issues.values().filter(|issue| issue.state == IssueState::Open && issue.pull.is_some() == pulls).count()
    };
    let tabs = [
        (Tab::Code, Icon::Book, "Code", path.clone(), None),
        (Tab::Issues, Icon::CircleDot, "Issues", format!("{path}/issues"), Some(open(false))),
        (Tab::Pulls, Icon::Pull, "Pull requests", format!("{path}/pulls"), Some(open(true))),
    ];
    let body = html! {
        div.repo-head {
            p.repo-name {
                a href={ "/" (owner) } { (owner) } " / " a href=(path) { strong { (repo.name) } }
                " " span.pill { (if repo.private { "Private" } else { "Public" }) }
            }
            nav aria-label="Repository" {
                @for (this, drawing, name, address, count) in tabs {
                    a href=(address) aria-current=[(this == tab).then_some("page")] {
                        (icon(drawing)) " " (name)
                        @if let Some(count) = count.filter(|count| *count > 0) { " " span.count { (count) } }
                    }
                }
            }
        }
        (body)
    };
    page(viewer, &format!("{title} · {owner}/{}", repo.name), &body)
}

/// The path of a repository's page, `/acme/widgets`.
pub(super) fn repo_path(state: &State, repo: &Repo) -> String {
    format!("/{}/{}", state.account(repo.owner).login, repo.name)
}

/// The age, with the exact time on hovering.
pub(super) fn ago(time: DateTime<Utc>) -> Markup {
    let seconds = (Utc::now() - time).num_seconds().max(0);
    let (count, unit) = match seconds {
        0..=59 => (seconds, "second"),
        60..=3_599 => (seconds / 60, "minute"),
        3_600..=86_399 => (seconds / 3_600, "hour"),
        86_400..=2_591_999 => (seconds / 86_400, "day"),
        _ => return html! { time title=(exact(time)) { "on " (time.format("%-d %b %Y")) } },
    };
    let text = if seconds < 5 { "now".to_owned() } else { format!("{count} {unit}{} ago", plural(count)) };
    html! { time datetime=(time.to_rfc3339()) title=(exact(time)) { (text) } }
}

fn exact(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The title of an issue, pull request or commit. As on GitHub, only back ticks are rendered as Markdown.
pub(super) fn title(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    // A last back tick without a partner is literal.
    let paired = parts.len() - usize::from(parts.len().is_multiple_of(2));
    html! {
        @for (at, part) in parts.iter().enumerate() {
            @if at >= paired { "`" (part) }
            @else if at % 2 == 1 { code { (part) } }
            @else { (part) }
        }
    }
}

/// The plural `s` of a count.
pub(super) fn plural<N: Copy + PartialEq + From<u8>>(count: N) -> &'static str {
    if count == N::from(1) { "" } else { "s" }
}

/// A person's picture: their initials on a colour derived from the login.
pub(super) fn avatar(account: &Account) -> Markup {
    let mut letters = account.login.split(['-', '_', '[']).filter_map(|part| part.chars().next());
    let initials: String = letters.by_ref().take(2).flat_map(char::to_uppercase).collect();
    let hue = account.login.bytes().fold(7_u32, |hue, byte| (hue * 31 + u32::from(byte)) % 360);
    let class = if account.kind == AccountKind::User { "avatar" } else { "avatar square" };
    let initials = if account.kind == AccountKind::Bot { initials.chars().take(1).collect() } else { initials };
    html! { span class=(class) style={ "--hue:" (hue) } aria-hidden="true" { (initials) } }
}

/// A login as a link. A bot's login has no suffix, but a mark.
pub(super) fn login(account: &Account) -> Markup {
    html! {
        @if let Some(name) = account.login.strip_suffix("[bot]") { strong { (name) } " " span.pill { "bot" } }
        @else { a.login href={ "/" (account.login) } { (account.login) } }
    }
}

/// A label in its colour. People choose the colour, so only six hexadecimal digits are used.
pub(super) fn label(label: &Label) -> Markup {
    let is_colour = label.color.len() == 6 && label.color.bytes().all(|byte| byte.is_ascii_hexdigit());
    let color = if is_colour { label.color.as_str() } else { "8b949e" };
    html! { span.label style={ "--label:#" (color) } title=[label.description.as_ref()] { (label.name) } }
}

/// The labels of an issue.
pub(super) fn labels(repo: &Repo, ids: &[u64]) -> Markup {
    html! { @for found in ids.iter().filter_map(|id| repo.labels.iter().find(|label| label.id == *id)) { (label(found)) " " } }
}

/// A state as a filled badge.
pub(super) fn badge(look: &Look) -> Markup {
    html! { span class={ "badge " (look.class) } { (icon(look.icon)) " " (look.word) } }
}

/// A state as a coloured icon with its word on hovering.
pub(super) fn mark(look: &Look) -> Markup {
    html! { span class={ "mark " (look.class) } title=(look.word) { (icon(look.icon)) span.unseen { (look.word) } } }
}

/// A commit's short sha, as a link.
pub(super) fn short_sha(repo_path: &str, sha: &str) -> Markup {
    html! { a.sha href={ (repo_path) "/commit/" (sha) } { (sha.get(..7).unwrap_or(sha)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_labels_colour_cannot_carry_style() {
        let evil = Label { id: 1, name: "<b>".into(), color: "fff;x".into(), description: None };
        let shown = label(&evil).into_string();
        assert!(!shown.contains("fff;x") && shown.contains("&lt;b&gt;"), "{shown}");
    }

    #[test]
    fn times_are_printed_in_a_suitable_unit() {
        let text = |seconds: i64| ago(Utc::now() - chrono::Duration::seconds(seconds)).into_string();
        assert!(text(0).contains(">now<") && text(61).contains("1 minute ago") && text(7_300).contains("2 hours ago"));
        assert!(text(90_000_000).contains(">on "));
    }

    #[test]
    fn back_ticks_in_a_title_are_code_and_nothing_else_is_markup() {
        let drawn = |text| title(text).into_string();
        assert_eq!(drawn("Take `AxBxC` apart"), "Take <code>AxBxC</code> apart");
        assert_eq!(drawn("A `last one` and ` alone"), "A <code>last one</code> and ` alone");
        assert_eq!(drawn("*no* <b>`<i>`</b>"), "*no* &lt;b&gt;<code>&lt;i&gt;</code>&lt;/b&gt;");
    }
}
