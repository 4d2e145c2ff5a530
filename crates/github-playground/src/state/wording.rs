//! The default messages of merge and squash commits.
//! <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/configuring-commit-squashing-for-pull-requests>

use serde::{Deserialize, Serialize};

/// The first line of a squash commit's message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum SquashTitle {
    PrTitle,
    /// The commit's own title if there is only one commit.
    #[default]
    CommitOrPrTitle,
}

/// The rest of the message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum SquashMessage {
    PrBody,
    #[default]
    CommitMessages,
    Blank,
}

/// The first line of a merge commit's message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum MergeTitle {
    PrTitle,
    #[default]
    MergeMessage,
}

/// The rest of the message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum MergeBody {
    PrBody,
    #[default]
    PrTitle,
    Blank,
}

/// All four settings, with GitHub's names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Wording {
    #[serde(rename = "squash_merge_commit_title")]
    pub(crate) squash_title: SquashTitle,
    #[serde(rename = "squash_merge_commit_message")]
    pub(crate) squash_message: SquashMessage,
    #[serde(rename = "merge_commit_title")]
    pub(crate) merge_title: MergeTitle,
    #[serde(rename = "merge_commit_message")]
    pub(crate) merge_message: MergeBody,
}

/// The data of a pull request for its merge commit's message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) number: u64,
    pub(crate) title: &'a str,
    pub(crate) body: &'a str,
    /// `owner/branch` of its head.
    pub(crate) head: &'a str,
}

impl Wording {
    /// Title and body of a merge commit.
    pub(crate) fn of_merge(self, pull: Named) -> (String, String) {
        let title = match self.merge_title {
            MergeTitle::PrTitle => format!("{} (#{})", pull.title, pull.number),
            MergeTitle::MergeMessage => format!("Merge pull request #{} from {}", pull.number, pull.head),
        };
        let body = match self.merge_message {
            MergeBody::PrBody => pull.body,
            MergeBody::PrTitle => pull.title,
            MergeBody::Blank => "",
        };
        (title, body.trim().to_owned())
    }

    /// Title and body for a squash of commits with these messages, the oldest first.
    pub(crate) fn of_squash(self, pull: Named, commits: &[&str]) -> (String, String) {
        let only = match (self.squash_title, commits) {
            (SquashTitle::CommitOrPrTitle, [only]) => Some(only.trim().split_once('\n').unwrap_or((only.trim(), ""))),
            _ => None,
        };
        let title = only.map_or(pull.title, |(title, _)| title.trim_end());
        let body = match (self.squash_message, only) {
            (SquashMessage::PrBody, _) => pull.body.trim().to_owned(),
            (SquashMessage::Blank, _) => String::new(),
            (SquashMessage::CommitMessages, Some((_, rest))) => rest.trim().to_owned(),
            (SquashMessage::CommitMessages, None) => {
                commits.iter().map(|message| format!("* {}", message.trim_end())).collect::<Vec<_>>().join("\n\n")
            }
        };
        (format!("{title} (#{})", pull.number), body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PULL: Named = Named { number: 7, title: "Count teeth", body: "All of them.\n", head: "acme/teeth" };

    fn pair(title: &str, body: &str) -> (String, String) {
        (title.to_owned(), body.to_owned())
    }

    #[test]
    fn a_squash_is_called_after_its_one_commit_or_after_the_pull_request() {
        let plain = Wording::default();
        let one = ["Fix the count\n\nIt was off by one.\n"];
        assert_eq!(plain.of_squash(PULL, &one), pair("Fix the count (#7)", "It was off by one."));
        assert_eq!(plain.of_squash(PULL, &["Fix the count"]), pair("Fix the count (#7)", ""));
        assert_eq!(plain.of_squash(PULL, &["One", "Two"]), pair("Count teeth (#7)", "* One\n\n* Two"));
        let by_pull = Wording { squash_title: SquashTitle::PrTitle, ..plain };
        assert_eq!(by_pull.of_squash(PULL, &["One"]), pair("Count teeth (#7)", "* One"));
        let with_body = Wording { squash_message: SquashMessage::PrBody, ..by_pull };
        assert_eq!(with_body.of_squash(PULL, &one), pair("Count teeth (#7)", "All of them."));
        let bare = Wording { squash_message: SquashMessage::Blank, ..plain };
        assert_eq!(bare.of_squash(PULL, &one), pair("Fix the count (#7)", ""));
    }

    #[test]
    fn a_merge_commit_has_the_classic_message_by_default() {
        let plain = Wording::default();
        assert_eq!(plain.of_merge(PULL), pair("Merge pull request #7 from acme/teeth", "Count teeth"));
        let by_pull = Wording { merge_title: MergeTitle::PrTitle, merge_message: MergeBody::PrBody, ..plain };
        assert_eq!(by_pull.of_merge(PULL), pair("Count teeth (#7)", "All of them."));
        assert_eq!(Wording { merge_message: MergeBody::Blank, ..by_pull }.of_merge(PULL).1, "");
    }
}
