//! What a request asks, whichever wire API it came by.

use serde::{Deserialize, Serialize};

/// Which of Adjutant's tasks a prompt belongs to, by its headings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// `# Plan the work`.
    Plan,
    /// ``# Do the step `X` ``, or `# Finish the whole`, whose name is `final`.
    Step(String),
    /// A step with `## Do it again`.
    Rework(String),
    /// `# Judge …`.
    Judge,
    /// Anything else.
    #[default]
    Other,
}

impl Task {
    /// The first heading counts. A quoted line is no heading.
    pub(crate) fn of(prompt: &str) -> Self {
        let again = prompt.lines().any(|line| line.trim_end() == "## Do it again");
        let step = |name: &str| if again { Self::Rework(name.to_owned()) } else { Self::Step(name.to_owned()) };
        prompt
            .lines()
            .find_map(|line| match line.strip_prefix("# ")? {
                heading if heading.starts_with("Plan the work") => Some(Self::Plan),
                heading if heading.starts_with("Judge") => Some(Self::Judge),
                heading if heading.starts_with("Finish the whole") => Some(step("final")),
                heading => heading.strip_prefix("Do the step `")?.split('`').next().map(step),
            })
            .unwrap_or_default()
    }
}

/// One thing of a conversation, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    User(String),
    ToolResult,
    Model,
}

/// What the model needs to know of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conversation {
    pub(crate) model: Option<String>,
    pub(crate) stream: bool,
    /// The last prompt with a heading that is known; else the last of all.
    pub(crate) prompt: String,
    pub(crate) task: Task,
    /// Prompts with such a heading: more than one in a session that was resumed.
    pub(crate) tasks: usize,
    /// Tool results after that prompt.
    pub(crate) results: usize,
    pub(crate) tools: Vec<String>,
    /// Whether the request holds the answer to a JSON Schema.
    pub(crate) wants_json: bool,
    /// The most tokens of output that the request allows.
    pub(crate) max_output: Option<u64>,
    /// Whether any text speaks of SEARCH/REPLACE blocks, as aider's does.
    pub(crate) edits_as_text: bool,
}

impl Conversation {
    pub(crate) fn with(mut self, said: &[Said]) -> Self {
        let prompts: Vec<(usize, &String)> = said
            .iter()
            .enumerate()
            .filter_map(|(at, it)| if let Said::User(text) = it { Some((at, text)) } else { None })
            .collect();
        self.tasks = prompts.iter().filter(|(_, text)| Task::of(text) != Task::Other).count();
        let known = prompts.iter().rev().find(|(_, text)| Task::of(text) != Task::Other);
        let Some((at, prompt)) = known.or(prompts.last()) else { return self };
        self.task = Task::of(prompt);
        self.prompt.clone_from(prompt);
        self.results = said[*at..].iter().filter(|it| **it == Said::ToolResult).count();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_is_told_by_headings_and_not_by_quotes() {
        assert_eq!(Task::of("# Plan the work\n\n> # Judge"), Task::Plan);
        assert_eq!(Task::of("> # Plan the work\n# Do the step `parse` (implement)"), Task::Step("parse".into()));
        assert_eq!(Task::of("# Do the step `a`\n\n## Do it again\n"), Task::Rework("a".into()));
        assert_eq!(Task::of("# Finish the whole"), Task::Step("final".into()));
        assert_eq!(Task::of("Make a title of # Plan the work"), Task::Other);
    }

    #[test]
    fn only_results_after_the_last_prompt_count() {
        let said = [
            Said::User("# Do the step `a`".into()),
            Said::Model,
            Said::ToolResult,
            Said::Model,
            Said::User("# Do the step `a`\n## Do it again".into()),
            Said::User("a reminder".into()),
            Said::ToolResult,
        ];
        let now = Conversation::default().with(&said);
        assert_eq!((now.task, now.tasks, now.results), (Task::Rework("a".into()), 2, 1));
        assert_eq!(Conversation::default().with(&said[..5]).results, 0);
    }
}
