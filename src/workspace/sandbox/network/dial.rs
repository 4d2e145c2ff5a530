//! Names to addresses, and addresses to connections.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use tokio::net::{TcpStream, lookup_host};

/// What a [`Dial`] returns.
pub type Dialling<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// How the proxy resolves names and connects. The proxy checks each address between the two.
pub trait Dial: Debug + Send + Sync {
    /// The addresses of a name.
    fn resolve<'a>(&'a self, name: &'a str) -> Dialling<'a, Vec<IpAddr>>;

    /// A connection to exactly this address. [`io::ErrorKind::PermissionDenied`] where the address turns out to be this
    /// machine's.
    fn connect(&self, address: SocketAddr) -> Dialling<'_, TcpStream>;
}

/// The system's resolver and network.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDialer;

impl Dial for SystemDialer {
    fn resolve<'a>(&'a self, name: &'a str) -> Dialling<'a, Vec<IpAddr>> {
        Box::pin(async move {
            let found = lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }

    fn connect(&self, address: SocketAddr) -> Dialling<'_, TcpStream> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            // A machine may have a public address. A connection from it to itself has that address at both ends.
            if stream.local_addr()?.ip().to_canonical() == address.ip().to_canonical() {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            Ok(stream)
        })
    }
}
