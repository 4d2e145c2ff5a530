//! Lines of real runs against the scripted model, with what is not read left out.

use super::*;
use crate::{ErrorKind, Preset};

/// The transcript and the findings of these lines.
fn read(preset: &str, lines: &[&str]) -> (Vec<Entry>, Findings) {
    let preset = Preset::named(preset).unwrap();
    let mut reader = Reader::new(&preset);
    let mut entries: Vec<Entry> =
        lines.iter().flat_map(|line| reader.read(&serde_json::from_str(line).unwrap())).collect();
    let (last, findings) = reader.finish();
    entries.extend(last);
    (entries, findings)
}

/// The entries, short.
fn shown(entries: &[Entry]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| match entry {
            Entry::Message { text } => format!("message {text}"),
            Entry::Thought { text } => format!("thought {text}"),
            Entry::ToolCall { id, name, input } => format!("call {id} {name} {input}"),
            Entry::ToolResult { id, output, failed } => format!("result {id} {} {failed}", output.trim()),
            Entry::Plan { text } => format!("plan {text}"),
            Entry::Usage { input_tokens, output_tokens } => format!("usage {input_tokens} {output_tokens}"),
            Entry::Error { message } => format!("error {message}"),
        })
        .collect()
}

#[test]
fn claude_is_read() {
    let (entries, findings) = read(
        "claude",
        &[
            r#"{"type":"system","subtype":"init","cwd":"/work/tree","session_id":"5c2e"}"#,
            r#"{"type":"assistant","message":{"content":[{"type":"thinking","thinking":"Hm."},{"id":"t1","input":{"command":"echo"},"name":"Bash","type":"tool_use"}],"role":"assistant"},"session_id":"5c2e"}"#,
            r#"{"type":"user","message":{"role":"user","content":[{"tool_use_id":"t1","type":"tool_result","content":[{"type":"text","text":"written"}],"is_error":false}]}}"#,
            r#"{"type":"assistant","message":{"content":[{"text":"Wrote it.","type":"text"}],"role":"assistant"}}"#,
            r#"{"session_id":"5c2e","total_cost_usd":0.0771,"usage":{"input_tokens":0},"modelUsage":{"claude-opus-5-5":{"inputTokens":18801,"outputTokens":32,"cacheReadInputTokens":6294,"cacheCreationInputTokens":5,"costBasis":"list"}},"terminal_reason":"completed","is_error":false,"subtype":"success","api_error_status":null,"result":"Wrote it.","type":"result"}"#,
        ],
    );
    assert_eq!(
        shown(&entries),
        [
            "thought Hm.",
            r#"call t1 Bash {"command":"echo"}"#,
            "result t1 written false",
            "message Wrote it.",
            "usage 25100 32"
        ]
    );
    assert_eq!(findings.session.as_deref(), Some("5c2e"));
    assert_eq!((findings.ended, findings.failure, findings.cost), (true, None, Some(0.0771)));
    assert_eq!(findings.last_message.as_deref(), Some("Wrote it."));
}

