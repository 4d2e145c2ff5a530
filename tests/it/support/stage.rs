//! The environment of a conversation: playground, Postgres and `serve` in this process, and a scripted agent.
//!
//! A test starts the environment, lets people act and waits for what Adjutant does. At the end it checks that nothing
//! is unexpected. The test fails on a comment of the bot that the test did not read, a second status comment, a
//! transition that the table of states forbids, or an effect or a delivery that failed permanently.

mod person;
mod script;
mod time;
mod transcript;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use adjutant::serve::{ServeError, serve};
use adjutant::settings::Settings;
use adjutant::store::Store;
use adjutant_domain::calibration::TrackRecord;
use adjutant_domain::directive::Directive;
use adjutant_domain::ids::DirectiveId;
use adjutant_domain::status::{DirectiveStatus, StepStatus};
use adjutant_domain::step::Step;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use person::Person;
pub(crate) use script::{agent, keep, plan, step, step_of, write};

use super::pg::TestDatabase;
use github_conformance::Watched;

/// The time limit for any condition on a busy machine, unless a test sets another.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often a condition is checked.
const POLL: Duration = Duration::from_millis(50);
const STATUS_MARKER: &str = "<!-- adjutant:status:";

/// Everything that runs for one test.
pub(crate) struct Stage {
    pub(crate) playground: Watched,
    http: reqwest::Client,
    app_key: EncodingKey,
    store: Store,
    pub(crate) pool: PgPool,
    agent: PathBuf,
    /// The bot's comments that the test has read.
    read: Mutex<BTreeSet<u64>>,
    struck: bool,
    /// The time limit for any condition.
    pub(crate) patience: Duration,
    stop: CancellationToken,
    serving: Option<JoinHandle<Result<(), ServeError>>>,
    _database: TestDatabase,
    folder: tempfile::TempDir,
}

impl Stage {
    /// Starts with this policy on the default branch (none if it is empty), and this script for the agent.
    pub(crate) async fn set(policy: &str, script: Value) -> Self {
        Self::set_with(policy, script, &[]).await
    }

    /// The same with further settings.
    pub(crate) async fn set_with(policy: &str, script: Value, more: &[(&str, &str)]) -> Self {
        let folder = super::open_folder();
        let playground = playground(&folder).await;
        let database = TestDatabase::new().await;
        let agent = agent(folder.path(), &script);
        let settings = settings(&folder, &playground, &database.url(), &agent, more);
        let stop = CancellationToken::new();
        let (ready, is_ready) = oneshot::channel::<SocketAddr>();
        let mut serving = tokio::spawn(serve(settings, stop.clone(), ready));
        let bot = tokio::select! {
            bot = is_ready => bot.unwrap(),
            ended = &mut serving => panic!("serve ended early: {ended:?}"),
        };
        let stage = Self {
            http: reqwest::Client::new(),
            app_key: EncodingKey::from_rsa_pem(&std::fs::read(&playground.app_pem_path).unwrap()).unwrap(),
            store: database.store().await,
            pool: database.pool().await,
            agent,
            read: Mutex::default(),
            struck: false,
            patience: PATIENCE,
            stop,
            serving: Some(serving),
            playground,
            _database: database,
            folder,
        };
        super::pg::without_pauses(&stage.pool).await;
        let policy = Some(policy).filter(|policy| !policy.is_empty());
        stage.as_("maintainer").write("main", ".github/adjutant.yml", policy).await;
        stage.playground.set_webhook_url(format!("http://{bot}/webhooks/github"));
        stage
    }

    /// A person who can act.
    pub(crate) fn as_<'a>(&'a self, login: &'a str) -> Person<'a> {
        Person { stage: self, login }
    }

    /// The maintainer opens an issue with this goal and sets the label.
    pub(crate) async fn directive(&self, goal: &str) -> u64 {
        let issue = self.as_("maintainer").open_issue("Work", goal).await;
        self.as_("maintainer").label(issue).await;
        issue
    }

    /// Adjutant's data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The branch of a step.
    pub(crate) async fn branch(&self, issue: u64, step: &str) -> String {
        self.step_is(issue, step, "is there", |_| true).await.branch.to_string()
    }

    /// Lets the agents continue that wait for this word.
    pub(crate) fn say(&self, word: &str) {
        script::say(&self.agent, word);
    }

    /// Waits until an agent waits for this word.
    pub(crate) async fn agent_waits_for(&self, word: &str) {
        let line = format!("waiting for {word}");
        let logs = self.data().join("logs");
        self.until(&format!("an agent waits for {word}"), async || {
            let Ok(logs) = std::fs::read_dir(&logs) else { return false };
            logs.flatten().any(|log| std::fs::read_to_string(log.path()).unwrap_or_default().contains(&line))
        })
        .await;
    }

