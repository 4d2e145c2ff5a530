//! The command line: starts a playground, prints everything that is needed to use it, and waits for a signal to stop.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use crate::import::{Import, ImportError, Imported};
use crate::limits::RateLimits;
use crate::options::{PlaygroundApp, PlaygroundError, PlaygroundOptions};
use crate::seed::{SeedError, SeedFile};
use crate::server::{Playground, start};

/// Run a GitHub on this machine, to look at and to test against
#[derive(Debug, Clone, Args)]
pub struct PlaygroundArgs {
    /// Where to listen; port 0 takes any free one. The tokens are known to everybody: stay on this machine
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// The folder for repositories, the app's key and the webhook secret; made if it is not there
    /// [default: playground-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// People, repositories, labels and issues to begin with, in YAML or JSON
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
    /// A git repository of your own to begin with; its branch is copied with all history, and nothing is written into it.
    /// It becomes `acme/<the folder's name>` unless said otherwise. May be given several times
    #[arg(long, value_name = "[OWNER/NAME=]DIR")]
    pub import: Vec<Import>,
    /// Where the app's webhooks go; none are sent without it
    #[arg(long, value_name = "URL")]
    pub webhook_url: Option<String>,
    /// Limit rates as github.com does; a GitHub Enterprise Server does not, and neither does this without it
    #[arg(long)]
    pub rate_limits: bool,
    /// Print the facts as one JSON object on one line
    #[arg(long)]
    pub json: bool,
}

