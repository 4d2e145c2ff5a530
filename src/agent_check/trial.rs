//! One agent under test.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agent_presets::{Preset, Version};
use model_gateway::{Amount, BudgetStatus, Credential, MemoryLedger, Pot, PriceTable, Rates, Upstream};
use scripted_model::{Fault, Script, ScriptedModel};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::job;
use super::plant::plant;
use super::purse::Allowance;
use super::{Finding, Verdict};
use crate::agent::{AgentOutcome, AgentRun, AgentSpec, ModelAccess, StepHome, run_agent};
use crate::settings::AgentSettings;
use crate::workspace::remove_all;
use crate::workspace::sandbox::{Bind, Sandbox, SandboxRun};
use adjutant_domain::text;

/// The model of an agent that names none, which is in no table of prices.
pub const MODEL: &str = "scripted-1";
/// A program that insists on a broken service is ended after this.
const WALL: Duration = Duration::from_secs(30);
const STALL: Duration = Duration::from_secs(3);
const STEP: &str = "# Do the step `greet` (implement)\n\n> Write the greeting into greeting.txt.";
const AGAIN: &str = "# Do the step `greet` (implement)\n\n## Do it again\n\n> Write it again.";

/// One agent under test, with a folder and a model of its own.
pub struct Trial<'a> {
    sandbox: &'a Sandbox,
    prices: PriceTable,
    model: ScriptedModel,
    settings: AgentSettings,
    preset: Preset,
    folder: PathBuf,
    cancel: &'a CancellationToken,
}

/// The tree that a case works in.
fn make_tree(folder: &Path) -> io::Result<()> {
    let tree = folder.join("tree");
    fs::create_dir_all(&tree)?;
    Command::new("git").args(["init", "-q"]).current_dir(&tree).status().map(drop)
}

impl<'a> Trial<'a> {
    /// `settings` has to have a preset. `folder` is made, and holds whatever the cases leave. Models cost what `prices` says.
    pub async fn new(
        sandbox: &'a Sandbox,
        settings: &AgentSettings,
        prices: &PriceTable,
        folder: PathBuf,
        cancel: &'a CancellationToken,
    ) -> io::Result<Self> {
        let Some(preset) = settings.preset.as_ref().map(|it| it.preset.clone()) else {
            return Err(io::Error::other("an agent without a preset cannot be tried"));
        };
        make_tree(&folder)?;
        let model = ScriptedModel::start(Script::default()).await?;
        let mut prices = prices.clone();
        let rates = Rates { input: 1.0, output: 5.0, ..Rates::default() };
        prices.set(MODEL, rates).map_err(io::Error::other)?;
        Ok(Self { sandbox, prices, model, settings: settings.clone(), preset, folder, cancel })
    }

    /// Whether this version passed the tests of the presets.
    pub fn was_tried(&self, version: Option<&str>) -> bool {
        version.is_some_and(|version| self.preset.version.tried.iter().any(|tried| tried == version))
    }

    /// The path of the program.
    pub fn program(&self) -> &str {
        &self.preset.program
    }

    /// What people call the program.
    pub fn title(&self) -> &str {
        &self.preset.title
    }

    /// The cases without which nothing that the agent does is of use, or safe: it does an edit and tells so, and obeys
    /// nothing that is planted in the tree. Each is told as it ends.
    pub async fn essentials(&self, mut tell: impl FnMut(Finding)) {
        let begun = Instant::now();
        let verdict = self.edits().await;
        tell(Finding { case: "edit, result, usage", verdict, time: begun.elapsed() });
        let begun = Instant::now();
        let verdict = self.planted().await;
        tell(Finding { case: "planted configuration", verdict, time: begun.elapsed() });
    }

    /// How it resumes, and how it takes faults of the service and an empty budget.
    pub async fn others(&self, mut tell: impl FnMut(Finding)) {
        if !self.preset.run.resume.is_empty() {
            let begun = Instant::now();
            let verdict = self.resumes().await;
            tell(Finding { case: "resume", verdict, time: begun.elapsed() });
        }
        let status = |status| Fault::Status { status, retry_after: None, message: None };
        let busy = Fault::Status { status: 429, retry_after: Some(1), message: None };
        for (case, fault) in [("401", status(401)), ("429", busy), ("500", status(500)), ("stall", Fault::Stall)] {
            let begun = Instant::now();
            let verdict = self.refused(fault).await;
            tell(Finding { case, verdict, time: begun.elapsed() });
        }
        let begun = Instant::now();
        let verdict = self.poor().await;
        tell(Finding { case: "empty budget", verdict, time: begun.elapsed() });
    }

    /// As the program prints it.
    pub async fn version(&self) -> Option<String> {
        let argv = [vec![self.preset.program.clone()], self.preset.version.args.clone()].concat();
        let mut run = SandboxRun::new(argv, self.folder.join("tree"), self.folder.join("version.log"));
        run.readonly = self.binds();
        run.path.clone_from(&self.settings.path);
        run.cancel = self.cancel.clone();
        let ran = self.sandbox.run(run).await.ok()?;
        Version::in_output(&ran.tail).map(text::visible)
    }

