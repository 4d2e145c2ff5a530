//! A client of the Agent Client Protocol (<https://agentclientprotocol.com>), version 1: JSON-RPC, one message a line.
//!
//! The agent reads and writes files and runs commands by itself; every permission that it asks for is given, because the
//! sandbox is what confines it. An agent that says `end_turn` after an error without words is caught where it neither
//! spoke nor acted; else the model gateway's record tells.

use std::io::Write;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use serde_json::{Value, json};

use super::home::Prepared;
use super::process::{Line, Next, Running};
use super::{Config, Ran, show};
use crate::failure::RunError;
use crate::pointer::text;
use crate::reader::{Findings, Usage};
use crate::transcript::Entry;

const VERSION: u32 = 1;
/// The longest last message that is kept, in bytes.
const MESSAGE_BYTES: usize = 1024 * 1024;
const METHOD_NOT_FOUND: i64 = -32601;

/// Why a request has no result.
enum Fault {
    /// The agent answered with an error.
    Refused(RunError),
    /// The agent ended.
    Gone(RunError),
}

struct Client<'a> {
    config: &'a Config,
    running: Running,
    messages: Sender<Vec<u8>>,
    requests: u64,
    findings: Findings,
    /// The message so far.
    message: String,
    /// Updates before the prompt repeat an old session.
    prompted: bool,
    acted: bool,
}

/// Runs one prompt in a new or a resumed session.
pub(super) fn run(config: &Config, prepared: &Prepared, session: Option<&str>, prompt: &str) -> Ran {
    let (running, mut stdin) = match Running::start(config, prepared) {
        Ok(started) => started,
        Err(error) => return Ran { error: Some(error), ..Ran::default() },
    };
    // A thread of its own, so that an agent that does not read keeps nobody from reading it.
    let (messages, to_send) = channel::<Vec<u8>>();
    thread::spawn(move || {
        while let Ok(message) = to_send.recv() {
            if stdin.write_all(&message).and_then(|()| stdin.flush()).is_err() {
                return;
            }
        }
    });
    let mut client = Client {
        config,
        running,
        messages,
        requests: 0,
        findings: Findings::default(),
        message: String::new(),
        prompted: false,
        acted: false,
    };
    let mut missing = false;
    let result = client.converse(session, prompt, &mut missing);
    client.flush();
    client.running.kill();
    let error = result.err().map(|fault| match fault {
        Fault::Refused(error) | Fault::Gone(error) => error,
    });
    Ran { findings: client.findings, error, session_missing: missing }
}

