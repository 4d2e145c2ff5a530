//! The reply to one request, before it is written in a wire API's form.

use serde_json::{Value, json};

use crate::conversation::Conversation;
use crate::script::{Fault, Script, ToolName};

/// Tools of known agents that run a shell command, and the argument that takes it.
const SHELLS: &[(&str, &str)] = &[
    ("Bash", "command"),
    ("exec_command", "cmd"),
    ("bash", "command"),
    ("run_shell_command", "command"),
    ("shell_command", "command"),
    ("execute_command", "command"),
    ("developer__shell", "command"),
];
/// Claude Code's tool for structured output.
const STRUCTURED: &str = "StructuredOutput";

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    Call { tool: String, arguments: Value },
    Text(String),
}

/// Tokens as the model counts them: four bytes are one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// All input, with what came from the cache.
    pub(crate) input: u64,
    pub(crate) cached: u64,
    pub(crate) output: u64,
}

pub(crate) fn tokens(bytes: usize) -> u64 {
    bytes as u64 / 4 + 1
}

impl Reply {
    pub(crate) fn to(conversation: &Conversation, script: &Script, fault: Option<&Fault>) -> Self {
        let answer = script.answer(conversation);
        let shell = shell(conversation, script);
        let commands = answer.all_commands();
        let next = if fault == Some(&Fault::Loop) { 0 } else { conversation.results };
        if let (Some(shell), Some(command)) = (&shell, commands.get(next)) {
            return call(shell, command);
        }
        let has = |name: &str| conversation.tools.iter().any(|tool| tool == name);
        let handed_in = if shell.is_some() { conversation.results > commands.len() } else { conversation.results > 0 };
        match &answer.structured {
            Some(value) if has(STRUCTURED) && !handed_in => {
                Self::Call { tool: STRUCTURED.to_owned(), arguments: value.clone() }
            }
            Some(value) if conversation.wants_json => Self::Text(value.to_string()),
            Some(value) if !has(STRUCTURED) => Self::Text(format!("{}\n\n```json\n{value:#}\n```", answer.text)),
            _ if conversation.edits_as_text && shell.is_none() => Self::Text(blocks(&answer)),
            _ => Self::Text(answer.text),
        }
    }

    /// The bytes that count as output.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Call { tool, arguments } => tool.len() + arguments.to_string().len(),
            Self::Text(text) => text.len(),
        }
    }
}

fn shell(conversation: &Conversation, script: &Script) -> Option<ToolName> {
    let known =
        SHELLS.iter().map(|(name, argument)| ToolName { name: (*name).to_owned(), argument: (*argument).to_owned() });
    script.tool.iter().cloned().chain(known).find(|shell| conversation.tools.contains(&shell.name))
}

fn call(shell: &ToolName, command: &str) -> Reply {
    let mut arguments = json!({ "description": "Runs the command." });
    if shell.name == "exec_command" {
        arguments = json!({});
    }
    arguments[shell.argument.as_str()] = command.into();
    Reply::Call { tool: shell.name.clone(), arguments }
}

/// The files as SEARCH/REPLACE blocks, which aider applies.
fn blocks(answer: &crate::script::Answer) -> String {
    let blocks = answer.files.iter().map(|file| {
        let content = file.content.trim_end();
        format!("{}\n```\n<<<<<<< SEARCH\n=======\n{content}\n>>>>>>> REPLACE\n```\n\n", file.path)
    });
    blocks.collect::<String>() + &answer.text
}
