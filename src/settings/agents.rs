//! The agents that the operator offers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_presets::{Api, Preset};
use figment::value::Value;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use adjutant_domain::ids::Usd;
use adjutant_domain::network::Network;

use super::command_line::command_line;
use super::faults::Faults;
use super::keys::{self, AGENT_COMMAND, Sources, nearest};
use super::models::{self, ModelSettings};
use super::{network, program};

/// The name of the agent that `ADJUTANT_AGENT_COMMAND` sets.
const DEFAULT: &str = "default";
/// The keys of an agent's table.
const FIELDS: [&str; 12] = [
    "command",
    "preset",
    "program",
    "args",
    "provider",
    "model",
    "network",
    "env",
    "readonly",
    "time_limit",
    "output_limit_mb",
    "max_usd",
];
/// The most that a run may be declared to cost, in US dollars.
const MAX_USD: f64 = 10_000.0;

/// How one agent is run.
#[derive(Debug, Clone)]
pub struct AgentSettings {
    /// The program and its arguments, by the two-file protocol. Empty where there is a preset.
    pub command: Vec<String>,
    /// A program that Adjutant knows how to run.
    pub preset: Option<PresetSettings>,
    /// The provider whose models it reaches through the gateway; `None` for no model by way of Adjutant.
    pub provider: Option<String>,
    /// Folders of programs that come first in its `PATH`.
    pub path: Vec<PathBuf>,
    /// What a run counts as whose cost nobody knows.
    pub max_usd: Option<Usd>,
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
    /// Whether a run may cost anything that nobody knows: its requests are not counted, and nothing is declared for a run
    /// that does not say what it cost, as one that is killed.
    pub fn is_unmetered(&self) -> bool {
        self.provider.is_none() && self.max_usd.is_none()
    }

    /// An agent with this command and every limit at its default.
    pub fn new(command: Vec<String>) -> Self {
        Self {
            readonly: own_files(&command),
            command,
            preset: None,
            provider: None,
            path: Vec::new(),
            max_usd: None,
            network: Network::None,
            env: BTreeMap::new(),
            time_limit: Duration::from_hours(1),
            output_limit: 16 << 20,
        }
    }
}

