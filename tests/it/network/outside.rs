//! The network outside of the sandbox: names with addresses, and a server behind one of them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;

use adjutant::workspace::sandbox::network::{Dial, Dialling};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The address of `listed.example`. Nothing real has it.
pub(crate) const LISTED: &str = "203.0.113.7";

/// Names, and the only address that can be connected to: it leads to a server of the test.
#[derive(Debug)]
pub(crate) struct Outside {
    server: SocketAddr,
    /// Every address that was connected to.
    pub(crate) connected: Mutex<Vec<SocketAddr>>,
}

impl Outside {
    pub(crate) fn new(server: SocketAddr) -> Self {
        Self { server, connected: Mutex::new(Vec::new()) }
    }
}

impl Dial for Outside {
    fn resolve<'a>(&'a self, name: &'a str) -> Dialling<'a, Vec<IpAddr>> {
        let addresses: &[&str] = match name {
            "listed.example" => &[LISTED],
            // A resolver that answers with an internal address first is of no use either.
            "mixed.example" => &["127.0.0.1", LISTED],
            "loopback.example" => &["127.0.0.1", "::1"],
            "private.example" => &["10.0.0.1", "fd00::1"],
            "metadata.example" => &["169.254.169.254"],
            "mapped.example" => &["::ffff:127.0.0.1"],
            _ => &[],
        };
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Box::pin(async move { Ok(addresses) })
    }

    fn connect(&self, address: SocketAddr) -> Dialling<'_, TcpStream> {
        self.connected.lock().unwrap().push(address);
        let known = address.ip() == LISTED.parse::<IpAddr>().unwrap();
        Box::pin(async move {
            if known { TcpStream::connect(self.server).await } else { Err(io::ErrorKind::ConnectionRefused.into()) }
        })
    }
}

/// A server that answers each request with the request, and closes.
pub(crate) async fn mirror() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    address
}

async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let status = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", head.len());
    stream.write_all(status.as_bytes()).await?;
    stream.write_all(&head).await
}
