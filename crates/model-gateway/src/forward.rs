//! One request: is it allowed, what may it cost, send it, pass the answer on, settle.

mod answer;
mod send;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::Utc;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header, request};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::body::Members;
use crate::ledger::{Ending, LedgerEntry};
use crate::money::Amount;
use crate::pot::Reservation;
use crate::price::Rates;
use crate::refusal::Refusal;
use crate::run::Run;
use crate::upstream::{KEYS, X_API_KEY, X_GOOG_API_KEY};
use crate::wire::{self, Api, Asked, Call, Tokens};

/// The body of an answer. An error in it breaks the connection off, so that half an answer is not taken for a whole one.
pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

/// Bytes of a request. Programs send up to 1 MB; images make it more.
const MAX_REQUEST: usize = 32 << 20;
/// To send them.
const REQUEST_TIME: Duration = Duration::from_mins(1);
/// The least output that a request is worth being made for.
const LEAST_OUTPUT: u64 = 4_096;

/// Answers one request of the run's agent.
pub(crate) async fn respond(request: Request<Incoming>, run: Arc<Run>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let call = wire::call(&head.method, head.uri.path());
    let api = match &call {
        Some(Call::Generate { api, .. }) => Some(*api),
        _ => Some(form_of(head.uri.path())),
    };
    let refuse = |refusal: Refusal| {
        tracing::debug!(run = run.settings.id, %refusal, path = head.uri.path(), "a request of an agent is not passed on");
        refusal.response(api, run.settings.budget_status)
    };
    if call == Some(Call::Ping) {
        return Response::new(Empty::new().map_err(|never| match never {}).boxed());
    }
    if !has_key(&head, &run.settings.key) {
        return refuse(Refusal::NoKey);
    }
    if run.ended.is_cancelled() {
        return refuse(Refusal::Ended);
    }
    let body = match read(&head.headers, body).await {
        Ok(body) => body,
        Err(refusal) => return refuse(refusal),
    };
    let job = Job { started: Instant::now(), head: head.clone(), body, run: Arc::clone(&run) };
    // In a task of its own: an agent that goes away does not stop the settling.
    let (answer, answered) = oneshot::channel();
    run.answers.spawn(async move {
        let response = match call {
            Some(Call::Generate { api, model, stream }) => Box::pin(job.generate(api, model, stream)).await,
            Some(Call::Free | Call::Ping) => job.free().await,
            None => Err(Refusal::UnknownPath),
        };
        let _ = answer.send(response);
    });
    match answered.await {
        Ok(Ok(response)) => response,
        Ok(Err(refusal)) => refuse(refusal),
        Err(_) => refuse(Refusal::Ended),
    }
}

/// The form of an answer to a path that is none of the calls.
fn form_of(path: &str) -> Api {
    if path.starts_with("/v1beta") {
        Api::Gemini
    } else if path.starts_with("/v1/messages") || path == "/" {
        Api::Messages
    } else {
        Api::Chat
    }
}

/// Whether the request comes with the run's key, in whichever header or parameter its program puts it.
fn has_key(head: &request::Parts, key: &str) -> bool {
    let headers = [X_API_KEY, X_GOOG_API_KEY, KEYS[3].clone()].into_iter().filter_map(|name| head.headers.get(name));
    let plain = headers.filter_map(|value| value.to_str().ok());
    let bearer = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|text| text.strip_prefix("Bearer "));
    let parameter =
        head.uri.query().into_iter().flat_map(|query| query.split('&')).filter_map(|it| it.strip_prefix("key="));
    plain.chain(bearer).chain(parameter).any(|given| given == key)
}

async fn read(headers: &HeaderMap, body: Incoming) -> Result<Bytes, Refusal> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Refusal::Unreadable("it is compressed".to_owned()));
    }
    match timeout(REQUEST_TIME, Limited::new(body, MAX_REQUEST).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Refusal::TooLarge(MAX_REQUEST)),
        Ok(Err(error)) => Err(Refusal::Unreadable(error.to_string())),
        Err(_) => Err(Refusal::Unreadable("it did not come to its end in time".to_owned())),
    }
}

/// A request that was read.
struct Job {
    started: Instant,
    head: request::Parts,
    body: Bytes,
    run: Arc<Run>,
}

/// What is set aside for a request, and what is needed to settle it.
struct Stake {
    api: Api,
    asked: Asked,
    /// The highest number of input tokens.
    input: u64,
    /// The output cap of one answer.
    cap: u64,
    priced: Option<(Rates, Reservation)>,
}

impl Job {
    /// What costs nothing is passed on as it is.
    async fn free(self) -> Result<Response<Body>, Refusal> {
        let api = form_of(self.head.uri.path());
        let response = self.send(api, self.body.clone()).await.map_err(send::Fault::refusal)?;
        let (head, body) = response.into_parts();
        let body = body.map_err(std::io::Error::other).boxed();
        Ok(Response::from_parts(answer::head(head), body))
    }

