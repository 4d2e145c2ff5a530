//! Icons, in the colour of the text around them.

use maud::{Markup, html};

use crate::state::{CheckRun, CheckStatus, Conclusion, Issue, IssueState};

/// The available icons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Icon {
    Book,
    Branch,
    Check,
    Circle,
    CircleCheck,
    CircleDot,
    CircleSlash,
    Comment,
    Commit,
    Cross,
    Exclamation,
    Eye,
    File,
    Folder,
    Merge,
    Pencil,
    Person,
    PullClosed,
    Pull,
    Skip,
    Square,
    Tag,
}

/// The icon, hidden from screen readers, because the text beside it says the same.
pub(super) fn icon(icon: Icon) -> Markup {
    let pull = "M4 6v4 M4 3.2a1.6 1.6 0 1 0 0 .1z M4 11.2a1.6 1.6 0 1 0 0 .1z M12 11.2a1.6 1.6 0 1 0 0 .1z";
    let circle = "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z";
    let path = match icon {
        Icon::Book => "M3 12.5V3.5A1.5 1.5 0 0 1 4.5 2H13v12H4.5a1.5 1.5 0 0 1 0-3H13".to_owned(),
        Icon::Branch => {
            "M4.5 5.5v5 M11.5 5.5c0 3.5-7 1.5-7 5 M4.5 2.5a1.5 1.5 0 1 0 0 .01z M4.5 10.5a1.5 1.5 0 1 0 0 .01z M11.5 2.5a1.5 1.5 0 1 0 0 .01z".to_owned()
        }
        Icon::Check => "M3 8.5l3.5 3.5L13 4.5".to_owned(),
        Icon::Circle => circle.to_owned(),
        Icon::CircleCheck => format!("{circle} M5.5 8.2l1.8 1.8 3.3-3.7"),
        Icon::CircleDot => format!("{circle} M8.7 8a.7.7 0 1 1-1.4 0 .7.7 0 0 1 1.4 0z"),
        Icon::CircleSlash => format!("{circle} M4 12l8-8"),
        Icon::Comment => "M2.5 3h11v8H8l-3 2.5V11H2.5z".to_owned(),
        Icon::Commit => "M1 8h4 M11 8h4 M11 8a3 3 0 1 1-6 0 3 3 0 0 1 6 0z".to_owned(),
        Icon::Cross => "M4 4l8 8 M12 4l-8 8".to_owned(),
        Icon::Exclamation => format!("{circle} M8 4.8v3.7 M8 10.9v.3"),
        Icon::Eye => "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8z M10 8a2 2 0 1 1-4 0 2 2 0 0 1 4 0z".to_owned(),
        Icon::File => "M3.5 1.5h6l3 3v10h-9z M9.5 1.5v3h3".to_owned(),
        Icon::Folder => "M1.5 3h5l1.5 2h6.5v8.5h-13z".to_owned(),
        Icon::Merge => "M4 6v4 M4.5 6c1 3 4 3.5 6 3.5 M4 3.2a1.6 1.6 0 1 0 0 .1z M4 11.2a1.6 1.6 0 1 0 0 .1z M12 8.2a1.6 1.6 0 1 0 0 .1z".to_owned(),
        Icon::Pencil => "M2.5 13.5l.7-3L10.5 3l2.5 2.5-7.5 7.3z".to_owned(),
        Icon::Person => "M10.5 5a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0z M3 14c0-6 10-6 10 0".to_owned(),
        Icon::Pull => format!("{pull} M12 10V6.5C12 5 11 4.5 10 4.5H8 M9.7 2.5l-2 2 2 2"),
        Icon::PullClosed => format!("{pull} M12 10V8 M10 2.5l4 4 M14 2.5l-4 4"),
        Icon::Skip => format!("{circle} M5 8h6"),
        Icon::Square => "M4 4h8v8H4z".to_owned(),
        Icon::Tag => "M2 2.5h5.5L14 9l-5 5-6.5-6.5z M5 5.3v.2".to_owned(),
    };
    html! { svg.icon viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" { path d=(path) {} } }
}

/// How a state is shown: the icon, the class of its colour, and its word.
pub(super) struct Look {
    pub(super) icon: Icon,
    pub(super) class: &'static str,
    pub(super) word: &'static str,
}

/// The look of an issue's or a pull request's state.
pub(super) fn issue_look(issue: &Issue) -> Look {
    let look = |icon, class, word| Look { icon, class, word };
    match (&issue.pull, issue.state) {
        (Some(pull), _) if pull.merged.is_some() => look(Icon::Merge, "done", "Merged"),
        (Some(_), IssueState::Closed) => look(Icon::PullClosed, "closed", "Closed"),
        (Some(pull), IssueState::Open) if pull.draft => look(Icon::Pull, "quiet", "Draft"),
        (Some(_), IssueState::Open) => look(Icon::Pull, "open", "Open"),
        (None, IssueState::Open) => look(Icon::CircleDot, "open", "Open"),
        (None, IssueState::Closed) if issue.state_reason.as_deref() == Some("not_planned") => {
            look(Icon::CircleSlash, "quiet", "Closed as not planned")
        }
        (None, IssueState::Closed) => look(Icon::CircleCheck, "done", "Closed"),
    }
}

/// The look of a check run.
pub(super) fn run_look(run: &CheckRun) -> Look {
    let (icon, class, word) = match (run.status, run.conclusion) {
        (CheckStatus::Completed, Some(conclusion)) => match conclusion {
            Conclusion::Success => (Icon::Check, "open", "Successful"),
            Conclusion::Failure => (Icon::Cross, "closed", "Failing"),
            Conclusion::TimedOut => (Icon::Cross, "closed", "Timed out"),
            Conclusion::Cancelled => (Icon::CircleSlash, "quiet", "Cancelled"),
            Conclusion::Neutral => (Icon::Square, "quiet", "Neutral"),
            Conclusion::Skipped => (Icon::Skip, "quiet", "Skipped"),
            Conclusion::Stale => (Icon::CircleSlash, "quiet", "Stale"),
            Conclusion::ActionRequired => (Icon::Exclamation, "attention", "Action required"),
        },
        (CheckStatus::Queued, _) => (Icon::Circle, "attention", "Queued"),
        _ => (Icon::CircleDot, "attention", "In progress"),
    };
    Look { icon, class, word }
}
