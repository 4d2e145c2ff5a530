//! `adjutant playground`: a GitHub on this machine with Adjutant's app. With `--serve`, Adjutant also works on it.
//!
//! With `--serve` the playground and `serve` run unchanged in one process. `serve` gets the playground's address
//! through its normal settings. All other settings (above all the agent's command) are the caller's.

use std::error::Error;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use adjutant::logging;
use adjutant::serve::serve;
use adjutant::settings::Settings;
use adjutant::workspace::remove_all;
use clap::Args;
use github_playground::{Imported, Playground, PlaygroundArgs};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

type Fallible<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// The playground's own arguments, and the bot's.
#[derive(Debug, Args)]
#[command(mut_arg("data", |data| data.help(DATA)))]
pub(crate) struct TryOutArgs {
    #[command(flatten)]
    playground: PlaygroundArgs,
    /// Run Adjutant against it too, with an agent: `--agent`, `--config` or `ADJUTANT_AGENT_COMMAND`
    #[arg(long, conflicts_with_all = ["webhook_url", "json"], display_order = 4)]
    serve: bool,
    /// The agent: claude, codex, opencode, gemini, copilot or aider, installed on this machine; its key is taken from the
    /// environment
    #[arg(long, value_name = "NAME", requires = "serve", display_order = 5)]
    agent: Option<String>,
    /// The model that the agent is told to use
    #[arg(long, requires = "agent", display_order = 6)]
    model: Option<String>,
    /// A settings file: its agents, providers of models, prices, limits and toolchains are used, and nothing else of it
    #[arg(long, value_name = "FILE", requires = "serve", display_order = 7)]
    config: Option<PathBuf>,
}

/// What is said where nobody would do the work.
const NO_AGENT: &str = "there is no agent to do the work: name one that is installed (--agent claude, with ANTHROPIC_API_KEY \
                        set; --agent codex, with OPENAI_API_KEY), a program of your own in ADJUTANT_AGENT_COMMAND, or a \
                        settings file (--config)";

/// What `--help` says of `--data`.
const DATA: &str = "The folder for repositories, the app's key and the webhook secret; made if it is not there \
                    [default: playground-data; with --serve a new one, which goes at the end]";

/// Runs the playground, and Adjutant if requested, until it is interrupted.
pub(crate) async fn run(
    args: &TryOutArgs,
    environment: Vec<(String, String)>,
    interrupted: CancellationToken,
) -> Fallible {
    if args.serve {
        let chosen = [("ADJUTANT_AGENT", &args.agent), ("ADJUTANT_MODEL", &args.model)];
        let chosen = chosen.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        let environment = environment.into_iter().chain(chosen).collect();
        run_both(&args.playground, args.config.as_deref(), environment, interrupted).await
    } else {
        run_alone(args, interrupted).await
    }
}

async fn run_alone(TryOutArgs { playground: args, .. }: &TryOutArgs, interrupted: CancellationToken) -> Fallible {
    let (playground, imported) = github_playground::open(args, adjutant::playground::app()).await?;
    let hook = args.webhook_url.as_deref();
    let introduced = introduce(&playground, args, hook, &imported);
    if introduced.is_ok() {
        interrupted.cancelled().await;
    }
    playground.shutdown().await;
    introduced
}

/// Prints the addresses and what to do next. `hook` is the URL for webhooks.
fn introduce(playground: &Playground, args: &PlaygroundArgs, hook: Option<&str>, imported: &[Imported]) -> Fallible {
    let (url, label) = (&playground.url, adjutant::playground::LABEL);
    let repository = imported.first().map_or(&playground.repository, |one| &one.repository);
    let mut next = Vec::new();
    if hook.is_none() {
        next.push("To run Adjutant against it, start it again with --serve and your agent:".to_owned());
        next.push("  adjutant playground --serve --agent claude …".to_owned());
        next.push(String::new());
    }
    next.push(format!("1. Open {url}/{repository}/issues/new, choose whom to act as, and write an issue."));
    next.push(format!("2. Act as maintainer and give it the label `{label}`."));
    next.push(format!("3. Watch {url}/{repository}/pulls; answer where it asks."));
    Ok(github_playground::introduce(playground, args, hook, imported, &next)?)
}

