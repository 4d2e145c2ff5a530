//! What is read of the answers of each API; all other members are skipped.

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct MessagesEvent {
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    pub(super) message: Option<MessagesMessage>,
    pub(super) usage: Option<MessagesUsage>,
    pub(super) delta: Option<MessagesDelta>,
    pub(super) content_block: Option<MessagesBlock>,
}

#[derive(Deserialize)]
pub(super) struct MessagesBlock {
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    pub(super) data: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct MessagesMessage {
    pub(super) usage: Option<MessagesUsage>,
}

#[derive(Deserialize)]
pub(super) struct MessagesUsage {
    pub(super) input_tokens: Option<u64>,
    pub(super) cache_read_input_tokens: Option<u64>,
    pub(super) cache_creation_input_tokens: Option<u64>,
    pub(super) cache_creation: Option<CacheCreation>,
    pub(super) output_tokens: Option<u64>,
    pub(super) server_tool_use: Option<ServerToolUse>,
    pub(super) service_tier: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct CacheCreation {
    #[serde(default)]
    pub(super) ephemeral_1h_input_tokens: u64,
}

#[derive(Deserialize)]
pub(super) struct ServerToolUse {
    #[serde(default)]
    pub(super) web_search_requests: u64,
}

#[derive(Deserialize)]
pub(super) struct MessagesDelta {
    pub(super) text: Option<String>,
    pub(super) partial_json: Option<String>,
    pub(super) thinking: Option<String>,
    pub(super) signature: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ResponsesEvent {
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    pub(super) delta: Option<serde_json::Value>,
    pub(super) response: Option<ResponsesResponse>,
}

#[derive(Deserialize)]
pub(super) struct ResponsesResponse {
    pub(super) usage: Option<ResponsesUsage>,
    pub(super) service_tier: Option<String>,
    #[serde(default)]
    pub(super) output: Vec<ResponsesItem>,
}

#[derive(Deserialize)]
pub(super) struct ResponsesItem {
    #[serde(rename = "type", default)]
    pub(super) kind: String,
}

#[derive(Deserialize)]
pub(super) struct ResponsesUsage {
    pub(super) input_tokens: Option<u64>,
    pub(super) input_tokens_details: Option<Cached>,
    pub(super) output_tokens: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Cached {
    #[serde(default)]
    pub(super) cached_tokens: u64,
}

#[derive(Deserialize)]
pub(super) struct ChatChunk {
    #[serde(default)]
    pub(super) choices: Vec<ChatChoice>,
    pub(super) usage: Option<ChatUsage>,
    pub(super) service_tier: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ChatChoice {
    #[serde(alias = "message")]
    pub(super) delta: Option<ChatDelta>,
}

#[derive(Deserialize)]
pub(super) struct ChatDelta {
    pub(super) content: Option<String>,
    pub(super) reasoning_content: Option<String>,
    pub(super) reasoning: Option<String>,
    pub(super) tool_calls: Option<Vec<ChatCall>>,
}

#[derive(Deserialize)]
pub(super) struct ChatCall {
    pub(super) function: Option<ChatFunction>,
}

#[derive(Deserialize)]
pub(super) struct ChatFunction {
    pub(super) arguments: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ChatUsage {
    pub(super) prompt_tokens: Option<u64>,
    pub(super) prompt_tokens_details: Option<Cached>,
    pub(super) completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct GeminiChunk {
    #[serde(default)]
    pub(super) candidates: Vec<GeminiCandidate>,
    #[serde(rename = "usageMetadata")]
    pub(super) usage: Option<GeminiUsage>,
}

#[derive(Deserialize)]
pub(super) struct GeminiCandidate {
    pub(super) content: Option<GeminiContent>,
    #[serde(rename = "groundingMetadata")]
    pub(super) grounding: Option<GeminiGrounding>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GeminiGrounding {
    #[serde(default)]
    pub(super) web_search_queries: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct GeminiContent {
    #[serde(default)]
    pub(super) parts: Vec<GeminiPart>,
}

#[derive(Deserialize)]
pub(super) struct GeminiPart {
    pub(super) text: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct GeminiUsage {
    #[serde(rename = "promptTokenCount")]
    pub(super) prompt: Option<u64>,
    #[serde(rename = "cachedContentTokenCount")]
    pub(super) cached_content: Option<u64>,
    #[serde(rename = "candidatesTokenCount")]
    pub(super) candidates: Option<u64>,
    #[serde(rename = "thoughtsTokenCount")]
    pub(super) thoughts: Option<u64>,
    #[serde(rename = "toolUsePromptTokenCount")]
    pub(super) tool_use_prompt: Option<u64>,
}
