//! What an answer reports of its tokens, read while it passes.

mod forms;

use forms::{ChatChunk, GeminiChunk, MessagesEvent, MessagesMessage, MessagesUsage, ResponsesEvent, ResponsesResponse};

use super::sse::Events;
use super::{Api, Tier, Tokens};

/// The longest answer that is no stream and is read. A longer one passes unread.
const MAX_BODY: usize = 16 << 20;
/// The fewest tokens that so many bytes of text can be, for a provider that reports implausibly few: text has three to
/// five bytes a token.
const BYTES_PER_TOKEN: u64 = 16;
const USUAL_BYTES_PER_TOKEN: u64 = 4;

/// Reads one answer.
#[derive(Debug)]
pub(crate) struct Meter {
    api: Api,
    form: Form,
    seen: Seen,
}

#[derive(Debug)]
enum Form {
    Stream(Events),
    Whole { bytes: Vec<u8>, too_long: bool },
}

/// What was reported so far.
#[derive(Debug, Default)]
struct Seen {
    tokens: Tokens,
    /// The input was reported.
    input: bool,
    /// The output was reported as a whole.
    output: bool,
    tier: Tier,
    /// Bytes of text, thoughts and calls that the model wrote.
    written: u64,
    /// Searches, where each is an item of the answer.
    searched: u64,
    /// A block of thoughts has begun of which nothing is shown.
    hidden: bool,
}

impl Meter {
    pub(crate) fn new(api: Api, stream: bool) -> Self {
        let form =
            if stream { Form::Stream(Events::default()) } else { Form::Whole { bytes: Vec::new(), too_long: false } };
        Self { api, form, seen: Seen::default() }
    }

    /// Reads a piece of the answer.
    pub(crate) fn feed(&mut self, piece: &[u8]) {
        let (api, seen) = (self.api, &mut self.seen);
        match &mut self.form {
            Form::Stream(events) => events.feed(piece, |data| seen.read(api, data)),
            Form::Whole { too_long: true, .. } => {}
            Form::Whole { bytes, too_long } => {
                *too_long = bytes.len() + piece.len() > MAX_BODY;
                if *too_long {
                    *bytes = Vec::new();
                } else {
                    bytes.extend_from_slice(piece);
                }
            }
        }
    }

    /// The answer has ended.
    pub(crate) fn end(&mut self) {
        let (api, seen) = (self.api, &mut self.seen);
        match &mut self.form {
            Form::Stream(events) => events.end(|data| seen.read(api, data)),
            // Gemini streams an array of chunks where it is not asked for events.
            Form::Whole { bytes, .. } => match serde_json::from_slice::<Vec<&serde_json::value::RawValue>>(bytes) {
                Ok(chunks) => chunks.iter().for_each(|chunk| seen.read(api, chunk.get().as_bytes())),
                Err(_) => seen.read_whole(api, bytes),
            },
        }
    }

    /// What the provider counted, if it reported both ends.
    ///
    /// An implausible count of output is replaced by an estimate of what was streamed.
    pub(crate) fn counted(&self) -> Option<Tokens> {
        let seen = &self.seen;
        let missed = matches!(&self.form, Form::Stream(events) if events.missed_one());
        if !(seen.input && seen.output) || missed {
            return None;
        }
        let mut tokens = seen.tokens;
        tokens.searches = tokens.searches.max(seen.searched);
        if tokens.output < seen.written / BYTES_PER_TOKEN {
            tokens.output = seen.written / USUAL_BYTES_PER_TOKEN;
        }
        Some(tokens)
    }

    /// The input as the provider counted it, where it reported that and no output.
    pub(crate) fn input(&self) -> Option<Tokens> {
        self.seen.input.then_some(Tokens { output: 0, ..self.seen.tokens })
    }

    /// The most output tokens that what was streamed can be: a token is at least a byte.
    pub(crate) fn most_written(&self) -> u64 {
        self.seen.written
    }

    /// The fewest output tokens that what was streamed can be.
    pub(crate) fn least_written(&self) -> u64 {
        self.seen.written / BYTES_PER_TOKEN
    }

    /// Whether everything that the model has written was seen. OpenAI and Gemini do not show every thought; Anthropic
    /// shows each, in words or encrypted, when its block ends.
    pub(crate) fn shows_all(&self) -> bool {
        self.api == Api::Messages && self.seen.written > 0 && !self.seen.hidden
    }

    pub(crate) fn tier(&self) -> Tier {
        self.seen.tier
    }
}

impl Seen {
    fn read(&mut self, api: Api, data: &[u8]) {
        match api {
            Api::Messages => self.messages(data),
            Api::Responses => self.responses(data),
            Api::Chat => self.chat(data),
            Api::Gemini => self.gemini(data),
        }
    }

