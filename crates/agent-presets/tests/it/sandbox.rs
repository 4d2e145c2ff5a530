//! A sandbox without network in which the driver and the scripted model run, each test with folders of its own.
//!
//! The test program starts itself in the sandbox ([`the_inside_of_a_sandbox`]), so that model, driver and agent share
//! a loopback that leads nowhere else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use agent_presets::{Config, Entry, Preset, RunError, Usage};
use scripted_model::{Request, Script, ScriptedModel};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::gateway;

/// The folder of a test, as it is seen in the sandbox.
const INSIDE: &str = "/tmp/work";
const VARIABLE: &str = "ADJUTANT_TEST_INSIDE";
/// The key that the agents are given.
pub(crate) const KEY: &str = "dummy-key-of-the-gateway";

/// The folders of one directive's agent.
pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
    path: String,
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: Option<i32>,
    pub(crate) transcript: Vec<Entry>,
    pub(crate) result: ResultFile,
    pub(crate) requests: Vec<Request>,
    /// What the gateway booked, where there was one.
    pub(crate) booked: Booked,
    /// Standard output and standard error, for messages of failed tests.
    pub(crate) printed: String,
}

/// The result file, as Adjutant reads it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ResultFile {
    pub(crate) summary: String,
    pub(crate) report: Option<String>,
    pub(crate) plan: Option<Value>,
    pub(crate) judgement: Option<Value>,
    pub(crate) evidence: Option<String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) session: Option<String>,
    pub(crate) error: Option<RunError>,
}

/// What the gateway made of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Booked {
    /// Requests that were passed on.
    pub(crate) requests: u64,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    /// In millionths of a dollar.
    pub(crate) cost: u64,
    /// Why the last request that was not passed on was refused.
    pub(crate) refused: Option<String>,
}

impl Run {
    /// Requests that the model answered well.
    pub(crate) fn served(&self) -> Vec<&Request> {
        self.requests.iter().filter(|request| request.input_tokens > 0).collect()
    }

    /// What the model counted.
    pub(crate) fn served_usage(&self) -> Usage {
        let served = self.served();
        Usage {
            input_tokens: served.iter().map(|request| request.input_tokens).sum(),
            output_tokens: served.iter().map(|request| request.output_tokens).sum(),
        }
    }
}

