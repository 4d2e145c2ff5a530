//! Reads the refs that a push wants to move before git sees them, and prepares the messages for the update hook.
//!
//! Only git can tell whether a push removes commits, and only after it has the objects. Therefore the host is asked
//! beforehand about every outcome, its messages are written into a folder, and the hook picks the one that fits
//! (githooks(5), `update`).

use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::{StreamExt, stream};

use super::{Authorised, GitRefusal, Obstacle, RefUpdate, cgi::parse_update};
use crate::git::refs::is_sha;

/// The longest list of commands. Git sends shorter ones.
const MAX_COMMANDS: usize = 1024 * 1024;

/// The longest pkt-line (gitprotocol-common(5)).
const MAX_LINE: usize = 65_520;

/// A missing or malformed list. The push is refused, because nobody could check the refs that it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It has no end, or another format.
    Malformed,
    /// Longer than [`MAX_COMMANDS`].
    TooLong,
}

impl From<Unreadable> for GitRefusal {
    fn from(what: Unreadable) -> Self {
        match what {
            Unreadable::Malformed => Self::new(StatusCode::BAD_REQUEST, "The list of refs to move is not understood."),
            Unreadable::TooLong => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "The list of refs to move is too long."),
        }
    }
}

/// Reads the commands before a push's pack (gitprotocol-pack(5)) and returns the whole body again.
pub(super) async fn commands(body: Body) -> Result<(Vec<RefUpdate>, Body), Unreadable> {
    let mut rest = body.into_data_stream();
    let mut read = Vec::new();
    let updates = loop {
        if let Some(updates) = parse(&read)? {
            break updates;
        }
        if read.len() > MAX_COMMANDS {
            return Err(Unreadable::TooLong);
        }
        match rest.next().await {
            Some(Ok(chunk)) => read.extend_from_slice(&chunk),
            Some(Err(_)) | None => return Err(Unreadable::Malformed),
        }
    };
    let read = stream::once(async move { Ok(Bytes::from(read)) });
    Ok((updates, Body::from_stream(read.chain(rest))))
}

/// The commands, if they are complete: the pkt-lines up to the first flush. Every line must be understood. A push
/// certificate (`push-cert`), for example, has its commands elsewhere; the server does not offer it.
fn parse(mut bytes: &[u8]) -> Result<Option<Vec<RefUpdate>>, Unreadable> {
    let mut updates = Vec::new();
    loop {
        let Some(length) = bytes.get(..4) else { return Ok(None) };
        let length =
            std::str::from_utf8(length).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let length = length.and_then(|digits| usize::from_str_radix(digits, 16).ok()).ok_or(Unreadable::Malformed)?;
        match length {
            0 => return Ok(Some(updates)),
            4..=MAX_LINE => {}
            _ => return Err(Unreadable::Malformed),
        }
        let Some(line) = bytes.get(4..length) else { return Ok(None) };
        // Capabilities follow the first name after a NUL. A name that is not UTF-8 could be mistaken for another one.
        let command = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let command = std::str::from_utf8(command).map_err(|_| Unreadable::Malformed)?;
        let command = command.strip_suffix('\n').unwrap_or(command);
        if !command.starts_with("shallow ") {
            let update = parse_update(command).filter(is_command).ok_or(Unreadable::Malformed)?;
            // Git itself refuses names that cannot be refs, and moves nothing.
            updates.extend(Some(update).filter(|update| could_be_a_ref(&update.name)));
        }
        bytes = &bytes[length..];
    }
}

fn is_command(update: &RefUpdate) -> bool {
    let sha = |sha: &Option<String>| sha.as_deref().is_none_or(|sha| is_sha(&sha.to_ascii_lowercase()));
    sha(&update.old) && sha(&update.new)
}

/// Checks the rules of git-check-ref-format(1) that the file names depend on.
fn could_be_a_ref(name: &str) -> bool {
    let fits = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['~', '\\']);
    name.starts_with("refs/") && name.split('/').all(fits) && !name.contains(|letter: char| letter.is_control())
}

/// The folder with the messages for one push.
pub(super) struct Answers(PathBuf);

