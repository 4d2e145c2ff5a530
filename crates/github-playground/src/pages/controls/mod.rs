//! The forms of issues and pull requests. They are shown to the people to whom GitHub shows them.
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

/// The data of a page that its forms need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) viewer: &'a Viewer,
    pub(super) state: &'a State,
    pub(super) repo: &'a Repo,
}

impl Scene<'_> {
    /// The target of a form for an act in this repository.
    pub(super) fn action(&self, act: &str) -> String {
        format!("{}/act/{act}", repo_path(self.state, self.repo))
    }

    /// Whether the viewer has at least this role.
    pub(super) fn may(&self, least: Role) -> bool {
        self.viewer.may(self.state, self.repo, least)
    }

    /// Whether the viewer opened it, or has write access. The triage role does not include editing texts.
    pub(super) fn may_edit(&self, issue: &Issue) -> bool {
        self.viewer.is(self.state, issue.author) || self.may(Role::Write)
    }

    /// Whether the viewer opened it, or may triage.
    pub(super) fn may_close(&self, issue: &Issue) -> bool {
        self.viewer.is(self.state, issue.author) || self.may(Role::Triage)
    }
}