async fn run_both(
    args: &PlaygroundArgs,
    config: Option<&Path>,
    environment: Vec<(String, String)>,
    interrupted: CancellationToken,
) -> Fallible {
    let folder = Folder::choose(args.data.as_deref())?;
    let args = PlaygroundArgs { data: Some(folder.path.join("playground")), ..args.clone() };
    let (playground, imported) = github_playground::open(&args, adjutant::playground::app()).await?;
    let served = with_bot((&args, &folder.own, config), environment, &playground, &imported, interrupted).await;
    playground.shutdown().await;
    served
}

/// The folder for all data: the requested one, or a temporary one that is removed at the end. Adjutant's own part is
/// always a new folder inside. It must not survive the playground's issues, because their numbers are used again.
struct Folder {
    path: PathBuf,
    own: PathBuf,
    passing: bool,
}

impl Folder {
    fn choose(asked: Option<&Path>) -> Fallible<Self> {
        let path = match asked {
            Some(path) => {
                fs::create_dir_all(path)?;
                path.canonicalize()?
            }
            None => make(&std::env::temp_dir().canonicalize()?, "adjutant-playground")?,
        };
        // From here on the folder is removed on drop, also if a later step fails.
        let mut folder = Self { own: path.clone(), passing: asked.is_none(), path };
        let_through(&folder.path)?;
        folder.own = make(&folder.path, "adjutant")?;
        let_through(&folder.own)?;
        Ok(folder)
    }
}

/// Creates a new private folder. Its name is random, and an existing one is an error, so nobody can have created it
/// before.
fn make(inside: &Path, word: &str) -> Fallible<PathBuf> {
    let random = uuid::Uuid::new_v4().simple().to_string();
    let path = inside.join(format!("{word}-{}", &random[..12]));
    DirBuilder::new().mode(0o700).create(&path)?;
    Ok(path)
}

/// As root, agents and the private Postgres run as other users. They may enter the folder but not list it.
fn let_through(path: &Path) -> Fallible {
    let found = fs::metadata(path)?;
    if found.uid() == 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(found.mode() | 0o111))?;
    }
    Ok(())
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.passing {
            let _ = remove_all(&self.path);
        } else if self.own != self.path {
            let _ = remove_all(&self.own);
        }
    }
}

async fn with_bot(
    (args, own, config): (&PlaygroundArgs, &Path, Option<&Path>),
    environment: Vec<(String, String)>,
    playground: &Playground,
    imported: &[Imported],
    interrupted: CancellationToken,
) -> Fallible {
    let settings = settings(own, config, environment, playground)?;
    if settings.agents.is_empty() {
        return Err(NO_AGENT.into());
    }
    logging::init(&settings.log, std::slice::from_ref(&settings.webhook_secret))?;
    let stop = CancellationToken::new();
    let (ready, is_ready) = oneshot::channel();
    let mut serving = tokio::spawn(serve(settings, stop.clone(), ready));
    let bot = tokio::select! {
        bot = is_ready => bot.ok(),
        () = interrupted.cancelled() => None,
    };
    if let Some(bot) = bot {
        let hook = format!("http://{bot}/webhooks/github");
        playground.set_webhook_url(&hook);
        introduce(playground, args, Some(&hook), imported)?;
        tokio::select! {
            () = interrupted.cancelled() => {}
            ended = &mut serving => return Ok(ended??),
        }
    }
    stop.cancel();
    Ok(serving.await??)
}

