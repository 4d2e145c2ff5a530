//! The variables of a run.

use std::collections::BTreeMap;

use adjutant_domain::network::Network;

use super::bubblewrap::Scratch;
use super::{HOME, Inner, Mode, SandboxRun, network};

/// The variables by which package managers know that there is no network.
const OFFLINE: &[(&str, &str)] = &[
    ("CARGO_NET_OFFLINE", "true"),
    ("npm_config_offline", "true"),
    ("YARN_ENABLE_NETWORK", "0"),
    ("GOPROXY", "off"),
    ("PIP_NO_INDEX", "1"),
    ("UV_OFFLINE", "1"),
    ("COMPOSER_DISABLE_NETWORK", "1"),
];

/// The few that every run has, those of its network, and its own.
pub(super) fn variables(inner: &Inner, run: &SandboxRun, scratch: &Scratch) -> BTreeMap<String, String> {
    let (home, temporary) = match inner.mode {
        Mode::Bubblewrap => (HOME.to_owned(), "/tmp".to_owned()),
        Mode::None => (scratch.folder("home").display().to_string(), scratch.folder("tmp").display().to_string()),
    };
    let bins = inner.toolchains.iter().map(|toolchain| match inner.mode {
        Mode::Bubblewrap => toolchain.inside.join("bin").display().to_string(),
        Mode::None => toolchain.host.join("bin").display().to_string(),
    });
    let system = ["/usr/local/sbin", "/usr/local/bin", "/usr/local/go/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .map(str::to_owned);
    // Where package managers put programs. A home is of one run, above the prepared environment's.
    let own = [".venv/bin", ".local/bin", ".cargo/bin", ".gems/bin", "go/bin"].map(|folder| format!("{home}/{folder}"));
    let first = run.path.iter().map(|folder| folder.display().to_string());
    let path = first.chain(own).chain(bins).chain(system).collect::<Vec<_>>().join(":");
    let mut env: BTreeMap<String, String> = [
        ("PATH", path.as_str()),
        ("HOME", &home),
        ("CARGO_HOME", &format!("{home}/.cargo")),
        ("CARGO_TARGET_DIR", &format!("{home}/target")),
        ("GEM_HOME", &format!("{home}/.gems")),
        ("TMPDIR", &temporary),
        ("USER", "worker"),
        ("LOGNAME", "worker"),
        ("LANG", "C.UTF-8"),
        // No `NO_COLOR`: there are tests of whether a program follows it. Colours are taken out of what is read.
        ("TERM", "dumb"),
        ("CARGO_TERM_COLOR", "never"),
        ("CI", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if run.network == Network::None {
        // A missing dependency then gives a clear error at once, and not after a minute of retries.
        env.extend(OFFLINE.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    }
    if let (Network::Hosts(_), Mode::Bubblewrap) = (&run.network, inner.mode) {
        env.extend(network::variables());
    }
    env.extend(run.env.clone());
    env
}
