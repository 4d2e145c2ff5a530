//! Anthropic Messages: <https://docs.anthropic.com/en/api/messages-streaming>.

use serde_json::{Value, json};

use super::{Events, Frame, list, named, names, pieces, text_of};
use crate::conversation::{Conversation, Said};
use crate::reply::{Reply, Usage};

pub(super) fn read(body: &Value) -> (Vec<Said>, Conversation) {
    let mut said = Vec::new();
    for message in list(&body["messages"]) {
        if message["role"] != "user" {
            said.push(Said::Model);
            continue;
        }
        let results = list(&message["content"]).iter().filter(|block| block["type"] == "tool_result").count();
        said.extend(std::iter::repeat_n(Said::ToolResult, results));
        if results == 0 {
            said.push(Said::User(text_of(&message["content"])));
        }
    }
    let conversation = Conversation {
        tools: names(list(&body["tools"])),
        max_output: body["max_tokens"].as_u64(),
        ..Conversation::default()
    };
    (said, conversation)
}

pub(super) fn events(frame: &Frame) -> Events {
    let (block, deltas) = match &frame.reply {
        Reply::Text(text) => {
            let deltas = pieces(text).into_iter().map(|piece| json!({ "type": "text_delta", "text": piece })).collect();
            (json!({ "type": "text", "text": "" }), deltas)
        }
        Reply::Call { tool, arguments } => {
            let deltas: Vec<Value> = pieces(&arguments.to_string())
                .into_iter()
                .map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }))
                .collect();
            (json!({ "type": "tool_use", "id": id("toolu", frame), "name": tool, "input": {} }), deltas)
        }
    };
    let mut message = message(frame);
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    let mut end = json!({
        "type": "message_delta", "delta": { "stop_reason": reason(&frame.reply), "stop_sequence": null }
    });
    if let Some(usage) = frame.usage {
        message["usage"] = tokens(Usage { output: 1, ..usage });
        end["usage"] = tokens(usage);
    }
    let delta = |delta: Value| named(&json!({ "type": "content_block_delta", "index": 0, "delta": delta }));
    Events {
        head: vec![
            named(&json!({ "type": "message_start", "message": message })),
            named(&json!({ "type": "content_block_start", "index": 0, "content_block": block })),
        ],
        pieces: deltas.into_iter().map(delta).collect(),
        tail: vec![
            named(&json!({ "type": "content_block_stop", "index": 0 })),
            named(&end),
            named(&json!({ "type": "message_stop" })),
        ],
    }
}

pub(super) fn whole(frame: &Frame) -> Value {
    message(frame)
}

pub(super) fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({ "type": "error", "error": { "type": kind, "message": message } })
}

fn message(frame: &Frame) -> Value {
    let content = match &frame.reply {
        Reply::Text(text) => json!({ "type": "text", "text": text }),
        Reply::Call { tool, arguments } => {
            json!({ "type": "tool_use", "id": id("toolu", frame), "name": tool, "input": arguments })
        }
    };
    let mut message = json!({
        "id": id("msg", frame), "type": "message", "role": "assistant", "model": frame.model, "content": [content],
        "stop_reason": reason(&frame.reply), "stop_sequence": null
    });
    if let Some(usage) = frame.usage {
        message["usage"] = tokens(usage);
    }
    message
}

fn tokens(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input - usage.cached, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached, "output_tokens": usage.output
    })
}

fn reason(reply: &Reply) -> &'static str {
    if matches!(reply, Reply::Text(_)) { "end_turn" } else { "tool_use" }
}

fn id(prefix: &str, frame: &Frame) -> String {
    format!("{prefix}_{}", frame.id)
}
