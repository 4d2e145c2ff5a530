//! The state of a check run: decided by the texts, told to GitHub.
//!
//! <https://docs.github.com/en/rest/checks/runs>

/// The state of a check run. GitHub marks one that is left incomplete for 14 days as `stale`, so a check run that waits
/// for a person is completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// It is not over.
    InProgress,
    /// It is over.
    Completed(Conclusion),
}

/// How a check run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// The commit is good.
    Success,
    /// The commit is not good.
    Failure,
    /// It does not apply.
    Neutral,
    /// Nobody needs its answer any more.
    Cancelled,
    /// A person has to decide.
    ActionRequired,
}

/// A button of a check run. GitHub allows 20 characters of label, 40 of description and 20 of identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckAction {
    /// The button's text.
    pub label: String,
    /// What the button does.
    pub description: String,
    /// What the webhook brings when it is pressed: a command's word without its slash.
    pub identifier: String,
}

/// A remark on lines of a file, shown in the check run and beside the lines of the pull request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Annotation {
    /// The file, relative to the repository's root.
    pub path: String,
    /// From 1.
    pub start_line: u32,
    /// Not before `start_line`.
    pub end_line: u32,
    /// How bad it is.
    pub level: AnnotationLevel,
    /// One line, for example a test's name; may be empty. GitHub takes 255 characters.
    pub title: String,
    /// Plain text of several lines. GitHub takes 64 KiB.
    pub message: String,
}

/// How bad it is what an annotation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnnotationLevel {
    /// It made the run fail.
    Failure,
    /// It did not make the run fail.
    Warning,
    /// For information.
    Notice,
}

impl AnnotationLevel {
    /// The word in GitHub's API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

impl CheckState {
    /// The status in GitHub's API.
    pub fn status(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed(_) => "completed",
        }
    }

    /// How it ended, once it did.
    pub fn conclusion(self) -> Option<Conclusion> {
        match self {
            Self::InProgress => None,
            Self::Completed(conclusion) => Some(conclusion),
        }
    }
}

impl Conclusion {
    /// The word in GitHub's API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Neutral => "neutral",
            Self::Cancelled => "cancelled",
            Self::ActionRequired => "action_required",
        }
    }
}
