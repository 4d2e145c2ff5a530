//! A listening socket, passed from one process to another over a socket pair.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use tokio::io::Interest;
use tokio::net::{TcpListener, UnixStream};

/// The byte that carries the socket: a message must not be empty (unix(7)).
const CARRIER: &[u8] = b"L";

/// Passes `listener` to whoever holds the other end of `through`.
pub(super) fn send(through: impl AsFd, listener: &net::TcpListener) -> io::Result<()> {
    let passed = [listener.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&passed)) {
        return Err(io::Error::other("there is no room for the socket"));
    }
    sendmsg(through, &[IoSlice::new(CARRIER)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Waits for the listener. `None` where the other end closed without sending one.
pub(super) async fn receive(through: &UnixStream) -> io::Result<Option<TcpListener>> {
    let passed = loop {
        through.readable().await?;
        match through.try_io(Interest::READABLE, || take(through)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            taken => break taken?,
        }
    };
    let Some(passed) = passed else { return Ok(None) };
    if !rustix::net::sockopt::socket_acceptconn(&passed)? {
        return Err(io::Error::other("what was passed is no listening socket"));
    }
    let listener = net::TcpListener::from(passed);
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener).map(Some)
}

fn take(through: impl AsFd) -> io::Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(through, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut passed = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
        _ => None,
    });
    Ok(passed.next())
}
