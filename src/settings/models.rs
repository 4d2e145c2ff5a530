//! The providers of models, and what their models cost.
//!
//! ```toml
//! [models.anthropic]                        # `anthropic`, `openai` and `gemini` need no address
//! key_file = "/etc/adjutant/anthropic.key"  # or key_env, or token_file or token_env for a subscription or a proxy
//! models = ["claude-*"]                     # all, unless some are named
//! max_output = 16000                        # tokens of one answer
//!
//! [models.local]
//! base_url = "http://127.0.0.1:11434"
//!
//! [prices."my-model"]
//! input = 1.0                               # US dollars for a million tokens
//! output = 2.0
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use figment::value::Value;
use model_gateway::{Credential, PriceTable, Rates, Upstream};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use adjutant_domain::ids::Usd;

use super::faults::Faults;
use super::keys::{self, Sources, nearest};

/// Providers that need no address: the name, the address, the variable with the key, and the one with a token.
const KNOWN: [(&str, &str, &str, Option<&str>); 3] = [
    ("anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY", Some("CLAUDE_CODE_OAUTH_TOKEN")),
    ("openai", "https://api.openai.com", "OPENAI_API_KEY", None),
    ("gemini", "https://generativelanguage.googleapis.com", "GEMINI_API_KEY", None),
];
/// The keys of a provider's table.
const FIELDS: [&str; 7] = ["base_url", "key_file", "key_env", "token_file", "token_env", "models", "max_output"];
/// The most output of one answer, in tokens, and what an operator may set.
const MAX_OUTPUT: u64 = 16_000;

/// A provider of models.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    pub base_url: String,
    pub credential: Credential,
    /// Patterns of the models that may be asked; empty for all.
    pub models: Vec<String>,
    /// The most tokens of one answer.
    pub max_output: u64,
}

impl ModelSettings {
    /// The provider with prices, as the gateway asks it. It was tried when the settings were read.
    pub fn upstream(&self, name: &str, prices: &Arc<PriceTable>) -> Result<Upstream, String> {
        let upstream = Upstream::new(name, &self.base_url, self.credential.clone(), Arc::clone(prices))?;
        if self.models.is_empty() { Ok(upstream) } else { upstream.with_models(&self.models) }
    }

