//! What a request asks for, and how its output is capped.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{Api, Tier};
use crate::body::Members;

/// The most searches that are reserved for a request that names no number.
const SEARCHES: u64 = 20;
/// The most answers to one request.
const MAX_CHOICES: u64 = 16;

/// A request, as far as its price and its repetition depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// The output tokens that it asks for at most; `None` where it names no maximum.
    pub(crate) output: Option<u64>,
    /// Answers, each of which may have this much.
    pub(crate) choices: u64,
    /// Searches by the provider.
    pub(crate) searches: u64,
    pub(crate) tier: Tier,
    /// What else changes the price: `fast`, `us`.
    pub(crate) asks: Vec<String>,
    /// The same for two requests whose last turn says the same.
    pub(crate) last_turn: [u8; 32],
    /// The same for two whose last turn says the same in its words: times, counts and ids may differ.
    pub(crate) last_words: [u8; 32],
}

/// Why no price can be known for a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AskFault {
    #[error("the request names no model")]
    NoModel,
    #[error("`{0}` is not passed on, because what it costs cannot be known before the request is made")]
    Unpriced(&'static str),
}

impl Asked {
    /// Reads a request. `model` and `stream` are what its path says.
    pub(crate) fn read(
        api: Api,
        body: &Members,
        model: Option<String>,
        stream: Option<bool>,
    ) -> Result<Self, AskFault> {
        if let Some(fault) = unpriced(api, body) {
            return Err(AskFault::Unpriced(fault));
        }
        let model =
            model.or_else(|| body.get::<String>("model")).filter(|name| !name.is_empty()).ok_or(AskFault::NoModel)?;
        let config: Members = body.get("generationConfig").unwrap_or_default();
        let number = |members: &Members, name| members.get::<f64>(name).map(whole);
        let output = match api {
            Api::Messages => number(body, "max_tokens"),
            Api::Responses => number(body, "max_output_tokens"),
            Api::Chat => number(body, "max_completion_tokens").or_else(|| number(body, "max_tokens")),
            Api::Gemini => number(&config, "maxOutputTokens"),
        };
        let choices = match api {
            Api::Chat => number(body, "n"),
            Api::Gemini => number(&config, "candidateCount"),
            Api::Messages | Api::Responses => None,
        };
        let tier = match body.get::<String>("service_tier").as_deref() {
            // OpenAI's `auto` may become the project's own tier.
            Some("priority" | "auto" | "fast") => Tier::Priority,
            _ => Tier::Default,
        };
        let mut asks = Vec::new();
        asks.extend(body.get::<String>("speed"));
        asks.extend(body.get::<String>("inference_geo"));
        let said = Said::in_last_turns(turns(api, body).unwrap_or_default());
        Ok(Self {
            model,
            stream: stream.or_else(|| body.get("stream")).unwrap_or(false),
            output,
            choices: choices.unwrap_or(1).clamp(1, MAX_CHOICES),
            searches: searches(body),
            tier,
            asks,
            last_turn: said.exactly.finalize().into(),
            last_words: said.in_words.finalize().into(),
        })
    }
}

/// A number of tokens. Providers take `4e3` as a number too.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(number: f64) -> u64 {
    number.max(0.0).ceil() as u64
}

/// What makes the price of a request depend on more than its bytes.
fn unpriced(api: Api, body: &Members) -> Option<&'static str> {
    let set = |name: &str| body.raw(name).is_some_and(|raw| raw != "false" && raw != "\"\"");
    let too_many = |members: &Members, name| members.get::<f64>(name).is_some_and(|number| whole(number) > MAX_CHOICES);
    let named = match api {
        Api::Responses => {
            ["background", "previous_response_id", "conversation", "prompt"].into_iter().find(|name| set(name))
        }
        Api::Gemini => ["cachedContent"].into_iter().find(|name| set(name)),
        Api::Messages => ["container", "mcp_servers"].into_iter().find(|name| set(name)),
        Api::Chat => ["best_of", "modalities", "audio"].into_iter().find(|name| set(name)),
    };
    if named.is_some() {
        return named;
    }
    let config: Members = body.get("generationConfig").unwrap_or_default();
    if too_many(body, "n") {
        return Some("n");
    }
    if too_many(&config, "candidateCount") {
        return Some("candidateCount");
    }
    let turns = turns(api, body)?;
    // A file by its name or address is as long as it is, wherever it lies.
    ["\"file_id\"", "\"file_url\"", "\"fileUri\"", "\"file_uri\""]
        .into_iter()
        .zip(["file_id", "file_url", "fileUri", "file_uri"])
        .find(|(quoted, _)| member_of(turns, quoted))
        .map(|(_, name)| name)
}

/// Whether a name in quotes is a member's, and not a part of a text.
fn member_of(json: &str, quoted: &str) -> bool {
    let is_member = |(at, _): (usize, &str)| {
        let escaped = json[..at].ends_with('\\');
        !escaped && json[at + quoted.len()..].trim_start().starts_with(':')
    };
    // To look whether a text is there at all is many times faster than to look where.
    json.contains(quoted) && json.match_indices(quoted).any(is_member)
}

