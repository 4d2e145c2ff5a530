//! Every sentence that Adjutant writes on GitHub, and everything that agents are told.
//!
//! In flow values of the domain, [`Links`] and, where it matters, the time; out flows text: the [`status`] comment,
//! titles and bodies of pull requests ([`pull`], [`story`]), check runs ([`check`]), answers ([`mod@notice`]), commit
//! messages ([`commit`]) and [`instructions`] for agents.
//!
//! Whatever people or agents wrote passes through [`text`] first: it cannot break a table or a graph, open a
//! comment or an element of HTML, mention anybody, refer to an issue or close one. Every text fits GitHub's limits,
//! whatever it is made of.
//!
//! What never happens here: nothing is read from or sent to GitHub, and nothing is decided.

mod baseline;
pub mod cause;
pub mod check;
mod closing;
pub mod commit;
pub mod failure;
pub mod graph;
pub mod history;
pub mod instructions;
mod layout;
pub mod network;
pub mod notice;
mod overrides;
pub mod plan_fault;
pub mod policy_fault;
pub mod pull;
pub mod question;
pub mod reason;
mod refusal;
pub mod reminder;
pub mod replan;
pub mod status;
pub mod story;
pub mod text;
pub mod verification;
pub mod words;

#[cfg(test)]
pub(crate) mod fixture;

pub use baseline::policy_text;
pub use check::{
    CheckReport, check_output, diff_check, foreign_check, merge_group_check, verifier_check, verifier_not_run,
    verifier_running,
};
pub use closing::closing_word;
pub use commit::{commit_message, merge_message, progress_message};
pub use instructions::{judge_instructions, planner_instructions, planner_rework, step_instructions};
pub use notice::{completion_word, not_understood, notice, report_comment, report_marker};
pub use pull::{pull_body, pull_title, step_marker, updated_body};
pub use reminder::{reminder, reminder_marker};
pub use status::{status_comment, status_marker};

use adjutant_domain::ids::{Branch, Repo, Sha};
use adjutant_domain::text::percent_encoded;

/// Where pages of a repository are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// GitHub's address without a slash at its end, such as `https://github.com`.
    web_url: String,
    /// `owner/name`.
    repo: String,
    /// The status comment of the directive before.
    before: Option<u64>,
}

impl Links {
    /// The pages of `repo` on the GitHub at `web_url`.
    pub fn new(web_url: &str, repo: &Repo) -> Self {
        Self { web_url: web_url.trim_end_matches('/').to_owned(), repo: repo.full_name(), before: None }
    }

    /// The same, with the status comment of the directive that the issue had before.
    #[must_use]
    pub fn after(self, comment: Option<u64>) -> Self {
        Self { before: comment, ..self }
    }

    /// The status comment of the directive that the issue had before, where it is known.
    pub fn before(&self, issue: u64) -> Option<String> {
        self.before.map(|comment| format!("{}#issuecomment-{comment}", self.issue(issue)))
    }

    /// A pull request's page.
    pub fn pull(&self, number: u64) -> String {
        format!("{}/{}/pull/{number}", self.web_url, self.repo)
    }

    /// An issue's page.
    pub fn issue(&self, number: u64) -> String {
        format!("{}/{}/issues/{number}", self.web_url, self.repo)
    }

    /// A commit's page.
    pub fn commit(&self, sha: &Sha) -> String {
        format!("{}/{}/commit/{sha}", self.web_url, self.repo)
    }

    /// The lines of a file, as text also where GitHub would render it.
    pub fn lines(&self, sha: &Sha, path: &str, first: u32, last: u32) -> String {
        let path = percent_encoded(path, "/");
        let to = if last > first { format!("-L{last}") } else { String::new() };
        format!("{}/{}/blob/{sha}/{path}?plain=1#L{first}{to}", self.web_url, self.repo)
    }

    /// A branch's page.
    pub fn branch(&self, branch: &Branch) -> String {
        format!("{}/{}/tree/{branch}", self.web_url, self.repo)
    }
}