    async fn generate(self, api: Api, model: Option<String>, stream: Option<bool>) -> Result<Response<Body>, Refusal> {
        let mut members = Members::parse(&self.body).map_err(|error| Refusal::Unreadable(error.to_string()))?;
        let asked = Asked::read(api, &members, model, stream).map_err(|fault| Refusal::Unpriced(fault.to_string()))?;
        let stake = match self.stake(api, asked.clone()).await {
            Ok(stake) => stake,
            Err(refusal) => return Err(self.refused(api, &asked, refusal).await),
        };
        let chat = self.run.settings.upstream.chat_cap();
        let capped = wire::cap(api, &mut members, stake.cap, stake.asked.stream, chat).and_then(|()| members.write());
        let capped = capped.map_err(|error| Refusal::Unreadable(error.to_string()))?;
        match self.send(api, capped.into()).await {
            Ok(response) if response.status().is_success() => Ok(self.pass_on(stake, response)),
            Ok(response) => Ok(self.pass_on_error(stake, response).await),
            Err(fault) => Err(self.not_sent(stake, fault).await),
        }
    }

    /// Checks a request, and sets aside the most that it can cost.
    async fn stake(&self, api: Api, asked: Asked) -> Result<Stake, Refusal> {
        let settings = &self.run.settings;
        if let Some(allowed) = settings.upstream.refuses_model(&asked.model) {
            return Err(Refusal::Model { model: asked.model, allowed });
        }
        if let Some((left, reason)) = settings.upstream.breaker().waiting() {
            let (provider, seconds) = (settings.upstream.name.clone(), left.as_secs() + 1);
            return Err(Refusal::Waiting { provider, reason, seconds });
        }
        let (repeats, input) = {
            let known = self.run.known();
            (known.repeats.count(&asked), known.inputs.bound(&asked.model, &self.body))
        };
        if repeats >= settings.max_repeats {
            return Err(Refusal::Repeated(repeats));
        }
        let wanted = asked.output.unwrap_or(u64::MAX).min(settings.max_output).max(1);
        let Some(rates) = settings.upstream.prices.rates(&asked.model).cloned() else {
            if settings.limited {
                return Err(Refusal::NoPrice { model: asked.model });
            }
            return Ok(Stake { api, asked, input, cap: wanted, priced: None });
        };
        let read = rates.input_bound(input, asked.searches, asked.tier, &asked.asks);
        let each = rates.output_rate(input, asked.tier, &asked.asks).times(asked.choices);
        let least = read + each.times(wanted.min(LEAST_OUTPUT));
        let reserved = settings.pot.reserve(least, read + each.times(wanted)).await;
        let reserved = reserved.map_err(|error| Refusal::of_purse(error, least))?;
        let cap = affordable(reserved.amount() - read, each).min(wanted);
        Ok(Stake { api, asked, input, cap, priced: Some((rates, reserved)) })
    }

    async fn refused(&self, api: Api, asked: &Asked, refusal: Refusal) -> Refusal {
        let status = refusal.status(self.run.settings.budget_status).as_u16();
        tracing::info!(run = self.run.settings.id, model = asked.model, %refusal, "a request of an agent was refused");
        self.run.refused(refusal.name(), refusal.to_string());
        let cost = Some(Amount::ZERO);
        self.run.record(self.entry(api, &asked.model, Ending::Refused(refusal.name()), status, cost)).await;
        refusal
    }

    /// The provider was not reached, or did not answer.
    async fn not_sent(&self, stake: Stake, fault: send::Fault) -> Refusal {
        let maybe_done = fault.maybe_done();
        let refusal = fault.refusal();
        let status = refusal.status(self.run.settings.budget_status).as_u16();
        self.run.failed(crate::UpstreamError { status, retry_after: None, message: refusal.to_string() });
        let mut entry = self.entry(stake.api, &stake.asked.model, Ending::Failed, status, Some(Amount::ZERO));
        if maybe_done {
            entry.tokens = Tokens { input: stake.input, output: stake.cap, ..Tokens::default() };
            entry.cost = stake.priced.as_ref().map(|(_, reserved)| reserved.amount());
            entry.bound = true;
        } else if let Some((_, reserved)) = stake.priced {
            reserved.settle(Amount::ZERO);
        }
        self.run.record(entry).await;
        refusal
    }

    fn entry(&self, api: Api, model: &str, ending: Ending, status: u16, cost: Option<Amount>) -> LedgerEntry {
        let settings = &self.run.settings;
        LedgerEntry {
            run: settings.id.clone(),
            at: Utc::now(),
            api,
            provider: settings.upstream.name.clone(),
            model: model.chars().take(200).collect(),
            ending,
            status,
            tokens: Tokens::default(),
            cost,
            bound: false,
            millis: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// So many tokens can be had for an amount.
fn affordable(amount: Amount, each: Amount) -> u64 {
    amount.0.checked_div(each.0).unwrap_or(u64::MAX)
}

/// Headers that belong to one connection (RFC 9110, section 7.6.1), and those that the gateway sets itself.
const OF_THE_CONNECTION: [HeaderName; 10] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
];

/// The headers that are passed on.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<String> =
        named.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect();
    let passes = |name: &HeaderName| !OF_THE_CONNECTION.contains(name) && !named.iter().any(|it| it == name.as_str());
    headers.iter().filter(|(name, _)| passes(name)).map(|(name, value)| (name.clone(), value.clone())).fold(
        HeaderMap::new(),
        |mut kept, (name, value): (HeaderName, HeaderValue)| {
            kept.append(name, value);
            kept
        },
    )
}
