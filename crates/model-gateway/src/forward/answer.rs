//! Passes an answer on, counts it, and settles what it cost.

use bytes::Bytes;
use futures_util::stream;
use http::{Response, response};
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::{Body, Job, Stake, end_to_end, send};
use crate::ledger::Ending;
use crate::money::Amount;
use crate::serve::DRAIN;
use crate::upstream::UpstreamError;
use crate::wire::{Meter, Tier, Tokens};

/// Pieces of an answer that wait for an agent which reads slowly.
const AHEAD: usize = 16;
/// Bytes of an error that are passed on.
const MAX_ERROR: usize = 256 << 10;
/// Characters of an error that people are shown.
const MESSAGE: usize = 500;

type Piece = Result<Frame<Bytes>, std::io::Error>;

/// The head that the agent gets.
pub(super) fn head(mut head: response::Parts) -> response::Parts {
    head.headers = end_to_end(&head.headers);
    head.version = http::Version::HTTP_11;
    head
}

/// How reading an answer came to its end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Whole,
    Broken(String),
}

impl Job {
    /// Passes on an answer of the model.
    pub(super) fn pass_on(self, stake: Stake, response: Response<Incoming>) -> Response<Body> {
        let (parts, body) = response.into_parts();
        let kind = parts.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let meter = Meter::new(stake.api, kind.is_some_and(|kind| kind.starts_with("text/event-stream")));
        let (pieces, read) = mpsc::channel::<Piece>(AHEAD);
        let status = parts.status.as_u16();
        let answers = self.run.answers.clone();
        answers.spawn(self.pump(stake, meter, body, pieces, status));
        let read = stream::unfold(read, |mut read| async move { read.recv().await.map(|piece| (piece, read)) });
        Response::from_parts(head(parts), BodyExt::boxed(StreamBody::new(read)))
    }

    async fn pump(self, stake: Stake, mut meter: Meter, body: Incoming, pieces: mpsc::Sender<Piece>, status: u16) {
        let end = self.read(&stake, &mut meter, body, &pieces).await;
        meter.end();
        self.settle(stake, &meter, &end, status).await;
        if let End::Broken(why) = end {
            let _ = pieces.send(Err(std::io::Error::other(why))).await;
        }
    }

    /// Reads an answer to its end, also where the agent does not read it any more: what it costs is known at the end.
    async fn read(&self, stake: &Stake, meter: &mut Meter, mut body: Incoming, pieces: &mpsc::Sender<Piece>) -> End {
        let stall = self.run.settings.upstream.stall;
        let most = stake.cap.saturating_mul(stake.asked.choices);
        let mut unread: Option<Instant> = None;
        loop {
            let frame = match timeout(stall, body.frame()).await {
                Ok(None) => return End::Whole,
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => return End::Broken(format!("the provider's answer broke off: {error}")),
                Err(_) => return End::Broken(format!("the provider sent nothing for {} s", stall.as_secs())),
            };
            if let Some(data) = frame.data_ref() {
                meter.feed(data);
            }
            if meter.least_written() > most {
                return End::Broken("the model wrote more than it may".to_owned());
            }
            match unread {
                Some(since) if since.elapsed() > DRAIN => return End::Broken("nobody reads the answer".to_owned()),
                None if pieces.send(Ok(frame)).await.is_err() => unread = Some(Instant::now()),
                Some(_) | None => {}
            }
        }
    }

    async fn settle(&self, stake: Stake, meter: &Meter, end: &End, status: u16) {
        let Stake { api, asked, input, cap, priced } = stake;
        let counted = meter.counted();
        let tokens = counted.unwrap_or_else(|| bound(meter, input, cap.saturating_mul(asked.choices), asked.searches));
        let tier = if meter.tier() == Tier::Priority || counted.is_none() { asked.tier } else { Tier::Default };
        let ending = if *end == End::Whole { Ending::Answered } else { Ending::Cut };
        let mut entry = self.entry(api, &asked.model, ending, status, None);
        (entry.tokens, entry.bound) = (tokens, counted.is_none());
        if let Some((rates, reserved)) = priced {
            let cost = rates.cost(&tokens, tier, &asked.asks);
            // Nothing is known to be higher than what was reserved for it.
            let cost = if counted.is_none() { reserved.amount().min(cost) } else { cost };
            reserved.settle(cost);
            entry.cost = Some(cost);
        }
        {
            let mut known = self.run.known();
            if let Some(counted) = counted {
                known.inputs.learn(&asked.model, self.body.to_vec(), counted.all_input());
            }
            known.repeats.answered(&asked);
        }
        if let End::Broken(why) = end {
            self.run.failed(UpstreamError { status, retry_after: None, message: why.clone() });
        }
        self.run.record(entry).await;
        self.run.settings.pot.put_back_if_scarce().await;
    }

    /// Passes on an error of the provider. It bills none.
    pub(super) async fn pass_on_error(self, stake: Stake, response: Response<Incoming>) -> Response<Body> {
        let upstream = &self.run.settings.upstream;
        let wait = send::retry_after(&response);
        let (parts, body) = response.into_parts();
        let whole = timeout(upstream.stall, Limited::new(body, MAX_ERROR).collect()).await;
        let bytes = whole.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let text = upstream.clean(&String::from_utf8_lossy(&bytes));
        let status = parts.status.as_u16();
        let message = message(&text);
        if matches!(status, 429 | 529) {
            upstream.breaker().open(wait, message.clone());
        }
        tracing::info!(
            run = self.run.settings.id,
            provider = upstream.name,
            status,
            message,
            "a model's provider refused"
        );
        self.run.failed(UpstreamError { status, retry_after: wait, message });
        if let Some((_, reserved)) = stake.priced {
            reserved.settle(Amount::ZERO);
        }
        self.run.record(self.entry(stake.api, &stake.asked.model, Ending::Failed, status, Some(Amount::ZERO))).await;
        let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed();
        Response::from_parts(head(parts), body)
    }
}

/// The most that an answer can have cost whose end is not known.
fn bound(meter: &Meter, input: u64, cap: u64, searches: u64) -> Tokens {
    let output = if meter.shows_all() { meter.most_written().min(cap) } else { cap };
    match meter.input() {
        Some(tokens) => Tokens { output, searches, ..tokens },
        None => Tokens { input, output, searches, ..Tokens::default() },
    }
}

/// The words of an error, out of whichever form it has.
fn message(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let named = value.pointer("/error/message").or_else(|| value.pointer("/message")).or_else(|| value.get("error"));
    let words = named.and_then(serde_json::Value::as_str).unwrap_or(text);
    words.chars().filter(|character| !character.is_control()).take(MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_error_are_found_in_every_form() {
        assert_eq!(message(r#"{"type":"error","error":{"type":"x","message":"no\u0000 credit"}}"#), "no credit");
        assert_eq!(message(r#"{"error":"gone"}"#), "gone");
        assert_eq!(message("<html>\nbad gateway"), "<html>bad gateway");
        assert_eq!(message(&"x".repeat(9_000)).len(), MESSAGE);
    }
}
