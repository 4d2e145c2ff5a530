//! The two secrets. Each is set directly or as a file, and each is checked before anything starts.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::SecretString;

use super::faults::Faults;
use super::keys::{self, Key, Sources};

/// A shorter secret can be guessed from one signed delivery.
const SHORTEST_SECRET: usize = 8;

pub(super) fn private_key(sources: &Sources, faults: &mut Faults) -> Option<SecretString> {
    let (key, text) = direct_or_file(&keys::PRIVATE_KEY, &keys::PRIVATE_KEY_FILE, sources, faults)?;
    let Some(text) = text else {
        faults.missing(
            &keys::PRIVATE_KEY,
            sources,
            "the app's private key (PEM, line breaks may be written as \\n), or name its file in ADJUTANT_PRIVATE_KEY_FILE",
        );
        return None;
    };
    // Many secret stores hold only one line.
    let pem = text.replace("\\n", "\n").trim().to_owned() + "\n";
    if let Err(reason) = try_to_sign(&pem) {
        faults.add(
            key,
            &format!(
                "{reason}: generate a private key on the GitHub App's settings page and give the .pem file as it is"
            ),
        );
        return None;
    }
    Some(pem.into())
}

/// The secret that GitHub signs deliveries with.
pub(super) fn webhook_secret(sources: &Sources, faults: &mut Faults) -> Option<SecretString> {
    let (key, text) = direct_or_file(&keys::WEBHOOK_SECRET, &keys::WEBHOOK_SECRET_FILE, sources, faults)?;
    let Some(text) = text else {
        faults.missing(
            &keys::WEBHOOK_SECRET,
            sources,
            "the webhook secret of the GitHub App, or name its file in ADJUTANT_WEBHOOK_SECRET_FILE",
        );
        return None;
    };
    // Editors and `echo` end a file with a line break that GitHub does not have.
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.trim().is_empty() {
        faults.add(
            key,
            "is empty: without a secret anybody could send deliveries; set one on the GitHub App's settings page",
        );
        return None;
    }
    if secret.len() < SHORTEST_SECRET {
        faults.add(
            key,
            &format!(
                "has {} characters, and fewer than {SHORTEST_SECRET} can be guessed: use a random one (`openssl rand -hex 32`)",
                secret.chars().count()
            ),
        );
        return None;
    }
    Some(secret.to_owned().into())
}

/// The text and its source. The environment has precedence over the file as a whole. `None` if a fault was added,
/// `Some((_, None))` if nothing is set.
fn direct_or_file<'k>(
    direct: &'k Key,
    file: &'k Key,
    sources: &Sources,
    faults: &mut Faults,
) -> Option<(&'k Key, Option<String>)> {
    let is_set = |key: &Key| sources.variable(key.variable).is_some();
    let (has_direct, has_file) = if is_set(direct) || is_set(file) {
        (is_set(direct), is_set(file))
    } else {
        (sources.file_has(direct), sources.file_has(file))
    };
    match (has_direct, has_file) {
        (true, true) => {
            faults.add(direct, &format!("and {} are both set: keep one", file.variable));
            None
        }
        (true, false) => Some((direct, Some(sources.text(direct, faults).unwrap_or_default()))),
        (false, true) => {
            let path = sources.text(file, faults)?;
            match std::fs::read_to_string(&path) {
                Ok(text) => Some((file, Some(text))),
                Err(error) => {
                    faults.add(file, &format!("names {path}, which cannot be read: {error}"));
                    None
                }
            }
        }
        // An empty variable is reported as such, because it is usually a mistake in a deployment.
        (false, false) if sources.has_variable(direct.variable) => Some((direct, Some(String::new()))),
        (false, false) => Some((direct, None)),
    }
}

/// Makes a signature as for every request of the app, so that an unusable key is found at the start.
fn try_to_sign(pem: &str) -> Result<(), &'static str> {
    if pem.trim().is_empty() {
        return Err("is empty");
    }
    if !pem.contains("-----BEGIN") {
        return Err("is not a PEM file (there is no line `-----BEGIN RSA PRIVATE KEY-----`)");
    }
    if !pem.contains("PRIVATE KEY-----") {
        return Err("is a PEM file of something else than a private key");
    }
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| "is damaged, or not an RSA key")?;
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), &serde_json::json!({"iss": "0"}), &key)
        .map(drop)
        .map_err(|_| "is damaged, or not an RSA key of 2048 bits or more")
}
