//! Gemini: <https://ai.google.dev/api/generate-content>.

use serde_json::{Value, json};

use super::{Events, Frame, list, names, pieces, text_of, unnamed};
use crate::conversation::{Conversation, Said};
use crate::reply::{Reply, Usage};

pub(super) fn read(body: &Value) -> (Vec<Said>, Conversation) {
    let mut said = Vec::new();
    for content in list(&body["contents"]) {
        if content["role"] == "model" {
            said.push(Said::Model);
            continue;
        }
        let results = list(&content["parts"]).iter().filter(|part| !part["functionResponse"].is_null()).count();
        said.extend(std::iter::repeat_n(Said::ToolResult, results));
        if results == 0 {
            said.push(Said::User(text_of(&content["parts"])));
        }
    }
    let tools = list(&body["tools"]).iter().flat_map(|tool| list(&tool["functionDeclarations"]));
    let conversation = Conversation {
        tools: names(tools),
        wants_json: !body["generationConfig"]["responseJsonSchema"].is_null()
            || !body["generationConfig"]["responseSchema"].is_null(),
        max_output: body["generationConfig"]["maxOutputTokens"].as_u64(),
        ..Conversation::default()
    };
    (said, conversation)
}

pub(super) fn events(frame: &Frame) -> Events {
    let pieces = match &frame.reply {
        Reply::Text(text) => pieces(text).into_iter().map(|piece| json!({ "text": piece })).collect(),
        Reply::Call { .. } => vec![part(frame)],
    };
    let mut last = answer(frame, &json!({ "text": "" }));
    last["candidates"][0]["finishReason"] = "STOP".into();
    if let Some(usage) = frame.usage {
        last["usageMetadata"] = tokens(usage);
    }
    Events {
        head: Vec::new(),
        pieces: pieces.iter().map(|part| unnamed(&answer(frame, part))).collect(),
        tail: vec![unnamed(&last)],
    }
}

pub(super) fn whole(frame: &Frame) -> Value {
    let mut whole = answer(frame, &part(frame));
    whole["candidates"][0]["finishReason"] = "STOP".into();
    if let Some(usage) = frame.usage {
        whole["usageMetadata"] = tokens(usage);
    }
    whole
}

pub(super) fn error(status: u16, message: &str) -> Value {
    let name = match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "FAILED_PRECONDITION",
    };
    json!({ "error": { "code": status, "message": message, "status": name } })
}

fn part(frame: &Frame) -> Value {
    match &frame.reply {
        Reply::Text(text) => json!({ "text": text }),
        Reply::Call { tool, arguments } => json!({ "functionCall": { "name": tool, "args": arguments } }),
    }
}

fn answer(frame: &Frame, part: &Value) -> Value {
    json!({
        "candidates": [{ "content": { "role": "model", "parts": [part] }, "index": 0 }],
        "modelVersion": frame.model, "responseId": format!("answer-{}", frame.id)
    })
}

fn tokens(usage: Usage) -> Value {
    json!({
        "promptTokenCount": usage.input, "cachedContentTokenCount": usage.cached, "candidatesTokenCount": usage.output,
        "totalTokenCount": usage.input + usage.output
    })
}
