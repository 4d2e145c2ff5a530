//! `adjutant check agents`: whether the installed agents work, without a key, a network or a cost.
//!
//! Each program runs unmodified in the sandbox, as for a directive, and reaches a scripted model through the gateway.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adjutant::agent::{
    AgentJob, AgentOutcome, AgentRun, AgentSpec, Directive, ModelAccess, PresetRun, StepHome, TaskBrief, TaskFile,
    TaskKind, run_agent,
};
use adjutant::settings::AgentSettings;
use adjutant::workspace::remove_all;
use adjutant::workspace::sandbox::{Bind, Limits, Mode, Sandbox, SandboxConfig, SandboxRun};
use adjutant_domain::network::Network;
use adjutant_domain::text;
use agent_presets::{Preset, Version};
use model_gateway::{
    Amount, BudgetStatus, Credential, MemoryLedger, Pot, PriceTable, Purse, PurseEmpty, PurseError, Rates, Upstream,
    Withdrawal,
};
use scripted_model::{Fault, Script, ScriptedModel};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A model that is in no table of prices.
const MODEL: &str = "scripted-1";
/// A program that insists on a broken service is ended after this.
const WALL: Duration = Duration::from_secs(30);
const STALL: Duration = Duration::from_secs(3);
const STEP: &str = "# Do the step `greet` (implement)\n\n> Write the greeting into greeting.txt.";
const AGAIN: &str = "# Do the step `greet` (implement)\n\n## Do it again\n\n> Write it again.";

/// Why no agent was tried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentsError {
    #[error("{0}")]
    Sandbox(String),
    #[error("no agent is installed: none of the programs of {0} is in PATH")]
    None(String),
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// How a case ended.
enum Verdict {
    Passed(String),
    Failed(String),
}

/// An empty purse.
struct Empty;

impl Purse for Empty {
    fn take(&self, _: Amount, _: Amount) -> futures_util::future::BoxFuture<'_, Result<Withdrawal, PurseError>> {
        let empty = PurseEmpty { limit: "the budget of this check".to_owned(), left: Amount::ZERO, held: Amount::ZERO };
        Box::pin(async { Err(empty.into()) })
    }

    fn give_back(&self, _: Amount) -> futures_util::future::BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// One agent under test, with folders of its own.
struct Trial<'a> {
    sandbox: &'a Sandbox,
    model: ScriptedModel,
    settings: AgentSettings,
    preset: Preset,
    folder: PathBuf,
    cancel: &'a CancellationToken,
}

/// Tries the presets, and says how each case ended. Returns whether all passed.
pub(crate) async fn check(
    presets: &[String],
    out: &mut impl Write,
    cancel: &CancellationToken,
) -> Result<bool, AgentsError> {
    let root = std::env::temp_dir().join(format!("adjutant-check-{}", Uuid::new_v4().simple()));
    fs::create_dir(&root)?;
    let config = SandboxConfig::new(Mode::Bubblewrap, root.join("scratch"));
    let checked = match Sandbox::probe(config).await {
        Ok(sandbox) => each(presets, &sandbox, &root, out, cancel).await,
        Err(error) => Err(AgentsError::Sandbox(error.to_string())),
    };
    let _ = remove_all(&root);
    checked
}

async fn each(
    presets: &[String],
    sandbox: &Sandbox,
    root: &Path,
    out: &mut impl Write,
    cancel: &CancellationToken,
) -> Result<bool, AgentsError> {
    let path = std::env::var("PATH").ok();
    let known: Vec<String> = Preset::names().filter(|name| *name != "acp").map(str::to_owned).collect();
    let (mut tried, mut all) = (0, true);
    for name in if presets.is_empty() { &known } else { presets } {
        let settings = match AgentSettings::of_preset(name, Some(MODEL.to_owned()), path.as_deref()) {
            Ok(settings) => settings,
            Err(fault) => {
                all &= presets.is_empty();
                writeln!(out, "{name}: {fault}")?;
                continue;
            }
        };
        let Some(preset) = settings.preset.as_ref().map(|it| it.preset.clone()) else { continue };
        tried += 1;
        let model = ScriptedModel::start(Script::default()).await?;
        let folder = root.join(format!("agent-{tried}"));
        let trial = Trial { sandbox, model, settings, preset, folder, cancel };
        all &= trial.run(out).await?;
        if cancel.is_cancelled() {
            return Ok(false);
        }
    }
    if tried == 0 {
        return Err(AgentsError::None(known.join(", ")));
    }
    Ok(all)
}

