use std::sync::LazyLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;

use adjutant_domain::network::{HostName, Network};

use super::*;

static KEY: LazyLock<String> = LazyLock::new(|| {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = key.as_der().unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
});

const SECRET: &str = "a webhook secret";

/// The required variables, and `more` in addition.
fn variables(more: &[(&str, &str)]) -> Vec<(String, String)> {
    [("ADJUTANT_APP_ID", "7"), ("ADJUTANT_PRIVATE_KEY", &KEY), ("ADJUTANT_WEBHOOK_SECRET", SECRET)]
        .iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn load(more: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::load(variables(more), None)
}

fn with_file(text: &str, more: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adjutant.toml");
    std::fs::write(&path, text).unwrap();
    Settings::load(variables(more), Some(&path))
}

/// The only fault, as its line.
fn fault(loaded: Result<Settings, SettingsError>) -> String {
    let error = loaded.expect_err("a fault was expected");
    assert_eq!(error.faults.len(), 1, "{error}");
    format!("{} {}", error.faults[0].subject, error.faults[0].message)
}

#[test]
fn three_variables_are_enough() {
    let settings = load(&[]).unwrap();
    assert_eq!(settings.app.id, 7);
    assert_eq!(settings.github.url, "https://github.com");
    assert_eq!(settings.github.api_url, "https://api.github.com");
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8787");
    assert!(settings.data_dir.is_absolute() && settings.data_dir.ends_with(".adjutant"));
    assert_eq!(settings.sandbox, SandboxChoice::Bubblewrap);
    assert_eq!(settings.limits.max_tasks, 2);
    assert!(matches!(settings.database, Database::Private));
    assert!(settings.agents.is_empty());
}

#[test]
fn the_address_of_the_api_follows_from_the_address_of_github() {
    for (url, api) in [
        ("https://github.com/", "https://api.github.com"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://github.example.com", "https://github.example.com/api/v3"),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000/api/v3"),
    ] {
        assert_eq!(load(&[("ADJUTANT_GITHUB_URL", url)]).unwrap().github.api_url, api);
    }
    for url in ["github.com", "ftp://github.com", "https://", "https://me@github.com", "https://api.github.com"] {
        assert!(load(&[("ADJUTANT_GITHUB_URL", url)]).is_err(), "{url}");
    }
}

#[test]
fn every_fault_is_listed_at_once_with_its_names() {
    let error = Settings::load(
        [
            ("ADJUTANT_APP_ID", "seven"),
            ("ADJUTANT_LISTEN", "8787"),
            ("ADJUTANT_SANDBOX", "docker"),
            ("ADJUTANT_WEBHOOK_SECRET", ""),
            ("DATABASE_URL", "mysql://localhost"),
            ("ADJUTANT_LOG", "info,adjutant=loud"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
        None,
    )
    .unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("the settings have 7 faults:\n"), "{text}");
    for name in [
        "ADJUTANT_APP_ID (app_id)",
        "ADJUTANT_PRIVATE_KEY (private_key) is missing",
        "ADJUTANT_WEBHOOK_SECRET (webhook_secret) is empty",
        "DATABASE_URL (database_url)",
        "ADJUTANT_LISTEN (listen)",
        "ADJUTANT_LOG (log)",
        "ADJUTANT_SANDBOX (sandbox) is `docker`: give `bubblewrap` or `none`",
    ] {
        assert!(text.contains(name), "{name} is not in {text}");
    }
}

#[test]
fn the_environment_wins_over_the_file() {
    let settings = with_file(
        "listen = \"0.0.0.0:80\"\nlog_format = \"json\"\nmax_tasks = 5\n",
        &[("ADJUTANT_LISTEN", "127.0.0.1:9000")],
    )
    .unwrap();
    assert_eq!(settings.listen.port(), 9000);
    assert_eq!(settings.log.format, LogFormat::Json);
    assert_eq!(settings.limits.max_tasks, 5);
}

#[test]
fn the_file_may_be_named_by_a_variable() {
    let line = fault(load(&[("ADJUTANT_CONFIG", "/nowhere/adjutant.toml")]));
    assert!(line.starts_with("the file /nowhere/adjutant.toml"), "{line}");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    let line = fault(with_file("webhook_secert = \"x\"\n", &[]));
    assert!(line.ends_with("has the unknown key `webhook_secert`; did you mean `webhook_secret`?"), "{line}");
    let line = fault(with_file("[agents.a]\ncommand = [\"a\"]\nnetwrok = true\n", &[]));
    assert_eq!(line, "agents.a has the unknown key `netwrok`; did you mean `network`?");
    let line = fault(with_file("this is not TOML", &[]));
    assert!(line.contains("is not TOML"), "{line}");
}

#[test]
fn a_misspelt_variable_is_pointed_out() {
    let misspelt = variables(&[]).into_iter().map(|(name, value)| (name.replace("APP_ID", "APPID"), value));
    let line = fault(Settings::load(misspelt, None));
    assert!(line.contains("is missing") && line.contains("ADJUTANT_APPID is set"), "{line}");
}

#[test]
fn secrets_come_from_files_too_and_lose_the_last_line_break() {
    let folder = tempfile::tempdir().unwrap();
    let (pem, secret) = (folder.path().join("app.pem"), folder.path().join("secret"));
    std::fs::write(&pem, &*KEY).unwrap();
    std::fs::write(&secret, format!("{SECRET}\r\n")).unwrap();
    let settings = Settings::load(
        [
            ("ADJUTANT_APP_ID", "7"),
            ("ADJUTANT_PRIVATE_KEY_FILE", pem.to_str().unwrap()),
            ("ADJUTANT_WEBHOOK_SECRET_FILE", secret.to_str().unwrap()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
        None,
    )
    .unwrap();
    assert_eq!(settings.webhook_secret.expose_secret(), SECRET);
    assert_eq!(settings.app.private_key.expose_secret(), KEY.as_str());

    let line = fault(load(&[("ADJUTANT_WEBHOOK_SECRET_FILE", "/tmp/x")]));
    assert!(line.contains("ADJUTANT_WEBHOOK_SECRET_FILE are both set"), "{line}");
}

#[test]
fn a_key_on_one_line_is_read() {
    let line = KEY.replace('\n', "\\n");
    let settings = load(&[("ADJUTANT_PRIVATE_KEY", &line)]).unwrap();
    assert_eq!(settings.app.private_key.expose_secret(), KEY.as_str());
}

#[test]
fn a_key_that_cannot_sign_is_refused_with_the_reason() {
    let damaged = KEY.replace("MII", "AAA");
    for (key, reason) in [
        ("/etc/app.pem", "is not a PEM file"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "something else than a private key"),
        (damaged.as_str(), "is damaged"),
    ] {
        let line = fault(load(&[("ADJUTANT_PRIVATE_KEY", key)]));
        assert!(line.contains(reason) && line.contains("ADJUTANT_PRIVATE_KEY"), "{line}");
    }
}

#[test]
fn a_short_webhook_secret_is_refused() {
    let line = fault(load(&[("ADJUTANT_WEBHOOK_SECRET", "hunter2\n")]));
    assert!(line.contains("has 7 characters"), "{line}");
    assert!(!line.contains("hunter2"), "{line}");
}

#[test]
fn no_secret_is_in_what_debug_prints() {
    let settings = with_file(
        "[agents.coder]\ncommand = [\"coder\"]\nenv = [\"CODER_KEY\"]\n",
        &[("CODER_KEY", "coder-key-value"), ("DATABASE_URL", "postgres://me:db-password@host/db")],
    )
    .unwrap();
    let printed = format!("{settings:?}");
    assert!(printed.contains("CODER_KEY"), "{printed}");
    for secret in [SECRET, "coder-key-value", "db-password", "BEGIN PRIVATE"] {
        assert!(!printed.contains(secret), "{secret} is in {printed}");
    }
    assert!(settings.connect_options().is_some());
}

#[test]
fn agents_have_a_command_and_limits() {
    let settings = with_file(
        "default_agent = \"coder\"\n\
         [agents.coder]\ncommand = [\"coder\", \"--fast\"]\nnetwork = true\ntime_limit = \"15m\"\noutput_limit_mb = 2\n\
         [agents.other]\ncommand = \"other 'one word'\"\n",
        &[("ADJUTANT_AGENT_COMMAND", "third --x")],
    )
    .unwrap();
    let coder = &settings.agents["coder"];
    assert_eq!(coder.command, ["coder", "--fast"]);
    assert_eq!(coder.network, Network::Host);
    assert_eq!(coder.time_limit.as_secs(), 900);
    assert_eq!(coder.output_limit, 2 << 20);
    assert_eq!(settings.agents["other"].command, ["other", "one word"]);
    assert_eq!(settings.agents["other"].network, Network::None);
    assert_eq!(settings.agents["default"].command, ["third", "--x"]);
    assert_eq!(settings.default_agent.as_deref(), Some("coder"));
}

#[test]
fn an_agent_without_a_provider_is_unmetered_until_its_runs_are_given_a_cost() {
    let file = "[agents.own]\ncommand = \"own\"\n[agents.declared]\ncommand = \"own\"\nmax_usd = 2\n\
                [agents.counted]\ncommand = \"own\"\nprovider = \"local\"\n[models.local]\nbase_url = \"http://127.0.0.1:1\"\n";
    let of = |more: &[(&str, &str)]| {
        let settings = with_file(file, more).unwrap();
        let unmetered = settings.agents.into_iter().filter(|(_, agent)| agent.is_unmetered()).map(|(name, _)| name);
        unmetered.collect::<Vec<_>>()
    };
    assert_eq!(of(&[("ADJUTANT_AGENT_COMMAND", "mine")]), ["default", "own"]);
    for declared in ["0", "1.5"] {
        assert_eq!(of(&[("ADJUTANT_AGENT_COMMAND", "mine"), ("ADJUTANT_AGENT_MAX_USD", declared)]), ["own"]);
    }
    for wrong in ["-1", "much", "inf"] {
        let faults = with_file("", &[("ADJUTANT_AGENT_COMMAND", "mine"), ("ADJUTANT_AGENT_MAX_USD", wrong)]);
        assert!(faults.unwrap_err().to_string().contains("ADJUTANT_AGENT_MAX_USD"), "{wrong}");
    }
}

#[test]
fn a_table_of_prices_in_the_data_folder_counts_where_it_is_newer_than_the_shipped_one() {
    let folder = tempfile::tempdir().unwrap();
    let (data, prices) = (folder.path().display().to_string(), folder.path().join("prices.json"));
    let table =
        |date| format!(r#"{{"source": "x", "date": "{date}", "models": {{"mine": {{"input": 1, "output": 2}}}}}}"#);
    for (date, counts) in [("2099-01-01", true), ("2020-01-01", false)] {
        std::fs::write(&prices, table(date)).unwrap();
        let settings = load(&[("ADJUTANT_DATA_DIR", &data)]).unwrap();
        assert_eq!(settings.prices.rates("mine").is_some(), counts, "{date}");
        let named = load(&[("ADJUTANT_PRICE_TABLE", &prices.display().to_string())]).unwrap();
        assert!(named.prices.rates("mine").is_some(), "one that is named counts whatever its date");
    }
    std::fs::write(&prices, "{").unwrap();
    assert!(fault(load(&[("ADJUTANT_DATA_DIR", &data)])).contains("prices.json, which cannot be used"));
}

#[test]
fn files_that_an_agents_command_names_are_mounted() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("agent.py");
    std::fs::write(&script, "").unwrap();
    let (script, folder) = (script.display(), folder.path().display());
    let file = format!(
        "[agents.a]\ncommand = [\"/usr/bin/env\", \"python3\", \"{script}\", \"/nowhere\"]\n\
         [agents.b]\ncommand = [\"b\"]\nreadonly = [\"{folder}\"]\n"
    );
    let settings = with_file(&file, &[]).unwrap();
    assert_eq!(settings.agents["a"].readonly, [PathBuf::from(script.to_string())]);
    assert_eq!(settings.agents["b"].readonly, [PathBuf::from(folder.to_string())]);
    let line = fault(with_file("[agents.b]\ncommand = [\"b\"]\nreadonly = [\"not/absolute\"]\n", &[]));
    assert!(line.contains("`not/absolute`") && line.contains("absolute path"), "{line}");
}

#[test]
fn the_only_agent_is_the_default_one() {
    let settings = with_file("[agents.coder]\ncommand = [\"coder\"]\n", &[]).unwrap();
    assert_eq!(settings.default_agent.as_deref(), Some("coder"));
    let line = fault(load(&[("ADJUTANT_DEFAULT_AGENT", "nobody")]));
    assert!(line.contains("names the agent `nobody`, and none is set"), "{line}");
}

#[test]
fn an_agent_is_never_given_our_own_secrets() {
    for name in ["ADJUTANT_WEBHOOK_SECRET", "DATABASE_URL"] {
        let file = format!("[agents.a]\ncommand = [\"a\"]\nenv = [\"{name}\"]\n");
        let line = fault(with_file(&file, &[]));
        assert!(line.contains("stays out of the sandbox"), "{line}");
    }
    let line = fault(with_file("[agents.a]\ncommand = [\"a\"]\nenv = [\"MISSING\"]\n", &[]));
    assert!(line.contains("MISSING, which is not set"), "{line}");
}

#[test]
fn the_operators_document_lists_every_setting() {
    let document = include_str!("../../docs/operating.md");
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with('|')).collect();
    for key in keys::ALL {
        // The row of a setting also covers its `_FILE` variable.
        let variable = key.variable.trim_end_matches("_FILE");
        let row = rows.iter().find(|row| row.starts_with(&format!("| `{variable}`")));
        let row = row.unwrap_or_else(|| panic!("docs/operating.md has no row for {}", key.variable));
        assert!(row.contains(&format!("`{}`", key.name)), "docs/operating.md does not name `{}`", key.name);
    }
}

fn allowed(hosts: &adjutant_domain::network::Hosts, host: &str) -> bool {
    hosts.allows(&HostName::parse(host).unwrap())
}

#[test]
fn setups_may_reach_the_registries_and_verifiers_nothing_unless_the_operator_says_so() {
    let network = load(&[]).unwrap().network;
    for host in ["index.crates.io", "registry.npmjs.org", "pypi.org", "proxy.golang.org", "repo.maven.apache.org"] {
        assert!(allowed(&network.setup_hosts, host), "{host}");
        assert!(!allowed(&network.verifier_hosts, host), "{host}");
    }
    assert!(!allowed(&network.setup_hosts, "github.com"));

    let file = "[network]\nsetup_hosts = [\"registries\", \"npm.example.org\"]\nverifier_hosts = [\"*.example.org\"]\n";
    let network = with_file(file, &[]).unwrap().network;
    assert!(allowed(&network.setup_hosts, "pypi.org") && allowed(&network.setup_hosts, "npm.example.org"));
    assert!(allowed(&network.verifier_hosts, "api.example.org") && !allowed(&network.verifier_hosts, "pypi.org"));
    let network = with_file("[network]\nsetup_hosts = []\n", &[]).unwrap().network;
    assert!(!allowed(&network.setup_hosts, "pypi.org"));
}

#[test]
fn what_is_no_list_of_hosts_is_a_fault() {
    for (file, told) in [
        ("network = true\n", "is not a table"),
        ("[network]\nsetup_host = []\n", "has the unknown key `setup_host`; did you mean `setup_hosts`?"),
        ("[network]\nverifier_hosts = true\n", "network.verifier_hosts is not a list of hosts"),
        ("[network]\nverifier_hosts = [\"https://pypi.org\"]\n", "`https://pypi.org` is not a host"),
        ("[network]\nsetup_hosts = [\"127.1\"]\n", "four decimal numbers"),
        ("[agents.a]\ncommand = [\"a\"]\nnetwork = [\"a b\"]\n", "agents.a.network names what is no host"),
    ] {
        let line = fault(with_file(file, &[]));
        assert!(line.contains(told), "{line}");
    }
}

#[test]
fn an_agent_may_have_a_list_of_hosts() {
    let file = "[agents.a]\ncommand = [\"a\"]\nnetwork = [\"api.example.org\"]\n";
    let Network::Hosts(hosts) = with_file(file, &[]).unwrap().agents["a"].network.clone() else { panic!("no list") };
    assert!(allowed(&hosts, "api.example.org") && !allowed(&hosts, "example.org"));
}

#[test]
fn toolchains_are_folders_with_programs() {
    let folder = tempfile::tempdir().unwrap();
    let (go, jdk) = (folder.path().join("go"), folder.path().join("jdk"));
    for toolchain in [&go, &jdk] {
        std::fs::create_dir_all(toolchain.join("bin")).unwrap();
    }
    let both = format!("{}:{}", go.display(), jdk.display());
    assert_eq!(load(&[("ADJUTANT_TOOLCHAINS", &both)]).unwrap().toolchains, [go.clone(), jdk]);
    let listed = format!("toolchains = [{:?}]\n", go.display().to_string());
    assert_eq!(with_file(&listed, &[]).unwrap().toolchains, [go]);
    let said = fault(load(&[("ADJUTANT_TOOLCHAINS", "/nowhere")]));
    assert!(said.contains("/nowhere") && said.contains("absolute path"), "{said}");
    assert!(fault(load(&[("ADJUTANT_TOOLCHAINS", "go")])).contains("absolute path"));
    assert!(fault(with_file("toolchains = 7\n", &[])).contains("is not a list of paths"));
}
