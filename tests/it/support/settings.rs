//! Complete settings, with a key made for this run.

use std::sync::LazyLock;

use adjutant::settings::Settings;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The webhook secret of the tests.
pub(crate) const WEBHOOK_SECRET: &str = "the tests' webhook secret";

/// An RSA key as PEM on one line, its line breaks written as `\n`.
static PRIVATE_KEY: LazyLock<String> = LazyLock::new(|| {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----\\n", lines.join("\\n"))
});

/// The variables of a working `serve` on any free port, overridden by `more`.
pub(crate) fn variables(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let base = [
        ("ADJUTANT_APP_ID", "7"),
        ("ADJUTANT_PRIVATE_KEY", PRIVATE_KEY.as_str()),
        ("ADJUTANT_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("ADJUTANT_LISTEN", "127.0.0.1:0"),
    ];
    base.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The same key with real line breaks.
pub(crate) fn private_key() -> String {
    PRIVATE_KEY.replace("\\n", "\n")
}

/// The settings of these variables.
pub(crate) fn settings(more: &[(&str, &str)]) -> Settings {
    let settings = Settings::load(variables(more), None).unwrap();
    Settings { program: env!("CARGO_BIN_EXE_adjutant").into(), ..settings }
}
