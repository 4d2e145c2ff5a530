//! A port on a run's own loopback that somebody of ours serves, such as the model gateway.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::DOOR_PORT;

/// Says where a run reaches a port, and passes on its listener once it is open.
#[derive(Debug, Clone)]
pub struct Door {
    /// The port on the run's loopback.
    pub port: u16,
    sender: Arc<Mutex<Option<oneshot::Sender<TcpListener>>>>,
    /// Whether the launcher opens it, in the run's own network.
    pub(in super::super) inside: bool,
}

/// What a [`Door`] passes on. It is closed where the run ends before the port was opened.
pub type DoorListener = oneshot::Receiver<TcpListener>;

impl Door {
    /// A port that the launcher opens in the run's own network.
    pub(in super::super) fn inside() -> (Self, DoorListener) {
        let (sender, opened) = oneshot::channel();
        (Self { port: DOOR_PORT, sender: Arc::new(Mutex::new(Some(sender))), inside: true }, opened)
    }

    /// A port on the host's loopback, for a run that shares the host's network. Every process of the machine reaches it,
    /// so whoever serves it has to ask who calls.
    pub(in super::super) async fn outside() -> io::Result<(Self, DoorListener)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (sender, opened) = oneshot::channel();
        let door = Self { port, sender: Arc::new(Mutex::new(Some(sender))), inside: false };
        door.open(listener);
        Ok((door, opened))
    }

    pub(super) fn open(&self, listener: TcpListener) {
        if let Some(sender) = self.sender.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = sender.send(listener);
        }
    }
}
