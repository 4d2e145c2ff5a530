//! What a process reaches that runs with a list of hosts: real sandboxes, the real proxy, real connections.

mod outside;
mod roles;

use std::collections::BTreeSet;
use std::fs;
use std::net::UdpSocket;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adjutant::report::verifier_check;
use adjutant::verify::{self, VerifierJob, VerifierSpec};
use adjutant::workspace::sandbox::network::{Dial, SystemDialer};
use adjutant::workspace::sandbox::{Exit, Limits, Mode, RunOutcome, Sandbox, SandboxConfig, SandboxError, SandboxRun};
use adjutant_domain::network::{Hosts, Network, RefusedHost};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use outside::Outside;

struct Fixture {
    folder: tempfile::TempDir,
    sandbox: Sandbox,
}

impl Fixture {
    async fn new(dialer: Arc<dyn Dial>) -> Self {
        Self::with_launcher(dialer, env!("CARGO_BIN_EXE_adjutant")).await
    }

    async fn with_launcher(dialer: Arc<dyn Dial>, launcher: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tree")).unwrap();
        let config = SandboxConfig {
            launcher: launcher.into(),
            dialer,
            ..SandboxConfig::new(Mode::Bubblewrap, folder.path().join("scratch"))
        };
        Self { sandbox: Sandbox::probe(config).await.unwrap(), folder }
    }

    fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    fn run_of(&self, hosts: &[&str], argv: &[&str]) -> SandboxRun {
        let argv = argv.iter().map(|&word| word.to_owned()).collect();
        let mut run = SandboxRun::new(argv, self.tree(), self.folder.path().join("log"));
        run.network = Network::Hosts(list(hosts));
        run.limits.wall = Duration::from_mins(2);
        run
    }

    async fn python(&self, hosts: &[&str], script: &str) -> RunOutcome {
        self.sandbox.run(self.run_of(hosts, &["python3", "-c", script])).await.unwrap()
    }
}

fn list(hosts: &[&str]) -> Hosts {
    hosts.iter().map(|host| host.parse().unwrap()).collect()
}

fn refused(refused: &[RefusedHost]) -> Vec<String> {
    refused.iter().map(|it| format!("{}:{} {:?}", it.host, it.port, it.reason)).collect()
}

/// The address that this machine would send from, where it has a network.
fn own_address() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("203.0.113.53:53").ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}

/// What the runs of [`Attempts`] may reach by name.
const LISTED: [&str; 6] =
    ["listed.example", "loopback.example", "private.example", "metadata.example", "mapped.example", "127.0.0.1"];

/// A script that tries to reach what its list does not name, and what it must not reach.
struct Attempts {
    outside: Arc<Outside>,
    on_host: std::net::TcpListener,
    on_host_unix: UnixListener,
    host_port: String,
}

impl Attempts {
    /// Writes the script into the tree of a fixture.
    async fn new() -> (Self, Fixture) {
        let outside = Arc::new(Outside::new(outside::mirror().await));
        let place = Fixture::new(outside.clone()).await;
        let on_host = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        on_host.set_nonblocking(true).unwrap();
        let name = format!("adjutant-test-{}", uuid::Uuid::new_v4());
        let on_host_unix = UnixListener::bind_addr(&UnixAddress::from_abstract_name(&name).unwrap()).unwrap();
        on_host_unix.set_nonblocking(true).unwrap();
        let host_port = on_host.local_addr().unwrap().port();
        let facts = serde_json::json!({
            "proxy": 28_428, "host_port": host_port, "own_address": own_address(), "abstract": name,
        });
        fs::write(place.tree().join("facts.json"), facts.to_string()).unwrap();
        fs::write(place.tree().join("attempts.py"), include_str!("attempts.py")).unwrap();
        (Self { outside, on_host, on_host_unix, host_port: host_port.to_string() }, place)
    }

    /// What the script printed, a line for each attempt.
    fn log(&self, path: &Path) -> String {
        let log = fs::read_to_string(path).unwrap().replace(&self.host_port, "HOST_PORT");
        log.lines().filter(|line| !line.contains("machine's address: OSError")).collect::<Vec<_>>().join("\n")
    }

