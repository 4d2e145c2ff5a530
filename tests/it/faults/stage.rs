//! `serve` as a separate process, with the playground, a database and an agent of a few lines of shell.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use adjutant::serve::{ServeError, serve_as};
use adjutant::settings::Settings;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::open_folder;
use crate::support::pg::{TestDatabase, without_pauses};
use github_conformance::Watched;

/// The time limit for any condition on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// How many lines of the log a failing test prints.
const LAST_LINES: usize = 40;

/// All parts of a test, each of which can fail separately.
pub(super) struct Stage {
    pub(super) playground: Watched,
    pub(super) database: TestDatabase,
    pub(super) pool: PgPool,
    pub(super) folder: tempfile::TempDir,
    pub(super) address: SocketAddr,
    /// The time limit of an agent.
    pub(super) time_limit: &'static str,
    /// How many agents a process may run at a time.
    pub(super) max_tasks: &'static str,
    /// The interval at which progress is pushed, in seconds.
    pub(super) progress: &'static str,
    /// The interval at which GitHub is polled, and the time limit for its answers, in seconds.
    pub(super) look: &'static str,
    pub(super) github: &'static str,
    http: reqwest::Client,
}

/// A running `serve`, killed when it is dropped.
pub(super) struct Serve {
    child: Child,
    log: PathBuf,
}

