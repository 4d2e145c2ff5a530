//! Measures how long Adjutant itself takes for a directive: wall time from the label to the last merge.
//!
//! The directive has the shape of the demo's (five steps, two and two of them in parallel, one rework by Adjutant, one
//! approval, one rework by a person, a final pull request). The agent answers at once, the verifiers only check for one
//! file, and the maintainer answers within milliseconds. The remaining time is Adjutant's: Postgres, git, the sandbox,
//! and the calls to GitHub (the playground, in this process). Run it with `scripts/bench-main-job`.

use std::error::Error;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use adjutant::serve::{ServeError, serve};
use adjutant::settings::{LogFormat, LogSettings, Settings};
use adjutant::store::cluster::Cluster;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use github_playground::Playground;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The limit for the median.
const GOAL: Duration = Duration::from_secs(5);
/// A longer run counts as stuck.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often the maintainer checks for a question.
const GLANCE: Duration = Duration::from_millis(20);
/// The argument that makes this program the agent.
const AGENT: &str = "agent";

/// Simple verifiers that can fail: a step's first try leaves the files that they check for. The files are named by a
/// pattern, because a step that changes a file which a verifier names is never green.
const POLICY: &str = "\
verifiers:
  - { name: test, run: 'test ! -e wron[g]' }
  - { name: lint, run: 'test ! -e untid[y]', required: false, weight: 0.5 }
";

const ISSUE: &str = "### Requirements\n\n- R1: Read it.\n- R2: Print it.\n\n### Acceptance criteria\n\n- A1: One.\n\
                     - A2: Two.\n- A3: Three.\n";

type Fallible<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let outcome = match env::args().nth(1).as_deref() {
        Some(AGENT) => be_agent().map(|()| ExitCode::SUCCESS),
        _ => bench(),
    };
    outcome.unwrap_or_else(|error| {
        println!("bench-main-job: {error}");
        ExitCode::FAILURE
    })
}

