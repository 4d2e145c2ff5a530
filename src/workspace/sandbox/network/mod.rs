//! A run's network as a list of hosts.
//!
//! ```text
//! sandbox, network namespace of its own          │ Adjutant
//!   launcher: binds 127.0.0.1:PORT ── listener ──┼─→ proxy: accepts, checks the host against the list,
//!   then executes the command                    │   resolves it, checks the address, connects
//!   command ── HTTP proxy at 127.0.0.1:PORT ─────┼─→
//! ```
//!
//! In: the hosts that a run may reach. Out: what it asked for in vain ([`RefusedHost`]).
//!
//! The namespace has nothing but its own loopback, so the host's loopback, its abstract sockets and every address are
//! out of reach without the proxy. The [`launcher`] is our own program: it passes its listening socket out over its
//! standard input (`SCM_RIGHTS`, unix(7)) before any foreign code runs, and keeps no copy. The listener *is* the run's
//! identity: nothing else can reach it, and it closes with the run.
//!
//! The proxy reads `CONNECT` to port 443 and, for plain HTTP to port 80, `GET` and `HEAD`. It connects to the address
//! that it checked, so a name that resolves to another address a moment later is of no use. Names resolve outside only.
//!
//! A [`Door`] is a second port of the same kind, which leads to a server of ours instead of a list of hosts. A run may
//! have one without the other.
//!
//! What never happens here: nothing is connected to a loopback, private, link-local or otherwise internal address,
//! whatever a list says. No byte inside of a tunnel is read or changed.

mod address;
mod answer;
mod dial;
mod door;
mod environment;
mod handover;
pub mod launcher;
mod proxy;
mod refusals;
mod relay;
mod request;

pub use dial::{Dial, Dialling, SystemDialer};
pub use door::{Door, DoorListener};
pub(super) use environment::variables;
pub(super) use proxy::Outside;

use adjutant_domain::network::RefusedHost;

/// The port of the proxy inside the sandbox. It is below the range that the kernel gives to programs which ask for any
/// port.
pub(super) const PORT: u16 = 28_428;
/// The port of a [`Door`] in a network of its own.
pub(super) const DOOR_PORT: u16 = 28_429;
/// Where our program is mounted.
pub(in crate::workspace) const LAUNCHER: &str = "/opt/adjutant";

/// The command that starts the launcher, up to the command that it executes: with the proxy's port, a door's, or both.
pub(super) fn launch(proxy: bool, door: bool) -> Vec<String> {
    let ports = [(proxy, PORT), (door, DOOR_PORT)].into_iter().filter(|(wanted, _)| *wanted);
    let ports = ports.flat_map(|(_, port)| ["--port".to_owned(), port.to_string()]);
    let program = [LAUNCHER, launcher::SUBCOMMAND].map(str::to_owned);
    program.into_iter().chain(ports).chain(["--".to_owned()]).collect()
}

#[cfg(test)]
mod tests;