fn turns(api: Api, body: &Members) -> Option<&str> {
    body.raw(match api {
        Api::Messages | Api::Chat => "messages",
        Api::Responses => "input",
        Api::Gemini => "contents",
    })
}

/// The searches that the provider may do and bill.
fn searches(body: &Members) -> u64 {
    #[derive(Deserialize)]
    struct Tool {
        #[serde(rename = "type", default)]
        kind: Option<String>,
        max_uses: Option<f64>,
        #[serde(
            rename = "googleSearch",
            alias = "google_search",
            alias = "google_search_retrieval",
            alias = "googleMaps"
        )]
        google: Option<serde::de::IgnoredAny>,
    }
    let billed = |tool: &Tool| {
        let kind = tool.kind.as_deref().unwrap_or_default();
        let by_provider =
            ["web_search", "web_fetch", "file_search", "code_interpreter", "code_execution", "image_generation"];
        by_provider.iter().any(|name| kind.starts_with(name)) || tool.google.is_some()
    };
    let tools: Vec<Tool> = body.get("tools").unwrap_or_default();
    let named = tools.iter().filter(|tool| billed(tool)).map(|tool| tool.max_uses.map_or(SEARCHES, whole)).sum();
    if body.raw("web_search_options").is_some() { SEARCHES.max(named) } else { named }
}

/// Members that name a turn and do not belong to what it says.
const IDS: [&str; 7] =
    ["id", "tool_use_id", "call_id", "tool_call_id", "cache_control", "encrypted_content", "signature"];

/// Digests of what turns say, without the ids that differ each time: in all its words, and in those without a digit.
#[derive(Default)]
struct Said {
    exactly: Sha256,
    in_words: Sha256,
}

impl Said {
    /// In the last two of a list of turns: the model's last call and what came of it.
    fn in_last_turns(turns: &str) -> Self {
        let mut said = Self::default();
        match serde_json::from_str::<Vec<&RawValue>>(turns) {
            Ok(turns) => {
                for turn in &turns[turns.len().saturating_sub(2)..] {
                    match serde_json::from_str::<Value>(turn.get()) {
                        Ok(value) => said.add(&value),
                        Err(_) => said.both(turn.get().as_bytes()),
                    }
                }
            }
            Err(_) => said.both(turns.as_bytes()),
        }
        said
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members.iter().filter(|(name, _)| !IDS.contains(&name.as_str())) {
                    self.both(name.as_bytes());
                    self.both(&[1]);
                    self.add(value);
                }
                self.both(&[2]);
            }
            Value::Array(items) => {
                for item in items {
                    self.add(item);
                }
                self.both(&[3]);
            }
            Value::String(text) => {
                for word in text.split_whitespace() {
                    self.exactly.update(word.as_bytes());
                    if !word.bytes().any(|byte| byte.is_ascii_digit()) {
                        self.in_words.update(word.as_bytes());
                    }
                    self.both(&[4]);
                }
            }
            other => self.both(other.to_string().as_bytes()),
        }
    }

    fn both(&mut self, bytes: &[u8]) {
        self.exactly.update(bytes);
        self.in_words.update(bytes);
    }
}

/// Writes the output cap into a request, and asks for a count of tokens where a stream would not report it.
///
/// `chat` is the member that the provider of a Chat Completions request reads where the request has none.
pub(crate) fn cap(api: Api, body: &mut Members, tokens: u64, stream: bool, chat: &str) -> serde_json::Result<()> {
    match api {
        Api::Messages => {
            body.set("max_tokens", &tokens)?;
            cap_thinking(body, tokens)
        }
        Api::Responses => body.set("max_output_tokens", &tokens),
        Api::Chat => {
            let named: Vec<&str> =
                ["max_completion_tokens", "max_tokens"].into_iter().filter(|name| body.raw(name).is_some()).collect();
            for name in if named.is_empty() { vec![chat] } else { named } {
                body.set(name, &tokens)?;
            }
            if stream {
                let mut options: Members = body.get("stream_options").unwrap_or_default();
                options.set("include_usage", &true)?;
                body.set("stream_options", &options)?;
            }
            Ok(())
        }
        Api::Gemini => {
            let mut config: Members = body.get("generationConfig").unwrap_or_default();
            config.set("maxOutputTokens", &tokens)?;
            body.set("generationConfig", &config)
        }
    }
}

