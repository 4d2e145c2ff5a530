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
//! What never happens here: nothing is connected to a loopback, private, link-local or otherwise internal address,
//! whatever a list says. No byte inside of a tunnel is read or changed.

mod address;
mod answer;
mod dial;
mod environment;
mod handover;
pub mod launcher;
mod proxy;
mod refusals;
mod relay;
mod request;

pub use dial::{Dial, Dialling, SystemDialer};
pub(super) use environment::variables;
pub(super) use proxy::Gateway;

use adjutant_domain::network::RefusedHost;

/// The port of the proxy inside the sandbox. It is below the range that the kernel gives to programs which ask for any
/// port.
pub(super) const PORT: u16 = 28_428;
/// Where our program is mounted.
pub(super) const LAUNCHER: &str = "/opt/adjutant";

/// The command that starts the launcher, up to the command that it executes.
pub(super) fn launch() -> [String; 5] {
    [LAUNCHER, launcher::SUBCOMMAND, "--port", &PORT.to_string(), "--"].map(str::to_owned)
}

#[cfg(test)]
mod tests;
