//! The server on loopback, and the record of what it served.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::conversation::{Conversation, Task};
use crate::reply::{Reply, Usage, tokens};
use crate::script::{Fault, Script};
use crate::wire::{Frame, Wire};

/// A conversation of a looping agent grows beyond a megabyte.
const MAX_BODY: usize = 256 * 1024 * 1024;
const MEBIBYTE: u64 = 1024 * 1024;
/// The size of a piece of [`Fault::Big`], which divides a mebibyte.
const BIG_PIECE: usize = 1024;
/// The first characters of a prompt that are recorded.
const PROMPT_CHARS: usize = 200;

/// A request as it came, and what was served.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// As in `POST`.
    pub method: String,
    /// With the query.
    pub path: String,
    /// In lower case.
    pub headers: Vec<String>,
    /// The value of `authorization`, `x-api-key`, `x-goog-api-key` or the query's `key`, whichever comes first.
    pub authorization: Option<String>,
    /// The model that was asked for.
    pub model: Option<String>,
    /// Which of Adjutant's tasks the prompt belongs to.
    pub task: Task,
    /// How many tasks the conversation holds: more than one in a session that was resumed.
    pub tasks: usize,
    /// The first characters of the prompt.
    pub prompt: String,
    /// Of the body.
    pub bytes: usize,
    /// The most tokens of output that the request allows.
    pub max_output: Option<u64>,
    /// As answered; 0 for a path that the model does not know.
    pub status: u16,
    /// All input tokens, with those from the cache. Zero where an error was answered.
    pub input_tokens: u64,
    /// Those of the input that came from the cache.
    pub cached_tokens: u64,
    /// Output tokens that were streamed, whatever usage was told.
    pub output_tokens: u64,
    /// Whether the whole answer was sent.
    pub complete: bool,
}

#[derive(Debug)]
struct Model {
    /// In microseconds since 1970.
    started: u64,
    script: Mutex<Script>,
    requests: Mutex<Vec<Request>>,
}

/// A running model. It stops when this is dropped.
#[derive(Debug)]
pub struct ScriptedModel {
    address: SocketAddr,
    model: Arc<Model>,
    server: JoinHandle<()>,
}

impl ScriptedModel {
    /// Starts on a free port of loopback.
    pub async fn start(script: Script) -> io::Result<Self> {
        Self::start_on("127.0.0.1:0", script).await
    }

    /// Starts on `address`.
    pub async fn start_on(address: &str, script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let model = Arc::new(Model { started: now(), script: Mutex::new(script), requests: Mutex::default() });
        let router =
            Router::new().fallback(answer).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(Arc::clone(&model));
        let server = tokio::spawn(async move {
            // It only ends with the task.
            let _: io::Result<()> = axum::serve(listener, router).await;
        });
        Ok(Self { address, model, server })
    }

    /// As in `http://127.0.0.1:4000`, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.model.requests).clone()
    }

    /// Those that asked the model for something and were not refused.
    pub fn served(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.status == 200 && request.input_tokens > 0).collect()
    }

    /// Forgets the requests, and follows another script from now on.
    pub fn follow(&self, script: Script) {
        *lock(&self.model.script) = script;
        lock(&self.model.requests).clear();
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|age| age.as_micros().try_into().ok()).unwrap_or(0)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(
    State(model): State<Arc<Model>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut request = Request {
        method: method.to_string(),
        path: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: headers.keys().map(ToString::to_string).collect(),
        authorization: authorization(&headers, &uri),
        bytes: body.len(),
        ..Request::default()
    };
    let wire = Wire::of(uri.path()).filter(|_| method == Method::POST);
    let Some((wire, path_model)) = wire else {
        let (status, body) = other(&uri);
        request.status = status.as_u16();
        lock(&model.requests).push(request);
        return (status, Json(body)).into_response();
    };
    let Ok(json) = serde_json::from_slice::<Value>(&body) else {
        request.status = 400;
        lock(&model.requests).push(request);
        return (StatusCode::BAD_REQUEST, Json(wire.error(400, "the body is no JSON"))).into_response();
    };
    let mut conversation = wire.read(&json);
    conversation.stream |= uri.path().ends_with(":streamGenerateContent");
    conversation.model = path_model.or(conversation.model);
    request.model.clone_from(&conversation.model);
    request.task = conversation.task.clone();
    request.prompt = conversation.prompt.chars().take(PROMPT_CHARS).collect();
    request.max_output = conversation.max_output;
    request.tasks = conversation.tasks;
    serve(&model, wire, &conversation, request)
}

