//! The model over HTTP, as agents ask it.

#![allow(clippy::unwrap_used, reason = "a helper that fails is the test that failed")]

use scripted_model::{Answer, Fault, Script, ScriptedModel, Task};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const APIS: [&str; 4] = [
    "/v1/messages?beta=true",
    "/v1/responses",
    "/v1/chat/completions",
    "/v1beta/models/scripted:streamGenerateContent?alt=sse",
];
const STEP: &str = "# Do the step `a` (implement)";

/// The head and the body of an answer. HTTP 1.0, so that the body ends with the connection and has no chunks.
async fn post(model: &ScriptedModel, path: &str, body: &Value) -> (String, String) {
    let mut stream = connect(model, path, body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

async fn connect(model: &ScriptedModel, path: &str, body: &Value) -> TcpStream {
    let mut stream = TcpStream::connect(model.url().trim_start_matches("http://")).await.unwrap();
    let body = body.to_string();
    let head = format!("POST {path} HTTP/1.0\r\nauthorization: Bearer dummy\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    stream
}

/// A streamed request of each API for the prompt, after so many results of tools.
fn request(path: &str, prompt: &str, results: usize) -> Value {
    let many = |item: Value| vec![item; results];
    if path.contains("messages") {
        let mut messages = vec![json!({ "role": "user", "content": [{ "type": "text", "text": prompt }] })];
        messages.extend(many(json!({ "role": "user", "content": [{ "type": "tool_result", "content": "done" }] })));
        json!({ "model": "m", "stream": true, "max_tokens": 9000, "tools": [{ "name": "Bash" }], "messages": messages })
    } else if path.contains("responses") {
        let content = json!([{ "type": "input_text", "text": prompt }]);
        let mut input = vec![json!({ "type": "message", "role": "user", "content": content })];
        input.extend(many(json!({ "type": "function_call_output", "output": "done" })));
        json!({ "model": "m", "stream": true, "tools": [{ "type": "function", "name": "exec_command" }], "input": input })
    } else if path.contains("chat") {
        let mut messages = vec![json!({ "role": "user", "content": prompt })];
        messages.extend(many(json!({ "role": "tool", "content": "done" })));
        let tool = json!({ "type": "function", "function": { "name": "bash" } });
        json!({ "model": "m", "stream": true, "tools": [tool], "messages": messages })
    } else {
        let mut contents = vec![json!({ "role": "user", "parts": [{ "text": prompt }] })];
        contents.extend(many(json!({ "role": "user", "parts": [{ "functionResponse": {} }] })));
        let tool = json!({ "functionDeclarations": [{ "name": "run_shell_command" }] });
        json!({ "tools": [tool], "contents": contents })
    }
}

#[tokio::test]
async fn each_api_gets_a_tool_call_and_after_its_result_the_text() {
    let answer = Answer::command("touch it", "Done.");
    let model = ScriptedModel::start(Script { step: answer, ..Script::default() }).await.unwrap();
    for path in APIS {
        let (head, call) = post(&model, path, &request(path, STEP, 0)).await;
        assert!(head.starts_with("HTTP/1.0 200") && head.contains("text/event-stream"), "{path}: {head}");
        assert!(call.contains("touch it") && !call.contains("Done."), "{path}: {call}");
        let (_, text) = post(&model, path, &request(path, STEP, 1)).await;
        assert!(text.contains("Done.") && !text.contains("touch it"), "{path}: {text}");
    }
    let requests = model.requests();
    assert_eq!(requests.len(), 8);
    assert!(requests.iter().all(|it| it.task == Task::Step("a".into()) && it.complete && it.output_tokens > 1));
    assert!(requests.iter().all(|it| it.authorization.as_deref() == Some("Bearer dummy")));
    assert_eq!(requests[0].max_output, Some(9000));
    assert_eq!(requests[6].model.as_deref(), Some("scripted"));
    assert!(requests[0].cached_tokens == 0 && requests[1].cached_tokens > 0);
}

#[tokio::test]
async fn the_usage_told_is_the_usage_recorded() {
    let model = ScriptedModel::start(Script::default()).await.unwrap();
    let path = APIS[0];
    let (_, stream) = post(&model, path, &request(path, "Any title?", 0)).await;
    let told: Vec<Value> = stream
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
        .filter(|event: &Value| event["type"] == "message_delta")
        .collect();
    let served = &model.served()[0];
    assert_eq!(told[0]["usage"]["input_tokens"], served.input_tokens);
    assert_eq!(told[0]["usage"]["output_tokens"], served.output_tokens);
}

#[tokio::test]
async fn a_plan_covers_what_the_prompt_lists_and_a_judgement_what_it_asks_for() {
    let model = ScriptedModel::start(Script::default()).await.unwrap();
    let path = APIS[0];
    let mut body = request(path, "# Plan the work\n\n> - R1: Parse\n> - A2: It parses\n> - A: no id", 0);
    body["stream"] = false.into();
    body["tools"] = json!([]);
    let plan: Value = serde_json::from_str(&post(&model, path, &body).await.1).unwrap();
    let block = plan["content"][0]["text"].as_str().unwrap().split("```json").nth(1).unwrap();
    let plan: Value = serde_json::from_str(block.trim_end_matches("```")).unwrap();
    assert_eq!((&plan["steps"][0]["requirements"], &plan["steps"][0]["criteria"]), (&json!(["R1"]), &json!(["A2"])));
    body["messages"][0]["content"] = "# Judge the whole\n\nJudge, each of them and no others: A1, A3. Hurry.".into();
    let (_, judgement) = post(&model, path, &body).await;
    assert!(judgement.contains("A1") && judgement.contains("A3") && judgement.contains("greeting.txt"), "{judgement}");
}

#[tokio::test]
async fn every_refusal_has_its_status_and_the_form_of_its_api() {
    let model = ScriptedModel::start(Script::default()).await.unwrap();
    for path in APIS {
        for (status, retry_after) in [(401, None), (402, None), (403, None), (429, Some(7)), (500, None)] {
            model.follow(Script::broken(Fault::Status { status, retry_after, message: None }));
            let (head, error) = post(&model, path, &request(path, STEP, 1)).await;
            assert!(head.starts_with(&format!("HTTP/1.0 {status}")), "{head}");
            assert_eq!(head.contains("retry-after: 7"), retry_after.is_some(), "{head}");
            assert!(error.contains("\"error\"") && model.served().is_empty(), "{error}");
        }
    }
}

#[tokio::test]
async fn every_broken_stream_is_broken_as_it_says() {
    let model = ScriptedModel::start(Script::default()).await.unwrap();
    for path in APIS {
        let body = request(path, STEP, 1);
        model.follow(Script::default());
        let (_, whole) = post(&model, path, &body).await;
        model.follow(Script::broken(Fault::HalfStream));
        let (_, half) = post(&model, path, &body).await;
        assert!(half.len() < whole.len() && !model.requests()[0].complete, "{half}");
        assert!(model.requests()[0].output_tokens > 0);
        model.follow(Script::broken(Fault::Garbage));
        assert!(post(&model, path, &body).await.1.contains("nonsense"));
        model.follow(Script::broken(Fault::NoUsage));
        let (_, silent) = post(&model, path, &body).await;
        assert!(!silent.contains("tokens\":") && !silent.contains("TokenCount"), "{silent}");
        model.follow(Script::broken(Fault::LowUsage));
        post(&model, path, &body).await;
        assert!(model.requests()[0].output_tokens > 1 && model.requests()[0].input_tokens > 1);
        model.follow(Script::broken(Fault::Loop));
        for results in 0..3 {
            let (_, call) = post(&model, path, &request(path, STEP, results)).await;
            assert!(call.contains("printf"), "{call}");
        }
    }
}

#[tokio::test]
async fn a_big_stream_is_as_big_as_asked_and_booked() {
    let model = ScriptedModel::start(Script::broken(Fault::Big { mebibytes: 3 })).await.unwrap();
    for path in APIS {
        let (_, stream) = post(&model, path, &request(path, "Say much.", 0)).await;
        assert!(stream.len() > 3 * 1024 * 1024 && stream.len() < 6 * 1024 * 1024, "{path}: {}", stream.len());
    }
    assert!(model.requests().iter().all(|it| it.output_tokens == 3 * 1024 * 1024 / 4 && it.complete));
}

#[tokio::test]
async fn a_stalled_stream_sends_its_first_half_and_stays_open() {
    let model = ScriptedModel::start(Script::broken(Fault::Stall)).await.unwrap();
    let path = APIS[0];
    let mut stream = connect(&model, path, &request(path, STEP, 0)).await;
    let mut read = String::new();
    let mut buffer = [0; 4096];
    while !read.contains("input_json_delta") {
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "it ended: {read}");
        read.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    assert!(!read.contains("message_stop") && !model.requests()[0].complete);
}

#[tokio::test]
async fn a_fault_begins_and_ends_where_the_script_says() {
    let script = Script {
        fault_after: 1,
        fault_times: Some(1),
        ..Script::broken(Fault::Status { status: 500, retry_after: None, message: Some("a bad day".into()) })
    };
    let model = ScriptedModel::start(script).await.unwrap();
    let mut answered = Vec::new();
    for _ in 0..3 {
        answered.push(post(&model, APIS[1], &request(APIS[1], "A title", 0)).await.1.contains("a bad day"));
    }
    assert_eq!(answered, [false, true, false]);
}

#[tokio::test]
async fn structured_output_goes_by_the_agents_tool_or_by_the_requests_form() {
    let model = ScriptedModel::start(Script::default()).await.unwrap();
    let mut body = request(APIS[0], "# Plan the work", 0);
    body["tools"] = json!([{ "name": "StructuredOutput" }]);
    assert!(post(&model, APIS[0], &body).await.1.contains("tool_use"));
    let mut body = request(APIS[1], "# Plan the work", 0);
    body["text"] = json!({ "format": { "type": "json_schema" } });
    body["stream"] = false.into();
    let answer: Value = serde_json::from_str(&post(&model, APIS[1], &body).await.1).unwrap();
    let plan: Value = serde_json::from_str(answer["output"][0]["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(plan["steps"][0]["name"], "greet");
}

#[tokio::test]
async fn other_paths_are_recorded_too() {
    let model = ScriptedModel::start(Script::default()).await.unwrap();
    assert!(post(&model, "/telemetry", &json!({})).await.0.starts_with("HTTP/1.0 404"));
    assert!(post(&model, "/v1/messages/count_tokens", &json!({})).await.1.contains("input_tokens"));
    assert!(post(&model, "/v1/models/m:countTokens", &json!({})).await.1.contains("totalTokens"));
    assert_eq!(model.requests()[0].path, "/telemetry");
    assert!(model.served().is_empty());
}
