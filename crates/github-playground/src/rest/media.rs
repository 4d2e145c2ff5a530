//! Media types other than JSON, by `Accept`: diffs, patches, the bare sha of a commit.
//! <https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#media-types>

use axum::{
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};

use super::context::Answer;
use crate::git::Repository;

/// A media type of a commit or of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaForm {
    Diff,
    Patch,
    Sha,
}

impl MediaForm {
    /// The requested media type: `application/vnd.github.diff`, or `application/vnd.github.v3.diff`.
    pub(super) fn asked(headers: &HeaderMap) -> Option<Self> {
        let accept = headers.get(header::ACCEPT)?.to_str().ok()?;
        accept.split(',').find_map(|kind| {
            let kind = kind.split(';').next()?.trim().strip_prefix("application/vnd.github.")?;
            match kind.strip_prefix("v3.").unwrap_or(kind) {
                "diff" => Some(Self::Diff),
                "patch" => Some(Self::Patch),
                "sha" => Some(Self::Sha),
                _ => None,
            }
        })
    }

    /// The change from the merge base of `base` and `head` to `head`. As a sha it is that of `head`.
    pub(super) async fn of_change(self, git: &Repository, base: &str, head: &str) -> Answer {
        Ok(self.answer(match self {
            Self::Diff => git.diff_between(base, head).await?,
            Self::Patch => git.patches_between(base, head).await?,
            Self::Sha => head.into(),
        }))
    }

    /// The change of one commit. As a sha it is its own.
    pub(super) async fn of_commit(self, git: &Repository, sha: &str) -> Answer {
        Ok(self.answer(match self {
            Self::Diff => git.diff_of_commit(sha).await?,
            Self::Patch => git.patch_of_commit(sha).await?,
            Self::Sha => sha.into(),
        }))
    }

    fn answer(self, body: Vec<u8>) -> Response {
        let kind = match self {
            Self::Diff => "application/vnd.github.diff; charset=utf-8",
            Self::Patch => "application/vnd.github.patch; charset=utf-8",
            Self::Sha => "application/vnd.github.sha; charset=utf-8",
        };
        ([(header::CONTENT_TYPE, kind)], body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_media_types_are_something_else_than_json() {
        let asked = |accept: &str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            MediaForm::asked(&headers)
        };
        assert_eq!(asked("application/vnd.github.diff"), Some(MediaForm::Diff));
        assert_eq!(asked("application/vnd.github.v3.diff"), Some(MediaForm::Diff));
        assert_eq!(asked("text/plain, application/vnd.github.v3.patch; charset=utf-8"), Some(MediaForm::Patch));
        assert_eq!(asked("application/vnd.github.sha"), Some(MediaForm::Sha));
        assert_eq!(asked("application/vnd.github+json"), None);
        assert_eq!(asked("application/vnd.github.v3+json"), None);
        assert_eq!(MediaForm::asked(&HeaderMap::new()), None);
    }
}
