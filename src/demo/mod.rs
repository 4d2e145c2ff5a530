//! `adjutant demo`: the main job from end to end, on this machine, with nothing configured.
//!
//! It runs a private Postgres, the playground as GitHub, `serve`, and a scripted agent in the sandbox. A contributor
//! opens an issue and a maintainer sets the label. Adjutant works, and the maintainer answers its questions. Everything
//! goes over HTTP, as it would on GitHub.

mod agent;
mod client;
mod timeline;

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adjutant::serve::{ServeError, serve};
use adjutant::settings::Settings;
use adjutant::store::Store;
use adjutant::store::cluster::Cluster;
use adjutant::workspace::remove_all;
use clap::Args;
use github_playground::Playground;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use agent::run as run_agent;
use client::{Person, Pull};
use timeline::Timeline;

/// The time limit for the demo. A slow machine compiles the small library a dozen times.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often the maintainer looks at the pull requests.
const POLL: Duration = Duration::from_millis(200);

const TITLE: &str = "Read and print dimensions";
const ISSUE: &str = "### Goal

Order slips say how large a widget is, and the library cannot read it.

### Requirements

- R1: Dimensions such as `20x30x5 mm` or `2x3x0.5 cm` are read.
- R2: Dimensions are printed in millimetres.

### Acceptance criteria

- A1: `2x3x0.5 cm` reads as the same value as `20x30x5 mm`.
- A2: What is printed reads back as the same value.
- A3: An error names the part that is wrong.

### Constraints

- No new dependencies.
";

/// The maintainer's comment on the pull request without documentation.
const REWORK: &str = "/rework Document every public function, in `src/triple.rs` too, and do not abbreviate: `vol` is \
                      the volume in cubic millimetres, so call it `volume_mm3`.";

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Keep everything up at the end, to look at
    #[arg(long)]
    stay: bool,
}

type Fallible<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Runs the demo. Fails if it does not complete.
pub(crate) async fn run(args: &DemoArgs, interrupted: CancellationToken) -> Fallible {
    let folder = Folder::make()?;
    let stage = Stage::set(&folder.0).await?;
    let mut timeline = Timeline::new(stage.store.clone());
    let told = tokio::select! {
        told = tokio::time::timeout(PATIENCE, tell(&stage, &mut timeline)) => told,
        () = interrupted.cancelled() => Ok(Err("interrupted".into())),
    };
    let ending = match told {
        Ok(Ok(ending)) => ending,
        Ok(Err(error)) => return stage.strike(Some(error)).await,
        Err(_) => return stage.strike(Some("the story did not end in time".into())).await,
    };
    show_history(&folder.0.join("playground")).await?;
    if args.stay {
        println!("\n{}", stage.addresses());
        println!("ctrl-C ends it.");
        interrupted.cancelled().await;
    }
    stage.strike(None).await?;
    println!("\n{ending}");
    Ok(())
}

