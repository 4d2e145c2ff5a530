//! The choice of the person to act as: in the header of every page, and a page with all people.

use std::sync::Arc;

use axum::extract::{Query, State as Shared};
use maud::{Markup, html};
use serde::Deserialize;

use super::act::own_path;
use super::form::Form;
use super::layout::{Page, avatar, page, repo_path};
use super::session::{Viewer, people};
use crate::app_state::AppState;

/// The path of the choice. No owner can be called `-`.
pub(super) const SIGN_IN: &str = "/-/sign-in";

/// The switch in the header: the acting person, and one button for each of the first people.
pub(super) fn switch(viewer: &Viewer) -> Markup {
    let form = Form::new(viewer, "act-as", SIGN_IN, &[]);
    html! {
        details.acting {
            summary {
                @if let Some(login) = viewer.login() { "Acting as " strong { (login) } } @else { "Act as …" }
            }
            div.menu {
                (form.around(&html! {
                    @for login in viewer.people() {
                        button type="submit" name="login" value=(login) aria-pressed=[(viewer.login() == Some(login)).then_some("true")] { (login) }
                    }
                    @if viewer.login().is_some() { button type="submit" name="login" value="" { "Nobody" } }
                }))
                p { a href={ (SIGN_IN) "?back=" (encoded(viewer.here())) } { "Everybody" } }
            }
        }
    }
}

/// A link to the choice, for a viewer who acts as nobody.
pub(super) fn invitation(viewer: &Viewer, what: &str) -> Markup {
    html! { p.nothing { a href={ (SIGN_IN) "?back=" (encoded(viewer.here())) } { "Choose whom to act as" } " " (what) "." } }
}

/// A text, encoded as a value of a query.
pub(super) fn encoded(text: &str) -> String {
    crate::view::encode_path(text).replace('/', "%2F")
}

#[derive(Debug, Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    back: String,
}

/// All people, with their roles.
pub(super) async fn choose(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Query(asked): Query<Back>,
) -> Page {
    let state = app_state.state();
    let back = own_path(&asked.back);
    let roles = |login: &str| {
        let id = state.account_by_login(login).map(|account| account.id);
        let of = |repo| Some((repo_path(&state, repo), state.role(repo, id?)?.name()));
        state.repos.values().filter_map(of).filter(|(_, role)| *role != "read").take(3).collect::<Vec<_>>()
    };
    let body = html! {
        h1 { "Act as somebody" }
        p.quiet { "Nobody here has a password. What you do, you do as whom you choose, with what they may do." }
        ul.rows {
            @for login in people(&state) {
                @let id = format!("as-{login}");
                li {
                    @if let Some(account) = state.account_by_login(&login) { (avatar(account)) }
                    div {
                        strong { (login) }
                        @for (path, role) in roles(&login) { p.quiet { (role) " of " (path.trim_start_matches('/')) } }
                    }
                    span.end {
                        form id=(id) method="post" action=(SIGN_IN) {
                            input type="hidden" name="token" value=(viewer.token());
                            input type="hidden" name="back" value=(back);
                            input type="hidden" name="login" value=(login);
                            button type="submit" { "Act as " (login) }
                        }
                    }
                }
            }
        }
    };
    page(&viewer, "Act as somebody", &body)
}