    fn read_whole(&mut self, api: Api, body: &[u8]) {
        match api {
            Api::Messages => {
                if let Ok(message) = serde_json::from_slice::<MessagesMessage>(body)
                    && let Some(usage) = &message.usage
                {
                    self.messages_usage(usage);
                    self.output = true;
                }
            }
            Api::Responses => {
                if let Ok(response) = serde_json::from_slice::<ResponsesResponse>(body) {
                    self.responses_end(&response);
                }
            }
            Api::Chat => self.chat(body),
            Api::Gemini => self.gemini(body),
        }
    }

    fn wrote(&mut self, text: Option<&str>) {
        self.written = self.written.saturating_add(text.map_or(0, |text| text.len() as u64));
    }

    fn tier_of(&mut self, tier: Option<&str>) {
        if tier == Some("priority") {
            self.tier = Tier::Priority;
        }
    }

    fn messages(&mut self, data: &[u8]) {
        let Ok(event) = serde_json::from_slice::<MessagesEvent>(data) else { return };
        if let Some(usage) = event.message.as_ref().and_then(|message| message.usage.as_ref()) {
            self.messages_usage(usage);
        }
        if let Some(usage) = &event.usage {
            self.messages_usage(usage);
            self.output |= event.kind == "message_delta" && usage.output_tokens.is_some();
        }
        if let Some(block) = &event.content_block {
            self.hidden = block.kind.contains("thinking");
            self.wrote(block.data.as_deref());
        }
        if let Some(delta) = &event.delta {
            for text in [&delta.text, &delta.partial_json, &delta.thinking, &delta.signature] {
                self.hidden &= text.is_none();
                self.wrote(text.as_deref());
            }
        }
        self.hidden &= event.kind != "content_block_stop";
    }

    /// `message_delta` counts from the start, and repeats the input only in part.
    fn messages_usage(&mut self, usage: &MessagesUsage) {
        let tokens = &mut self.tokens;
        if let Some(input) = usage.input_tokens {
            tokens.input = input;
            self.input = true;
        }
        tokens.cache_read = usage.cache_read_input_tokens.unwrap_or(tokens.cache_read);
        if let Some(written) = usage.cache_creation_input_tokens {
            tokens.cache_write_1h =
                usage.cache_creation.as_ref().map_or(tokens.cache_write_1h, |it| it.ephemeral_1h_input_tokens);
            tokens.cache_write = written.saturating_sub(tokens.cache_write_1h);
        }
        tokens.output = usage.output_tokens.unwrap_or(tokens.output).max(tokens.output);
        tokens.searches = usage.server_tool_use.as_ref().map_or(tokens.searches, |it| it.web_search_requests);
        self.tier_of(usage.service_tier.as_deref());
    }

    fn responses(&mut self, data: &[u8]) {
        let Ok(event) = serde_json::from_slice::<ResponsesEvent>(data) else { return };
        if event.kind.strip_suffix(".delta").is_some() {
            self.wrote(event.delta.as_ref().and_then(|delta| delta.as_str()));
        }
        if let ("response.completed" | "response.incomplete" | "response.failed", Some(response)) =
            (event.kind.as_str(), &event.response)
        {
            self.responses_end(response);
        }
    }

    fn responses_end(&mut self, response: &ResponsesResponse) {
        self.tier_of(response.service_tier.as_deref());
        let calls = response
            .output
            .iter()
            .filter(|item| item.kind.ends_with("_search_call") || item.kind == "code_interpreter_call");
        self.searched = calls.count() as u64;
        let Some(usage) = &response.usage else { return };
        let cached = usage.input_tokens_details.as_ref().map_or(0, |it| it.cached_tokens);
        self.all(usage.input_tokens, cached, usage.output_tokens);
    }

    fn chat(&mut self, data: &[u8]) {
        let Ok(chunk) = serde_json::from_slice::<ChatChunk>(data) else { return };
        self.tier_of(chunk.service_tier.as_deref());
        for delta in chunk.choices.iter().filter_map(|choice| choice.delta.as_ref()) {
            for text in [&delta.content, &delta.reasoning_content, &delta.reasoning] {
                self.wrote(text.as_deref());
            }
            let calls = delta.tool_calls.iter().flatten().filter_map(|call| call.function.as_ref());
            calls.for_each(|function| self.wrote(function.arguments.as_deref()));
        }
        if let Some(usage) = &chunk.usage {
            let cached = usage.prompt_tokens_details.as_ref().map_or(0, |it| it.cached_tokens);
            self.all(usage.prompt_tokens, cached, usage.completion_tokens);
        }
    }

    fn gemini(&mut self, data: &[u8]) {
        let Ok(chunk) = serde_json::from_slice::<GeminiChunk>(data) else { return };
        let parts = chunk
            .candidates
            .iter()
            .filter_map(|candidate| candidate.content.as_ref())
            .flat_map(|content| &content.parts);
        for part in parts {
            self.wrote(part.text.as_deref());
        }
        let grounded = chunk.candidates.iter().filter_map(|candidate| candidate.grounding.as_ref());
        let searches = grounded.map(|grounding| grounding.web_search_queries.len() as u64).sum();
        self.searched = self.searched.max(searches);
        let Some(usage) = &chunk.usage else { return };
        let (Some(prompt), Some(written)) = (usage.prompt, usage.candidates.or(usage.thoughts)) else {
            self.input |= usage.prompt.is_some();
            return;
        };
        let thoughts = if usage.candidates.is_some() { usage.thoughts.unwrap_or(0) } else { 0 };
        let input = prompt.saturating_add(usage.tool_use_prompt.unwrap_or(0));
        self.all(Some(input), usage.cached_content.unwrap_or(0), Some(written.saturating_add(thoughts)));
    }