#[tokio::main]
async fn bench() -> Fallible<ExitCode> {
    if let Ok(filter) = env::var("ADJUTANT_LOG") {
        adjutant::logging::init(&LogSettings { filter, format: LogFormat::Human }, &[])?;
    }
    let runs = env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(5);
    let mut times = Vec::new();
    for run in 1..=runs {
        let stage = Stage::set().await?;
        let told = tokio::time::timeout(PATIENCE, stage.tell()).await;
        stage.strike().await?;
        let time = told.map_err(|_| "the directive did not end")??;
        println!("run {run}: {:.2} s", time.as_secs_f64());
        times.push(time);
    }
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let (median_s, goal_s) = (median.as_secs_f64(), GOAL.as_secs());
    println!("label to last merge, median of {runs}: {median_s:.2} s (goal: under {goal_s} s)");
    Ok(if median < GOAL { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that runs for one directive.
struct Stage {
    folder: PathBuf,
    playground: Playground,
    cluster: Cluster,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl Stage {
    async fn set() -> Fallible<Self> {
        let folder = env::temp_dir().join(format!("adjutant-bench-{}", std::process::id()));
        fs::create_dir(&folder)?;
        // As root, agents and Postgres run as other users. They may enter the folder.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o711))?;
        let playground = github_playground::start(adjutant::playground::options(folder.join("playground"))).await?;
        let cluster = Cluster::start(&folder.join("data")).await?;
        let settings = settings(&folder, &playground, &cluster.url())?;
        let stop = CancellationToken::new();
        let (ready, is_ready) = oneshot::channel::<SocketAddr>();
        let serving = tokio::spawn(serve(settings, stop.clone(), ready));
        let address = is_ready.await.map_err(|_| "serve ended early")?;
        playground.set_webhook_url(format!("http://{address}/webhooks/github"));
        Ok(Self { folder, playground, cluster, stop, serving })
    }

    /// Runs from the label to the merge of the final pull request.
    async fn tell(&self) -> Fallible<Duration> {
        let maintainer = Maintainer::new(&self.playground);
        let old = maintainer.get("/contents/.github/adjutant.yml").await?;
        let policy = json!({ "message": "Prove trivially", "content": STANDARD.encode(POLICY), "sha": old["sha"] });
        maintainer.send(Method::PUT, "/contents/.github/adjutant.yml", &policy).await?;
        let issue = json!({ "title": "Read and print", "body": ISSUE });
        let issue = maintainer.send(Method::POST, "/issues", &issue).await?["number"].clone();

        let labelled = Instant::now();
        maintainer.send(Method::POST, &format!("/issues/{issue}/labels"), &json!({ "labels": ["directive"] })).await?;
        let mut answered = Vec::new();
        loop {
            if maintainer.answer(&mut answered).await? {
                return Ok(labelled.elapsed());
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    async fn strike(self) -> Fallible {
        self.stop.cancel();
        self.serving.await??;
        self.playground.shutdown().await;
        self.cluster.stop().await?;
        Ok(fs::remove_dir_all(&self.folder)?)
    }
}

fn settings(folder: &Path, playground: &Playground, database: &str) -> Fallible<Settings> {
    // Agents may not read the folder of this program.
    let program = folder.join(AGENT);
    fs::copy(env::current_exe()?, &program)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let variables = [
        ("ADJUTANT_GITHUB_URL", playground.url.clone()),
        ("ADJUTANT_APP_ID", playground.app_id.to_string()),
        ("ADJUTANT_PRIVATE_KEY_FILE", playground.app_pem_path.display().to_string()),
        ("ADJUTANT_WEBHOOK_SECRET_FILE", playground.webhook_secret_path.display().to_string()),
        ("DATABASE_URL", database.to_owned()),
        ("ADJUTANT_LISTEN", "127.0.0.1:0".to_owned()),
        ("ADJUTANT_DATA_DIR", folder.join("data").display().to_string()),
        ("ADJUTANT_AGENT_COMMAND", json!([program, AGENT]).to_string()),
    ];
    Ok(Settings::load(variables.map(|(name, value)| (name.to_owned(), value)), None)?)
}

/// The maintainer, who answers at once.
struct Maintainer {
    http: reqwest::Client,
    repository: String,
    token: String,
}

impl Maintainer {
    fn new(playground: &Playground) -> Self {
        let repository = format!("{}/api/v3/repos/{}", playground.url, playground.repository);
        Self { http: reqwest::Client::new(), repository, token: playground.token("maintainer") }
    }

    /// Answers everything that waits for a person, each head once. Returns whether the final pull request is merged.
    async fn answer(&self, answered: &mut Vec<Value>) -> Fallible<bool> {
        let pulls = self.get("/pulls?state=open&per_page=100").await?;
        let pulls = pulls.as_array().map(Vec::as_slice).unwrap_or_default();
        let head = |pull: &Value| pull["head"]["ref"].as_str().unwrap_or_default().to_owned();
        // As in the demo: a step that was accepted with a fault would show in the parallel step.
        let length_is_open = pulls.iter().any(|pull| head(pull).ends_with("-length"));
        for pull in pulls {
            let (number, sha) = (&pull["number"], &pull["head"]["sha"]);
            let held_back = length_is_open && head(pull).ends_with("-triple");
            if held_back || answered.contains(sha) || !self.waits(sha.as_str().unwrap_or_default()).await? {
                continue;
            }
            answered.push(sha.clone());
            if pull["base"]["ref"] == "main" {
                self.send(Method::PUT, &format!("/pulls/{number}/merge"), &json!({ "sha": sha })).await?;
                return Ok(true);
            }
            let order = if head(pull).ends_with("-dimension") { "/rework Tidy up." } else { "/approve" };
            self.send(Method::POST, &format!("/issues/{number}/comments"), &json!({ "body": order })).await?;
        }
        Ok(false)
    }

    async fn waits(&self, sha: &str) -> Fallible<bool> {
        let found = self.get(&format!("/commits/{sha}/check-runs?check_name=adjutant")).await?;
        Ok(found["check_runs"][0]["conclusion"] == "action_required")
    }

    async fn get(&self, path: &str) -> Fallible<Value> {
        self.call(Method::GET, path, None).await
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Fallible<Value> {
        self.call(method, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Fallible<Value> {
        let request = self.http.request(method, format!("{}{path}", self.repository)).bearer_auth(&self.token);
        let request = request.header("user-agent", "adjutant-bench");
        let request = if let Some(body) = body { request.json(body) } else { request };
        let answer = request.send().await?;
        match answer.status() {
            status if status.is_success() => Ok(answer.json().await?),
            status => Err(format!("{path}: {status}: {}", answer.text().await?).into()),
        }
    }
}

/// Does a task as fast as a process can.
fn be_agent() -> Fallible {
    let task: Value = serde_json::from_slice(&fs::read(env::var("ADJUTANT_TASK_FILE")?)?)?;
    let result = match (task["kind"].as_str(), task["step"]["name"].as_str()) {
        (Some("plan"), _) => json!({ "summary": "Planned.", "plan": plan() }),
        (Some(kind), Some(step)) => {
            work(kind, step)?;
            json!({ "summary": "Done.", "cost_usd": 0.01 })
        }
        _ => return Err("a task needs a kind and a step".into()),
    };
    Ok(fs::write(env::var("ADJUTANT_RESULT_FILE")?, result.to_string())?)
}

fn plan() -> Value {
    let step = |name, after: &[&str], requirements: &[&str]| {
        json!({ "name": name, "type": "implement", "description": "A step.", "depends_on": after,
                "requirements": requirements })
    };
    json!({ "steps": [
        step("length", &[], &["R1"]),
        step("triple", &[], &["R1"]),
        step("dimension", &["length", "triple"], &["R1", "R2"]),
        step("prove", &["dimension"], &["R1"]),
        step("explain", &["dimension"], &["R2"]),
    ] })
}

fn work(kind: &str, step: &str) -> Fallible {
    match (kind, step) {
        ("rework", "length") => fs::remove_file("wrong")?,
        ("rework", "dimension") => fs::remove_file("untidy")?,
        (_, "length") => fs::write("wrong", "")?,
        (_, "triple") => fs::write("untidy", "")?,
        _ => {}
    }
    Ok(fs::write(format!("{step}.txt"), format!("{kind}\n"))?)
}
