//! The program inside the sandbox that opens the ports of the proxy and of a door, hands them out, and becomes the
//! command.
//!
//! It runs before the command in the same process: it has no threads and no runtime, and parses its few arguments
//! itself.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use super::handover;

/// The hidden subcommand of our program.
pub const SUBCOMMAND: &str = "sandbox-launch";

/// The launcher could not do its part.
const FAILED: u8 = 125;
/// As a shell reports a command that is not executable, and one that does not exist.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Runs `--port PORT … -- COMMAND…`: the arguments behind [`SUBCOMMAND`]. Returns only if it failed.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let Some((ports, program, rest)) = parse(&arguments) else {
        return fail(FAILED, "usage: --port PORT … -- COMMAND…");
    };
    if let Err(error) = hand_out(&ports) {
        return fail(FAILED, &format!("a port could not be opened in the sandbox: {error}"));
    }
    let error = Command::new(program).args(rest).exec();
    let status = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE };
    fail(status, &format!("{}: {error}", program.display()))
}

fn parse(arguments: &[OsString]) -> Option<(Vec<u16>, &OsStr, &[OsString])> {
    let (mut ports, mut rest) = (Vec::new(), arguments);
    while let [option, port, behind @ ..] = rest
        && option == "--port"
    {
        ports.push(port.to_str()?.parse().ok()?);
        rest = behind;
    }
    let [dashes, program, rest @ ..] = rest else { return None };
    (!ports.is_empty() && dashes == "--").then_some((ports, program.as_os_str(), rest))
}

/// Passes a listener for each port out over the standard input, in their order, and leaves `/dev/null` there.
fn hand_out(ports: &[u16]) -> io::Result<()> {
    for port in ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, *port))?;
        handover::send(io::stdin(), &listener)?;
    }
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(())
}

fn fail(status: u8, why: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "adjutant: {why}");
    ExitCode::from(status)
}
