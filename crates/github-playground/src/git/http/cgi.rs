//! One request to `git http-backend`: its environment, its two streams, and the head of its answer (RFC 3875).

use std::path::{Path, PathBuf};
use std::process::Stdio;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};

use super::{Authorised, RefUpdate, gate::Answers, report};
use crate::git::command::{ANY_OWNER, clean_environment, configure, program};
use crate::git::refs::ZERO;

/// The longest head of a CGI answer. A real one has a few lines.
const MAX_HEAD: usize = 64 * 1024;
const CHUNK: usize = 32 * 1024;
/// How many chunks may wait for a slow client before git has to wait.
const CHUNKS_AHEAD: usize = 8;

/// Runs git for this request. `after` is called with the moved refs when git has ended, and before the last byte of the
/// answer is sent. The run continues when the client disconnects: an accepted push counts, even if its sender never
/// learns of it.
///
/// `answers` are the messages for the update hook of a push.
pub(super) async fn respond<F, R>(
    authorised: &Authorised,
    service: &str,
    request: Request,
    answers: Option<Answers>,
    after: F,
) -> Response
where
    F: FnOnce(Vec<RefUpdate>) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let report = PushReport::new(&authorised.repository);
    let mut command = command(authorised, service, &request, &report.0);
    if let Some(answers) = &answers {
        command.env("PLAYGROUND_PUSH_RULES", answers.path());
    }
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return failed(&format!("could not run `git http-backend`: {error}")),
    };
    let (head_sender, head) = oneshot::channel();
    let (chunk_sender, mut chunks) = mpsc::channel::<Bytes>(CHUNKS_AHEAD);
    tokio::spawn(async move {
        if let Some(answers) = answers {
            let (sender, said) = mpsc::channel(CHUNKS_AHEAD);
            let running = async {
                run(child, request.into_body(), head_sender, &sender).await;
                drop(sender);
            };
            tokio::join!(running, report::pass_on(said, &chunk_sender, &answers));
        } else {
            run(child, request.into_body(), head_sender, &chunk_sender).await;
        }
        after(report.read().await).await;
        // Dropped only now, because the end of the answer tells the client that the push was handled.
        drop(chunk_sender);
    });
    match head.await {
        Ok(Ok((status, headers))) => {
            let body = futures_util::stream::poll_fn(move |context| chunks.poll_recv(context));
            (status, headers, Body::from_stream(body.map(Ok::<_, std::convert::Infallible>))).into_response()
        }
        Ok(Err(reason)) => failed(&reason),
        Err(_) => failed("the run of `git http-backend` was cut short"),
    }
}

fn command(authorised: &Authorised, service: &str, request: &Request, report: &Path) -> Command {
    let mut command = Command::new(program());
    command.arg("http-backend").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    clean_environment(&mut command);
    command
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_TRANSLATED", authorised.repository.join(service))
        .env("REQUEST_METHOD", request.method().as_str())
        .env("QUERY_STRING", request.uri().query().unwrap_or_default())
        .env("REMOTE_USER", &authorised.login)
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("PLAYGROUND_PUSH_REPORT", report);
    // git-config(1): receive.maxInputSize. Git itself refuses a larger push with its own message.
    configure(&mut command, &[ANY_OWNER, ("receive.maxInputSize", &authorised.largest_push.to_string())]);
    // A chunked body has no CONTENT_LENGTH. The program then reads to its end. It decompresses gzip by itself.
    for (name, variable) in [
        (header::CONTENT_TYPE, "CONTENT_TYPE"),
        (header::CONTENT_LENGTH, "CONTENT_LENGTH"),
        (header::CONTENT_ENCODING, "HTTP_CONTENT_ENCODING"),
        (HeaderName::from_static("git-protocol"), "GIT_PROTOCOL"),
    ] {
        if let Some(value) = request.headers().get(name).and_then(|value| value.to_str().ok()) {
            command.env(variable, value);
        }
    }
    command
}

type Head = Result<(StatusCode, HeaderMap), String>;

async fn run(mut child: Child, body: Body, head: oneshot::Sender<Head>, chunks: &mpsc::Sender<Bytes>) {
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
        let _ = head.send(Err("`git http-backend` has no pipes".to_owned()));
        return;
    };
    let feeding = tokio::spawn(feed(stdin, body));
    let ((), complaints) = tokio::join!(forward(stdout, head, chunks), collect(stderr));
    // Git may answer without having read the whole body. Nobody needs the rest.
    feeding.abort();
    match child.wait().await {
        Ok(status) if status.success() => {}
        Ok(status) => tracing::warn!(%status, stderr = complaints.trim(), "git http-backend failed"),
        Err(error) => tracing::warn!(%error, "git http-backend could not be waited for"),
    }
}