/// The caller's settings with this playground as GitHub. The caller's app, database and data folder are real ones, so a
/// trial does not use them, and of a settings file only what says who does the work.
fn settings(
    own: &Path,
    config: Option<&Path>,
    environment: Vec<(String, String)>,
    playground: &Playground,
) -> Fallible<Settings> {
    let text = |path: &Path| path.display().to_string();
    let ours = [
        ("ADJUTANT_GITHUB_URL", playground.url.clone()),
        ("ADJUTANT_APP_ID", playground.app_id.to_string()),
        ("ADJUTANT_PRIVATE_KEY_FILE", text(&playground.app_pem_path)),
        ("ADJUTANT_WEBHOOK_SECRET_FILE", text(&playground.webhook_secret_path)),
        ("ADJUTANT_DATA_DIR", text(own)),
    ];
    let theirs = ["ADJUTANT_PRIVATE_KEY", "ADJUTANT_WEBHOOK_SECRET", "ADJUTANT_CONFIG", "DATABASE_URL"];
    let mut variables: Vec<(String, String)> = environment
        .into_iter()
        .filter(|(name, _)| !theirs.contains(&name.as_str()) && ours.iter().all(|(our, _)| our != name))
        .collect();
    if variables.iter().all(|(name, _)| name != "ADJUTANT_LISTEN") {
        variables.push(("ADJUTANT_LISTEN".to_owned(), "127.0.0.1:0".to_owned()));
    }
    variables.extend(ours.map(|(name, value)| (name.to_owned(), value)));
    Ok(Settings::load_for_trial(variables, config)?)
}

#[cfg(test)]
mod tests {
    use adjutant::settings::Database;

    use super::*;

    #[tokio::test]
    async fn a_trial_does_not_use_the_users_database_folder_or_settings_file() {
        let folder = tempfile::tempdir().unwrap();
        let playground =
            github_playground::start(adjutant::playground::options(folder.path().join("data"))).await.unwrap();
        let given = [
            ("DATABASE_URL", "postgres://real.example/adjutant"),
            ("ADJUTANT_CONFIG", "/nonexistent/adjutant.toml"),
            ("ADJUTANT_DATA_DIR", "/var/lib/adjutant"),
            ("ADJUTANT_APP_ID", "77"),
            ("ADJUTANT_AGENT_COMMAND", "/bin/true"),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let settings = settings(folder.path(), None, given, &playground).unwrap();
        assert!(matches!(settings.database, Database::Private));
        assert_eq!((settings.data_dir.as_path(), settings.app.id), (folder.path(), playground.app_id));
        assert_eq!(settings.github.url, playground.url);
        assert_eq!(settings.agents.len(), 1, "what is not of a GitHub is the caller's");
        playground.shutdown().await;
    }

    #[test]
    fn a_folder_that_was_asked_for_stays_with_all_but_adjutants_own_part() {
        let outer = tempfile::tempdir().unwrap();
        let asked = outer.path().join("mine");
        let mut used = Vec::new();
        for _ in 0..2 {
            let folder = Folder::choose(Some(&asked)).unwrap();
            fs::create_dir_all(folder.path.join("playground")).unwrap();
            fs::write(folder.own.join("memory"), "of issues").unwrap();
            used.push(folder.own.clone());
        }
        assert!(asked.join("playground").is_dir() && used[0] != used[1]);
        assert_eq!(fs::read_dir(&asked).unwrap().count(), 1, "nothing of its own stays");
    }

    #[test]
    fn a_temporary_folder_is_new_private_and_removed_at_the_end() {
        let (first, second) = (Folder::choose(None).unwrap(), Folder::choose(None).unwrap());
        assert_ne!(first.path, second.path);
        let mode = fs::metadata(&first.path).unwrap().mode() & 0o777;
        assert_eq!(mode & 0o066, 0, "others may pass at most: {mode:o}");
        let path = first.path.clone();
        drop(first);
        assert!(!path.exists() && second.path.exists());
    }
}