impl Sandbox {
    /// `None`, with the reason printed, where this machine has no bubblewrap.
    pub(crate) fn new(path: String) -> Option<Self> {
        let probe = Command::new("bwrap").args(["--unshare-all", "--ro-bind", "/", "/", "true"]).output();
        if !probe.is_ok_and(|it| it.status.success()) {
            println!("skipped: bubblewrap cannot make a sandbox here");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        for name in ["tree", "home", "task"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("passwd"), "root:x:0:0::/:/bin/sh\nagent:x:1000:1000::/tmp/work/home:/bin/sh\n")
            .unwrap();
        let git = Command::new("git").args(["init", "-q"]).current_dir(folder.path().join("tree")).status();
        assert!(git.unwrap().success());
        Some(Self { folder, path })
    }

    pub(crate) fn tree(&self, path: &str) -> PathBuf {
        self.folder.path().join("tree").join(path)
    }

    pub(crate) fn home(&self, path: &str) -> PathBuf {
        self.folder.path().join("home").join(path)
    }

    /// Writes a file of the tree.
    pub(crate) fn plant(&self, path: &str, content: &str) {
        let path = self.tree(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// One run of the agent that reaches the model through a gateway, which has so many millionths of a dollar to spend.
    pub(crate) fn run_with_budget(&self, preset: &Preset, model: &str, budget: u64, script: &Script) -> Run {
        let task = json!({ "kind": "step", "instructions": "# Do the step `greet` (implement)", "step": { "contract": "change" } });
        fs::write(self.folder.path().join("task/budget"), budget.to_string()).unwrap();
        let run = self.run(preset, Some(model), None, &task, script);
        fs::remove_file(self.folder.path().join("task/budget")).unwrap();
        run
    }

    /// One run of the agent.
    pub(crate) fn run(
        &self,
        preset: &Preset,
        model: Option<&str>,
        session: Option<&str>,
        task: &Value,
        script: &Script,
    ) -> Run {
        let config = Config {
            preset: preset.clone(),
            model: model.map(str::to_owned),
            base_url: String::new(),
            key: KEY.to_owned(),
            max_output_tokens: 16_000,
            session: session.map(str::to_owned),
            home: Path::new(INSIDE).join("home"),
        };
        let files = self.folder.path().join("task");
        let write = |name: &str, value: &Value| fs::write(files.join(name), value.to_string()).unwrap();
        write("config.json", &json!(config));
        write("script.json", &json!(script));
        write("task.json", task);
        let _ = fs::remove_file(files.join("result.json"));
        let output = self.bubblewrap(&preset.masked).output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let printed = format!("{out}{}", String::from_utf8_lossy(&output.stderr));
        let read = |name: &str| fs::read(files.join(name)).unwrap_or_else(|error| panic!("{name}: {error}\n{printed}"));
        Run {
            status: output.status.code(),
            transcript: out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
            result: serde_json::from_slice(&read("result.json")).unwrap(),
            requests: serde_json::from_slice(&read("requests.json")).unwrap(),
            booked: serde_json::from_slice(&read("booked.json")).unwrap(),
            printed,
        }
    }

    fn bubblewrap(&self, masked: &[String]) -> Command {
        let mut command = Command::new("bwrap");
        let folder = self.folder.path();
        let passwd = folder.join("passwd");
        command.args(["--unshare-all", "--uid", "1000", "--gid", "1000", "--die-with-parent", "--new-session"]);
        command.args(["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]);
        command.arg("--ro-bind").arg(&passwd).arg("/etc/passwd").arg("--bind").arg(folder).arg(INSIDE);
        command.arg("--ro-bind").arg(std::env::current_exe().unwrap()).arg("/tmp/test");
        for path in masked {
            let covered = format!("{INSIDE}/tree/{path}");
            if self.tree(path).is_dir() {
                command.args(["--tmpfs", &covered]);
            } else if self.tree(path).exists() {
                command.args(["--ro-bind", "/dev/null", &covered]);
            }
        }
        let task = |name: &str| format!("{INSIDE}/task/{name}");
        let variables = [
            ("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", self.path)),
            ("HOME", format!("{INSIDE}/home")),
            ("TERM", "dumb".to_owned()),
            ("CI", "true".to_owned()),
            ("NO_COLOR", "1".to_owned()),
            (VARIABLE, task("")),
            ("ADJUTANT_TASK_FILE", task("task.json")),
            ("ADJUTANT_RESULT_FILE", task("result.json")),
        ];
        command.arg("--clearenv");
        for (name, value) in variables {
            command.args(["--setenv", name, &value]);
        }
        command.arg("--chdir").arg(format!("{INSIDE}/tree"));
        command.args(["/tmp/test", "--exact", "sandbox::the_inside_of_a_sandbox", "--nocapture"]);
        command
    }
}

/// What [`Sandbox::run`] starts in the sandbox. By itself it does nothing.
#[test]
fn the_inside_of_a_sandbox() {
    let Some(folder) = std::env::var_os(VARIABLE).map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let script: Script = serde_json::from_slice(&read("script.json")).unwrap();
    let model = runtime.block_on(ScriptedModel::start(script)).unwrap();
    let mut config: Config = serde_json::from_slice(&read("config.json")).unwrap();
    config.base_url = model.url();
    let budget = fs::read_to_string(folder.join("budget")).ok().and_then(|budget| budget.parse().ok());
    let gateway = budget.map(|budget| {
        let served = runtime.block_on(gateway::start(&model.url(), &config, budget));
        config.base_url.clone_from(&served.url);
        served
    });
    let path = Path::new("/tmp/config.json");
    fs::write(path, serde_json::to_vec(&config).unwrap()).unwrap();
    // libtest has begun a line.
    println!();
    let code = agent_presets::driver::run(path);
    let booked = gateway.map(|served| runtime.block_on(served.end())).unwrap_or_default();
    fs::write(folder.join("booked.json"), serde_json::to_vec(&booked).unwrap()).unwrap();
    fs::write(folder.join("requests.json"), serde_json::to_vec(&model.requests()).unwrap()).unwrap();
    std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
}