/// Ends early if the client disconnects (git then gets an incomplete pack, and refuses it) or if git has stopped
/// reading.
async fn feed(mut stdin: ChildStdin, body: Body) {
    let mut body = body.into_data_stream();
    while let Some(Ok(chunk)) = body.next().await {
        if stdin.write_all(&chunk).await.is_err() {
            return;
        }
    }
    let _ = stdin.shutdown().await;
}

async fn collect(mut stderr: ChildStderr) -> String {
    let mut text = Vec::new();
    let _ = stderr.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

async fn forward(mut stdout: ChildStdout, head: oneshot::Sender<Head>, chunks: &mpsc::Sender<Bytes>) {
    let mut buffer = Vec::with_capacity(CHUNK);
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        let read = stdout.read_buf(&mut buffer).await.unwrap_or(0);
        if read == 0 || buffer.len() > MAX_HEAD {
            let _ = head.send(Err("`git http-backend` gave no answer".to_owned()));
            return;
        }
    };
    let parsed = parse_head(&String::from_utf8_lossy(&buffer[..end]));
    // From here on, a disconnected client is no error: the output is still read to its end.
    let _ = head.send(parsed);
    let rest = buffer.split_off(end + 4);
    if !rest.is_empty() {
        let _ = chunks.send(Bytes::from(rest)).await;
    }
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        match stdout.read_buf(&mut chunk).await {
            Ok(read) if read > 0 => drop(chunks.send(Bytes::from(chunk)).await),
            _ => return,
        }
    }
}

fn parse_head(text: &str) -> Head {
    let mut status = StatusCode::OK;
    let mut headers = HeaderMap::new();
    for line in text.split("\r\n") {
        let unreadable = || format!("`git http-backend` answered `{line}`");
        let (name, value) = line.split_once(':').ok_or_else(unreadable)?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().unwrap_or_default();
            status = code.parse().map_err(|_| unreadable())?;
        } else {
            let name: HeaderName = name.parse().map_err(|_| unreadable())?;
            headers.append(name, HeaderValue::from_str(value).map_err(|_| unreadable())?);
        }
    }
    Ok((status, headers))
}

fn failed(reason: &str) -> Response {
    tracing::warn!(reason, "git over HTTP failed");
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{reason}\n")).into_response()
}

/// The file to which the post-receive hook of this push writes.
struct PushReport(PathBuf);

impl PushReport {
    fn new(repository: &Path) -> Self {
        Self(repository.join(format!("push-{}", uuid::Uuid::new_v4())))
    }

    /// Without the file no hook ran: nothing moved, or it was not a push.
    async fn read(&self) -> Vec<RefUpdate> {
        let text = tokio::fs::read_to_string(&self.0).await.unwrap_or_default();
        text.lines().filter_map(parse_update).collect()
    }
}

impl Drop for PushReport {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// `old new name`, with zeros for a missing side (githooks(5), post-receive).
pub(super) fn parse_update(line: &str) -> Option<RefUpdate> {
    let mut words = line.splitn(3, ' ');
    let mut sha = || words.next().map(|sha| (sha != ZERO).then(|| sha.to_owned()));
    let (old, new) = (sha()?, sha()?);
    Some(RefUpdate { name: words.next()?.to_owned(), old, new })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_limited_and_the_repository_may_belong_to_anybody() {
        let authorised = Authorised {
            repository: "/r".into(),
            login: "ada".to_owned(),
            largest_push: 7,
            without_workflows: None,
            lock: None,
        };
        let command = command(&authorised, "git-receive-pack", &Request::default(), Path::new("/r/report"));
        let told = |name: &str| {
            let told = command.as_std().get_envs().find(|(known, _)| *known == name);
            told.and_then(|(_, value)| value?.to_str()).unwrap_or_default().to_owned()
        };
        assert_eq!(told("GIT_CONFIG_COUNT"), "2");
        let pairs = [0, 1].map(|at| (told(&format!("GIT_CONFIG_KEY_{at}")), told(&format!("GIT_CONFIG_VALUE_{at}"))));
        let wanted = [("safe.directory", "*"), ("receive.maxInputSize", "7")];
        assert_eq!(pairs, wanted.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
