//! Replaces the reasons in the report of a push (gitprotocol-pack(5), "Report Status") with the host's. For a refusal
//! by the update hook, git itself can only say "hook declined".

use axum::body::Bytes;
use tokio::sync::mpsc;

use super::gate::Answers;

/// The band of the report, if the client requested bands.
const REPORT: u8 = 1;
/// The longest line of a band (gitprotocol-pack(5), `side-band-64k`).
const LONGEST: usize = 65_515;

/// Passes an answer on after it is complete. The answer to a push is short.
pub(super) async fn pass_on(mut said: mpsc::Receiver<Bytes>, to: &mpsc::Sender<Bytes>, answers: &Answers) {
    let mut whole = Vec::new();
    while let Some(chunk) = said.recv().await {
        whole.extend_from_slice(&chunk);
    }
    let told = reworded(&whole, &|name| answers.declined(name)).unwrap_or(whole);
    if !told.is_empty() {
        let _ = to.send(Bytes::from(told)).await;
    }
}

/// The answer with the host's reasons; `None` if it cannot be parsed.
fn reworded(whole: &[u8], reason: &dyn Fn(&str) -> Option<String>) -> Option<Vec<u8>> {
    let lines = lines(whole)?;
    let banded = lines.iter().flatten().any(|line| line.first() == Some(&REPORT));
    if !banded {
        return Some(with_reasons(&lines, reason));
    }
    let mut told = Vec::new();
    let mut report = Vec::new();
    for line in lines.iter().flatten() {
        match line.split_first() {
            Some((&REPORT, rest)) => report.extend_from_slice(rest),
            _ => told.extend_from_slice(&framed(line)),
        }
    }
    for piece in with_reasons(&self::lines(&report)?, reason).chunks(LONGEST) {
        told.extend_from_slice(&framed(&[&[REPORT], piece].concat()));
    }
    told.extend_from_slice(b"0000");
    Some(told)
}

fn with_reasons(lines: &[Option<&[u8]>], reason: &dyn Fn(&str) -> Option<String>) -> Vec<u8> {
    let mut told = Vec::new();
    for line in lines {
        let Some(line) = line else {
            told.extend_from_slice(b"0000");
            continue;
        };
        let text = String::from_utf8_lossy(line);
        let refused = text.strip_prefix("ng ").and_then(|rest| rest.split_once(' '));
        let better = refused.and_then(|(name, _)| Some(format!("ng {name} {}\n", reason(name)?)));
        told.extend_from_slice(&better.map_or_else(|| framed(line), |better| framed(better.as_bytes())));
    }
    told
}

/// The pkt-lines of an answer. `None` is a flush.
fn lines(mut bytes: &[u8]) -> Option<Vec<Option<&[u8]>>> {
    let mut lines = Vec::new();
    while !bytes.is_empty() {
        let length = usize::from_str_radix(std::str::from_utf8(bytes.get(..4)?).ok()?, 16).ok()?;
        match length {
            0 => lines.push(None),
            1..4 => return None,
            _ => lines.push(Some(bytes.get(4..length)?)),
        }
        bytes = &bytes[length.max(4)..];
    }
    Some(lines)
}

fn framed(line: &[u8]) -> Vec<u8> {
    [format!("{:04x}", line.len() + 4).as_bytes(), line].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(name: &str) -> Option<String> {
        (name == "refs/heads/a").then(|| "not here".to_owned())
    }

    fn plain(reason: &str) -> Vec<u8> {
        let lines = ["unpack ok\n".to_owned(), format!("ng refs/heads/a {reason}\n"), "ok refs/heads/b\n".to_owned()];
        let mut report: Vec<u8> = lines.iter().flat_map(|line| framed(line.as_bytes())).collect();
        report.extend_from_slice(b"0000");
        report
    }

    fn banded(report: &[u8]) -> Vec<u8> {
        [framed(b"\x02hello\n"), framed(&[b"\x01", report].concat()), b"0000".to_vec()].concat()
    }

    #[test]
    fn a_reason_replaces_gits_with_and_without_bands() {
        let (said, wanted) = (plain("hook declined"), plain("not here"));
        assert_eq!(reworded(&said, &reason).unwrap(), wanted);
        assert_eq!(reworded(&banded(&said), &reason).unwrap(), banded(&wanted));
    }

    #[test]
    fn an_answer_without_a_report_is_unchanged() {
        assert_eq!(reworded(b"", &reason).unwrap(), b"");
        for odd in [&b"fatal: no"[..], b"0003", b"00", b"ffffabc"] {
            assert_eq!(reworded(odd, &reason), None);
        }
    }
}