/// Why a playground that was started from the command line failed.
#[derive(Debug, Error)]
pub enum PlaygroundRunError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] PlaygroundError),
    /// The seed file has faults.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// A repository could not be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Signals cannot be awaited, or the facts cannot be printed.
    #[error("the playground cannot {what}: {source}")]
    Io {
        /// The operation that failed.
        what: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// Starts a playground for an app according to the arguments, and returns what was imported.
pub async fn open(
    args: &PlaygroundArgs,
    app: PlaygroundApp,
) -> Result<(Playground, Vec<Imported>), PlaygroundRunError> {
    // Read first, so that a fault in it leaves no data folder behind.
    let seed = args.seed.as_deref().map(SeedFile::read).transpose()?;
    let data = args.data.clone().unwrap_or_else(|| PathBuf::from("playground-data"));
    let webhook_url = args.webhook_url.clone();
    let playground = start(PlaygroundOptions { listen: args.listen, data, webhook_url, observer: None, app }).await?;
    match fill(args, seed.as_ref(), &playground).await {
        Ok(imported) => Ok((playground, imported)),
        Err(error) => {
            playground.shutdown().await;
            Err(error)
        }
    }
}

async fn fill(
    args: &PlaygroundArgs,
    seed: Option<&SeedFile>,
    playground: &Playground,
) -> Result<Vec<Imported>, PlaygroundRunError> {
    if args.rate_limits {
        playground.limit_rates(RateLimits::default());
    }
    if let Some(seed) = seed {
        seed.plant(&playground.app_state).await?;
    }
    let mut imported = Vec::new();
    for import in &args.import {
        imported.push(import.bring(&playground.app_state).await?);
    }
    Ok(imported)
}

/// Prints everything that is needed to use it: with `--json` one object on one line, else a text that ends with
/// `next_steps`, the caller's own lines. `webhook_url` is the URL of the app's webhooks.
pub fn introduce(
    playground: &Playground,
    args: &PlaygroundArgs,
    webhook_url: Option<&str>,
    imported: &[Imported],
    next_steps: &[String],
) -> Result<(), PlaygroundRunError> {
    let facts = facts(playground, webhook_url);
    let text = if args.json {
        facts.to_string()
    } else {
        format!("{}\n{}", readable(&facts, args.listen), ending(imported, next_steps))
    };
    let mut out = std::io::stdout();
    let printed = writeln!(out, "{text}").and_then(|()| out.flush());
    printed.map_err(|source| PlaygroundRunError::Io { what: "print where it is", source })
}

/// Runs a playground with the default app until ctrl-C or SIGTERM.
pub async fn run(args: PlaygroundArgs) -> Result<(), PlaygroundRunError> {
    let io = |what| move |source| PlaygroundRunError::Io { what, source };
    let mut terminate = signal(SignalKind::terminate()).map_err(io("listen for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(io("listen for ctrl-C"))?;
    let (playground, imported) = open(&args, PlaygroundApp::default()).await?;
    let next = next_steps(&playground, &args, &imported);
    introduce(&playground, &args, args.webhook_url.as_deref(), &imported, &next)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    playground.shutdown().await;
    Ok(())
}

/// Everything that is needed to use a playground. The keys are part of the command's contract.
fn facts(playground: &Playground, webhook_url: Option<&str>) -> Value {
    let url = &playground.url;
    let state = playground.app_state.state();
    let mut users: Vec<Value> = playground
        .users
        .iter()
        .map(|user| json!({ "login": user.login, "token": user.token, "permission": user.permission }))
        .collect();
    let known: Vec<&str> = playground.users.iter().map(|user| user.login.as_str()).collect();
    let others = state.user_tokens.iter().map(|(token, id)| (&state.account(*id).login, token));
    let mut others: Vec<_> = others.filter(|(login, _)| !known.contains(&login.as_str())).collect();
    others.sort();
    users
        .extend(others.into_iter().map(|(login, token)| json!({ "login": login, "token": token, "permission": null })));
    let repositories: Vec<String> =
        state.repos.values().map(|repo| format!("{}/{}", state.account(repo.owner).login, repo.name)).collect();
    json!({
        "url": url,
        "api_url": format!("{url}/api/v3"),
        "graphql_url": format!("{url}/api/graphql"),
        "git_url": format!("{url}/{}.git", playground.repository),
        "app_id": playground.app_id,
        "app_slug": playground.app_slug,
        "installation_id": playground.installation_id,
        "private_key_file": playground.app_pem_path,
        "webhook_secret_file": playground.webhook_secret_path,
        "webhook_url": webhook_url,
        "admin_url": format!("{url}/_playground"),
        "rate_limits": playground.app_state.limits.are_on(),
        "fault_rules": playground.app_state.faults.shown().len(),
        "repository": playground.repository,
        "repositories": repositories,
        "users": users,
    })
}

fn readable(facts: &Value, listen: SocketAddr) -> String {
    let text = |key: &str| match &facts[key] {
        Value::String(text) => text.clone(),
        Value::Null => "none (give --webhook-url)".to_owned(),
        other => other.to_string(),
    };
    let mut lines = vec!["The playground is a GitHub on this machine.".to_owned(), String::new()];
    for (name, key) in [
        ("pages", "url"),
        ("REST", "api_url"),
        ("GraphQL", "graphql_url"),
        ("git", "git_url"),
        ("app id", "app_id"),
        ("installation", "installation_id"),
        ("app's key", "private_key_file"),
        ("webhook secret", "webhook_secret_file"),
        ("webhooks to", "webhook_url"),
    ] {
        lines.push(format!("  {name:<15} {}", text(key)));
    }
    lines.push(String::new());
    for user in facts["users"].as_array().into_iter().flatten() {
        let word = |key: &str| user[key].as_str().unwrap_or("–").to_owned();
        lines.push(format!("  {:<15} {:<24} {}", word("login"), word("token"), word("permission")));
    }
    lines.push(String::new());
    if facts["rate_limits"] == true {
        lines.push(format!("It limits rates; the numbers are at {}/rate-limits", text("admin_url")));
    }
    if let Some(rules) = facts["fault_rules"].as_u64().filter(|rules| *rules > 0) {
        let report = format!("{}/report", text("admin_url"));
        let plural = if rules == 1 { "rule" } else { "rules" };
        lines.push(format!("It injects faults by {rules} {plural}; what it did is at {report}"));
    }
    if !listen.ip().is_loopback() {
        lines.push("Its tokens are known to everybody, and it listens beyond this machine.".to_owned());
    }
    lines.join("\n")
}

/// The imported repositories, the next steps, and what is kept at the end.
fn ending(imported: &[Imported], next_steps: &[String]) -> String {
    let mut lines = Vec::new();
    for one in imported {
        lines.push(format!("  imported        {} (branch {})", one.repository, one.branch));
        lines.extend(one.notes.iter().map(|note| format!("                  {note}")));
    }
    if !imported.is_empty() {
        lines.push(String::new());
    }
    lines.extend_from_slice(next_steps);
    lines.push(String::new());
    lines.push("With --data the repositories stay; issues, pull requests and people go when it stops.".to_owned());
    lines.push("Stop it with ctrl-C.".to_owned());
    lines.join("\n")
}

/// The next steps for a playground without a known app.
fn next_steps(playground: &Playground, args: &PlaygroundArgs, imported: &[Imported]) -> Vec<String> {
    let url = &playground.url;
    let repository = imported.first().map_or(&playground.repository, |one| &one.repository);
    let mut lines = Vec::new();
    if args.webhook_url.is_none() {
        lines.push("To send webhooks to an app of yours, start it again with --webhook-url URL.".to_owned());
    }
    lines.push(format!("The app is `{}`: give yours the app id, the key and the webhook secret.", playground.app_slug));
    lines.push(format!("Open {url}/{repository}/issues, choose whom to act as, and use it as you use GitHub."));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "users: [{ login: ada }]\nrepositories:\n  - name: gears\n    directory: gears\n    private: true\n    \
        collaborators: { ada: write }\n    issues: [{ title: Count the teeth, author: ada, labels: [urgent] }]\n  \
        - name: widgets\n    issues: [{ title: One more }]\nfaults:\n  seed: 7\n  rules:\n    \
        - { requests: { path: /meta }, does: { slow: { ms: 5 } }, times: 2 }\n    - { deliveries: {}, does: drop }\n";

    #[tokio::test]
    async fn a_seed_adds_people_a_repository_with_files_and_issues() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("gears/.git")).unwrap();
        std::fs::create_dir_all(folder.path().join("gears/src")).unwrap();
        std::fs::write(folder.path().join("gears/src/tooth.txt"), "a tooth\n").unwrap();
        std::fs::write(folder.path().join("gears/.git/config"), "not imported\n").unwrap();
        std::fs::write(folder.path().join("seed.yml"), SEED).unwrap();
        let seed = SeedFile::read(&folder.path().join("seed.yml")).unwrap();
        let playground = start(PlaygroundOptions::new(folder.path().join("data"))).await.unwrap();
        seed.plant(&playground.app_state).await.unwrap();

        let client = reqwest::Client::new();
        let get = async |path: &str, login: &str| {
            let request =
                client.get(format!("{}/api/v3{path}", playground.url)).bearer_auth(format!("playground-{login}"));
            let answer = request.header("user-agent", "test").send().await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
        };
        let (status, issue) = get("/repos/acme/gears/issues/1", "ada").await;
        assert_eq!((status, &issue["title"], &issue["user"]["login"]), (200, &json!("Count the teeth"), &json!("ada")));
        assert_eq!(issue["labels"][0]["name"], "urgent");
        assert_eq!(get("/repos/acme/gears", "outsider").await.0, 404, "it is private");
        assert_eq!(get("/repos/acme/gears/contents/src/tooth.txt", "ada").await.0, 200);
        let top = get("/repos/acme/gears/contents", "ada").await.1;
        assert_eq!((top.as_array().unwrap().len(), &top[0]["name"]), (1, &json!("src")), "{top}");
        assert_eq!(get("/repos/acme/widgets/issues/1", "outsider").await.1["title"], "One more");

        let facts = facts(&playground, None);
        assert_eq!(facts["repositories"], json!(["acme/widgets", "acme/gears"]));
        assert_eq!(facts["users"][4], json!({ "login": "ada", "token": "playground-ada", "permission": null }));
        let text = readable(&facts, "127.0.0.1:0".parse().unwrap());
        for part in
            [playground.url.as_str(), "playground-maintainer", "app.pem", "webhook-secret", "admin", "by 2 rules"]
        {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
        playground.shutdown().await;
    }
}