/// A program by its preset.
#[derive(Debug, Clone)]
pub struct PresetSettings {
    pub preset: Preset,
    /// The model that it is told to use; its own choice if `None`.
    pub model: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Table {
    command: Option<Command>,
    preset: Option<String>,
    program: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    provider: Option<String>,
    model: Option<String>,
    max_usd: Option<f64>,
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
pub(super) fn read(
    sources: &Sources,
    providers: &BTreeMap<String, ModelSettings>,
    faults: &mut Faults,
) -> (BTreeMap<String, AgentSettings>, Option<String>) {
    let mut agents = BTreeMap::new();
    match sources.table(keys::AGENTS) {
        Some(Value::Dict(_, tables)) => {
            for (name, table) in tables {
                if let Some(agent) = agent(name, table, sources, providers, faults) {
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
                if let Some(dollars) = sources.decimal(&keys::AGENT_MAX_USD, faults) {
                    agent.max_usd = max_usd(keys::AGENT_MAX_USD.variable, dollars, faults);
                }
            }
            Err(reason) => faults.add_about(AGENT_COMMAND, reason),
        }
    }
    if let Some(preset) = sources.text(&keys::AGENT, faults)
        && !agents.contains_key(&preset)
    {
        let mut agent = AgentSettings::new(Vec::new());
        let model = sources.text(&keys::MODEL, faults);
        let wanted = Wanted { preset: &preset, program: None, args: &[], model };
        set_preset(&mut agent, keys::AGENT.variable, wanted, sources, faults);
        set_provider(&mut agent, keys::AGENT.variable, None, providers, faults);
        agents.insert(preset, agent);
    }
    let default = default_agent(&agents, sources, faults);
    (agents, default)
}

/// The default agent: the one named in the settings, else the one called `default`, else the only one.
fn default_agent(agents: &BTreeMap<String, AgentSettings>, sources: &Sources, faults: &mut Faults) -> Option<String> {
    let named = sources.text(&keys::DEFAULT_AGENT, faults).or_else(|| sources.text(&keys::AGENT, faults));
    let Some(named) = named else {
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

fn agent(
    name: &str,
    table: &Value,
    sources: &Sources,
    providers: &BTreeMap<String, ModelSettings>,
    faults: &mut Faults,
) -> Option<AgentSettings> {
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
    let mut agent = match (table.command, &table.preset) {
        (Some(command), None) => AgentSettings::new(command_of(&subject, command, faults)),
        (None, Some(preset)) => {
            let mut agent = AgentSettings::new(Vec::new());
            let program = table.program.as_deref();
            let wanted = Wanted { preset, program, args: &table.args, model: table.model.clone() };
            set_preset(&mut agent, &subject, wanted, sources, faults);
            agent
        }
        (Some(_), Some(_)) => {
            faults.add_about(&subject, "has both a `command` and a `preset`: keep one");
            return None;
        }
        (None, None) => {
            let known = Preset::names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let fault = format!("has no `preset` and no `command`: give one of {known}, or a command of your own");
            faults.add_about(&subject, &fault);
            return None;
        }
    };
    set_provider(&mut agent, &subject, table.provider, providers, faults);
    agent.max_usd = table.max_usd.and_then(|dollars| max_usd(&format!("{subject}.max_usd"), dollars, faults));
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
    if agent.provider.is_some() {
        for name in
            agent.env.iter().filter(|(_, value)| models::is_secret(providers, value.expose_secret())).map(|it| it.0)
        {
            let fault = format!("names {name}, the key that the gateway holds for this agent: take it out");
            faults.add_about(&format!("{subject}.env"), &fault);
        }
    }
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

fn max_usd(subject: &str, dollars: f64, faults: &mut Faults) -> Option<Usd> {
    if !(0.0..=MAX_USD).contains(&dollars) {
        let fault = format!("is {dollars}: give what a run may cost at most, from 0 to {MAX_USD} US dollars");
        faults.add_about(subject, &fault);
        return None;
    }
    Some(Usd::from_dollars(dollars))
}

fn command_of(subject: &str, command: Command, faults: &mut Faults) -> Vec<String> {
    let subject = format!("{subject}.command");
    let command = match command {
        Command::Words(words) => words,
        Command::Line(line) => command_line(&line).unwrap_or_else(|reason| {
            faults.add_about(&subject, reason);
            vec![line]
        }),
    };
    if command.first().is_none_or(String::is_empty) {
        faults.add_about(&subject, "is empty: give the program and its arguments");
    }
    if command.iter().any(|word| word.contains('\0')) {
        faults.add_about(&subject, "has the character U+0000, which no program takes: take it out");
    }
    command
}

/// What an operator says of a preset.
struct Wanted<'a> {
    /// Its name, or the path of a file.
    preset: &'a str,
    program: Option<&'a str>,
    args: &'a [String],
    model: Option<String>,
}

/// Reads the preset, and finds its program on this machine.
fn set_preset(agent: &mut AgentSettings, subject: &str, wanted: Wanted<'_>, sources: &Sources, faults: &mut Faults) {
    if let Err(fault) = agent.take_preset(wanted, sources.variable("PATH").as_deref()) {
        faults.add_about(subject, &fault);
    }
}

impl AgentSettings {
    /// An agent by a preset, whose program is in `path`. The error says what to do about it.
    pub fn of_preset(preset: &str, model: Option<String>, path: Option<&str>) -> Result<Self, String> {
        let mut agent = Self::new(Vec::new());
        agent.take_preset(Wanted { preset, program: None, args: &[], model }, path)?;
        Ok(agent)
    }

    fn take_preset(&mut self, wanted: Wanted<'_>, path: Option<&str>) -> Result<(), String> {
        let read = if Path::new(wanted.preset).extension().is_some_and(|it| it == "toml") {
            let text = std::fs::read_to_string(wanted.preset).map_err(|error| error.to_string());
            text.and_then(|text| Preset::parse(&text).map_err(|error| error.to_string()))
        } else {
            Preset::named(wanted.preset).map_err(|error| error.to_string())
        };
        let preset = read.map_err(|error| format!("names the preset `{}`: {error}", wanted.preset))?;
        let named = wanted.program.unwrap_or(&preset.program).to_owned();
        let located = program::locate(&named, path).ok_or_else(|| {
            format!(
                "needs the program `{named}` ({}), which is not in PATH: install it, or give its path as `program`",
                preset.title
            )
        })?;
        let preset = preset.with_program(&located.program.display().to_string(), wanted.args);
        preset.check(wanted.model.as_deref()).map_err(|error| error.to_string())?;
        self.readonly.extend(located.shown);
        self.path = located.path;
        self.preset = Some(PresetSettings { preset, model: wanted.model });
        Ok(())
    }
}

/// The provider that is named, or the one whose form the preset speaks.
fn set_provider(
    agent: &mut AgentSettings,
    subject: &str,
    named: Option<String>,
    providers: &BTreeMap<String, ModelSettings>,
    faults: &mut Faults,
) {
    let of_preset = agent.preset.as_ref().map(|it| match it.preset.api {
        Api::Anthropic => "anthropic",
        Api::Responses | Api::Chat => "openai",
        Api::Gemini => "gemini",
    });
    let Some(provider) = named.or_else(|| of_preset.map(str::to_owned)) else { return };
    if !providers.contains_key(&provider) {
        let known = match provider.as_str() {
            "anthropic" => "set ANTHROPIC_API_KEY, or CLAUDE_CODE_OAUTH_TOKEN for a subscription, or ",
            "openai" => "set OPENAI_API_KEY, or ",
            "gemini" => "set GEMINI_API_KEY, or ",
            _ => "",
        };
        let fault = format!(
            "needs the provider `{provider}`, which is not set up: {known}add `[models.{provider}]` with `key_file`"
        );
        faults.add_about(subject, &fault);
    }
    agent.provider = Some(provider);
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
    fn durations_add_up_and_are_never_nothing() {
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Some(Duration::from_mins(90)));
        for text in ["", "0s", "10", "h", "1d", "99999999999999999999h", "1é"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