    fn reached_nothing(&self) {
        assert_eq!(self.outside.connected.lock().unwrap().len(), 0, "the proxy connected");
        assert!(self.on_host.accept().is_err() && self.on_host_unix.accept().is_err(), "the host was reached");
    }
}

#[tokio::test]
async fn what_the_list_does_not_name_is_out_of_reach_and_named() {
    let (attempts, place) = Attempts::new().await;
    let outcome = place.sandbox.run(place.run_of(&LISTED, &["python3", "attempts.py"])).await.unwrap();
    let log = attempts.log(&place.folder.path().join("log"));
    insta::assert_snapshot!(log, @r#"
    # without the proxy
    host listener at 127.0.0.1: ConnectionRefusedError
    host listener at localhost: ConnectionRefusedError
    host listener at ::1: ConnectionRefusedError
    host listener at 0.0.0.0: ConnectionRefusedError
    metadata service: OSError
    private network: OSError
    a public address: OSError
    a name: gaierror
    abstract socket of the host: ConnectionRefusedError
    DNS over UDP: OSError
    # through the proxy
    CONNECT 127.0.0.1:HOST_PORT: 403
    CONNECT 127.0.0.1:443: 403
    CONNECT localhost:443: 403
    CONNECT [::1]:443: 403
    CONNECT 0.0.0.0:443: 403
    CONNECT 169.254.169.254:443: 403
    CONNECT 10.0.0.1:443: 403
    CONNECT [::ffff:127.0.0.1]:443: 403
    CONNECT 2130706433:443: 403
    CONNECT 0x7f000001:443: 403
    CONNECT 0177.0.0.1:443: 403
    CONNECT 127.1:443: 403
    CONNECT 203.0.113.7:443: 403
    CONNECT loopback.example:443: 403
    CONNECT private.example:443: 403
    CONNECT metadata.example:443: 403
    CONNECT mapped.example:443: 403
    CONNECT other.example:443: 403
    CONNECT OTHER.example.:443: 403
    CONNECT listed.example.other.example:443: 403
    CONNECT listed.example:22: 403
    CONNECT listed.example:80: 403
    CONNECT listed.example@other.example:443: 403
    CONNECT other.example@listed.example:443: 403
    GET http://other.example/ Host: other.example: 403
    GET http://loopback.example/ Host: loopback.example: 403
    GET http://listed.example/ Host: other.example: 403
    GET http://listed.example/ Host: listed.example Host: other.example: 403
    GET http://listed.example:8080/ Host: listed.example:8080: 403
    GET https://listed.example/ Host: listed.example: 403
    POST http://listed.example/ Host: listed.example Content-Length: 0: 403
    GET http://listed.example/ Host: listed.example Transfer-Encoding: chunked Content-Length: 4: 403
    GET / Host: listed.example: 400
    CONNECT without a port: 400
    a header of 40 KiB: 431
    no HTTP: 400
    # the proxy itself
    bind its port: OSError
    sockets held: 0
    standard input: /dev/null
    "#);
    let refused = refused(&outcome.refused).join("\n").replace(&attempts.host_port, "HOST_PORT");
    insta::assert_snapshot!(refused, @"
    0.0.0.0:443 NotListed
    0177.0.0.1:443 Malformed
    0x7f000001:443 Malformed
    10.0.0.1:443 NotListed
    127.0.0.1:443 PrivateAddress
    127.0.0.1:HOST_PORT Port
    127.1:443 Malformed
    169.254.169.254:443 NotListed
    203.0.113.7:443 NotListed
    2130706433:443 Malformed
    ::1:443 NotListed
    ::ffff:127.0.0.1:443 NotListed
    listed.example:22 Port
    listed.example:80 Port
    listed.example:80 Request
    listed.example:8080 Port
    listed.example.other.example:443 NotListed
    listed.example@other.example:443 Malformed
    localhost:443 NotListed
    loopback.example:80 PrivateAddress
    loopback.example:443 PrivateAddress
    mapped.example:443 PrivateAddress
    metadata.example:443 PrivateAddress
    other.example:80 NotListed
    other.example:443 NotListed
    other.example@listed.example:443 Malformed
    private.example:443 PrivateAddress
    ");
    attempts.reached_nothing();
    everybody_else_is_refused_the_same(&log, &outcome.refused).await;
}

/// The same attempts from a setup, a verifier and an agent end as in the sandbox alone.
async fn everybody_else_is_refused_the_same(log: &str, named: &[RefusedHost]) {
    for role in [roles::setup, roles::verifier, roles::agent] as [roles::Role; 3] {
        let (attempts, place) = Attempts::new().await;
        let seen = role(place).await;
        assert_eq!(attempts.log(&seen.log), log, "{}", seen.who);
        attempts.reached_nothing();
        for host in named.iter().map(|refused| refused.host.as_str()) {
            assert!(seen.named.contains(host), "{}: `{host}` is not named in {}", seen.who, seen.named);
        }
    }
}

#[tokio::test]
async fn a_listed_host_is_reached_by_programs_that_know_nothing_of_the_list() {
    let outside = Arc::new(Outside::new(outside::mirror().await));
    let place = Fixture::new(outside.clone()).await;
    let script = "
import http.client, urllib.request
seen = urllib.request.urlopen('http://Listed.example/plain', timeout=20)
print(seen.status, seen.read().decode().splitlines()[0])
tunnel = http.client.HTTPConnection('127.0.0.1', 28428, timeout=20)
tunnel.set_tunnel('mixed.example', 443)
tunnel.request('POST', '/through', 'x')
print(tunnel.getresponse().read().decode().splitlines()[0])
";
    let outcome = place.python(&["listed.example", "mixed.example"], script).await;
    assert_eq!(outcome.tail, "200 GET /plain HTTP/1.1\nPOST /through HTTP/1.1");
    assert_eq!(refused(&outcome.refused), Vec::<String>::new());
    let connected: Vec<String> = outside.connected.lock().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(connected, ["203.0.113.7:80", "203.0.113.7:443"]);
}

#[tokio::test]
async fn a_verifier_gets_what_its_policy_names_and_the_operator_allows() {
    let place = Fixture::new(Arc::new(Outside::new(outside::mirror().await))).await;
    let policy = "verifiers: [{ name: test, run: python3 fetch.py, network: [listed.example, api.example.org] }]";
    let policy = adjutant_domain::policy::parse(policy).unwrap();
    let script = "
import urllib.error, urllib.request
for host in ['listed.example', 'api.example.org', 'other.example']:
    try:
        print(host, urllib.request.urlopen(f'http://{host}/', timeout=20).status)
    except urllib.error.HTTPError as error:
        print(host, error.code)
";
    fs::write(place.tree().join("fetch.py"), script).unwrap();
    let job = VerifierJob {
        workdir: place.tree(),
        scratch: None,
        layer: None,
        allowed_hosts: list(&["listed.example"]),
        limits: Limits::default(),
        log: place.folder.path().join("log"),
        cancel: CancellationToken::new(),
    };
    let spec = VerifierSpec::from(&policy.verifiers.unwrap()[0]);
    let result = verify::run_verifier(&place.sandbox, &spec, job).await.unwrap().result;
    assert_eq!(result.tail, "listed.example 200\napi.example.org 403\nother.example 403");
    let text = verifier_check(&result, Vec::new()).text.unwrap();
    insta::assert_snapshot!(text.split("```").next().unwrap(), @r#"
    **Network**

    - The operator does not allow `api.example.org`, which the policy names.
    - The run asked for `api.example.org:80`, which was refused: it is not on the list of hosts.
    - The run asked for `other.example:80`, which was refused: it is not on the list of hosts.
    - To ask for it, add this to the verifier in the policy: `network: [api.example.org, other.example]`.
    - To allow it, the operator adds this below `[network]` in the settings: `verifier_hosts = ["api.example.org", "other.example"]`.
    "#);
}

#[tokio::test]
async fn a_machine_is_not_reached_by_an_address_of_its_own() {
    let Some(own) = own_address() else { return };
    let listener = TcpListener::bind((own.as_str(), 0)).await.unwrap();
    let found = SystemDialer.connect(listener.local_addr().unwrap()).await;
    assert_eq!(found.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn an_unlisted_host_is_named_once_and_at_most_fifty_are() {
    let place = Fixture::new(Arc::new(Outside::new(outside::mirror().await))).await;
    let script = "
import http.client
for n in range(80):
    for again in range(2):
        try:
            tunnel = http.client.HTTPConnection('127.0.0.1', 28428, timeout=20)
            tunnel.set_tunnel(f'h{n}.example', 443)
            tunnel.request('GET', '/')
        except OSError as error:
            print(error)
";
    let outcome = place.python(&[], script).await;
    let named: BTreeSet<&str> = outcome.refused.iter().map(|it| it.host.as_str()).collect();
    assert_eq!((outcome.refused.len(), named.len()), (50, 50));
    assert!(outcome.tail.contains("403"), "{}", outcome.tail);
}

/// Holds a tunnel to `listed.example` open.
const HOLD: &str = "
import http.client, time
tunnel = http.client.HTTPConnection('127.0.0.1', 28428, timeout=20)
tunnel.set_tunnel('listed.example', 443)
tunnel.connect()
tunnel.sock.sendall(b'held')
";

/// A run that holds a tunnel, and the server's end of the tunnel.
async fn held(then: &str) -> (Fixture, SandboxRun, tokio::task::JoinHandle<usize>) {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = Fixture::new(Arc::new(Outside::new(server.local_addr().unwrap()))).await;
    let run = place.run_of(&["listed.example"], &["python3", "-c", &format!("{HOLD}{then}")]);
    let cancel = run.cancel.clone();
    let until_closed = tokio::spawn(async move {
        let (mut tunnel, _) = server.accept().await.unwrap();
        tunnel.read_exact(&mut [0; 4]).await.unwrap();
        cancel.cancel();
        tunnel.read_to_end(&mut Vec::new()).await.unwrap_or_default()
    });
    (place, run, until_closed)
}

#[tokio::test]
async fn a_run_that_is_ended_leaves_no_connection() {
    let (place, run, until_closed) = held("time.sleep(1000)").await;
    assert_eq!(place.sandbox.run(run).await.unwrap().exit, Exit::Cancelled);
    let left = tokio::time::timeout(Duration::from_secs(20), until_closed).await.expect("a tunnel outlived its run");
    assert_eq!(left.unwrap(), 0);
}

#[tokio::test]
async fn a_run_that_is_dropped_leaves_no_connection() {
    let (place, mut run, until_closed) = held("time.sleep(1000)").await;
    let reached = std::mem::take(&mut run.cancel);
    let sandbox = place.sandbox.clone();
    let running = tokio::spawn(async move { sandbox.run(run).await });
    reached.cancelled().await;
    running.abort();
    let left = tokio::time::timeout(Duration::from_secs(20), until_closed).await.expect("a tunnel outlived its run");
    assert_eq!(left.unwrap(), 0);
}

#[tokio::test]
async fn the_command_gets_the_status_of_a_shell_and_an_empty_input() {
    let place = Fixture::new(Arc::new(SystemDialer)).await;
    let outcome = place.sandbox.run(place.run_of(&[], &["no-such-program"])).await.unwrap();
    assert_eq!(outcome.exit, Exit::Code(127));
    let outcome = place.sandbox.run(place.run_of(&[], &["sh", "-c", "cat; exit 3"])).await.unwrap();
    assert_eq!((outcome.exit, outcome.tail.as_str()), (Exit::Code(3), ""));
}

#[tokio::test]
async fn a_run_without_its_proxy_is_not_started() {
    let place = Fixture::with_launcher(Arc::new(SystemDialer), "/bin/true").await;
    let refused = place.sandbox.run(place.run_of(&[], &["sh", "-c", "echo ran"])).await;
    assert!(matches!(refused, Err(SandboxError::Start(_))), "{refused:?}");
    let place = Fixture::with_launcher(Arc::new(SystemDialer), "/no/such/launcher").await;
    let refused = place.sandbox.run(place.run_of(&[], &["true"])).await;
    assert!(matches!(refused, Err(SandboxError::Start(_))), "{refused:?}");
}