    /// Providers whose count of the input includes what was cached.
    fn all(&mut self, input: Option<u64>, cached: u64, output: Option<u64>) {
        if let (Some(input), Some(output)) = (input, output) {
            let cached = cached.min(input);
            self.tokens = Tokens { input: input - cached, cache_read: cached, output, ..self.tokens };
            (self.input, self.output) = (true, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(api: Api, stream: bool, text: &str) -> Option<Tokens> {
        let mut meter = Meter::new(api, stream);
        for piece in text.as_bytes().chunks(7) {
            meter.feed(piece);
        }
        meter.end();
        meter.counted()
    }

    fn events(list: &[&str]) -> String {
        list.iter().map(|data| format!("data: {data}\n\n")).collect::<Vec<_>>().concat()
    }

    #[test]
    fn messages_are_counted() {
        let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":3,"cache_read_input_tokens":10,"cache_creation_input_tokens":20,"cache_creation":{"ephemeral_1h_input_tokens":5},"output_tokens":1}}}"#;
        let delta = r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"hello"}}"#;
        let end =
            r#"{"type":"message_delta","usage":{"output_tokens":12,"server_tool_use":{"web_search_requests":2}}}"#;
        let whole = Tokens { input: 3, cache_read: 10, cache_write: 15, cache_write_1h: 5, output: 12, searches: 2 };
        assert_eq!(counted(Api::Messages, true, &events(&[start, delta, end])), Some(whole));
        assert_eq!(counted(Api::Messages, true, &events(&[start, delta])), None, "the end is missing");
        let body = r#"{"type":"message","usage":{"input_tokens":3,"output_tokens":4}}"#;
        assert_eq!(counted(Api::Messages, false, body), Some(Tokens { input: 3, output: 4, ..Tokens::default() }));
    }

    #[test]
    fn responses_are_counted() {
        let end = r#"{"type":"response.completed","response":{"service_tier":"default","output":[{"type":"web_search_call"}],"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":60},"output_tokens":7}}}"#;
        let expected = Tokens { input: 40, cache_read: 60, output: 7, searches: 1, ..Tokens::default() };
        assert_eq!(counted(Api::Responses, true, &events(&[r#"{"type":"response.created"}"#, end])), Some(expected));
        assert_eq!(
            counted(Api::Responses, true, &events(&[r#"{"type":"response.created","response":{"usage":null}}"#])),
            None
        );
    }

    #[test]
    fn chat_completions_are_counted() {
        let usage = r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}"#;
        let expected = Tokens { input: 5, cache_read: 4, output: 2, ..Tokens::default() };
        let text = events(&[r#"{"choices":[{"delta":{"content":"hi"}}],"usage":null}"#, usage, "[DONE]"]);
        assert_eq!(counted(Api::Chat, true, &text), Some(expected));
        let body = r#"{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;
        assert_eq!(counted(Api::Chat, false, body), Some(Tokens { input: 9, output: 2, ..Tokens::default() }));
    }

    #[test]
    fn gemini_is_counted_as_events_and_as_an_array() {
        let first = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":8}}"#;
        let last = r#"{"usageMetadata":{"promptTokenCount":8,"cachedContentTokenCount":3,"candidatesTokenCount":4,"thoughtsTokenCount":5}}"#;
        let expected = Tokens { input: 5, cache_read: 3, output: 9, ..Tokens::default() };
        assert_eq!(counted(Api::Gemini, true, &events(&[first, last])), Some(expected));
        assert_eq!(counted(Api::Gemini, false, &format!("[{first},{last}]")), Some(expected));
        assert_eq!(counted(Api::Gemini, false, last), Some(expected));
    }

    #[test]
    fn a_count_below_what_was_streamed_is_not_believed() {
        let text = "x".repeat(4_000);
        let delta = format!(r#"{{"type":"content_block_delta","delta":{{"text":"{text}"}}}}"#);
        let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":3}}}"#;
        let end = r#"{"type":"message_delta","usage":{"output_tokens":5}}"#;
        assert_eq!(counted(Api::Messages, true, &events(&[start, &delta, end])).unwrap().output, 1_000);
    }

    #[test]
    fn garbage_counts_as_nothing_reported() {
        for text in ["", "data: {\n\n", "data: []\n\n", "{}", "\0\0", "data: {\"usage\":{\"input_tokens\":-1}}\n\n"] {
            for api in [Api::Messages, Api::Responses, Api::Chat, Api::Gemini] {
                for stream in [true, false] {
                    assert_eq!(counted(api, stream, text), None, "{api:?} {stream} {text:?}");
                }
            }
        }
    }
}
