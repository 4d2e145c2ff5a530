//! Requests that no library would send: paths that are not normalised, bodies that are not UTF-8.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request that takes longer counts as hanging.
const LIMIT: Duration = Duration::from_secs(10);

/// The answer to a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body, if it is JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Why this is not an error in GitHub's shape; `None` if it is, or if the request succeeded.
    pub(super) fn misshapen(&self) -> Option<String> {
        let told = self.json();
        let shaped = told["message"].is_string() && told["documentation_url"].is_string();
        let known = [304, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422].contains(&self.status);
        let fine =
            self.status < 300 || (known && shaped && told["status"].as_str() == Some(self.status.to_string().as_str()));
        (!fine).then(|| format!("{} {}", self.status, String::from_utf8_lossy(&self.body)))
    }
}

/// Sends one request on a new connection, and reads the answer to its end.
pub(super) async fn send(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let told = tokio::time::timeout(LIMIT, exchange(address, line, headers, body)).await;
    let bytes = told.unwrap_or_else(|_| panic!("{line}: no answer within {LIMIT:?}"));
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let at = at.unwrap_or_else(|| panic!("{line}: the connection broke: {}", String::from_utf8_lossy(&bytes)));
    let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    Answer { status, head, body: bytes[at + 4..].to_vec() }
}

async fn exchange(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut request = format!("{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nuser-agent: nonsense\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("content-length: {}\r\n\r\n", body.len());
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let whole = [request.as_bytes(), body].concat();
    // A server that refuses a body early may close the connection before all of it was sent.
    let write = async { drop(writing.write_all(&whole).await) };
    let mut answer = Vec::new();
    let read = async { drop(reading.read_to_end(&mut answer).await) };
    tokio::join!(write, read);
    answer
}
