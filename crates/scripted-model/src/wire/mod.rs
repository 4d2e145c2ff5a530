//! The four wire APIs: each reads a request as a [`Conversation`] and writes a [`Reply`] as events or as one body.

mod anthropic;
mod chat;
mod gemini;
mod responses;

use serde_json::Value;

use crate::conversation::Conversation;
use crate::reply::{Reply, Usage};

/// Text is streamed in pieces of so many characters.
const PIECE: usize = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Anthropic,
    Responses,
    Chat,
    Gemini,
}

/// What goes into the frame of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// Makes ids that no other request of any model has: agents take an id that comes again for the same thing.
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) reply: Reply,
    /// `None`: nothing is told.
    pub(crate) usage: Option<Usage>,
}

/// A stream as text of server-sent events. `pieces` carry the output.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events {
    pub(crate) head: Vec<String>,
    pub(crate) pieces: Vec<String>,
    pub(crate) tail: Vec<String>,
}

impl Wire {
    /// The API of a path, and the model where the path names it.
    pub(crate) fn of(path: &str) -> Option<(Self, Option<String>)> {
        let gemini = path.rsplit_once("/models/").and_then(|(_, rest)| rest.rsplit_once(':'));
        match gemini {
            Some((model, "streamGenerateContent" | "generateContent")) => {
                return Some((Self::Gemini, Some(model.to_owned())));
            }
            Some(_) => return None,
            None => {}
        }
        let wires =
            [("/messages", Self::Anthropic), ("/responses", Self::Responses), ("/chat/completions", Self::Chat)];
        wires.into_iter().find(|(end, _)| path.ends_with(end)).map(|(_, wire)| (wire, None))
    }

    pub(crate) fn read(self, body: &Value) -> Conversation {
        let (said, mut conversation) = match self {
            Self::Anthropic => anthropic::read(body),
            Self::Responses => responses::read(body),
            Self::Chat => chat::read(body),
            Self::Gemini => gemini::read(body),
        };
        conversation.model = body["model"].as_str().map(str::to_owned);
        conversation.stream = body["stream"].as_bool().unwrap_or(false);
        conversation.edits_as_text = body.to_string().contains("SEARCH/REPLACE");
        conversation.with(&said)
    }

    pub(crate) fn events(self, frame: &Frame) -> Events {
        match self {
            Self::Anthropic => anthropic::events(frame),
            Self::Responses => responses::events(frame),
            Self::Chat => chat::events(frame),
            Self::Gemini => gemini::events(frame),
        }
    }

    pub(crate) fn whole(self, frame: &Frame) -> Value {
        match self {
            Self::Anthropic => anthropic::whole(frame),
            Self::Responses => responses::whole(frame),
            Self::Chat => chat::whole(frame),
            Self::Gemini => gemini::whole(frame),
        }
    }

    pub(crate) fn error(self, status: u16, message: &str) -> Value {
        match self {
            Self::Anthropic => anthropic::error(status, message),
            Self::Responses | Self::Chat => chat::error(status, message),
            Self::Gemini => gemini::error(status, message),
        }
    }
}

/// A server-sent event with a name, which is the `type` of its data.
fn named(data: &Value) -> String {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or("message"))
}

/// A server-sent event without a name.
fn unnamed(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn pieces(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(PIECE).map(|piece| piece.iter().collect()).collect()
}

/// The texts of a member that is a text or a list of blocks with `text`.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn names<'a>(tools: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    tools.into_iter().filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect()
}