impl Answers {
    /// Writes the messages. If that fails, the push must not continue.
    pub(super) fn lay(authorised: &Authorised, obstacles: &[Obstacle]) -> std::io::Result<Self> {
        let folder = Self(authorised.repository.join(format!("rules-{}", uuid::Uuid::new_v4())));
        std::fs::create_dir_all(&folder.0)?;
        if let Some(told) = &authorised.without_workflows {
            std::fs::write(folder.0.join("~workflows"), told)?;
        }
        for obstacle in obstacles {
            let flags = format!("{}{}", u8::from(obstacle.forced), u8::from(obstacle.merges));
            // No ref name has a tilde, so no file has the path of another ref's folder.
            let file = folder.0.join(format!("{}~{flags}", obstacle.name));
            std::fs::create_dir_all(file.parent().unwrap_or(&folder.0))?;
            std::fs::write(&file, &obstacle.message)?;
            std::fs::write(folder.0.join(format!("{}~{flags}~", obstacle.name)), obstacle.reason)?;
        }
        Ok(folder)
    }

    /// Why the hook refused to move a ref, if it did.
    pub(super) fn declined(&self, name: &str) -> Option<String> {
        if !could_be_a_ref(name) {
            return None;
        }
        let reason = std::fs::read_to_string(self.0.join(format!("{name}~declined"))).ok()?;
        Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "1111111111111111111111111111111111111111";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn line(text: &str) -> String {
        format!("{:04x}{text}", text.len() + 4)
    }

    #[tokio::test]
    async fn commands_are_read_up_to_the_flush_and_the_body_stays_whole() {
        let text = line(&format!("{ZERO} {A} refs/heads/a\0 report-status\n"))
            + &line(&format!("{A} {ZERO} refs/heads/b"))
            + "0000PACK-and-more";
        let pieces: Vec<_> = text.as_bytes().chunks(7).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        let (updates, body) = commands(Body::from_stream(stream::iter(pieces))).await.unwrap();
        let made = RefUpdate { name: "refs/heads/a".to_owned(), old: None, new: Some(A.to_owned()) };
        let gone = RefUpdate { name: "refs/heads/b".to_owned(), old: Some(A.to_owned()), new: None };
        assert_eq!(updates, [made, gone]);
        assert_eq!(axum::body::to_bytes(body, 10_000).await.unwrap(), text.as_bytes());
    }

    #[tokio::test]
    async fn a_push_without_refs_is_one() {
        // Git sends this to ask whether it may push, before it sends much data (http.postBuffer).
        let (updates, body) = commands(Body::from("0000")).await.unwrap();
        assert!(updates.is_empty());
        assert_eq!(axum::body::to_bytes(body, 100).await.unwrap(), "0000");
    }

    #[tokio::test]
    async fn a_malformed_list_is_not_an_empty_list() {
        let cert = line("push-cert\0 report-status\n") + &line(&format!("{ZERO} {A} refs/heads/a\n"));
        let words = line(&format!("{ZERO} nonsense refs/heads/a"));
        let unended = line(&format!("{ZERO} {A} refs/heads/a"));
        for text in ["", "zzzz", "0001", "0005", "00", "ffffabc", "+00f12345678901", &cert, &words, &unended] {
            assert_eq!(commands(Body::from(text.to_owned())).await.unwrap_err(), Unreadable::Malformed, "{text}");
        }
        let mut bytes = line(&format!("{ZERO} {A} refs/heads/a?")).into_bytes();
        *bytes.last_mut().unwrap() = 0xff;
        bytes.extend_from_slice(b"0000");
        assert_eq!(commands(Body::from(bytes)).await.unwrap_err(), Unreadable::Malformed, "a name that is no text");
        let many = line(&format!("{ZERO} {A} refs/heads/a")).repeat(20_000);
        assert_eq!(commands(Body::from(many)).await.unwrap_err(), Unreadable::TooLong);
    }

    #[tokio::test]
    async fn answers_lie_in_their_folder_whatever_refs_are_called() {
        let names = ["refs/heads/../../../../x/y", "../x", "refs/heads/.x", "refs//x", "refs/heads/a~b", "HEAD"];
        let text: String = names.iter().map(|name| line(&format!("{ZERO} {A} {name}"))).collect();
        let (updates, _) = commands(Body::from(text + "0000")).await.unwrap();
        assert_eq!(updates, []);
    }
}
