//! OpenAI Responses: <https://platform.openai.com/docs/api-reference/responses-streaming>.

use serde_json::{Value, json};

use super::{Events, Frame, list, named, names, pieces, text_of};
use crate::conversation::{Conversation, Said};
use crate::reply::{Reply, Usage};

pub(super) fn read(body: &Value) -> (Vec<Said>, Conversation) {
    let said = match &body["input"] {
        Value::String(text) => vec![Said::User(text.clone())],
        input => list(input).iter().filter_map(item).collect(),
    };
    let conversation = Conversation {
        tools: names(list(&body["tools"])),
        wants_json: body["text"]["format"]["type"] == "json_schema",
        max_output: body["max_output_tokens"].as_u64(),
        ..Conversation::default()
    };
    (said, conversation)
}

fn item(item: &Value) -> Option<Said> {
    match item["type"].as_str().unwrap_or("message") {
        "message" if item["role"] == "user" => Some(Said::User(text_of(&item["content"]))),
        "message" if item["role"] == "assistant" => Some(Said::Model),
        "function_call_output" | "custom_tool_call_output" | "local_shell_call_output" => Some(Said::ToolResult),
        _ => None,
    }
}

pub(super) fn events(frame: &Frame) -> Events {
    let mut number = 0;
    let mut event = |mut data: Value| {
        data["sequence_number"] = number.into();
        number += 1;
        named(&data)
    };
    let mut begun = response(frame, "in_progress", &[]);
    begun["usage"] = Value::Null;
    let item = output(frame);
    let mut empty = item.clone();
    empty["status"] = "in_progress".into();
    let (part, delta, text) = match &frame.reply {
        Reply::Text(text) => {
            empty["content"] = json!([]);
            (true, "response.output_text.delta", text.clone())
        }
        Reply::Call { arguments, .. } => {
            empty["arguments"] = "".into();
            (false, "response.function_call_arguments.delta", arguments.to_string())
        }
    };
    let at = |kind: &str| json!({ "type": kind, "item_id": item["id"], "output_index": 0, "content_index": 0 });
    let mut events = Events {
        head: vec![
            event(json!({ "type": "response.created", "response": begun })),
            event(json!({ "type": "response.output_item.added", "output_index": 0, "item": empty })),
        ],
        ..Events::default()
    };
    if part {
        let mut added = at("response.content_part.added");
        added["part"] = json!({ "type": "output_text", "text": "", "annotations": [] });
        events.head.push(event(added));
    }
    for piece in pieces(&text) {
        let mut data = at(delta);
        data["delta"] = piece.into();
        events.pieces.push(event(data));
    }
    let mut done = at(&delta.replace(".delta", ".done"));
    done[if part { "text" } else { "arguments" }] = text.into();
    events.tail.push(event(done));
    if part {
        let mut done = at("response.content_part.done");
        done["part"] = item["content"][0].clone();
        events.tail.push(event(done));
    }
    events.tail.push(event(json!({ "type": "response.output_item.done", "output_index": 0, "item": item })));
    let whole = response(frame, "completed", std::slice::from_ref(&item));
    events.tail.push(event(json!({ "type": "response.completed", "response": whole })));
    events
}

pub(super) fn whole(frame: &Frame) -> Value {
    response(frame, "completed", &[output(frame)])
}

fn output(frame: &Frame) -> Value {
    match &frame.reply {
        Reply::Text(text) => json!({
            "id": format!("msg_{}", frame.id), "type": "message", "status": "completed", "role": "assistant",
            "content": [{ "type": "output_text", "text": text, "annotations": [] }]
        }),
        Reply::Call { tool, arguments } => json!({
            "id": format!("fc_{}", frame.id), "type": "function_call", "status": "completed",
            "call_id": format!("call_{}", frame.id), "name": tool, "arguments": arguments.to_string()
        }),
    }
}

fn response(frame: &Frame, status: &str, output: &[Value]) -> Value {
    let mut response = json!({
        "id": format!("resp_{}", frame.id), "object": "response", "created_at": 1_700_000_000, "status": status,
        "error": null, "incomplete_details": null, "model": frame.model, "output": output, "parallel_tool_calls": false,
        "tools": []
    });
    if let Some(usage) = frame.usage {
        response["usage"] = tokens(usage);
    }
    response
}

fn tokens(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input, "input_tokens_details": { "cached_tokens": usage.cached },
        "output_tokens": usage.output, "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": usage.input + usage.output
    })
}
