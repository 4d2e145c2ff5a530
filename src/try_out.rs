//! `adjutant playground --serve`: one's own repository, policy and agent against a GitHub on this machine, in one command.
//!
//! The playground and `serve`, each as it is, in one process. `serve` is told where the playground is by the same settings
//! that an operator would give; every other setting (the agent's command above all) is the caller's.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use adjutant::logging;
use adjutant::playground::{self, Playground, PlaygroundArgs};
use adjutant::serve::serve;
use adjutant::settings::Settings;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

type Fallible<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Runs both until they are told to stop.
pub(crate) async fn run(
    args: &PlaygroundArgs,
    environment: Vec<(String, String)>,
    interrupted: CancellationToken,
) -> Fallible {
    let own = Folder::choose(args.data.as_deref(), &environment)?;
    let args = PlaygroundArgs { data: Some(own.path.join("playground")), ..args.clone() };
    let (playground, imported) = playground::open(&args).await?;
    let served = with_bot((&args, &own.path), environment, &playground, &imported, interrupted).await;
    playground.shutdown().await;
    served
}

/// Where all of it lies: the folder that was asked for, or one that goes at the end.
struct Folder {
    path: PathBuf,
    passing: bool,
}

impl Folder {
    fn choose(asked: Option<&Path>, environment: &[(String, String)]) -> Fallible<Self> {
        let (path, passing) = match asked {
            Some(path) => (path.to_owned(), false),
            None => (std::env::temp_dir().join(format!("adjutant-playground-{}", std::process::id())), true),
        };
        let kept = environment.iter().any(|(name, _)| ["ADJUTANT_DATA_DIR", "DATABASE_URL"].contains(&name.as_str()));
        if path.join("adjutant").exists() && !kept {
            // Issues are gone with the playground that had them, and others have their numbers now.
            let path = path.display();
            return Err(format!(
                "{path} was used before, and Adjutant remembers issues that are gone; remove it, or give another --data"
            )
            .into());
        }
        fs::create_dir_all(&path)?;
        // Agents and the private Postgres run as other users when we are root: they may pass through.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o711))?;
        Ok(Self { path: path.canonicalize()?, passing })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.passing {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

async fn with_bot(
    (args, folder): (&PlaygroundArgs, &Path),
    environment: Vec<(String, String)>,
    playground: &Playground,
    imported: &[playground::Imported],
    interrupted: CancellationToken,
) -> Fallible {
    let settings = settings(folder, environment, playground)?;
    if settings.agents.is_empty() {
        return Err("there is no agent to do the work: name its program in ADJUTANT_AGENT_COMMAND".into());
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
        playground::introduce(playground, args, Some(&hook), imported)?;
        tokio::select! {
            () = interrupted.cancelled() => {}
            ended = &mut serving => return Ok(ended??),
        }
    }
    stop.cancel();
    Ok(serving.await??)
}

/// The caller's settings, with those of this playground in place of any other GitHub's.
fn settings(folder: &Path, environment: Vec<(String, String)>, playground: &Playground) -> Fallible<Settings> {
    let text = |path: PathBuf| path.display().to_string();
    let ours = [
        ("ADJUTANT_GITHUB_URL", playground.url.clone()),
        ("ADJUTANT_APP_ID", playground.app_id.to_string()),
        ("ADJUTANT_PRIVATE_KEY_FILE", text(playground.app_pem_path.clone())),
        ("ADJUTANT_WEBHOOK_SECRET_FILE", text(playground.webhook_secret_path.clone())),
    ];
    let theirs = ["ADJUTANT_PRIVATE_KEY", "ADJUTANT_WEBHOOK_SECRET"];
    let mut variables: Vec<(String, String)> = environment
        .into_iter()
        .filter(|(name, _)| !theirs.contains(&name.as_str()) && ours.iter().all(|(our, _)| our != name))
        .collect();
    let given = |name: &str| variables.iter().any(|(given, _)| given == name);
    let mut more = Vec::new();
    if !given("ADJUTANT_DATA_DIR") {
        more.push(("ADJUTANT_DATA_DIR".to_owned(), text(folder.join("adjutant"))));
    }
    if !given("ADJUTANT_LISTEN") {
        more.push(("ADJUTANT_LISTEN".to_owned(), "127.0.0.1:0".to_owned()));
    }
    variables.extend(more);
    variables.extend(ours.map(|(name, value)| (name.to_owned(), value)));
    Ok(Settings::load(variables, None)?)
}
