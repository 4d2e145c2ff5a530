//! What a push wants to move, read before git sees it, and the answers that the update hook finds.
//!
//! Only git can tell whether a push drops commits, and only once it has the objects. So the host is asked beforehand for every
//! outcome, its answers are laid into a folder, and the hook picks the one that fits (githooks(5), `update`).

use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes};
use futures_util::{StreamExt, stream};

use super::{Authorised, Obstacle, RefUpdate, cgi::parse_update};

/// A list of commands this long is none that git sends.
const MAX_COMMANDS: usize = 1024 * 1024;

/// Reads the commands in front of a push's pack (gitprotocol-pack(5)) and gives the body back whole.
pub(super) async fn commands(body: Body) -> (Vec<RefUpdate>, Body) {
    let mut rest = body.into_data_stream();
    let mut read = Vec::new();
    let mut failure = None;
    let updates = loop {
        if let Some(updates) = parse(&read) {
            break updates;
        }
        match rest.next().await {
            Some(Ok(chunk)) if read.len() < MAX_COMMANDS => read.extend_from_slice(&chunk),
            Some(Ok(chunk)) => {
                read.extend_from_slice(&chunk);
                break Vec::new();
            }
            Some(Err(error)) => {
                failure = Some(error);
                break Vec::new();
            }
            None => break Vec::new(),
        }
    };
    let read = stream::once(async move { Ok(Bytes::from(read)) });
    let failure = stream::iter(failure.map(Err));
    (updates, Body::from_stream(read.chain(failure).chain(rest)))
}

/// The commands, once all of them are there; pkt-lines up to the first flush.
fn parse(mut bytes: &[u8]) -> Option<Vec<RefUpdate>> {
    let mut updates = Vec::new();
    loop {
        let length = bytes.get(..4).and_then(|digits| std::str::from_utf8(digits).ok())?;
        let length = usize::from_str_radix(length, 16).ok()?;
        if length < 4 {
            return Some(updates);
        }
        let line = String::from_utf8_lossy(bytes.get(4..length)?);
        // Capabilities follow the first name after a NUL. What is no command (`shallow …`) is passed over.
        let command = line.split('\0').next().unwrap_or_default().trim_end_matches('\n');
        updates.extend(parse_update(command).filter(|update| update.name.starts_with("refs/")));
        bytes = &bytes[length..];
    }
}

/// The folder with the answers for one push.
pub(super) struct Answers(PathBuf);

impl Answers {
    /// Lays them out. Where that fails, nothing may pass that nobody looked at.
    pub(super) fn lay(authorised: &Authorised, obstacles: &[Obstacle]) -> std::io::Result<Self> {
        let folder = Self(authorised.repository.join(format!("rules-{}", uuid::Uuid::new_v4())));
        std::fs::create_dir_all(&folder.0)?;
        if let Some(told) = &authorised.without_workflows {
            std::fs::write(folder.0.join("~workflows"), told)?;
        }
        for obstacle in obstacles {
            let flags = format!("{}{}", u8::from(obstacle.forced), u8::from(obstacle.merges));
            // No ref name has a tilde, so that no file is where another ref's folder would be.
            let file = folder.0.join(format!("{}~{flags}", obstacle.name));
            std::fs::create_dir_all(file.parent().unwrap_or(&folder.0))?;
            std::fs::write(&file, &obstacle.message)?;
            std::fs::write(folder.0.join(format!("{}~{flags}~", obstacle.name)), obstacle.reason)?;
        }
        Ok(folder)
    }

    /// Why the hook declined to move a ref, where it did.
    pub(super) fn declined(&self, name: &str) -> Option<String> {
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
        let (updates, body) = commands(Body::from_stream(stream::iter(pieces))).await;
        let made = RefUpdate { name: "refs/heads/a".to_owned(), old: None, new: Some(A.to_owned()) };
        let gone = RefUpdate { name: "refs/heads/b".to_owned(), old: Some(A.to_owned()), new: None };
        assert_eq!(updates, [made, gone]);
        assert_eq!(axum::body::to_bytes(body, 10_000).await.unwrap(), text.as_bytes());
    }

    #[tokio::test]
    async fn what_is_not_a_list_of_commands_has_none() {
        for text in ["", "0000", "zzzz", "0005", "00", "ffffabc"] {
            let (updates, body) = commands(Body::from(text)).await;
            assert!(updates.is_empty(), "{text}");
            assert_eq!(axum::body::to_bytes(body, 100).await.unwrap(), text.as_bytes());
        }
    }
}