/// Anthropic refuses a request whose thoughts may be as long as the whole output.
fn cap_thinking(body: &mut Members, tokens: u64) -> serde_json::Result<()> {
    let Some(mut thinking) = body.get::<Members>("thinking") else { return Ok(()) };
    match thinking.get::<u64>("budget_tokens") {
        Some(budget) if budget >= tokens => {
            thinking.set("budget_tokens", &(tokens / 2))?;
            body.set("thinking", &thinking)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: &str) -> Members {
        Members::parse(json.as_bytes()).unwrap()
    }

    fn asked(api: Api, json: &str) -> Asked {
        Asked::read(api, &members(json), (api == Api::Gemini).then(|| "g".to_owned()), None).unwrap()
    }

    #[test]
    fn what_is_asked_for_is_read_in_every_form() {
        let messages =
            asked(Api::Messages, r#"{"model":"m","max_tokens":128000,"stream":true,"speed":"fast","messages":[]}"#);
        assert_eq!((messages.output, messages.stream, messages.asks), (Some(128_000), true, vec!["fast".to_owned()]));
        assert_eq!(
            asked(Api::Responses, r#"{"model":"m","input":"x","service_tier":"priority"}"#).tier,
            Tier::Priority
        );
        let chat = asked(Api::Chat, r#"{"model":"m","max_tokens":4e3,"n":3,"messages":[]}"#);
        assert_eq!((chat.output, chat.choices), (Some(4_000), 3));
        let gemini = asked(Api::Gemini, r#"{"generationConfig":{"maxOutputTokens":7},"tools":[{"googleSearch":{}}]}"#);
        assert_eq!((gemini.output, gemini.searches, gemini.model.as_str()), (Some(7), 20, "g"));
        let searching = asked(Api::Messages, r#"{"model":"m","tools":[{"type":"web_search_20250305","max_uses":8}]}"#);
        assert_eq!(searching.searches, 8);
    }

    #[test]
    fn what_has_no_price_is_refused() {
        for (api, json) in [
            (Api::Responses, r#"{"model":"m","background":true}"#),
            (Api::Responses, r#"{"model":"m","previous_response_id":"r"}"#),
            (Api::Responses, r#"{"model":"m","input":[{"content":[{"type":"input_file","file_id" : "f"}]}]}"#),
            (Api::Messages, r#"{"model":"m","container":"c"}"#),
            (Api::Gemini, r#"{"cachedContent":"c"}"#),
            (Api::Chat, r#"{"model":"m","n":100}"#),
        ] {
            let read = Asked::read(api, &members(json), Some("m".to_owned()), None);
            assert!(matches!(read, Err(AskFault::Unpriced(_))), "{json}");
        }
        assert_eq!(Asked::read(Api::Chat, &members("{}"), None, None), Err(AskFault::NoModel));
        let told = r#"{"model":"m","background":false,"input":[{"content":"say \"file_id\": and go"}]}"#;
        assert!(Asked::read(Api::Responses, &members(told), None, None).is_ok());
    }

    #[test]
    fn a_turn_that_says_the_same_is_the_same_whatever_its_ids() {
        let turn = |id: &str, command: &str| {
            let json = format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":"{id}"}},
                {{"role":"assistant","content":[{{"type":"tool_use","id":"{id}","name":"Bash","input":{{"command":"{command}"}}}}]}},
                {{"role":"user","content":[{{"type":"tool_result","tool_use_id":"{id}","content":"ok"}}]}}]}}"#
            );
            asked(Api::Messages, &json).last_turn
        };
        assert_eq!(turn("a", "ls"), turn("b", "ls"));
        assert_ne!(turn("a", "ls"), turn("a", "pwd"));
    }

    #[test]
    fn words_are_the_same_whatever_the_times_and_counts_between_them() {
        let turn = |output: &str| {
            let json = format!(
                r#"{{"model":"m","input":[{{"type":"function_call","call_id":"c","name":"exec","arguments":"ls"}},
                {{"type":"function_call_output","call_id":"c","output":"{output}"}}]}}"#
            );
            let asked = asked(Api::Responses, &json);
            (asked.last_turn, asked.last_words)
        };
        let (first, second) = (turn("Chunk 3f2a: took 0.05 seconds"), turn("Chunk b71c: took 0.061 seconds"));
        assert!(first.0 != second.0 && first.1 == second.1);
        assert_ne!(first.1, turn("Chunk 3f2a: failed in 0.05 seconds").1);
    }

    #[test]
    fn the_cap_is_written_where_the_provider_reads_it() {
        let capped = |api, json: &str, stream| {
            let mut body = members(json);
            cap(api, &mut body, 4_000, stream, "max_tokens").unwrap();
            String::from_utf8(body.write().unwrap()).unwrap()
        };
        let thinking = r#"{"max_tokens":128000,"thinking":{"type":"enabled","budget_tokens":31999}}"#;
        let expected = r#"{"max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":2000}}"#;
        assert_eq!(capped(Api::Messages, thinking, true), expected);
        assert_eq!(capped(Api::Responses, r#"{"input":"x"}"#, true), r#"{"input":"x","max_output_tokens":4000}"#);
        assert_eq!(
            capped(Api::Chat, r#"{"max_completion_tokens":9,"max_tokens":9}"#, false),
            r#"{"max_completion_tokens":4000,"max_tokens":4000}"#
        );
        assert_eq!(capped(Api::Chat, "{}", true), r#"{"max_tokens":4000,"stream_options":{"include_usage":true}}"#);
        let gemini = capped(Api::Gemini, r#"{"generationConfig":{"temperature":0.0}}"#, true);
        assert_eq!(gemini, r#"{"generationConfig":{"temperature":0.0,"maxOutputTokens":4000}}"#);
    }
}