#[test]
fn claudes_price_is_believed_only_where_it_is_of_its_list() {
    let line = |basis: &str| {
        format!(
            r#"{{"type":"result","is_error":false,"result":"x","total_cost_usd":1.5,"modelUsage":{{"a":{{"costBasis":"list"}},"b":{{"costBasis":"{basis}"}}}}}}"#
        )
    };
    assert_eq!(read("claude", &[&line("list")]).1.cost, Some(1.5));
    assert_eq!(read("claude", &[&line("unknown")]).1.cost, None);
    assert_eq!(read("claude", &[r#"{"type":"result","total_cost_usd":0,"modelUsage":{}}"#]).1.cost, None);
}

#[test]
fn claude_says_success_on_errors_and_is_not_believed() {
    let (_, findings) = read(
        "claude",
        &[
            r#"{"session_id":"2ef2","total_cost_usd":0,"modelUsage":{},"terminal_reason":"api_error","is_error":true,"subtype":"success","api_error_status":401,"result":"Failed to authenticate. API Error: 401 the script answers 401","type":"result"}"#,
        ],
    );
    let failure = findings.failure.unwrap();
    assert_eq!(
        (failure.kind, failure.message.as_str()),
        (ErrorKind::Auth, "Failed to authenticate. API Error: 401 the script answers 401")
    );
    let missing = r#"{"type":"result","subtype":"error_during_execution","is_error":true,"session_id":"5c2e","errors":["No conversation found with session ID: 5c2e"]}"#;
    assert!(read("claude", &[missing]).1.failure.unwrap().message.starts_with("No conversation found"));
}

#[test]
fn codex_is_read_and_its_warning_is_no_failure() {
    let (entries, findings) = read(
        "codex",
        &[
            r#"{"type":"thread.started","thread_id":"01a2"}"#,
            r#"{"type":"item.completed","item":{"id":"item_0","type":"error","message":"Model metadata for `gpt-5` not found."}}"#,
            r#"{"type":"turn.started"}"#,
            r#"{"type":"item.started","item":{"id":"item_1","type":"command_execution","command":"/bin/sh -lc echo","aggregated_output":"","exit_code":null,"status":"in_progress"}}"#,
            r#"{"type":"item.completed","item":{"id":"item_1","type":"command_execution","command":"/bin/sh -lc echo","aggregated_output":"written\n","exit_code":0,"status":"completed"}}"#,
            r#"{"type":"item.completed","item":{"id":"item_2","type":"agent_message","text":"Wrote it."}}"#,
            r#"{"type":"turn.completed","usage":{"input_tokens":20342,"cached_input_tokens":5111,"output_tokens":25,"reasoning_output_tokens":0}}"#,
        ],
    );
    assert_eq!(
        shown(&entries),
        [
            "error Model metadata for `gpt-5` not found.",
            "call item_1 command /bin/sh -lc echo",
            "result item_1 written false",
            "message Wrote it.",
            "usage 20342 25"
        ]
    );
    assert_eq!((findings.session.as_deref(), findings.ended, findings.failure), (Some("01a2"), true, None));
}

#[test]
fn codex_tells_its_failure_at_the_end_of_the_turn() {
    let failed = |words: &str| {
        let error = serde_json::json!({ "type": "turn.failed", "error": { "message": words } }).to_string();
        read("codex", &[r#"{"type":"error","message":"x"}"#, &error]).1.failure.unwrap().kind
    };
    assert_eq!(
        failed("unexpected status 401 Unauthorized: no, url: http://127.0.0.1:4000/v1/responses"),
        ErrorKind::Auth
    );
    assert_eq!(
        failed("We’re currently experiencing high demand, which may cause temporary errors."),
        ErrorKind::Overloaded
    );
    assert_eq!(
        failed(r#"{"error":{"message":"the budget is used up","type":"invalid_request_error"}}"#),
        ErrorKind::Budget
    );
}

#[test]
fn opencodes_requests_are_added() {
    let (entries, findings) = read(
        "opencode",
        &[
            r#"{"type":"step_start","sessionID":"ses_1","part":{"type":"step-start"}}"#,
            r#"{"type":"tool_use","sessionID":"ses_1","part":{"type":"tool","tool":"bash","callID":"c1","state":{"status":"completed","input":{"command":"echo"},"output":"written\n"}}}"#,
            r#"{"type":"step_finish","sessionID":"ses_1","part":{"reason":"tool-calls","tokens":{"input":7685,"output":27,"reasoning":0,"cache":{"write":0,"read":0}},"cost":0}}"#,
            r#"{"type":"text","sessionID":"ses_1","part":{"type":"text","text":"Wrote it."}}"#,
            r#"{"type":"step_finish","sessionID":"ses_1","part":{"reason":"stop","tokens":{"input":3885,"output":5,"reasoning":0,"cache":{"write":0,"read":3884}},"cost":0}}"#,
        ],
    );
    assert_eq!(
        shown(&entries),
        [
            r#"call c1 bash {"command":"echo"}"#,
            "result c1 written false",
            "usage 7685 27",
            "message Wrote it.",
            "usage 15454 32"
        ]
    );
    assert_eq!((findings.session.as_deref(), findings.ended, findings.cost), (Some("ses_1"), true, None));
    let error = r#"{"type":"error","sessionID":"ses_2","error":{"name":"APIError","data":{"message":"the script answers 401","statusCode":401}}}"#;
    assert_eq!(read("opencode", &[error]).1.failure.unwrap().kind, ErrorKind::Auth);
}

#[test]
fn geminis_pieces_become_one_message() {
    let (entries, findings) = read(
        "gemini",
        &[
            r#"{"type":"init","session_id":"6d7a","model":"m"}"#,
            r##"{"type":"message","role":"user","content":"# Do the step"}"##,
            r#"{"type":"message","role":"assistant","content":"I look.","delta":true}"#,
            r#"{"type":"tool_use","tool_name":"run_shell_command","tool_id":"t1","parameters":{"command":"echo"}}"#,
            r#"{"type":"tool_result","tool_id":"t1","status":"success","output":"written"}"#,
            r#"{"type":"tool_result","tool_id":"t2","status":"error","error":{"message":"no"}}"#,
            r#"{"type":"message","role":"assistant","content":"Wrote it again","delta":true}"#,
            r#"{"type":"message","role":"assistant","content":".","delta":true}"#,
            r#"{"type":"result","status":"success","stats":{"input_tokens":24911,"output_tokens":39,"cached":6259}}"#,
        ],
    );
    assert_eq!(
        shown(&entries),
        [
            "message I look.",
            r#"call t1 run_shell_command {"command":"echo"}"#,
            "result t1 written false",
            r#"result t2 {"message":"no"} true"#,
            "usage 24911 39",
            "message Wrote it again."
        ]
    );
    assert_eq!(findings.last_message.as_deref(), Some("Wrote it again."));
    let error = r#"{"type":"result","status":"error","error":{"type":"unknown","message":"[API Error: {\"error\":{\"code\":402,\"message\":\"x\"}}]"}}"#;
    assert_eq!(read("gemini", &[error]).1.failure.unwrap().kind, ErrorKind::Budget);
}

#[test]
fn copilot_is_read_and_fails_by_its_exit_code() {
    let (entries, findings) = read(
        "copilot",
        &[
            r#"{"type":"assistant.message","data":{"content":"","toolRequests":[{"name":"bash"}]}}"#,
            r#"{"type":"tool.execution_start","data":{"toolCallId":"c1","toolName":"bash","arguments":{"command":"echo"}}}"#,
            r#"{"type":"tool.execution_complete","data":{"toolCallId":"c1","success":true,"result":{"content":"written"}}}"#,
            r#"{"type":"assistant.message","data":{"content":"Wrote it.","toolRequests":[]}}"#,
            r#"{"type":"result","sessionId":"f142","exitCode":0,"usage":{"premiumRequests":0}}"#,
        ],
    );
    assert_eq!(shown(&entries), [r#"call c1 bash {"command":"echo"}"#, "result c1 written false", "message Wrote it."]);
    assert_eq!((findings.session.as_deref(), findings.ended, findings.usage), (Some("f142"), true, None));
    let (_, findings) = read(
        "copilot",
        &[
            r#"{"type":"session.error","data":{"errorType":"authentication","message":"Authentication failed (HTTP 401).","statusCode":401}}"#,
            r#"{"type":"result","sessionId":"d041","exitCode":1}"#,
        ],
    );
    assert_eq!((findings.failure.unwrap().kind, findings.ended), (ErrorKind::Auth, false));
}

#[test]
fn hostile_lines_break_nothing() {
    for name in ["claude", "codex", "opencode", "gemini", "copilot"] {
        let (entries, findings) = read(
            name,
            &[
                "null",
                "[]",
                r#""text""#,
                r#"{"type":["result"],"message":7}"#,
                r#"{"type":"assistant","message":{"content":"no list"}}"#,
                r#"{"type":"assistant","message":{"content":[{"type":"text"},7,null,{"type":"text","text":{"a":1}}]}}"#,
                r#"{"type":"result","is_error":"yes","total_cost_usd":-1,"modelUsage":[1],"session_id":{"a":[]}}"#,
                r#"{"type":"turn.completed","usage":{"input_tokens":-5,"output_tokens":1e300}}"#,
                r#"{"type":"step_finish","part":{"tokens":{"input":18446744073709551615,"output":18446744073709551615,"cache":{"read":18446744073709551615}}}}"#,
                r#"{"type":"step_finish","part":{"tokens":{"input":18446744073709551615,"output":1}}}"#,
            ],
        );
        assert!(entries.len() < 10 && findings.cost.is_none(), "{name}: {entries:?} {findings:?}");
    }
}

#[test]
fn a_flood_of_pieces_is_bounded() {
    let preset = Preset::named("gemini").unwrap();
    let mut reader = Reader::new(&preset);
    let piece =
        serde_json::json!({ "type": "message", "role": "assistant", "delta": true, "content": "x".repeat(100_000) });
    let entries: Vec<Entry> = (0..100).flat_map(|_| reader.read(&piece)).collect();
    let (_, findings) = reader.finish();
    assert!(findings.last_message.unwrap().chars().count() <= FINAL_CHARS + 1);
    assert!(entries.iter().all(|entry| matches!(entry, Entry::Message { text } if text.chars().count() <= 16_001)));
}
