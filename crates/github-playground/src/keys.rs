//! The app's RSA key and the webhook's secret. They are created once and kept in the data folder, and only their owner
//! can read them.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    encoding::AsDer,
    rand,
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::DecodingKey;

use crate::options::PlaygroundError;

/// The app's key, and the secret for its webhooks.
pub(crate) struct Keys {
    pub(crate) app_pem_path: PathBuf,
    pub(crate) app_key: DecodingKey,
    pub(crate) webhook_secret_path: PathBuf,
    pub(crate) webhook_secret: String,
}

impl Keys {
    /// Reads both from the folder, or creates what is missing.
    pub(crate) fn load_or_make(folder: &Path) -> Result<Self, PlaygroundError> {
        let app_pem_path = folder.join("app.pem");
        let broken = |reason: &str| PlaygroundError::Key { path: app_pem_path.clone(), reason: reason.to_owned() };
        let pair = if let Some(pem) = read(&app_pem_path)? {
            let der = unarmour(&pem).ok_or_else(|| broken("it is not a PKCS#8 key in PEM"))?;
            KeyPair::from_pkcs8(&der).map_err(|_| broken("it is not an RSA key"))?
        } else {
            let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| broken("none could be generated"))?;
            let der = pair.as_der().map_err(|_| broken("it could not be encoded"))?;
            write_private(&app_pem_path, &armour("PRIVATE KEY", der.as_ref()))?;
            pair
        };
        let app_key = DecodingKey::from_rsa_der(pair.public_key().as_ref());
        let webhook_secret_path = folder.join("webhook-secret");
        let webhook_secret = if let Some(secret) = read(&webhook_secret_path)? {
            secret.trim().to_owned()
        } else {
            let secret = random_hex(32);
            write_private(&webhook_secret_path, &secret)?;
            secret
        };
        Ok(Self { app_pem_path, app_key, webhook_secret_path, webhook_secret })
    }
}

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// A key as PEM with its label.
pub(crate) fn armour(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

fn unarmour(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(BEGIN)?;
    let (body, _) = rest.split_once(END)?;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

fn read(path: &Path) -> Result<Option<String>, PlaygroundError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PlaygroundError::Data { path: path.to_owned(), source }),
    }
}

fn write_private(path: &Path, text: &str) -> Result<(), PlaygroundError> {
    let failed = |source| PlaygroundError::Data { path: path.to_owned(), source };
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// Random bytes in hexadecimal.
pub(crate) fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    rand::fill(&mut buffer).expect("the system has a source of randomness");
    hex::encode(buffer)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_made_once_and_are_their_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::load_or_make(folder.path()).unwrap();
        let second = Keys::load_or_make(folder.path()).unwrap();
        assert_eq!(first.webhook_secret, second.webhook_secret);
        for path in [&first.app_pem_path, &first.webhook_secret_path] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("app.pem"), "nonsense").unwrap();
        let error = Keys::load_or_make(folder.path()).err().unwrap().to_string();
        assert!(error.contains("delete the file"), "{error}");
    }
}