fn serve(model: &Arc<Model>, wire: Wire, conversation: &Conversation, mut request: Request) -> Response {
    let script = lock(&model.script).clone();
    let mut requests = lock(&model.requests);
    let number = requests.len();
    let asked = requests.iter().filter(|before| before.model.is_some()).count();
    let fault = script.fault_of(asked);
    if let Some(Fault::Status { status, retry_after, message }) = fault {
        request.status = *status;
        requests.push(request);
        return refusal(wire, *status, *retry_after, message.as_deref());
    }
    let reply = Reply::to(conversation, &script, fault);
    let input = tokens(request.bytes);
    // As if the half of a conversation that goes on came from the cache.
    let cached = if conversation.results > 0 { input / 2 } else { 0 };
    request.status = 200;
    request.input_tokens = input;
    request.cached_tokens = cached;
    let usage = Usage { input, cached, output: tokens(reply.len()) };
    let usage = match fault {
        Some(Fault::NoUsage) => None,
        Some(Fault::LowUsage) => Some(Usage { input: 1, cached: 0, output: 1 }),
        Some(Fault::Big { mebibytes }) => Some(Usage { output: mebibytes * MEBIBYTE / 4, ..usage }),
        _ => Some(usage),
    };
    let name = conversation.model.clone().unwrap_or_else(|| "scripted".to_owned());
    let id = format!("{:016x}{number:08x}", model.started);
    let frame = Frame { id, model: name, reply, usage };
    if fault == Some(&Fault::Garbage) {
        requests.push(request);
        return event_stream(
            stream::iter([Ok(Bytes::from_static(b"data: {\"type\": \x00\xff nonsense\n\nnot an event\n\n"))]).boxed(),
        );
    }
    if !conversation.stream {
        request.output_tokens = tokens(frame.reply.len());
        request.complete = true;
        requests.push(request);
        return Json(wire.whole(&frame)).into_response();
    }
    requests.push(request);
    drop(requests);
    event_stream(events(model, number, wire, &frame, fault))
}

/// The stream, which books its tokens piece by piece.
fn events(
    model: &Arc<Model>,
    number: usize,
    wire: Wire,
    frame: &Frame,
    fault: Option<&Fault>,
) -> BoxStream<'static, io::Result<Bytes>> {
    let parts = wire.events(frame);
    let total = tokens(frame.reply.len());
    let count = parts.pieces.len().max(1) as u64;
    // The last piece brings the sum to the total.
    let mut shares: Vec<(String, u64)> = parts
        .pieces
        .into_iter()
        .zip(1u64..)
        .map(|(piece, n)| (piece, total * n / count - total * (n - 1) / count))
        .collect();
    let mut tail: Vec<String> = parts.tail;
    let mut repeated = None;
    let mut end = End::Whole;
    match fault {
        Some(Fault::HalfStream | Fault::Stall) => {
            shares.truncate(shares.len().div_ceil(2));
            tail.clear();
            end = if fault == Some(&Fault::Stall) { End::Never } else { End::Cut };
        }
        Some(Fault::Big { mebibytes }) => {
            let text = Frame { reply: Reply::Text("x".repeat(24)), ..frame.clone() };
            let big = wire.events(&text);
            let piece = big.pieces.concat().replace(&"x".repeat(24), &"x".repeat(BIG_PIECE));
            shares.clear();
            tail = big.tail;
            repeated = Some((piece, mebibytes * MEBIBYTE / BIG_PIECE as u64));
        }
        _ => {}
    }
    let head = parts.head.into_iter().map(|event| (event, 0));
    let repeated =
        repeated.into_iter().flat_map(|(piece, times)| (0..times).map(move |_| (piece.clone(), BIG_PIECE as u64 / 4)));
    let tail = tail.into_iter().map(|event| (event, 0));
    let all = head.chain(shares).chain(repeated).chain(tail);
    let booked = Arc::clone(model);
    let sent = stream::iter(all).map(move |(event, output)| {
        if let Some(request) = lock(&booked.requests).get_mut(number) {
            request.output_tokens += output;
        }
        Ok(Bytes::from(event))
    });
    sent.chain(end.stream(Arc::clone(model), number)).boxed()
}

/// How a stream ends.
enum End {
    Whole,
    Cut,
    Never,
}

impl End {
    fn stream(self, model: Arc<Model>, number: usize) -> BoxStream<'static, io::Result<Bytes>> {
        match self {
            Self::Whole => stream::once(async move {
                if let Some(request) = lock(&model.requests).get_mut(number) {
                    request.complete = true;
                }
                Ok(Bytes::new())
            })
            .boxed(),
            // Once pending, so that what came before is sent and not dropped with the connection.
            Self::Cut => stream::once(async {
                tokio::task::yield_now().await;
                Err(io::Error::other("cut by the script"))
            })
            .boxed(),
            Self::Never => stream::pending().boxed(),
        }
    }
}

fn event_stream(events: BoxStream<'static, io::Result<Bytes>>) -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}

fn refusal(wire: Wire, status: u16, retry_after: Option<u32>, message: Option<&str>) -> Response {
    let words = message.map_or_else(|| format!("the script answers {status}"), str::to_owned);
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (code, Json(wire.error(status, &words))).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// What agents ask beside the model: whether it is there, its name, and the tokens of a text.
fn other(uri: &Uri) -> (StatusCode, Value) {
    match uri.path() {
        "/" | "/health" => (StatusCode::OK, json!({})),
        path if path.ends_with("/models") => {
            let model = json!({ "id": "scripted", "object": "model", "created": 1_700_000_000, "owned_by": "script" });
            (StatusCode::OK, json!({ "object": "list", "data": [model], "has_more": false }))
        }
        path if path.ends_with("/count_tokens") => (StatusCode::OK, json!({ "input_tokens": 1000 })),
        path if path.ends_with(":countTokens") => (StatusCode::OK, json!({ "totalTokens": 1000 })),
        path => (StatusCode::NOT_FOUND, json!({ "error": { "message": format!("there is no {path} here") } })),
    }
}

fn authorization(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let header = ["authorization", "x-api-key", "x-goog-api-key"].iter().find_map(|name| headers.get(*name));
    let query = || uri.query()?.split('&').find_map(|pair| pair.strip_prefix("key=")).map(str::to_owned);
    header.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).or_else(query)
}