    /// The secret that it is paid with.
    pub fn secret(&self) -> Option<&SecretString> {
        match &self.credential {
            Credential::Key(secret) | Credential::Token(secret) => Some(secret),
            Credential::None => None,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Table {
    base_url: Option<String>,
    key_file: Option<PathBuf>,
    key_env: Option<String>,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    models: Vec<String>,
    max_output: Option<u64>,
}

/// The providers by name. Those that need no address are there as soon as the environment has their key.
pub(super) fn read(
    sources: &Sources,
    prices: &Arc<PriceTable>,
    faults: &mut Faults,
) -> BTreeMap<String, ModelSettings> {
    let mut providers = BTreeMap::new();
    let empty = figment::value::Dict::new();
    let tables = match sources.table(keys::MODELS) {
        Some(Value::Dict(_, tables)) => tables,
        Some(_) => {
            faults.add_about(keys::MODELS, "is not a table: write `[models.NAME]` and below it `key_file = \"…\"`");
            &empty
        }
        None => &empty,
    };
    for (name, table) in tables {
        if let Some(provider) = provider(name, table, sources, faults) {
            let subject = format!("models.{name}");
            if let Err(fault) = provider.upstream(name, prices) {
                faults.add_about(&subject, &fault);
            }
            providers.insert(name.clone(), provider);
        }
    }
    for (name, base_url, ..) in KNOWN {
        if !providers.contains_key(name)
            && let Some(credential) = from_environment(name, sources)
        {
            let base_url = sources.variable(&base_variable(name)).unwrap_or_else(|| base_url.to_owned());
            let provider = ModelSettings { base_url, credential, models: Vec::new(), max_output: MAX_OUTPUT };
            match provider.upstream(name, prices) {
                Ok(_) => drop(providers.insert(name.to_owned(), provider)),
                Err(fault) => faults.add_about(&base_variable(name), &fault),
            }
        }
    }
    providers
}

/// `ANTHROPIC_BASE_URL` and its like, as the agents' programs read it.
fn base_variable(name: &str) -> String {
    format!("{}_BASE_URL", name.to_uppercase())
}

fn from_environment(name: &str, sources: &Sources) -> Option<Credential> {
    let (_, _, key, token) = KNOWN.iter().find(|(known, ..)| *known == name)?;
    let value = |variable: &str| sources.variable(variable).map(|text| SecretString::from(text.trim().to_owned()));
    value(key).map(Credential::Key).or_else(|| token.and_then(value).map(Credential::Token))
}

fn provider(name: &str, table: &Value, sources: &Sources, faults: &mut Faults) -> Option<ModelSettings> {
    let subject = format!("models.{name}");
    let fields = table.as_dict().into_iter().flat_map(BTreeMap::keys);
    for unknown in fields.filter(|field| !FIELDS.contains(&field.as_str())) {
        let hint = nearest(unknown, FIELDS).map_or_else(String::new, |known| format!("; did you mean `{known}`?"));
        faults.add_about(&subject, &format!("has the unknown key `{unknown}`{hint}"));
    }
    let table: Table = match table.deserialize() {
        Ok(table) => table,
        Err(error) => {
            faults.add_about(&subject, &format!("is not right: {error}"));
            return None;
        }
    };
    let known = KNOWN.iter().find(|(known, ..)| *known == name);
    let Some(base_url) = table.base_url.clone().or_else(|| known.map(|(_, url, ..)| (*url).to_owned())) else {
        faults.add_about(&subject, "has no `base_url`: give the address of its API, such as https://llm.example.com");
        return None;
    };
    let credential = credential(&subject, &table, sources, faults)?;
    let credential = match credential {
        Credential::None => from_environment(name, sources).unwrap_or(Credential::None),
        named => named,
    };
    if matches!(credential, Credential::None) && known.is_some() && table.base_url.is_none() {
        faults.add_about(&subject, "has no key: give `key_file`, the path of a file that holds it");
        return None;
    }
    let max_output = match table.max_output {
        Some(0) => {
            faults.add_about(&subject, "has `max_output = 0`, so no model could answer: give 4096 or more");
            MAX_OUTPUT
        }
        Some(tokens) => tokens,
        None => MAX_OUTPUT,
    };
    Some(ModelSettings { base_url, credential, models: table.models, max_output })
}

fn credential(subject: &str, table: &Table, sources: &Sources, faults: &mut Faults) -> Option<Credential> {
    let Table { key_file, key_env, token_file, token_env, .. } = table;
    let named = [key_file.is_some(), key_env.is_some(), token_file.is_some(), token_env.is_some()];
    if named.iter().filter(|named| **named).count() > 1 {
        faults.add_about(subject, "names more than one key or token: keep one");
        return None;
    }
    let mut file = |path: &Path| match std::fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => Some(SecretString::from(text.trim().to_owned())),
        Ok(_) => {
            faults.add_about(subject, &format!("names {}, which is empty", path.display()));
            None
        }
        Err(error) => {
            faults.add_about(subject, &format!("names {}, which cannot be read: {error}", path.display()));
            None
        }
    };
    match (key_file, token_file, key_env, token_env) {
        (Some(path), ..) => file(path).map(Credential::Key),
        (_, Some(path), ..) => file(path).map(Credential::Token),
        (_, _, Some(name), _) | (_, _, _, Some(name)) => {
            let Some(value) = sources.variable(name) else {
                faults.add_about(
                    subject,
                    &format!("names the variable {name}, which is not set: set it, or give `key_file`"),
                );
                return None;
            };
            let secret = SecretString::from(value.trim().to_owned());
            Some(if key_env.is_some() { Credential::Key(secret) } else { Credential::Token(secret) })
        }
        _ => Some(Credential::None),
    }
}

/// The file of `price_table`, else the one in the data folder that `adjutant prices update` writes.
pub(super) fn price_file(sources: &Sources, faults: &mut Faults) -> PathBuf {
    let named = sources.text(&keys::PRICE_TABLE, faults);
    named.map_or_else(|| super::data_dir(sources).join("prices.json"), PathBuf::from)
}

/// The shipped table of prices, or a newer one from a file, and the operator's own models.
pub(super) fn prices(sources: &Sources, faults: &mut Faults) -> PriceTable {
    let path = price_file(sources, faults);
    let is_named = sources.text(&keys::PRICE_TABLE, &mut Faults::default()).is_some();
    let mut table = PriceTable::shipped();
    if is_named || path.exists() {
        let read = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        match read.and_then(|text| PriceTable::parse(&text).map_err(|error| error.to_string())) {
            // One that was written for an older Adjutant knows less than the shipped one.
            Ok(own) if is_named || own.date > table.date => table = own,
            Ok(_) => {}
            Err(error) => {
                faults.add(&keys::PRICE_TABLE, &format!("names {}, which cannot be used: {error}", path.display()));
            }
        }
    }
    match sources.table(keys::PRICES) {
        Some(Value::Dict(_, models)) => {
            for (model, rates) in models {
                let subject = format!("prices.\"{model}\"");
                match rates.deserialize::<Rates>() {
                    Ok(rates) => {
                        if let Err(error) = table.set(model, rates) {
                            faults.add_about(&subject, &error.to_string());
                        }
                    }
                    Err(error) => {
                        let remedy = "give `input` and `output` in US dollars for a million tokens";
                        faults.add_about(&subject, &format!("is not right: {error}: {remedy}"));
                    }
                }
            }
        }
        Some(_) => faults.add_about(keys::PRICES, "is not a table: write `[prices.\"MODEL\"]`"),
        None => {}
    }
    table
}

/// What may be spent on models in a day (UTC); `None` for no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayBudgets {
    pub repository: Option<Usd>,
    pub installation: Option<Usd>,
}

pub(super) fn day_limits(sources: &Sources, faults: &mut Faults) -> DayBudgets {
    DayBudgets {
        repository: sources.number::<u32>(&keys::REPOSITORY_DAY_USD, faults).map(whole_dollars),
        installation: sources.number::<u32>(&keys::INSTALLATION_DAY_USD, faults).map(whole_dollars),
    }
}

fn whole_dollars(dollars: u32) -> Usd {
    Usd::from_dollars(f64::from(dollars))
}

/// Whether a text holds the secret of a provider, for the refusal of an agent's variables.
pub(super) fn is_secret(providers: &BTreeMap<String, ModelSettings>, value: &str) -> bool {
    providers.values().filter_map(ModelSettings::secret).any(|secret| secret.expose_secret() == value)
}
