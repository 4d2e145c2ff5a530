//! The transcript: one form for all programs, modelled on the updates of the Agent Client Protocol.

use serde::{Deserialize, Serialize};

/// The longest text of an entry, in characters.
const TEXT_CHARS: usize = 16_000;
/// The longest name or id.
const NAME_CHARS: usize = 200;

/// One thing that an agent said or did. As JSON it has the member `type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Entry {
    /// The agent's words.
    Message {
        /// In Markdown, as the model wrote it.
        text: String,
    },
    /// The model's thoughts, where the program shows them.
    Thought {
        /// As the model wrote it.
        text: String,
    },
    /// A tool was called.
    ToolCall {
        /// The same in the call's result; empty where the program has none.
        id: String,
        /// As in `Bash`.
        name: String,
        /// The arguments, as JSON or as the program shows them.
        input: String,
    },
    /// What a tool answered.
    ToolResult {
        /// That of the call.
        id: String,
        /// As the model saw it.
        output: String,
        /// Whether the tool failed.
        failed: bool,
    },
    /// The agent's list of what it means to do.
    Plan {
        /// One line each.
        text: String,
    },
    /// Tokens so far in this run, where the program tells them.
    Usage {
        /// Tokens read, with those from a cache.
        input_tokens: u64,
        /// Tokens written.
        output_tokens: u64,
    },
    /// A warning or an error; it need not end the run.
    Error {
        /// The program's words.
        message: String,
    },
}

impl Entry {
    /// Cuts every text to its limit and replaces NUL, which Postgres does not store.
    #[must_use]
    pub(crate) fn bounded(mut self) -> Self {
        let (texts, names): (Vec<&mut String>, Vec<&mut String>) = match &mut self {
            Self::Message { text } | Self::Thought { text } | Self::Plan { text } => (vec![text], vec![]),
            Self::ToolCall { id, name, input } => (vec![input], vec![id, name]),
            Self::ToolResult { id, output, .. } => (vec![output], vec![id]),
            Self::Error { message } => (vec![message], vec![]),
            Self::Usage { .. } => (vec![], vec![]),
        };
        for text in texts {
            cut(text, TEXT_CHARS);
        }
        for name in names {
            cut(name, NAME_CHARS);
        }
        self
    }
}

/// Cuts a text after so many characters, marks the cut, and replaces NUL.
pub(crate) fn cut(text: &mut String, chars: usize) {
    if let Some((end, _)) = text.char_indices().nth(chars) {
        text.truncate(end);
        text.push('…');
    }
    if text.contains('\0') {
        *text = text.replace('\0', "\u{fffd}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_bounded_and_has_no_nul() {
        let entry = Entry::ToolResult { id: "i".repeat(999), output: "\0é".repeat(20_000), failed: false }.bounded();
        let Entry::ToolResult { id, output, .. } = &entry else { panic!("{entry:?}") };
        assert_eq!((id.chars().count(), output.chars().count()), (201, 16_001));
        assert!(output.starts_with("\u{fffd}é") && output.ends_with('…'));
        let json = serde_json::to_string(&Entry::Usage { input_tokens: 1, output_tokens: 2 }).unwrap();
        assert_eq!(json, r#"{"type":"usage","input_tokens":1,"output_tokens":2}"#);
    }
}