/// A `serve` in this process.
pub(super) struct ServeHere {
    stop: CancellationToken,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl ServeHere {
    /// Stops it as SIGTERM does, and waits until it has ended.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

/// An agent's correct work on a step.
pub(super) const WELL: &str = r#"
echo "$step" > "$step.txt"
echo '{"summary":"did it","cost_usd":0.1}' > "$ADJUTANT_RESULT_FILE"
"#;

impl Stage {
    /// A repository whose pull requests are merged automatically if `verifier`, a shell command, passes.
    pub(super) async fn set(verifier: &str) -> Self {
        Self::with_policy(&format!(
            "autonomy: full_auto\nmerge: auto\nsetup: []\nverifiers:\n  - name: test\n    run: {}\n",
            json!(verifier)
        ))
        .await
    }

    pub(super) async fn with_policy(policy: &str) -> Self {
        let folder = open_folder();
        let playground = Watched::start(adjutant::playground::options(folder.path().join("playground"))).await;
        let database = TestDatabase::new().await;
        let pool = database.pool().await;
        without_pauses(&pool).await;
        let address = free_address().await;
        playground.set_webhook_url(format!("http://{address}/webhooks/github"));
        let stage = Self {
            playground,
            database,
            pool,
            folder,
            address,
            time_limit: "60s",
            max_tasks: "4",
            progress: "30",
            look: "300",
            github: "30",
            http: reqwest::Client::new(),
        };
        stage.put_file(".github/adjutant.yml", policy).await;
        stage.agent(&["alpha"], WELL);
        stage
    }

    /// Sets the agent: it plans `steps`, each after the one before it, and does each as `work` says. May be called
    /// again with a fixed agent.
    pub(super) fn agent(&self, steps: &[&str], work: &str) {
        self.agent_planning(steps, true, work);
    }

    /// As [`Self::agent`], with independent steps.
    pub(super) fn agent_side_by_side(&self, steps: &[&str], work: &str) {
        self.agent_planning(steps, false, work);
    }

    fn agent_planning(&self, steps: &[&str], chained: bool, work: &str) {
        let planned: Vec<Value> = (0..steps.len())
            .map(|at| {
                let after: Vec<_> =
                    at.checked_sub(1).filter(|_| chained).map(|before| steps[before]).into_iter().collect();
                json!({ "name": steps[at], "type": "implement", "description": "Write a file.", "depends_on": after })
            })
            .collect();
        let plan = json!({ "summary": "planned", "plan": { "steps": planned } });
        let script = format!(
            "#!/bin/sh\n\
             kind=$(sed -n 's/^  \"kind\": \"\\(.*\\)\",/\\1/p' \"$ADJUTANT_TASK_FILE\")\n\
             step=$(sed -n 's/^    \"name\": \"\\(.*\\)\",/\\1/p' \"$ADJUTANT_TASK_FILE\" | head -n 1)\n\
             title=$(sed -n 's/^    \"title\": \"\\(.*\\)\",/\\1/p' \"$ADJUTANT_TASK_FILE\")\n\
             if [ \"$kind\" = plan ]; then echo '{plan}' > \"$ADJUTANT_RESULT_FILE\"; exit 0; fi\n{work}\n"
        );
        // A new file under the same name, so that a running agent keeps its own.
        let (path, fresh) = (self.agent_path(), self.folder.path().join("agent.fresh"));
        std::fs::write(&fresh, script).unwrap();
        std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(fresh, path).unwrap();
    }

    fn agent_path(&self) -> PathBuf {
        self.folder.path().join("agent")
    }

    /// The folder of the agents' and verifiers' clones.
    pub(super) fn trees(&self, data: &str) -> PathBuf {
        self.folder.path().join(data).join("workspaces/trees")
    }

    /// Starts `serve` and waits until it is ready.
    pub(super) async fn serve(&self) -> Serve {
        self.serve_at(self.address, "data").await
    }

    /// Starts `serve` at an address with a data folder. A new folder has the same effect as another machine.
    pub(super) async fn serve_at(&self, address: SocketAddr, data: &str) -> Serve {
        let folder = self.folder.path();
        let log = folder.join(format!("serve-{}.log", uuid::Uuid::new_v4()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_adjutant"));
        command.arg("serve").env_clear().current_dir(folder).kill_on_drop(true);
        command.stderr(Stdio::from(std::fs::File::create(&log).unwrap()));
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.envs(self.variables(address, data));
        let serve = Serve { child: command.spawn().unwrap(), log };
        let ready = format!("http://{address}/readyz");
        self.wait("serve is ready", async || {
            self.http.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()).then_some(())
        })
        .await;
        serve
    }

    /// Starts `serve` in this process, as a program whose persisted types have this version, with its own data folder.
    /// From then on it gets the webhooks.
    pub(super) async fn serve_as(&self, version: i32, data: &str) -> ServeHere {
        let address = free_address().await;
        let settings = Settings::load(self.variables(address, data), None).unwrap();
        let stop = CancellationToken::new();
        let (ready, is_ready) = oneshot::channel();
        let serving = tokio::spawn(serve_as(version, settings, stop.clone(), ready));
        is_ready.await.unwrap();
        self.playground.set_webhook_url(format!("http://{address}/webhooks/github"));
        ServeHere { stop, serving }
    }

    fn variables(&self, address: SocketAddr, data: &str) -> Vec<(String, String)> {
        let folder = self.folder.path();
        let config = folder.join("adjutant.toml");
        let command = json!([self.agent_path()]);
        let settings = format!(
            "[agents.default]\ncommand = {command}\ntime_limit = \"{}\"\noutput_limit_mb = 1\nmax_usd = 0\n",
            self.time_limit
        );
        std::fs::write(&config, settings).unwrap();
        let text = |path: &Path| path.display().to_string();
        let variables = [
            ("ADJUTANT_CONFIG", text(&config)),
            ("ADJUTANT_GITHUB_URL", self.playground.url.clone()),
            ("ADJUTANT_APP_ID", self.playground.app_id.to_string()),
            ("ADJUTANT_PRIVATE_KEY_FILE", text(&self.playground.app_pem_path)),
            ("ADJUTANT_WEBHOOK_SECRET_FILE", text(&self.playground.webhook_secret_path)),
            ("ADJUTANT_LISTEN", address.to_string()),
            ("ADJUTANT_DATA_DIR", text(&folder.join(data))),
            ("ADJUTANT_MAX_TASKS", self.max_tasks.to_owned()),
            ("ADJUTANT_LEASE_SECONDS", "1".to_owned()),
            ("ADJUTANT_PROGRESS_SECONDS", self.progress.to_owned()),
            ("ADJUTANT_LOOK_SECONDS", self.look.to_owned()),
            ("ADJUTANT_GITHUB_SECONDS", self.github.to_owned()),
            ("DATABASE_URL", self.database.url()),
        ];
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Opens an issue and sets the label. Returns its number.
    pub(super) async fn label(&self, title: &str) -> u64 {
        let issue = self.act("outsider", Method::POST, "/issues", json!({ "title": title, "body": "Do it." })).await;
        let number = issue["number"].as_u64().unwrap();
        let path = format!("/issues/{number}/labels");
        self.act("maintainer", Method::POST, &path, json!({ "labels": ["directive"] })).await;
        number
    }

    pub(super) async fn comment(&self, issue: u64, body: &str) {
        let path = format!("/issues/{issue}/comments");
        self.act("maintainer", Method::POST, &path, json!({ "body": body })).await;
    }

    /// Acts as a person, and requires success.
    pub(super) async fn act(&self, login: &str, method: Method, path: &str, body: Value) -> Value {
        self.act_in(&self.playground.repository, login, method, path, body).await
    }

    /// The same in another repository.
    pub(super) async fn act_in(&self, repository: &str, login: &str, method: Method, path: &str, body: Value) -> Value {
        let url = format!("{}/api/v3/repos/{repository}{path}", self.playground.url);
        let mut request = self.http.request(method, url).bearer_auth(self.playground.token(login));
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        self.act("maintainer", Method::GET, path, Value::Null).await
    }

    async fn put_file(&self, path: &str, text: &str) {
        let there = self.get(&format!("/contents/{path}")).await;
        let body = json!({ "message": "Set the policy", "content": STANDARD.encode(text), "sha": there["sha"] });
        self.act("maintainer", Method::PUT, &format!("/contents/{path}"), body).await;
    }

    /// The text of a file on `main`.
    pub(super) async fn file(&self, path: &str) -> String {
        let content = self.get(&format!("/contents/{path}")).await;
        let packed: String = content["content"].as_str().unwrap().split_whitespace().collect();
        String::from_utf8(STANDARD.decode(packed).unwrap()).unwrap()
    }

    /// The status comment of an issue. There must be at most one.
    pub(super) async fn status(&self, issue: u64) -> Option<String> {
        let comments = self.get(&format!("/issues/{issue}/comments?per_page=100")).await;
        let bodies = comments.as_array().unwrap().iter().map(|comment| comment["body"].as_str().unwrap().to_owned());
        let mut status: Vec<String> = bodies.filter(|body| body.starts_with("<!-- adjutant:status:")).collect();
        assert!(status.len() < 2, "one status comment, not {}", status.len());
        status.pop()
    }

    pub(super) async fn pulls(&self) -> Vec<Value> {
        self.get("/pulls?state=all&per_page=100").await.as_array().unwrap().clone()
    }

    /// One number from the database.
    pub(super) async fn count(&self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&self.pool).await.unwrap()
    }

    pub(super) async fn execute(&self, statement: &str) {
        sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&self.pool).await.unwrap();
    }

    /// Waits until the directive of an issue has completed, and checks that nothing was done twice.
    pub(super) async fn completes(&self, issue: u64, steps: &[&str]) {
        let completed = format!("SELECT count(*) FROM directives WHERE issue = {issue} AND status = 'completed'");
        self.wait("the directive completes", async || {
            assert_eq!(self.count("SELECT count(*) FROM directives WHERE status = 'failed'").await, 0);
            (self.count(&completed).await == 1).then_some(())
        })
        .await;
        self.wait("the issue is closed and nothing is left to be done", async || {
            let open = "SELECT count(*) FROM effects WHERE status IN ('queued', 'running')";
            let closed = self.get(&format!("/issues/{issue}")).await["state"] == "closed";
            (closed && self.count(open).await == 0).then_some(())
        })
        .await;
        assert_eq!(self.count("SELECT count(*) FROM effects WHERE status = 'failed'").await, 0);
        assert_eq!(self.count(&format!("SELECT count(*) FROM directives WHERE issue = {issue}")).await, 1);
        assert!(self.status(issue).await.unwrap().contains("Completed"));
        let prefix = format!("adjutant/{issue}-1/");
        let mut heads: Vec<String> = self
            .pulls()
            .await
            .iter()
            .filter(|pull| pull["head"]["ref"].as_str().unwrap().starts_with(&prefix))
            .map(|pull| {
                assert!(!pull["merged_at"].is_null(), "merged: {pull}");
                pull["head"]["ref"].as_str().unwrap().to_owned()
            })
            .collect();
        heads.sort();
        let mut expected: Vec<String> = steps.iter().map(|step| format!("{prefix}g1-{step}")).collect();
        if steps.len() > 1 {
            expected.push(format!("{prefix}main"));
        }
        expected.sort();
        assert_eq!(heads, expected, "one pull request a step");
        let commits = self.get("/commits?sha=main&per_page=100").await;
        for step in steps {
            assert_eq!(self.file(&format!("{step}.txt")).await.trim(), *step);
            let trailer = format!("Adjutant-Step: {step}");
            let written = commits.as_array().unwrap().iter();
            let written = written.filter(|commit| commit["commit"]["message"].as_str().unwrap().contains(&trailer));
            assert!(written.count() >= 1, "`{trailer}` is on main");
        }
    }

    /// The log of every `serve` of this test.
    pub(super) fn log(&self) -> String {
        let entries = std::fs::read_dir(self.folder.path()).unwrap().flatten().map(|entry| entry.path());
        let logs = entries.filter(|path| path.extension().is_some_and(|end| end == "log"));
        logs.map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    /// The output of a failing test: open work in the database, then the end of the log.
    pub(super) async fn told(&self) -> String {
        let open = "SELECT coalesce(string_agg(line, E'\\n'), '') FROM (
            SELECT concat_ws(' ', 'directive', status, state->>'state') AS line FROM directives UNION ALL
            SELECT concat_ws(' ', 'waits', kind, state->>'question') FROM approvals WHERE status = 'pending' UNION ALL
            SELECT concat_ws(' ', 'task', kind, status, state->>'failure') FROM tasks WHERE status <> 'succeeded' UNION ALL
            SELECT concat_ws(' ', 'effect', kind, status, 'attempt', attempts, error) FROM effects WHERE status <> 'done' UNION ALL
            SELECT concat_ws(' ', 'delivery', event, action, status, reason) FROM deliveries
                WHERE status NOT IN ('processed', 'ignored')) AS lines";
        let open: String = sqlx::query_scalar(AssertSqlSafe(open.to_owned())).fetch_one(&self.pool).await.unwrap();
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        format!("{open}\n{}", lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"))
    }

    /// Waits until `condition` returns a value. Otherwise it fails and prints the state.
    pub(super) async fn wait<T>(&self, what: &str, condition: impl AsyncFn() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = condition().await {
                return found;
            }
            assert!(Instant::now() < deadline, "waited in vain until {what}:\n{}", self.told().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// An agent's files may be nested too deeply for the removal of a temporary folder.
impl Drop for Stage {
    fn drop(&mut self) {
        let _ = adjutant::workspace::remove_all(self.folder.path());
    }
}

impl Serve {
    /// `kill -9`, and waits until the process has ended.
    pub(super) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Sends SIGTERM. Returns the exit status and the log. The process has `limit` to end.
    pub(super) async fn terminate(mut self, limit: Duration) -> (ExitStatus, String) {
        self.signal("TERM");
        let ended = tokio::time::timeout(limit, self.child.wait()).await;
        let log = std::fs::read_to_string(&self.log).unwrap();
        let status = ended.unwrap_or_else(|_| panic!("it ends within {limit:?}: {log}")).unwrap();
        (status, log)
    }
}

/// An address on which nobody listened a moment ago.
pub(super) async fn free_address() -> SocketAddr {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Whether a process runs whose command line contains this.
pub(super) fn runs(words: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok()).any(|line| {
        // The process of the command itself, not of the one that started it.
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.trim_end().ends_with(words)
    })
}

/// A unique number of seconds to sleep, by which a process is recognised.
pub(super) fn long_sleep() -> String {
    format!("sleep 86400.{}", uuid::Uuid::new_v4().as_u128() % 1_000_000_000_000)
}

/// The file with this name in any clone.
pub(super) fn in_a_tree(trees: &Path, prefix: &str, name: &str) -> Option<PathBuf> {
    let found = std::fs::read_dir(trees).ok()?.flatten();
    found
        .filter(|tree| tree.file_name().to_string_lossy().starts_with(prefix))
        .map(|tree| tree.path().join("tree").join(name))
        .find(|file| file.exists())
}