impl Trial<'_> {
    async fn run(&self, out: &mut impl Write) -> Result<bool, AgentsError> {
        fs::create_dir_all(self.folder.join("tree"))?;
        let _ = Command::new("git").args(["init", "-q"]).current_dir(self.folder.join("tree")).status();
        let version = self.version().await;
        let known = version.as_ref().is_some_and(|version| self.preset.version.tried.contains(version));
        let tried = if known { "tried before" } else { "not tried before" };
        writeln!(out, "{} {}, {tried}", self.preset.title, version.as_deref().unwrap_or("of an unknown version"))?;
        let mut all = true;
        let begun = Instant::now();
        let home = StepHome::open(&self.folder.join("homes"), "greet", &self.preset.name);
        let (verdict, session) = self.edits(&home).await;
        all &= say(out, "edit, result, usage", begun, &verdict)?;
        if let Some(session) = session.filter(|_| !self.preset.run.resume.is_empty()) {
            let begun = Instant::now();
            all &= say(out, "resume", begun, &self.resumes(&session, home).await)?;
        }
        let status = |status| Fault::Status { status, retry_after: None, message: None };
        let busy = Fault::Status { status: 429, retry_after: Some(1), message: None };
        for (name, fault) in [("401", status(401)), ("429", busy), ("500", status(500)), ("stall", Fault::Stall)] {
            let begun = Instant::now();
            all &= say(out, name, begun, &self.refused(fault).await)?;
        }
        let begun = Instant::now();
        all &= say(out, "empty budget", begun, &self.poor().await)?;
        let begun = Instant::now();
        all &= say(out, "planted configuration", begun, &self.planted().await)?;
        Ok(all)
    }

    async fn version(&self) -> Option<String> {
        let argv = [vec![self.preset.program.clone()], self.preset.version.args.clone()].concat();
        let mut run = SandboxRun::new(argv, self.folder.join("tree"), self.folder.join("version.log"));
        run.readonly = self.binds();
        run.path.clone_from(&self.settings.path);
        run.cancel = self.cancel.clone();
        let ran = self.sandbox.run(run).await.ok()?;
        Version::in_output(&ran.tail).map(text::visible)
    }

    async fn edits(&self, home: &StepHome) -> (Verdict, Option<String>) {
        let ran = match self.step(STEP, Some(home.clone()), Pot::unlimited(), Script::default()).await {
            Ok(ran) => ran,
            Err(fault) => return (Verdict::Failed(fault), None),
        };
        let session = self.handed_in()["session"].as_str().map(str::to_owned);
        (self.edited(&ran, "hello"), session)
    }

    async fn resumes(&self, session: &str, home: StepHome) -> Verdict {
        match self.step(AGAIN, Some(home), Pot::unlimited(), Script::default()).await {
            Ok(ran) => match self.edited(&ran, "hello again") {
                Verdict::Passed(_) if self.handed_in()["session"] != session => {
                    Verdict::Failed("it began another session".to_owned())
                }
                verdict => verdict,
            },
            Err(fault) => Verdict::Failed(fault),
        }
    }

    /// Whether it finished, changed the file, and cost what was served.
    fn edited(&self, ran: &AgentRun, wanted: &str) -> Verdict {
        if ran.outcome != AgentOutcome::Finished {
            return Verdict::Failed(format!("it did not finish: {}", text::visible(&ran.tail)));
        }
        let found = fs::read_to_string(self.folder.join("tree/greeting.txt")).unwrap_or_default();
        if found.trim_end() != wanted {
            return Verdict::Failed("it said that it is done, and the file is not as wanted".to_owned());
        }
        let served = self.model.served();
        let (input, output) = served.iter().fold((0, 0), |sum, it| (sum.0 + it.input_tokens, sum.1 + it.output_tokens));
        let booked = ran.models.as_ref().map(|models| (models.input_tokens, models.output_tokens)).unwrap_or_default();
        if booked != (input, output) {
            return Verdict::Failed(format!(
                "{input} + {output} tokens were served, {} + {} booked",
                booked.0, booked.1
            ));
        }
        let told = &self.handed_in()["usage"];
        let told = match (told["input_tokens"].as_u64(), told["output_tokens"].as_u64()) {
            (Some(told_input), Some(told_output)) if (told_input, told_output) == (input, output) => "told exactly",
            (Some(_), _) => "told otherwise by the program",
            _ => "not told by the program",
        };
        Verdict::Passed(format!("{} requests, {input} + {output} tokens, {told}", served.len()))
    }

    async fn refused(&self, fault: Fault) -> Verdict {
        let ran = match self.step(STEP, None, Pot::unlimited(), Script::broken(fault)).await {
            Ok(ran) => ran,
            Err(fault) => return Verdict::Failed(fault),
        };
        let requests = self.model.requests().iter().filter(|request| request.model.is_some()).count();
        let error = self.handed_in()["error"]["kind"].as_str().map(text::visible);
        let went_on = self.model.served().len() > 1 && matches!(self.edited(&ran, "hello"), Verdict::Passed(_));
        match (&ran.outcome, error) {
            (AgentOutcome::Finished, _) if went_on => {
                Verdict::Passed(format!("it went on by itself, {requests} requests"))
            }
            (AgentOutcome::Finished, _) => Verdict::Failed("it said that it is done".to_owned()),
            (AgentOutcome::TimedOut(limit), _) => {
                Verdict::Passed(format!("it insists; ended after {} s, {requests} requests", limit.as_secs()))
            }
            (_, kind) => {
                Verdict::Passed(format!("told as {}, {requests} requests", kind.as_deref().unwrap_or("nothing")))
            }
        }
    }

    /// Nothing may reach the provider, and the program has to stop by itself.
    async fn poor(&self) -> Verdict {
        let pot = Pot::new(Arc::new(Empty), Amount::ZERO);
        match self.step(STEP, None, pot, Script::default()).await {
            Ok(_) if !self.model.served().is_empty() => Verdict::Failed("requests were served".to_owned()),
            Ok(ran) if ran.outcome == AgentOutcome::Finished => Verdict::Failed("it said that it is done".to_owned()),
            Ok(ran) if matches!(ran.outcome, AgentOutcome::TimedOut(_)) => {
                Verdict::Failed("it does not stop".to_owned())
            }
            Ok(_) if self.handed_in()["error"]["kind"] != "budget" => {
                Verdict::Failed("it is told as another error".to_owned())
            }
            Ok(_) => Verdict::Passed("told as budget".to_owned()),
            Err(fault) => Verdict::Failed(fault),
        }
    }

    async fn planted(&self) -> Verdict {
        let tree = self.folder.join("tree");
        if let Err(error) = plant(&tree) {
            return Verdict::Failed(error.to_string());
        }
        match self.step(STEP, None, Pot::unlimited(), Script::default()).await {
            Ok(_) if tree.join("obeyed").exists() => Verdict::Failed("a planted command was run".to_owned()),
            Ok(ran) => self.edited(&ran, "hello"),
            Err(fault) => Verdict::Failed(fault),
        }
    }

    /// One run with this script.
    async fn step(&self, prompt: &str, home: Option<StepHome>, pot: Pot, script: Script) -> Result<AgentRun, String> {
        self.model.follow(script);
        let run = run_agent(self.sandbox, &self.spec(pot)?, self.job(prompt, home)).await;
        run.map_err(|error| error.to_string())
    }

    fn spec(&self, pot: Pot) -> Result<AgentSpec, String> {
        let mut prices = PriceTable::shipped();
        let rates = Rates { input: 1.0, output: 5.0, ..Rates::default() };
        prices.set(MODEL, rates).map_err(|error| error.to_string())?;
        let mut upstream = Upstream::new("the scripted model", &self.model.url(), Credential::None, Arc::new(prices))?;
        upstream.stall = STALL;
        let budget_status = match self.preset.refusal_status {
            400 => BudgetStatus::BadRequest,
            _ => BudgetStatus::PaymentRequired,
        };
        Ok(AgentSpec {
            name: self.preset.name.clone(),
            argv: Vec::new(),
            preset: Some(PresetRun { preset: self.preset.clone(), model: Some(MODEL.to_owned()) }),
            models: Some(ModelAccess {
                run: Uuid::new_v4(),
                upstream: Arc::new(upstream),
                pot,
                ledger: Arc::new(MemoryLedger::default()),
                budget_status,
                max_output: 16_000,
            }),
            path: self.settings.path.clone(),
            network: Network::None,
            env: std::collections::BTreeMap::new(),
            readonly: self.binds(),
            limits: Limits { wall: WALL, ..Limits::default() },
        })
    }

    fn job(&self, prompt: &str, home: Option<StepHome>) -> AgentJob {
        let directive = Directive {
            issue: 1,
            title: "Greet".to_owned(),
            repository: "acme/widgets".to_owned(),
            base_commit: "0".repeat(40),
            head_commit: "0".repeat(40),
            branch: "main".to_owned(),
        };
        let task = TaskFile {
            version: 1,
            kind: TaskKind::Step,
            task_id: "check".to_owned(),
            directive,
            brief: TaskBrief::default(),
            step: None,
            instructions: prompt.to_owned(),
            context: Vec::new(),
            answers: Vec::new(),
            plan_schema: None,
        };
        AgentJob {
            workdir: self.folder.join("tree"),
            folder: self.folder.join("job"),
            task,
            context: Vec::new(),
            home,
            layer: None,
            log: self.folder.join("agent.log"),
            cancel: self.cancel.clone(),
        }
    }

    fn binds(&self) -> Vec<Bind> {
        self.settings.readonly.iter().map(|path| Bind::new(path, path)).collect()
    }

    /// The result file as it was handed in.
    fn handed_in(&self) -> Value {
        let text = fs::read(self.folder.join("job/result/result.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }
}

/// Configuration of every known program that runs a command.
fn plant(tree: &Path) -> io::Result<()> {
    let obeyed = "/work/tree/obeyed";
    let hooks = json!([{ "matcher": "*", "hooks": [{ "type": "command", "command": format!("touch {obeyed}") }] }]);
    let server = json!({ "planted": { "command": "touch", "args": [obeyed] } });
    let settings =
        json!({ "hooks": { "SessionStart": hooks, "PreToolUse": hooks, "BeforeTool": hooks }, "mcpServers": server });
    let plugin = format!(
        "import {{ writeFileSync }} from 'fs';\nwriteFileSync('{obeyed}', '');\nexport const P = async () => ({{}});\n"
    );
    let files = [
        (".claude/settings.json", settings.to_string()),
        (".gemini/settings.json", settings.to_string()),
        (".mcp.json", json!({ "mcpServers": server }).to_string()),
        (".codex/config.toml", format!("[mcp_servers.planted]\ncommand = \"touch\"\nargs = [\"{obeyed}\"]\n")),
        (".opencode/plugin/planted.js", plugin),
        (".aider.conf.yml", format!("auto-test: true\ntest-cmd: touch {obeyed}\n")),
    ];
    for (path, content) in files {
        let path = tree.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, content)?;
    }
    Ok(())
}

fn say(out: &mut impl Write, case: &str, begun: Instant, verdict: &Verdict) -> io::Result<bool> {
    let seconds = begun.elapsed().as_secs_f64();
    let (passed, mark, words) = match verdict {
        Verdict::Passed(words) => (true, "passed", words),
        Verdict::Failed(words) => (false, "FAILED", words),
    };
    writeln!(out, "  {mark}  {case:<22} {seconds:>5.1} s  {words}")?;
    Ok(passed)
}