impl Client<'_> {
    fn converse(&mut self, session: Option<&str>, prompt: &str, missing: &mut bool) -> Result<(), Fault> {
        let acp = &self.config.preset.acp;
        let files = json!({ "readTextFile": false, "writeTextFile": false });
        let capabilities = json!({ "fs": files, "terminal": false });
        let agent =
            self.ask("initialize", &json!({ "protocolVersion": VERSION, "clientCapabilities": capabilities }))?;
        if let Some(method) = &acp.auth_method {
            self.ask("authenticate", &json!({ "methodId": method }))?;
        }
        let id = match session {
            None => self.begin()?,
            Some(id) => match self.resume(&agent, id) {
                Ok(()) => id.to_owned(),
                Err(fault) => {
                    *missing = true;
                    return Err(fault);
                }
            },
        };
        self.findings.session = Some(id.clone());
        if let Some(mode) = &acp.mode {
            self.ask("session/set_mode", &json!({ "sessionId": id, "modeId": mode }))?;
        }
        if let Some(model) = self.config.model.as_ref().filter(|_| acp.set_model) {
            self.ask("session/set_model", &json!({ "sessionId": id, "modelId": model }))?;
        }
        self.prompted = true;
        let blocks = json!([{ "type": "text", "text": prompt }]);
        let turn = self.ask("session/prompt", &json!({ "sessionId": id, "prompt": blocks }))?;
        self.flush();
        self.count(&turn);
        self.judge(&turn)
    }

    fn begin(&mut self) -> Result<String, Fault> {
        let answer = self.ask("session/new", &self.session_parameters(None))?;
        let id = answer["sessionId"].as_str().map(str::to_owned);
        id.ok_or_else(|| Fault::Refused(RunError::tool("The agent began a session without an id.")))
    }

    /// By `session/resume` where the agent has it, else by `session/load`, which repeats the session first.
    fn resume(&mut self, agent: &Value, id: &str) -> Result<(), Fault> {
        let capabilities = &agent["agentCapabilities"];
        let parameters = self.session_parameters(Some(id));
        if !capabilities["sessionCapabilities"]["resume"].is_null() {
            return self.ask("session/resume", &parameters).map(drop);
        }
        if capabilities["loadSession"] == true {
            return self.ask("session/load", &parameters).map(drop);
        }
        Err(Fault::Refused(RunError::tool("The agent cannot resume a session.")))
    }

    fn session_parameters(&self, id: Option<&str>) -> Value {
        let cwd = std::env::current_dir().unwrap_or_default();
        let mut parameters = json!({ "cwd": cwd, "mcpServers": [] });
        if let Some(id) = id {
            parameters["sessionId"] = id.into();
        }
        if let Some(meta) = &self.config.preset.acp.session_meta {
            parameters["_meta"] = meta.clone();
        }
        parameters
    }

    /// Whether the turn came to a good end.
    fn judge(&self, turn: &Value) -> Result<(), Fault> {
        let errors = &self.config.preset.errors;
        let silent = self.findings.last_message.is_none() && !self.acted;
        let words = match turn["stopReason"].as_str() {
            Some("end_turn") if silent => "The agent ended its turn without a word, as some do after an error.",
            Some("end_turn") => return Ok(()),
            Some("refusal") => {
                let words = "The model declined to go on.".to_owned();
                return Err(Fault::Refused(RunError {
                    kind: crate::ErrorKind::Refused,
                    message: words,
                    retry_after: None,
                }));
            }
            Some("max_tokens") => "The model's answer was cut: context window or output cap.",
            Some("max_turn_requests") => "The agent reached its own limit of requests.",
            other => return Err(Fault::Refused(RunError::tool(format!("The agent ended its turn by {other:?}.")))),
        };
        Err(Fault::Refused(RunError::of(words, None, None, errors)))
    }

    /// Sends a request, and handles everything that comes until its answer is there.
    fn ask(&mut self, method: &str, parameters: &Value) -> Result<Value, Fault> {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters }));
        loop {
            let line = match self.running.next() {
                Next::Nothing | Next::Line(Line::TooLong(_)) => continue,
                Next::Line(Line::Whole(line)) => line,
                Next::End(status) => {
                    let tail = self.running.tail();
                    let words = format!("The agent ended with {status} before it answered `{method}`. {tail}");
                    return Err(Fault::Gone(RunError::of(words.trim(), None, None, &self.config.preset.errors)));
                }
            };
            let Ok(mut message) = serde_json::from_slice::<Value>(&line) else { continue };
            if message["method"].is_string() {
                self.called(&message);
            } else if message["id"] == id {
                return match message["error"].take() {
                    Value::Null => Ok(message["result"].take()),
                    error => Err(Fault::Refused(self.error(method, &error))),
                };
            }
        }
    }

    fn error(&self, method: &str, error: &Value) -> RunError {
        let data =
            text(error, "/data/details").or_else(|| text(error, "/data/message")).or_else(|| text(error, "/data"));
        let words = format!("{method}: {} {}", error["message"].as_str().unwrap_or(""), data.unwrap_or_default());
        let code = text(error, "/data/errorKind").or_else(|| text(error, "/code"));
        RunError::of(words.trim(), None, code.as_deref(), &self.config.preset.errors)
    }

    /// A request or a notification of the agent.
    fn called(&mut self, message: &Value) {
        let parameters = &message["params"];
        match message["method"].as_str() {
            Some("session/update") if self.prompted => self.update(&parameters["update"]),
            Some("session/request_permission") => {
                let outcome = match allowing(&parameters["options"]) {
                    Some(option) => json!({ "outcome": "selected", "optionId": option }),
                    None => json!({ "outcome": "cancelled" }),
                };
                self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": { "outcome": outcome } }));
            }
            Some(method) if !message["id"].is_null() => {
                let error = json!({ "code": METHOD_NOT_FOUND, "message": format!("this client has no {method}") });
                self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "error": error }));
            }
            _ => {}
        }
    }

    fn update(&mut self, update: &Value) {
        let words = |pointer: &str| text(update, pointer).unwrap_or_default();
        let kind = update["sessionUpdate"].as_str().unwrap_or_default();
        if kind == "agent_message_chunk" {
            if self.message.len() < MESSAGE_BYTES {
                self.message.push_str(&words("/content/text"));
            }
            return;
        }
        if kind != "usage_update" {
            self.flush();
        }
        let id = words("/toolCallId");
        match kind {
            "agent_thought_chunk" => show(&Entry::Thought { text: words("/content/text") }),
            "tool_call" => {
                self.acted = true;
                let name = text(update, "/title").or_else(|| text(update, "/kind")).unwrap_or_default();
                show(&Entry::ToolCall { id, name, input: words("/rawInput") });
            }
            "tool_call_update" => {
                let status = update["status"].as_str().unwrap_or_default();
                if ["completed", "failed"].contains(&status) {
                    let output = text(update, "/content/*/content/text").or_else(|| text(update, "/rawOutput"));
                    show(&Entry::ToolResult { id, output: output.unwrap_or_default(), failed: status == "failed" });
                }
            }
            "plan" => show(&Entry::Plan { text: words("/entries") }),
            "usage_update" => {
                let cost = &update["cost"];
                if cost["currency"].as_str().is_none_or(|currency| currency == "USD") {
                    self.findings.cost = cost["amount"].as_f64().filter(|cost| *cost >= 0.0).or(self.findings.cost);
                }
            }
            _ => {}
        }
    }

    /// Ends a message that came in pieces.
    fn flush(&mut self) {
        let message = std::mem::take(&mut self.message);
        if !message.trim().is_empty() {
            show(&Entry::Message { text: message.clone() });
            self.findings.last_message = Some(message);
        }
    }

    /// The answer's usage, where the agent tells it. Many count too little: the gateway's record is the truth.
    fn count(&mut self, turn: &Value) {
        let number = |name: &str| turn["usage"][name].as_u64();
        if let (Some(input), Some(output)) = (number("inputTokens"), number("outputTokens")) {
            let cached =
                number("cachedReadTokens").unwrap_or(0).saturating_add(number("cachedWriteTokens").unwrap_or(0));
            let usage = Usage { input_tokens: input.saturating_add(cached), output_tokens: output };
            self.findings.usage = Some(usage);
            show(&Entry::Usage { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens });
        }
    }

    fn send(&self, message: &Value) {
        let mut line = message.to_string().into_bytes();
        line.push(b'\n');
        // An agent that is gone is seen where its answer is waited for.
        let _ = self.messages.send(line);
    }
}

/// The option that allows most.
fn allowing(options: &Value) -> Option<&str> {
    let options = options.as_array()?;
    let of_kind = |kind: &str| options.iter().find(|option| option["kind"] == kind)?["optionId"].as_str();
    of_kind("allow_always").or_else(|| of_kind("allow_once"))
}
