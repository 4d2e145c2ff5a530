//! The names of the settings, and how one is read from the environment or the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Profile};

use super::faults::Faults;

#[derive(Debug)]
pub(super) struct Key {
    /// The dotted name in the settings file.
    pub(super) name: &'static str,
    /// The name of the environment variable.
    pub(super) variable: &'static str,
}

macro_rules! keys {
    ($($constant:ident = $name:literal, $variable:literal;)*) => {
        $(pub(super) const $constant: Key = Key { name: $name, variable: $variable };)*
        pub(super) const ALL: &[Key] = &[$($constant),*];
    };
}

keys! {
    GITHUB_URL = "github_url", "ADJUTANT_GITHUB_URL";
    APP_ID = "app_id", "ADJUTANT_APP_ID";
    PRIVATE_KEY = "private_key", "ADJUTANT_PRIVATE_KEY";
    PRIVATE_KEY_FILE = "private_key_file", "ADJUTANT_PRIVATE_KEY_FILE";
    WEBHOOK_SECRET = "webhook_secret", "ADJUTANT_WEBHOOK_SECRET";
    WEBHOOK_SECRET_FILE = "webhook_secret_file", "ADJUTANT_WEBHOOK_SECRET_FILE";
    DATABASE_URL = "database_url", "DATABASE_URL";
    LISTEN = "listen", "ADJUTANT_LISTEN";
    DATA_DIR = "data_dir", "ADJUTANT_DATA_DIR";
    LOG = "log", "ADJUTANT_LOG";
    LOG_FORMAT = "log_format", "ADJUTANT_LOG_FORMAT";
    SANDBOX = "sandbox", "ADJUTANT_SANDBOX";
    TOOLCHAINS = "toolchains", "ADJUTANT_TOOLCHAINS";
    DEFAULT_AGENT = "default_agent", "ADJUTANT_DEFAULT_AGENT";
    MAX_TASKS = "max_tasks", "ADJUTANT_MAX_TASKS";
    MAX_TASKS_PER_INSTALLATION = "max_tasks_per_installation", "ADJUTANT_MAX_TASKS_PER_INSTALLATION";
    MAX_VERIFIERS = "max_verifiers", "ADJUTANT_MAX_VERIFIERS";
    LEASE_SECONDS = "lease_seconds", "ADJUTANT_LEASE_SECONDS";
    GITHUB_SECONDS = "github_seconds", "ADJUTANT_GITHUB_SECONDS";
    LOOK_SECONDS = "look_seconds", "ADJUTANT_LOOK_SECONDS";
    PROGRESS_SECONDS = "progress_seconds", "ADJUTANT_PROGRESS_SECONDS";
    AGENT = "agent", "ADJUTANT_AGENT";
    CHECK_AGENTS = "check_agents", "ADJUTANT_CHECK_AGENTS";
    AGENT_MAX_USD = "agent_max_usd", "ADJUTANT_AGENT_MAX_USD";
    MODEL = "model", "ADJUTANT_MODEL";
    PRICE_TABLE = "price_table", "ADJUTANT_PRICE_TABLE";
    REPOSITORY_DAY_USD = "repository_day_usd", "ADJUTANT_REPOSITORY_DAY_USD";
    INSTALLATION_DAY_USD = "installation_day_usd", "ADJUTANT_INSTALLATION_DAY_USD";
}

/// The shortcut for an agent named `default`, and the file's table of agents.
pub(super) const AGENT_COMMAND: &str = "ADJUTANT_AGENT_COMMAND";
pub(super) const AGENTS: &str = "agents";
/// The file's table with lists of hosts.
pub(super) const NETWORK: &str = "network";
/// The file's tables with providers of models, and with the prices of models.
pub(super) const MODELS: &str = "models";
pub(super) const PRICES: &str = "prices";
/// The tables of the file.
const TABLES: [&str; 4] = [AGENTS, NETWORK, MODELS, PRICES];
/// The environment variable that names the settings file.
const CONFIG: &str = "ADJUTANT_CONFIG";

/// The environment and the file. The environment has precedence.
#[derive(Debug)]
pub(super) struct Sources {
    variables: BTreeMap<String, String>,
    file: Dict,
    merged: Figment,
}

impl Sources {
    pub(super) fn read(
        variables: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
        faults: &mut Faults,
    ) -> Self {
        let variables: BTreeMap<String, String> = variables.into_iter().collect();
        let named = variables.get(CONFIG).filter(|value| !value.is_empty());
        let file = match file.or(named.map(Path::new)) {
            Some(path) => read_file(path, faults),
            None => Dict::new(),
        };
        let merged = merged(&file, &variables);
        Self { variables, file, merged }
    }

    /// The same without the keys of the file that belong to a service: its app, its database, its addresses and folders.
    pub(super) fn for_trial(mut self) -> Self {
        let of_service = [
            GITHUB_URL,
            APP_ID,
            PRIVATE_KEY,
            PRIVATE_KEY_FILE,
            WEBHOOK_SECRET,
            WEBHOOK_SECRET_FILE,
            DATABASE_URL,
            LISTEN,
            DATA_DIR,
        ];
        self.file.retain(|name, _| of_service.iter().all(|key| key.name != name));
        self.merged = merged(&self.file, &self.variables);
        self
    }

