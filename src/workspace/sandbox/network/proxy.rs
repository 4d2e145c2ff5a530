//! Our side of a run's network: the proxy.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adjutant_domain::network::{HostName, HostRefusal, Hosts, RefusedHost};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::answer::{self, Body};
use super::refusals::Refusals;
use super::request::{self, Denied, Destination};
use super::{Dial, Door, address, handover, relay};

/// Connections at one time. Further ones wait.
const CONNECTIONS: usize = 64;
/// Bytes of a request's line and headers.
const HEADER_BYTES: usize = 16 * 1024;
/// A connection that sends no complete request for so long is closed, also between two requests.
const HEADER_TIME: Duration = Duration::from_secs(30);
/// To resolve a name and connect.
const DIAL_TIME: Duration = Duration::from_secs(20);
/// A tunnel in which nothing is sent for so long is closed.
const IDLE: Duration = Duration::from_mins(2);
/// A request of plain HTTP and its answer.
const PLAIN_TIME: Duration = Duration::from_mins(10);
/// Addresses of one name that are tried.
const ADDRESSES: usize = 4;

/// Our side of a run's network: the proxy, and the way of a door's listener. It ends when this is dropped.
#[derive(Debug)]
pub(in super::super) struct Outside {
    state: Arc<State>,
    _open: DropGuard,
}

#[derive(Debug)]
struct State {
    hosts: Hosts,
    dialer: Arc<dyn Dial>,
    refusals: Refusals,
    /// Whether the launcher handed its listener out.
    launched: AtomicBool,
    closed: CancellationToken,
}

/// A tunnel that the request's connection becomes.
type Tunnel = (OnUpgrade, TcpStream);

impl Outside {
    /// Starts the proxy of a list of hosts. It waits for its listener, and for that of `door`, from whoever gets the
    /// socket as its standard input.
    pub(in super::super) fn open(
        hosts: Option<Hosts>,
        door: Option<Door>,
        dialer: Arc<dyn Dial>,
    ) -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let ours = tokio::net::UnixStream::from_std(ours)?;
        let closed = CancellationToken::new();
        let has_hosts = hosts.is_some();
        let state = Arc::new(State {
            hosts: hosts.unwrap_or_default(),
            dialer,
            refusals: Refusals::default(),
            launched: AtomicBool::new(false),
            closed: closed.clone(),
        });
        tokio::spawn(closed.clone().run_until_cancelled_owned(serve(ours, has_hosts, door, Arc::clone(&state))));
        Ok((Self { state, _open: closed.drop_guard() }, theirs.into()))
    }

    /// Whether the launcher did its part, so that the command was started.
    pub(in super::super) fn launched(&self) -> bool {
        self.state.launched.load(Ordering::Acquire)
    }

    /// What was asked for in vain.
    pub(in super::super) fn refused(&self) -> Vec<RefusedHost> {
        self.state.refusals.list()
    }
}

async fn serve(socket: tokio::net::UnixStream, has_hosts: bool, door: Option<Door>, state: Arc<State>) {
    let mut proxy = None;
    for door in has_hosts.then_some(None).into_iter().chain(door.map(Some)) {
        let listener = match handover::receive(&socket).await {
            Ok(Some(listener)) => listener,
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, "the sandbox handed out no listener; the run has no network"),
        };
        match door {
            Some(door) => door.open(listener),
            None => proxy = Some(listener),
        }
    }
    state.launched.store(true, Ordering::Release);
    if let Some(proxy) = proxy {
        accept(&proxy, &state).await;
    }
}

async fn accept(listener: &TcpListener, state: &Arc<State>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection of the sandbox could not be accepted; the next one is tried");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let served = connection(stream, Arc::clone(state));
        tokio::spawn(state.closed.clone().run_until_cancelled_owned(async move {
            served.await;
            drop(place);
        }));
    }
}

/// Answers the requests of one connection until it ends or becomes a tunnel.
async fn connection(stream: TcpStream, state: Arc<State>) {
    let (open, mut opened) = mpsc::channel::<Tunnel>(1);
    let service = service_fn(move |request| {
        let (state, open) = (Arc::clone(&state), open.clone());
        async move { Ok::<_, Infallible>(respond(request, &state, &open).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the sandbox to the proxy failed");
    }
    if let Some((upgrade, outside)) = opened.recv().await
        && let Ok(inside) = upgrade.await
    {
        relay::relay(TokioIo::new(inside), outside, IDLE).await;
    }
}

async fn respond(mut request: Request<Incoming>, state: &State, open: &mpsc::Sender<Tunnel>) -> Response<Body> {
    let target = match request::target(&request, &state.hosts) {
        Ok(target) => target,
        Err(Denied::NoProxyRequest) => return answer::no_proxy_request(),
        Err(Denied::Refused(refused)) => return refuse(state, refused),
    };
    let host = target.host.to_string();
    let outside = match timeout(DIAL_TIME, dial(&target, state)).await {
        Ok(Ok(Some(stream))) => stream,
        Ok(Ok(None)) => return refuse(state, RefusedHost::new(&host, target.port, HostRefusal::PrivateAddress)),
        Ok(Err(error)) => return answer::unreachable(&host, &error),
        Err(_) => return answer::unreachable(&host, &io::ErrorKind::TimedOut.into()),
    };
    if request.method() == Method::CONNECT {
        let _ = open.try_send((hyper::upgrade::on(&mut request), outside));
        return answer::connected();
    }
    match timeout(PLAIN_TIME, pass_on(&request, &target, outside, state)).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) | Err(_) => answer::no_answer(&host),
    }
}

fn refuse(state: &State, refused: RefusedHost) -> Response<Body> {
    let response = answer::refused(&refused);
    tracing::debug!(host = refused.host, port = refused.port, reason = ?refused.reason, "the proxy refused a host");
    state.refusals.record(refused);
    response
}

/// Connects to the first address that can be reached; `None` where every address is an internal one.
async fn dial(target: &Destination, state: &State) -> io::Result<Option<TcpStream>> {
    let addresses: Vec<IpAddr> = match &target.host {
        HostName::Address(address) => vec![*address],
        HostName::Name(name) => state.dialer.resolve(name).await?,
    };
    let found = !addresses.is_empty();
    let public = addresses.into_iter().filter(|address| address::is_public(*address)).take(ADDRESSES);
    let mut failure = None;
    for address in public {
        match state.dialer.connect(SocketAddr::new(address, target.port)).await {
            Ok(stream) => return Ok(Some(stream)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(error) => Err(error),
        None if found => Ok(None),
        None => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
    }
}

/// Sends a request of plain HTTP on, over a connection of its own.
async fn pass_on(
    request: &Request<Incoming>,
    target: &Destination,
    outside: TcpStream,
    state: &State,
) -> hyper::Result<Response<Body>> {
    let (mut sender, origin) = hyper::client::conn::http1::handshake(TokioIo::new(outside)).await?;
    tokio::spawn(state.closed.clone().run_until_cancelled_owned(timeout(PLAIN_TIME, origin)));
    let response = sender.send_request(request::onward(request, target, Empty::<Bytes>::new())).await?;
    let (mut head, body) = response.into_parts();
    head.headers = request::end_to_end(&head.headers);
    Ok(Response::from_parts(head, body.boxed()))
}
