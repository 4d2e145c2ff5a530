//! OpenAI Chat Completions: <https://platform.openai.com/docs/api-reference/chat>.

use serde_json::{Value, json};

use super::{Events, Frame, list, names, pieces, text_of, unnamed};
use crate::conversation::{Conversation, Said};
use crate::reply::{Reply, Usage};

pub(super) fn read(body: &Value) -> (Vec<Said>, Conversation) {
    let said = list(&body["messages"])
        .iter()
        .filter_map(|message| match message["role"].as_str()? {
            "user" => Some(Said::User(text_of(&message["content"]))),
            "tool" => Some(Said::ToolResult),
            "assistant" => Some(Said::Model),
            _ => None,
        })
        .collect();
    let conversation = Conversation {
        tools: names(list(&body["tools"]).iter().map(|tool| &tool["function"])),
        wants_json: body["response_format"]["type"] == "json_schema",
        max_output: body["max_completion_tokens"].as_u64().or(body["max_tokens"].as_u64()),
        ..Conversation::default()
    };
    (said, conversation)
}

pub(super) fn events(frame: &Frame) -> Events {
    let chunk = |delta: &Value, finish: Option<&str>| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        unnamed(&head(frame, "chat.completion.chunk", &[choice]))
    };
    let mut events = Events::default();
    match &frame.reply {
        Reply::Text(text) => {
            events.head = vec![chunk(&json!({ "role": "assistant", "content": "" }), None)];
            events.pieces = pieces(text).into_iter().map(|piece| chunk(&json!({ "content": piece }), None)).collect();
        }
        Reply::Call { tool, arguments } => {
            let function = json!({ "name": tool, "arguments": "" });
            let call = json!({ "index": 0, "id": id(frame), "type": "function", "function": function });
            events.head = vec![chunk(&json!({ "role": "assistant", "content": null, "tool_calls": [call] }), None)];
            let delta = |piece: String| {
                let call = json!({ "index": 0, "function": { "arguments": piece } });
                chunk(&json!({ "tool_calls": [call] }), None)
            };
            events.pieces = pieces(&arguments.to_string()).into_iter().map(delta).collect();
        }
    }
    events.tail = vec![chunk(&json!({}), Some(reason(&frame.reply)))];
    if let Some(usage) = frame.usage {
        let mut last = head(frame, "chat.completion.chunk", &[]);
        last["usage"] = tokens(usage);
        events.tail.push(unnamed(&last));
    }
    events.tail.push("data: [DONE]\n\n".to_owned());
    events
}

pub(super) fn whole(frame: &Frame) -> Value {
    let message = match &frame.reply {
        Reply::Text(text) => json!({ "role": "assistant", "content": text }),
        Reply::Call { tool, arguments } => {
            let function = json!({ "name": tool, "arguments": arguments.to_string() });
            json!({
                "role": "assistant", "content": null,
                "tool_calls": [{ "id": id(frame), "type": "function", "function": function }]
            })
        }
    };
    let choice = json!({ "index": 0, "message": message, "finish_reason": reason(&frame.reply) });
    let mut whole = head(frame, "chat.completion", &[choice]);
    if let Some(usage) = frame.usage {
        whole["usage"] = tokens(usage);
    }
    whole
}

/// Also of the Responses API.
pub(super) fn error(status: u16, message: &str) -> Value {
    let (kind, code) = match status {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        402 => ("billing_error", Some("billing_hard_limit_reached")),
        429 => ("requests", Some("rate_limit_exceeded")),
        500.. => ("server_error", None),
        _ => ("invalid_request_error", None),
    };
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

fn head(frame: &Frame, object: &str, choices: &[Value]) -> Value {
    let id = format!("chatcmpl-{}", frame.id);
    json!({ "id": id, "object": object, "created": 1_700_000_000, "model": frame.model, "choices": choices })
}

fn tokens(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": { "cached_tokens": usage.cached }
    })
}

fn reason(reply: &Reply) -> &'static str {
    if matches!(reply, Reply::Text(_)) { "stop" } else { "tool_calls" }
}

fn id(frame: &Frame) -> String {
    format!("call_{}", frame.id)
}
