//! The forms of issues and pull requests, shown to those to whom GitHub would show them.
//!
//! Whether a form is shown is no permission check: the API decides.

mod issue;
mod pull;
mod said;

pub(super) use issue::{answer_box, assignees, edit_title, labels_box, transfer_box};
pub(super) use pull::{end_of_pull, remark_form, reply, review_box, reviewers_box};
pub(super) use said::{SaidOn, below_text};

use super::layout::repo_path;
use super::session::Viewer;
use crate::state::{Issue, Repo, Role, State};

/// A page's surroundings, as its forms need them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) viewer: &'a Viewer,
    pub(super) state: &'a State,
    pub(super) repo: &'a Repo,
}

impl Scene<'_> {
    /// Where an act of this repository is sent.
    pub(super) fn action(&self, act: &str) -> String {
        format!("{}/act/{act}", repo_path(self.state, self.repo))
    }

    /// Whether who looks has this role.
    pub(super) fn may(&self, least: Role) -> bool {
        self.viewer.may(self.state, self.repo, least)
    }

    /// Whether who looks opened it, or may write here: others sort issues, and leave their texts alone.
    pub(super) fn may_edit(&self, issue: &Issue) -> bool {
        self.viewer.is(self.state, issue.author) || self.may(Role::Write)
    }

    /// Whether who looks opened it, or may sort issues.
    pub(super) fn may_close(&self, issue: &Issue) -> bool {
        self.viewer.is(self.state, issue.author) || self.may(Role::Triage)
    }
}