    /// A variable of the environment that is not empty.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// Whether the environment sets the variable, even if it is empty.
    pub(super) fn has_variable(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// Whether the file sets the key.
    pub(super) fn file_has(&self, key: &Key) -> bool {
        self.file.contains_key(key.name)
    }

    /// A table of the file.
    pub(super) fn table(&self, name: &str) -> Option<&Value> {
        self.file.get(name)
    }

    pub(super) fn text(&self, key: &Key, faults: &mut Faults) -> Option<String> {
        if let Value::String(_, text) = self.merged.find_value(key.name).ok()? {
            return Some(text).filter(|text| !text.is_empty());
        }
        faults.add(key, "is not a text: put it in quotes");
        None
    }

    /// Paths: a list in the file; in the environment they are separated by colons.
    pub(super) fn paths(&self, key: &Key, faults: &mut Faults) -> Vec<PathBuf> {
        match self.merged.find_value(key.name).ok() {
            None => Vec::new(),
            Some(Value::String(_, text)) => std::env::split_paths(&text).filter(|path| path != Path::new("")).collect(),
            Some(value) => value.deserialize().unwrap_or_else(|_| {
                faults.add(key, "is not a list of paths");
                Vec::new()
            }),
        }
    }

    /// A whole number, written as a number or as text.
    pub(super) fn number<T: FromStr + TryFrom<u128>>(&self, key: &Key, faults: &mut Faults) -> Option<T> {
        let value = self.merged.find_value(key.name).ok()?;
        let number = match &value {
            Value::String(_, text) => text.trim().parse().ok(),
            Value::Num(_, number) => number
                .to_u128()
                .or_else(|| number.to_i128().and_then(|number| number.try_into().ok()))
                .and_then(|number| number.try_into().ok()),
            _ => None,
        };
        if number.is_none() {
            faults.add(key, "is not a whole number that makes sense here");
        }
        number
    }

    /// `true` or `false`, written as such or as text.
    pub(super) fn flag(&self, key: &Key, default: bool, faults: &mut Faults) -> bool {
        let Ok(value) = self.merged.find_value(key.name) else { return default };
        let flag = match &value {
            Value::Bool(_, flag) => Some(*flag),
            Value::String(_, text) => text.trim().parse().ok(),
            _ => None,
        };
        flag.unwrap_or_else(|| {
            faults.add(key, "is neither `true` nor `false`");
            default
        })
    }

    /// A number, written as a number or as text.
    pub(super) fn decimal(&self, key: &Key, faults: &mut Faults) -> Option<f64> {
        let value = self.merged.find_value(key.name).ok()?;
        let number = match &value {
            Value::String(_, text) => text.trim().parse().ok(),
            value => value.deserialize().ok(),
        };
        if number.is_none() {
            faults.add(key, "is not a number");
        }
        number
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, key: &Key, words: &[(&str, T)], default: T, faults: &mut Faults) -> T {
        let Some(text) = self.text(key, faults) else {
            return default;
        };
        if let Some((_, chosen)) = words.iter().find(|(word, _)| *word == text) {
            return *chosen;
        }
        let known = words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
        faults.add(key, &format!("is `{text}`: give {known}"));
        default
    }

    /// Variables with Adjutant's prefix that are not known; one of them may be misspelt.
    pub(super) fn unknown_variables(&self) -> Vec<String> {
        self.variables
            .keys()
            .filter(|name| name.starts_with("ADJUTANT_"))
            .filter(|name| ALL.iter().all(|key| key.variable != *name) && *name != CONFIG && *name != AGENT_COMMAND)
            .cloned()
            .collect()
    }
}

fn merged(file: &Dict, variables: &BTreeMap<String, String>) -> Figment {
    let mut merged = Figment::from(Serialized::defaults(file));
    for key in ALL {
        if let Some(value) = variables.get(key.variable).filter(|value| !value.is_empty()) {
            // As text: `number` also reads text, and a secret of digits must not become a number.
            merged = merged.merge(Serialized::default(key.name, value));
        }
    }
    merged
}

fn read_file(path: &Path, faults: &mut Faults) -> Dict {
    let subject = format!("the file {} ({CONFIG}, --config)", path.display());
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            faults.add_about(&subject, &format!("cannot be read: {error}"));
            return Dict::new();
        }
    };
    let dict = match figment::Provider::data(&Toml::string(&text)) {
        Ok(mut profiles) => profiles.remove(&Profile::Default).unwrap_or_default(),
        Err(error) => {
            faults.add_about(&subject, &format!("is not TOML: {error}"));
            return Dict::new();
        }
    };
    for unknown in dict.keys().filter(|name| !is_known(name)) {
        let known = ALL.iter().map(|key| key.name).chain(TABLES);
        let hint = nearest(unknown, known).map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
        faults.add_about(&subject, &format!("has the unknown key `{unknown}`{hint}"));
    }
    dict
}

fn is_known(name: &str) -> bool {
    TABLES.contains(&name) || ALL.iter().any(|key| key.name == name)
}

/// The candidate that `word` was probably meant to be.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 4).max(2))
        .min()
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let change = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_only_when_it_is_near() {
        let names = ["app_id", "listen", "private_key"];
        assert_eq!(nearest("appid", names), Some("app_id"));
        assert_eq!(nearest("privat_key", names), Some("private_key"));
        assert_eq!(nearest("colour", names), None);
    }

    #[test]
    fn the_distance_counts_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
