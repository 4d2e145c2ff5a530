//! The agents that the operator offers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use figment::value::Value;
use secrecy::SecretString;
use serde::Deserialize;

use adjutant_domain::network::Network;

use super::faults::Faults;
use super::keys::{self, AGENT_COMMAND, Sources, nearest};
use super::network;

/// The name of the agent that `ADJUTANT_AGENT_COMMAND` sets.
const DEFAULT: &str = "default";
/// The keys of an agent's table.
const FIELDS: [&str; 6] = ["command", "network", "env", "readonly", "time_limit", "output_limit_mb"];

/// How one agent is run.
#[derive(Debug, Clone)]
pub struct AgentSettings {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What the sandbox lets it reach.
    pub network: Network,
    /// The variables of Adjutant's own environment that are passed on, with their values.
    pub env: BTreeMap<String, SecretString>,
    /// Files and folders that it may read in addition to its clone and the system's folders, such as its own program.
    /// Absolute paths in the command are included.
    pub readonly: Vec<PathBuf>,
    /// An agent that runs longer is killed.
    pub time_limit: Duration,
    /// The most bytes of output. An agent that prints more is killed.
    pub output_limit: u64,
}

impl AgentSettings {
    /// An agent with this command and every limit at its default.
    pub fn new(command: Vec<String>) -> Self {
        Self {
            readonly: own_files(&command),
            command,
            network: Network::None,
            env: BTreeMap::new(),
            time_limit: Duration::from_hours(1),
            output_limit: 16 << 20,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Table {
    command: Command,
    network: Option<Reach>,
    #[serde(default)]
    env: Vec<String>,
    #[serde(default)]
    readonly: Vec<PathBuf>,
    time_limit: Option<String>,
    output_limit_mb: Option<u64>,
}

/// `true` is the host's network.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Reach {
    Switch(bool),
    Hosts(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Command {
    Words(Vec<String>),
    Line(String),
}

/// All agents by name, and the one that is used if the policy chooses none.
pub(super) fn read(sources: &Sources, faults: &mut Faults) -> (BTreeMap<String, AgentSettings>, Option<String>) {
    let mut agents = BTreeMap::new();
    match sources.agents() {
        Some(Value::Dict(_, tables)) => {
            for (name, table) in tables {
                if let Some(agent) = agent(name, table, sources, faults) {
                    agents.insert(name.clone(), agent);
                }
            }
        }
        Some(_) => faults.add_about("agents", "is not a table: write `[agents.NAME]` and below it `command = [\"…\"]`"),
        None => {}
    }
    if let Some(line) = sources.variable(AGENT_COMMAND) {
        match command_line(&line) {
            Ok(command) => {
                let agent = agents.entry(DEFAULT.to_owned()).or_insert_with(|| AgentSettings::new(Vec::new()));
                agent.readonly.extend(own_files(&command));
                agent.command = command;
            }
            Err(reason) => faults.add_about(AGENT_COMMAND, reason),
        }
    }
    let default = default_agent(&agents, sources, faults);
    (agents, default)
}

/// The default agent: the one named in the settings, else the one called `default`, else the only one.
fn default_agent(agents: &BTreeMap<String, AgentSettings>, sources: &Sources, faults: &mut Faults) -> Option<String> {
    let Some(named) = sources.text(&keys::DEFAULT_AGENT, faults) else {
        let only = (agents.len() == 1).then(|| agents.keys().next()).flatten();
        return agents.get_key_value(DEFAULT).map(|(name, _)| name).or(only).cloned();
    };
    if !agents.contains_key(&named) {
        let known = agents.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "none is set".to_owned() } else { format!("there are {known}") };
        faults.add(&keys::DEFAULT_AGENT, &format!("names the agent `{named}`, and {known}"));
    }
    Some(named)
}

fn agent(name: &str, table: &Value, sources: &Sources, faults: &mut Faults) -> Option<AgentSettings> {
    let subject = format!("agents.{name}");
    let is_plain =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || "-_".contains(character);
    if name.is_empty() || !name.chars().all(is_plain) {
        faults.add_about(&subject, "has a name that a policy cannot write: use a-z, 0-9, - and _");
    }
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
    let command = match table.command {
        Command::Words(words) => words,
        Command::Line(line) => command_line(&line).unwrap_or_else(|reason| {
            faults.add_about(&format!("{subject}.command"), reason);
            vec![line]
        }),
    };
    if command.first().is_none_or(String::is_empty) {
        faults.add_about(&format!("{subject}.command"), "is empty: give the program and its arguments");
    }
    if command.iter().any(|word| word.contains('\0')) {
        faults
            .add_about(&format!("{subject}.command"), "has the character U+0000, which no program takes: take it out");
    }
    let mut agent = AgentSettings::new(command);
    agent.network = match table.network {
        None | Some(Reach::Switch(false)) => Network::None,
        Some(Reach::Switch(true)) => Network::Host,
        Some(Reach::Hosts(hosts)) => Network::Hosts(network::hosts(&format!("{subject}.network"), &hosts, faults)),
    };
    for path in table.readonly {
        if path.is_absolute() && path.exists() {
            agent.readonly.push(path);
        } else {
            let fault = format!("names `{}`: give the absolute path of a file or folder that is there", path.display());
            faults.add_about(&format!("{subject}.readonly"), &fault);
        }
    }
    agent.env = pass_through(&subject, &table.env, sources, faults);
    if let Some(text) = table.time_limit {
        match duration(&text) {
            Some(limit) => agent.time_limit = limit,
            None => faults.add_about(
                &format!("{subject}.time_limit"),
                &format!("is `{text}`: give a time such as `90s`, `15m` or `1h30m`"),
            ),
        }
    }
    match table.output_limit_mb {
        Some(0) => faults.add_about(&format!("{subject}.output_limit_mb"), "is 0: give 1 or more"),
        Some(megabytes) => agent.output_limit = megabytes.saturating_mul(1 << 20),
        None => {}
    }
    Some(agent)
}

/// The values of the variables that are passed to an agent. Adjutant's own variables are never among them.
fn pass_through(
    subject: &str,
    names: &[String],
    sources: &Sources,
    faults: &mut Faults,
) -> BTreeMap<String, SecretString> {
    let subject = format!("{subject}.env");
    let mut values = BTreeMap::new();
    for name in names {
        if name.starts_with("ADJUTANT_") || name == keys::DATABASE_URL.variable {
            faults.add_about(
                &subject,
                &format!("names {name}, which is Adjutant's own and stays out of the sandbox: take it away"),
            );
        } else if let Some(value) = sources.variable(name) {
            values.insert(name.clone(), value.into());
        } else {
            faults.add_about(
                &subject,
                &format!("names {name}, which is not set in Adjutant's environment: set it, or take it away"),
            );
        }
    }
    values
}

/// The system's folders, which every sandboxed process sees.
const SYSTEM: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/proc"];

/// The files that a command names by absolute path and that the sandbox would not show.
fn own_files(command: &[String]) -> Vec<PathBuf> {
    let paths = command.iter().map(PathBuf::from).filter(|path| path.is_absolute() && path.is_file());
    paths.filter(|path| !SYSTEM.iter().any(|system| path.starts_with(system))).collect()
}

/// Parses a JSON array of strings, or words as a shell splits them: at blanks, with `'…'`, `"…"` and `\`. Nothing is
/// expanded.
fn command_line(line: &str) -> Result<Vec<String>, &'static str> {
    if line.trim_start().starts_with('[') {
        return match serde_json::from_str::<Vec<String>>(line) {
            Ok(words) if words.first().is_some_and(|word| !word.is_empty()) => Ok(words),
            Ok(_) => Err("is empty: give the program and its arguments"),
            Err(_) => Err("starts like a JSON array and is not one of strings: write [\"program\", \"argument\"]"),
        };
    }
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => {
                let next = characters.next().ok_or("ends with a backslash: write \\\\ for one")?;
                word.get_or_insert_default().push(next);
            }
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err("has a quote that is not closed");
    }
    words.extend(word);
    if words.first().is_none_or(String::is_empty) {
        return Err("is empty: give the program and its arguments");
    }
    Ok(words)
}

/// Parses `90s`, `15m`, `1h`, `1h30m`; zero is refused.
fn duration(text: &str) -> Option<Duration> {
    let mut total: u64 = 0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit())?;
        let number: u64 = rest[..end].parse().ok()?;
        let transaction = match rest.as_bytes()[end] {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(transaction)?)?;
        rest = &rest[end + 1..];
    }
    (total > 0).then(|| Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_would() {
        let split = |line| command_line(line).unwrap();
        assert_eq!(split("agent --model best"), ["agent", "--model", "best"]);
        assert_eq!(split(r#"agent 'a b' "c \" d" e\ f ''"#), ["agent", "a b", "c \" d", "e f", ""]);
        assert_eq!(split(r#"["agent", "a b"]"#), ["agent", "a b"]);
        assert_eq!(split("agent $HOME"), ["agent", "$HOME"]);
    }

    #[test]
    fn a_command_that_cannot_be_split_is_refused() {
        for line in ["", "  ", "agent 'open", "agent \\", "[1]", "[]", "[\"\"]", "''"] {
            assert!(command_line(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn durations_add_up_and_are_never_nothing() {
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Some(Duration::from_mins(90)));
        for text in ["", "0s", "10", "h", "1d", "99999999999999999999h", "1é"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