/// Contributor and maintainer act while Adjutant works. Returns the last line of the demo.
async fn tell(stage: &Stage, timeline: &mut Timeline) -> Fallible<String> {
    let contributor = stage.person("outsider");
    let maintainer = stage.person("maintainer");
    println!("The playground is at {}, its data in {}.\n", stage.playground.url, stage.folder.display());

    let issue = contributor.open_issue(TITLE, ISSUE).await?;
    timeline.say("outsider", &format!("opened issue #{issue}: {TITLE}"));
    maintainer.label(issue, adjutant::playground::LABEL).await?;
    let mut answered = Vec::new();
    loop {
        timeline.catch_up().await?;
        if let Some(reason) = &timeline.failed {
            return Err(format!("the directive failed: {reason}").into());
        }
        let pulls = maintainer.pulls().await?;
        // One after the other, because a step that was accepted with a fault would show in every parallel step.
        let length_lands = pulls.iter().any(|pull| pull.head.branch.ends_with("-length") && pull.state == "open");
        for pull in pulls.iter().filter(|pull| pull.state == "open") {
            if length_lands && pull.head.branch.ends_with("-triple") {
                continue;
            }
            let answer = (pull.number, pull.head.sha.clone());
            if !answered.contains(&answer) && maintainer.waits_for_a_person(&pull.head.sha).await? {
                answered.push(answer);
                act(&maintainer, timeline, pull).await?;
            }
        }
        if timeline.completed && maintainer.issue_is_closed(issue).await? {
            return Ok(ending(timeline, &pulls));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The maintainer's answer to a pull request that waits for a person.
async fn act(maintainer: &Person, timeline: &Timeline, pull: &Pull) -> Fallible {
    let number = pull.number;
    if pull.base.branch == "main" {
        timeline.say("maintainer", &format!("merges the final pull request #{number}"));
        maintainer.merge(number, &pull.head.sha).await?;
    } else if pull.head.branch.ends_with("-dimension") {
        timeline.say("maintainer", &format!("on #{number}: {REWORK}"));
        maintainer.comment(number, REWORK).await?;
    } else {
        timeline.say("maintainer", &format!("on #{number} ({}): /approve", pull.title));
        maintainer.comment(number, "/approve").await?;
    }
    Ok(())
}

fn ending(timeline: &Timeline, pulls: &[Pull]) -> String {
    let merged = pulls.iter().filter(|pull| pull.merged_at.is_some()).count();
    format!(
        "demo: completed with {} steps, {merged} of {} pull requests merged, {} reworks, {} answers by a person, in {:.0} s",
        timeline.passed,
        pulls.len(),
        timeline.reworks,
        timeline.approvals,
        timeline.seconds()
    )
}

/// Prints the final history of the branch as git draws it.
async fn show_history(playground: &Path) -> Fallible {
    let repository = find_repository(playground)?;
    let log = tokio::process::Command::new("git")
        .arg("-c")
        .arg("safe.directory=*")
        .arg("--git-dir")
        .arg(&repository)
        .args(["log", "--graph", "--format=%h %s (%an)", "main"])
        .output()
        .await?;
    println!("\ngit log --graph main\n{}", String::from_utf8_lossy(&log.stdout).trim_end());
    Ok(())
}

fn find_repository(playground: &Path) -> Fallible<PathBuf> {
    let mut folders = vec![playground.to_owned()];
    while let Some(folder) = folders.pop() {
        if folder.join("HEAD").is_file() {
            return Ok(folder);
        }
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    Err("the playground has no repository".into())
}

/// Everything that runs for the demo.
struct Stage {
    folder: PathBuf,
    playground: Playground,
    cluster: Cluster,
    store: Store,
    bot: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl Stage {
    async fn set(folder: &Path) -> Fallible<Self> {
        let playground = github_playground::start(adjutant::playground::options(folder.join("playground"))).await?;
        let cluster = Cluster::start(&folder.join("data")).await?;
        let settings = settings(folder, &playground, &cluster.url())?;
        let stop = CancellationToken::new();
        let (ready, is_ready) = oneshot::channel();
        let mut serving = tokio::spawn(serve(settings, stop.clone(), ready));
        let bot = tokio::select! {
            bot = is_ready => bot?,
            ended = &mut serving => return Err(format!("serve ended early: {ended:?}").into()),
        };
        playground.set_webhook_url(format!("http://{bot}/webhooks/github"));
        let store = Store::connect(cluster.options()).await?;
        Ok(Self { folder: folder.to_owned(), playground, cluster, store, bot, stop, serving })
    }

    fn person(&self, login: &str) -> Person {
        Person::new(&self.playground.url, &self.playground.repository, self.playground.token(login))
    }

    fn addresses(&self) -> String {
        let (url, repository) = (&self.playground.url, &self.playground.repository);
        format!(
            "The repository     {url}/{repository}\nThe issue          {url}/{repository}/issues\n\
             Pull requests      {url}/{repository}/pulls\nClone it           git clone {url}/{repository}.git\n\
             Adjutant           http://{}/readyz\nIts database       {}\nIts logs           {}",
            self.bot,
            self.cluster.url(),
            self.folder.join("data/logs").display()
        )
    }

    /// Stops everything in the reverse order. `error` is what ended the demo.
    async fn strike(self, error: Option<Box<dyn Error + Send + Sync>>) -> Fallible {
        self.stop.cancel();
        let served = self.serving.await;
        self.store.close().await;
        self.playground.shutdown().await;
        self.cluster.stop().await?;
        match error {
            Some(error) => Err(error),
            None => Ok(served??),
        }
    }
}

/// The settings that an operator would choose for this GitHub and this agent.
fn settings(folder: &Path, playground: &Playground, database: &str) -> Fallible<Settings> {
    // Agents run as another user, who may not read the folder of this program.
    let program = folder.join("adjutant-demo-agent");
    fs::copy(std::env::current_exe()?, &program)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let text = |path: PathBuf| path.display().to_string();
    let agent = serde_json::to_string(&[text(program), "demo-agent".to_owned()])?;
    let variables = [
        ("ADJUTANT_GITHUB_URL", playground.url.clone()),
        ("ADJUTANT_APP_ID", playground.app_id.to_string()),
        ("ADJUTANT_PRIVATE_KEY_FILE", text(playground.app_pem_path.clone())),
        ("ADJUTANT_WEBHOOK_SECRET_FILE", text(playground.webhook_secret_path.clone())),
        ("DATABASE_URL", database.to_owned()),
        ("ADJUTANT_LISTEN", "127.0.0.1:0".to_owned()),
        ("ADJUTANT_DATA_DIR", text(folder.join("data"))),
        ("ADJUTANT_AGENT_COMMAND", agent),
        ("ADJUTANT_AGENT_MAX_USD", "0".to_owned()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    Ok(Settings::load(variables, None)?)
}

/// A folder for the demo alone, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Fallible<Self> {
        let folder = std::env::temp_dir().join(format!("adjutant-demo-{}", std::process::id()));
        fs::create_dir(&folder)?;
        // As root, agents and the private Postgres run as other users. They may enter the folder.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o711))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = remove_all(&self.0);
    }
}