    /// Waits until `condition` holds. If it never does, the test fails and prints the whole state.
    pub(crate) async fn until(&self, what: &str, mut condition: impl AsyncFnMut() -> bool) {
        let deadline = Instant::now() + self.patience;
        while !condition().await {
            assert!(Instant::now() < deadline, "waited in vain until {what}\n{}", self.dump().await);
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until `is` accepts the newest directive of an issue, and returns it.
    pub(crate) async fn directive_is(&self, issue: u64, what: &str, is: impl Fn(&Directive) -> bool) -> Directive {
        let mut found = None;
        self.until(what, async || {
            found = self.newest(issue).await.filter(|directive| is(directive));
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    /// Waits until a directive has this status.
    pub(crate) async fn status_is(&self, issue: u64, status: DirectiveStatus) -> Directive {
        self.directive_is(issue, &format!("#{issue} is {status}"), |directive| directive.status() == status).await
    }

    /// Waits until `is` accepts a step, and returns it.
    pub(crate) async fn step_is(&self, issue: u64, name: &str, what: &str, is: impl Fn(&Step) -> bool) -> Step {
        let what = format!("`{name}` {what}");
        let found = self.directive_is(issue, &what, |directive| directive.step_named(name).is_some_and(&is)).await;
        found.step_named(name).unwrap().clone()
    }

    /// Waits until a step has passed.
    pub(crate) async fn passed(&self, issue: u64, name: &str) -> Step {
        self.step_is(issue, name, "has passed", |step| step.status() == StepStatus::Passed).await
    }

    /// Waits until a question about a step waits for a person. Returns the pull request's number, 0 if it has none.
    pub(crate) async fn asks(&self, issue: u64, name: &str) -> u64 {
        self.asks_at_rework(issue, name, 0).await
    }

    /// The same, for a step with this number of reworks.
    pub(crate) async fn asks_at_rework(&self, issue: u64, name: &str, reworks: u32) -> u64 {
        let asked = |directive: &Directive| {
            let step = directive.step_named(name).filter(|step| step.reworks >= reworks);
            step.is_some_and(|step| directive.waiting().any(|approval| approval.step == Some(step.id)))
        };
        let what = format!("`{name}` waits for a person after {reworks} reworks");
        let directive = self.directive_is(issue, &what, asked).await;
        directive.step_named(name).unwrap().pull.as_ref().map_or(0, |pull| pull.number)
    }

    /// What became of all scores so far.
    pub(crate) async fn track_record(&self) -> TrackRecord {
        TrackRecord::of(&self.store.score_counts(None).await.unwrap())
    }

    /// Waits until a directive is completed and its issue closed. If no keyword closed the issue, Adjutant's closing
    /// comment counts as read.
    pub(crate) async fn completed(&self, issue: u64) -> Directive {
        let what = format!("#{issue} is completed");
        let over = |directive: &Directive| directive.state.is_completed();
        let directive = self.directive_is(issue, &what, over).await;
        self.until(&format!("#{issue} is closed"), async || {
            self.get(&format!("/issues/{issue}")).await["state"] == "closed"
        })
        .await;
        let comments = self.bot_comments(&format!("/issues/{issue}/comments")).await;
        let last_words = comments.into_iter().filter(|(_, body)| body.contains("<!-- adjutant:completed:"));
        self.read.lock().unwrap().extend(last_words.map(|(id, _)| id));
        directive
    }

    /// Waits for a comment of the bot with this text on an issue or pull request, and marks it as read.
    pub(crate) async fn expect(&self, number: u64, text: &str) -> String {
        let mut found = None;
        self.until(&format!("the bot says on #{number}: {text}"), async || {
            let comments = self.bot_comments(&format!("/issues/{number}/comments")).await;
            let read = self.read.lock().unwrap().clone();
            let is_new = |id: &u64, body: &str| !read.contains(id) && !body.contains(STATUS_MARKER);
            found = comments.into_iter().find(|(id, body)| is_new(id, body) && body.contains(text));
            found.is_some()
        })
        .await;
        let (id, body) = found.unwrap();
        self.read.lock().unwrap().insert(id);
        body
    }

    /// Waits until the status comment has this text, and returns it.
    pub(crate) async fn status_says(&self, issue: u64, text: &str) -> String {
        let mut status = String::new();
        self.until(&format!("the status comment of #{issue} says: {text}"), async || {
            status = self.status_comments(issue).await.pop().unwrap_or_default();
            status.contains(text)
        })
        .await;
        status
    }

    /// The status comments of an issue, one for each of its directives.
    pub(crate) async fn status_comments(&self, issue: u64) -> Vec<String> {
        let comments = self.bot_comments(&format!("/issues/{issue}/comments")).await;
        comments.into_iter().map(|(_, body)| body).filter(|body| body.contains(STATUS_MARKER)).collect()
    }

    /// The text of a file on a branch; `None` if it does not exist.
    pub(crate) async fn file(&self, branch: &str, path: &str) -> Option<String> {
        use base64::Engine;
        let found = self.get_any(&format!("/contents/{path}?ref={branch}")).await;
        let text = found["content"].as_str()?.replace('\n', "");
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
        Some(String::from_utf8(bytes).unwrap())
    }

    /// The reactions to a comment, in their order.
    pub(crate) async fn reactions(&self, comment: u64) -> Vec<String> {
        let all = self.get(&format!("/issues/comments/{comment}/reactions")).await;
        all.as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until a comment has this reaction and no other.
    pub(crate) async fn reacted(&self, comment: u64, reaction: &str) {
        let what = format!("comment {comment} has the reaction {reaction}");
        self.until(&what, async || self.reactions(comment).await == [reaction]).await;
    }

    /// Waits until every webhook has been handled and only people's answers are missing.
    pub(crate) async fn quiet(&self) {
        let mut before = -1;
        self.until("all is quiet", async || {
            // In this order, so that work that moves from one to the next is seen in the second.
            let in_flight = self.deliveries_in_flight().await;
            let (open, all): (i64, i64) = sqlx::query_as(
                "SELECT (SELECT count(*) FROM deliveries WHERE status IN ('received', 'processing'))
                      + (SELECT count(*) FROM effects WHERE status IN ('queued', 'running')),
                        (SELECT count(*) FROM deliveries) + (SELECT coalesce(sum(version), 0) FROM effects)",
            )
            .fetch_one(&self.pool)
            .await
            .unwrap();
            let unchanged = std::mem::replace(&mut before, all) == all;
            !in_flight && open == 0 && unchanged
        })
        .await;
    }

    /// Ends the test and checks that nothing is unexpected.
    pub(crate) async fn strike(mut self) {
        self.struck = true;
        self.quiet().await;
        let mut faults = Vec::new();
        let mut markers = BTreeSet::new();
        for (id, body) in self.bot_comments("/issues/comments").await {
            if body.contains(STATUS_MARKER) {
                let marker = body.lines().next().unwrap_or_default().to_owned();
                if !markers.insert(marker) {
                    faults.push(format!("a second status comment: {body}"));
                }
            } else if !self.read.lock().unwrap().contains(&id) {
                faults.push(format!("an unread comment of the bot's: {body}"));
            }
        }
        // GitHub's merge queue is no user, but it merges what a user put into it.
        let wrong: Vec<String> = sqlx::query_scalar(
            "SELECT 'event ' || name || ' ' || data FROM events WHERE name = 'transition_refused'
             UNION ALL SELECT 'not a user: ' || actor_login || ' ' || name FROM events
             WHERE actor_login LIKE '%[bot]' AND actor_login <> 'github-merge-queue[bot]'
             UNION ALL SELECT 'effect ' || key || ': ' || coalesce(error, '') FROM effects WHERE status = 'failed'
             UNION ALL SELECT 'delivery ' || event || ': ' || reason FROM deliveries WHERE status = 'failed'",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        faults.extend(wrong);
        assert!(faults.is_empty(), "{}\n{}", faults.join("\n"), self.dump().await);
        self.stop.cancel();
        self.serving.take().unwrap().await.unwrap().unwrap();
    }

    /// Comments as the app's bot.
    pub(crate) async fn as_app_comment(&self, number: u64, body: &str) {
        let path = format!("/installations/{}/access_tokens", self.playground.installation_id);
        let minted = self.as_app(Method::POST, &path).await;
        let (token, path) = (minted["token"].as_str().unwrap(), format!("/issues/{number}/comments"));
        let (status, answer) = self.call(token, Method::POST, &path, json!({ "body": body })).await;
        assert!(status.is_success(), "{status} {answer}");
    }

    /// Reads a path below the repository, as the maintainer.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.read_as_maintainer(path).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    /// The same for a path that may not exist.
    async fn get_any(&self, path: &str) -> Value {
        self.read_as_maintainer(path).await.1
    }

    async fn read_as_maintainer(&self, path: &str) -> (StatusCode, Value) {
        self.call(&self.playground.token("maintainer"), Method::GET, path, Value::Null).await
    }

    async fn call(&self, token: &str, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let url = format!("{}/api/v3/repos/{}{path}", self.playground.url, self.playground.repository);
        let mut request = self.http.request(method, url).bearer_auth(token);
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap_or_default())
    }

    async fn newest(&self, issue: u64) -> Option<Directive> {
        let id: Option<uuid::Uuid> =
            sqlx::query_scalar("SELECT id FROM directives WHERE issue = $1 ORDER BY ordinal DESC LIMIT 1")
                .bind(i64::try_from(issue).unwrap())
                .fetch_optional(&self.pool)
                .await
                .unwrap();
        self.store.directive(DirectiveId(id?)).await.unwrap()
    }

    /// The bot's comments in a list of comments, each with its id.
    async fn bot_comments(&self, path: &str) -> Vec<(u64, String)> {
        let all = self.get(&format!("{path}?per_page=100")).await;
        let by_bot = all.as_array().unwrap().iter().filter(|comment| comment["user"]["type"] == "Bot");
        by_bot.map(|comment| (comment["id"].as_u64().unwrap(), comment["body"].as_str().unwrap().to_owned())).collect()
    }

    /// Calls GitHub as the app itself.
    async fn as_app(&self, method: Method, path: &str) -> Value {
        let now = chrono::Utc::now().timestamp();
        let claims = json!({ "iss": self.playground.app_id.to_string(), "iat": now - 60, "exp": now + 300 });
        let token = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.app_key).unwrap();
        let url = format!("{}/api/v3/app{path}", self.playground.url);
        self.http.request(method, url).bearer_auth(token).send().await.unwrap().json().await.unwrap()
    }

    async fn deliveries_in_flight(&self) -> bool {
        let listed = self.as_app(Method::GET, "/hook/deliveries?per_page=100").await;
        listed.as_array().unwrap().iter().any(|delivery| delivery["status"] == "pending")
    }

    /// How many events of this name the history has.
    pub(crate) async fn happened(&self, name: &str) -> usize {
        self.store.events_after(0, 1000).await.unwrap().iter().filter(|event| event.name == name).count()
    }

    /// The whole state, for the analysis of a failure.
    async fn dump(&self) -> String {
        let mut text = String::new();
        for event in self.store.events_after(0, 1000).await.unwrap() {
            let step = event.step.unwrap_or_default();
            text += &format!("{} {} {step} {}\n", event.at.format("%T%.3f"), event.name, event.data);
        }
        let open: Vec<String> = sqlx::query_scalar(
            "SELECT key || ' ' || status || ' ' || coalesce(error, '') FROM effects WHERE status <> 'done'
             UNION ALL SELECT event || ' ' || status || ' ' || coalesce(reason, '') FROM deliveries
             WHERE status <> 'processed'",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        text += &format!("\n{}\n", open.join("\n"));
        for (_, comment) in self.bot_comments("/issues/comments").await {
            text += &format!("\n--- {comment}\n");
        }
        let logs = std::fs::read_dir(self.folder.path().join("data/logs")).into_iter().flatten().flatten();
        let newest = logs.max_by_key(|log| log.metadata().and_then(|data| data.modified()).ok());
        if let Some(log) = newest {
            let said = std::fs::read_to_string(log.path()).unwrap_or_default();
            text += &format!("\n--- {}\n{said}\n", log.path().display());
        }
        text
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
        assert!(self.struck || std::thread::panicking(), "a conversation ends with `strike`");
    }
}

/// A playground with one key for all tests, because creating a key takes longer than starting everything else.
async fn playground(folder: &tempfile::TempDir) -> Watched {
    let data = folder.path().join("playground");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("app.pem"), super::settings::private_key()).unwrap();
    Watched::start(adjutant::playground::options(data)).await
}

fn settings(
    folder: &tempfile::TempDir,
    playground: &Watched,
    database: &str,
    agent: &std::path::Path,
    more: &[(&str, &str)],
) -> Settings {
    let text = |path: PathBuf| path.display().to_string();
    let variables = [
        ("ADJUTANT_GITHUB_URL", playground.url.clone()),
        ("ADJUTANT_APP_ID", playground.app_id.to_string()),
        ("ADJUTANT_PRIVATE_KEY_FILE", text(playground.app_pem_path.clone())),
        ("ADJUTANT_WEBHOOK_SECRET_FILE", text(playground.webhook_secret_path.clone())),
        ("DATABASE_URL", database.to_owned()),
        ("ADJUTANT_LISTEN", "127.0.0.1:0".to_owned()),
        ("ADJUTANT_DATA_DIR", text(folder.path().join("data"))),
        ("ADJUTANT_AGENT_COMMAND", json!([agent]).to_string()),
        ("ADJUTANT_AGENT_MAX_USD", "0".to_owned()),
    ];
    let variables = variables.into_iter().chain(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let settings = Settings::load(variables.map(|(name, value)| (name.to_owned(), value)), None).unwrap();
    Settings { program: env!("CARGO_BIN_EXE_adjutant").into(), ..settings }
}