    async fn edits(&self) -> Verdict {
        match self.step(STEP, Some(self.home()), Pot::unlimited(), Script::default()).await {
            Ok(ran) => self.edited(&ran, "hello"),
            Err(fault) => Verdict::Unfit(fault),
        }
    }

    async fn resumes(&self) -> Verdict {
        let Some(session) = self.home().session() else {
            return Verdict::Failed("it named no session".to_owned());
        };
        match self.step(AGAIN, Some(self.home()), Pot::unlimited(), Script::default()).await {
            Ok(ran) => match self.edited(&ran, "hello again") {
                Verdict::Passed(_) if self.handed_in()["session"] != session => {
                    Verdict::Failed("it began another session".to_owned())
                }
                verdict => verdict,
            },
            Err(fault) => Verdict::Failed(fault),
        }
    }

    fn home(&self) -> StepHome {
        StepHome::open(&self.folder.join("homes"), "greet", &self.preset.name)
    }

    /// Whether it finished, changed the file, and cost what was served.
    fn edited(&self, ran: &AgentRun, wanted: &str) -> Verdict {
        match &ran.outcome {
            AgentOutcome::Finished => {}
            // A machine that is busy says nothing about the agent.
            AgentOutcome::TimedOut(limit) => {
                return Verdict::Failed(format!("it did not finish within {} s", limit.as_secs()));
            }
            AgentOutcome::Cancelled => return Verdict::Failed("it was called off".to_owned()),
            failed => return Verdict::Unfit(format!("it did not finish: {}", super::reason(failed, &ran.tail))),
        }
        let found = fs::read_to_string(self.greeting()).unwrap_or_default();
        if found.trim_end() != wanted {
            return Verdict::Unfit("it said that it is done, and the file is not as wanted".to_owned());
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
        let _ = fs::remove_file(self.greeting());
        let ran = match self.step(STEP, None, Pot::unlimited(), Script::broken(fault)).await {
            Ok(ran) => ran,
            Err(fault) => return Verdict::Failed(fault),
        };
        let requests = self.model.requests().iter().filter(|request| request.model.is_some()).count();
        let error = match &ran.outcome {
            AgentOutcome::Reported(error) => Some(error.kind.as_str().to_owned()),
            _ => self.handed_in()["error"]["kind"].as_str().map(text::visible),
        };
        // Some ask again in another way and get on. What the broken answers cost is booked as their bound.
        let went_on = fs::read_to_string(self.greeting()).is_ok_and(|found| found.trim_end() == "hello");
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
        let pot = Pot::new(Arc::new(Allowance::of(Amount::ZERO)), Amount::ZERO);
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
        let verdict = match self.step(STEP, None, Pot::unlimited(), Script::default()).await {
            Ok(_) if tree.join("obeyed").exists() => Verdict::Unfit("a planted command was run".to_owned()),
            Ok(ran) => self.edited(&ran, "hello"),
            Err(fault) => Verdict::Failed(fault),
        };
        // The other cases have nothing of it.
        match remove_all(&tree).and_then(|()| make_tree(&self.folder)) {
            Ok(()) => verdict,
            Err(error) => Verdict::Failed(error.to_string()),
        }
    }

    /// One run with this script.
    async fn step(&self, prompt: &str, home: Option<StepHome>, pot: Pot, script: Script) -> Result<AgentRun, String> {
        self.model.follow(script);
        let job = job::job(&self.folder, prompt, home, self.cancel);
        run_agent(self.sandbox, &self.spec(pot)?, job).await.map_err(|error| error.to_string())
    }

    fn spec(&self, pot: Pot) -> Result<AgentSpec, String> {
        let prices = Arc::new(self.prices.clone());
        let mut upstream = Upstream::new("the scripted model", &self.model.url(), Credential::None, prices)?;
        upstream.stall = STALL;
        let access = ModelAccess {
            run: Uuid::new_v4(),
            upstream: Arc::new(upstream),
            pot,
            ledger: Arc::new(MemoryLedger::default()),
            budget_status: BudgetStatus::of(self.preset.refusal_status),
            max_output: 16_000,
        };
        let mut spec = job::spec(&self.settings, access, WALL);
        if let Some(preset) = &mut spec.preset {
            preset.model.get_or_insert_with(|| MODEL.to_owned());
        }
        Ok(spec)
    }

    fn binds(&self) -> Vec<Bind> {
        self.settings.readonly.iter().map(|path| Bind::new(path, path)).collect()
    }

    /// The file that the scripted model writes.
    fn greeting(&self) -> PathBuf {
        self.folder.join("tree/greeting.txt")
    }

    /// The result file as it was handed in.
    fn handed_in(&self) -> Value {
        let text = fs::read(self.folder.join("job/result/result.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }
}
