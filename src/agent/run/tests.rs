//! Runs of shell scripts as agents.

use super::*;
use crate::agent::{Directive, TaskBrief, TaskKind};
use crate::workspace::sandbox::SandboxConfig;
use adjutant_domain::failure::AgentErrorKind;

struct Fixture {
    folder: tempfile::TempDir,
    sandbox: Sandbox,
}

async fn fixture(mode: Mode) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tree")).unwrap();
    let config = SandboxConfig::new(mode, folder.path().join("scratch"));
    Fixture { sandbox: Sandbox::probe(config).await.unwrap(), folder }
}

impl Fixture {
    fn job(&self) -> AgentJob {
        let directive = Directive {
            issue: 7,
            title: "Parse".into(),
            repository: "acme/widgets".into(),
            base_commit: "0".repeat(40),
            head_commit: "0".repeat(40),
            branch: "work".into(),
        };
        AgentJob {
            workdir: self.folder.path().join("tree"),
            folder: self.folder.path().join("job"),
            task: TaskFile {
                version: 1,
                kind: TaskKind::Plan,
                task_id: "t1".into(),
                directive,
                brief: TaskBrief::default(),
                step: None,
                instructions: "Plan it.".into(),
                context: Vec::new(),
                answers: Vec::new(),
                plan_schema: None,
            },
            context: vec![ContextText {
                name: "../issue 7.md".into(),
                written_by: "maintainer".into(),
                text: "the words".into(),
            }],
            home: None,
            layer: None,
            log: self.folder.path().join("agent.log"),
            cancel: CancellationToken::new(),
        }
    }

    async fn run(&self, script: &str) -> AgentRun {
        run_agent(&self.sandbox, &shell(script), self.job()).await.unwrap()
    }
}

fn shell(script: &str) -> AgentSpec {
    AgentSpec {
        name: "command".into(),
        argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
        preset: None,
        models: None,
        path: Vec::new(),
        network: Network::None,
        env: BTreeMap::new(),
        readonly: Vec::new(),
        limits: Limits { wall: Duration::from_secs(30), output_bytes: 100_000, ..Limits::default() },
    }
}

#[tokio::test]
async fn an_agents_own_key_is_removed_from_its_texts() {
    let fixture = fixture(Mode::Bubblewrap).await;
    let token = format!("ghs_{}", "a1B2c3D4e5".repeat(4));
    let script = format!(
        r#"echo "key $MODEL_KEY"; printf '{{"summary":"%s","plan":{{"steps":[{{"description":"%s"}}]}},"report":"{token}"}}' \
           "$MODEL_KEY" "$MODEL_KEY" > $ADJUTANT_RESULT_FILE"#
    );
    let mut spec = shell(&script);
    spec.env.insert("MODEL_KEY".to_owned(), "correct-horse-battery".to_owned());
    let run = run_agent(&fixture.sandbox, &spec, fixture.job()).await.unwrap();
    let told = format!("{:?} {}", run.result, run.tail);
    assert!(run.outcome == AgentOutcome::Finished && told.contains("[redacted]"), "{told}");
    assert!(!told.contains("correct-horse") && !told.contains("a1B2c3D4e5"), "{told}");
    let log = fixture.folder.path().join("agent.log");
    assert_eq!(fs::read_to_string(&log).unwrap(), "key [redacted]\n");
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
}

const ECHO: &str = r#"cat $(python3 -c 'import json,os;t=json.load(open(os.environ["ADJUTANT_TASK_FILE"]));print(t["context"][0]["path"])') && echo '{"summary":"done","cost_usd":0.5}' > $ADJUTANT_RESULT_FILE && echo x > made"#;

#[tokio::test]
async fn an_agent_reads_its_task_and_context_and_leaves_a_result() {
    for mode in [Mode::Bubblewrap, Mode::None] {
        let fixture = fixture(mode).await;
        let run = fixture.run(ECHO).await;
        assert_eq!(run.outcome, AgentOutcome::Finished, "{mode}: {}", run.tail);
        assert_eq!(run.result.unwrap().summary, "done");
        assert_eq!(run.tail, "the words");
        assert!(fixture.folder.path().join("tree/made").exists());
    }
}

#[tokio::test]
async fn every_way_to_fail_is_told_apart() {
    let fixture = fixture(Mode::Bubblewrap).await;
    let cases = [
        ("exit 3", "AgentExited { status: 3 }"),
        ("kill -SEGV $$", "AgentKilled { signal: 11 }"),
        ("true", "NoResult"),
        ("echo '{' > $ADJUTANT_RESULT_FILE", "ResultUnusable { problem: \"it is not valid"),
        ("ln -s /etc/passwd $ADJUTANT_RESULT_FILE", "ResultUnusable { problem: \"it is not a regular file"),
        ("mkfifo $ADJUTANT_RESULT_FILE", "ResultUnusable { problem: \"it is not a regular file"),
        ("head -c 2000000 /dev/zero > $ADJUTANT_RESULT_FILE", "ResultUnusable { problem: \"it is larger than"),
        ("yes", "AgentPrintedTooMuch { bytes: 100000 }"),
        ("no-such-agent", "AgentExited { status: 127 }"),
    ];
    for (script, failed) in cases {
        let run = fixture.run(script).await;
        let failure = format!("{:?}", run.outcome.failure());
        assert!(failure.contains(failed), "{script}: {failure}");
        assert!(run.result.is_none());
    }
}

#[tokio::test]
async fn an_error_that_the_result_names_is_the_reason_whatever_the_status_is() {
    let fixture = fixture(Mode::Bubblewrap).await;
    let error = r#"{"cost_usd":1,"session":"s-1","error":{"kind":"quota","message":"5-hour limit\n\u001b[31mreached","retry_after":90}}"#;
    for end in ["exit 0", "exit 1", "kill -SEGV $$"] {
        let run = fixture.run(&format!("printf '%s' '{error}' > $ADJUTANT_RESULT_FILE; {end}")).await;
        let (kind, message) = (AgentErrorKind::Quota, "5-hour limit reached".to_owned());
        assert_eq!(
            run.outcome.failure(),
            Some(Failure::AgentReported { kind, message, retry_after: Some(90) }),
            "{end}"
        );
        let result = run.result.unwrap();
        assert_eq!((result.cost_usd, result.session.as_deref()), (Some(1.0), Some("s-1")));
    }
}

#[tokio::test]
async fn a_slow_agent_is_stopped_and_a_cancelled_one_too() {
    let fixture = fixture(Mode::Bubblewrap).await;
    let mut slow = shell("sleep 100");
    slow.limits.wall = Duration::from_secs(1);
    let run = run_agent(&fixture.sandbox, &slow, fixture.job()).await.unwrap();
    assert_eq!(run.outcome.failure(), Some(Failure::AgentTimedOut { seconds: 1 }));
    let job = fixture.job();
    job.cancel.cancel();
    assert_eq!(run_agent(&fixture.sandbox, &shell("sleep 100"), job).await.unwrap().outcome, AgentOutcome::Cancelled);
}

#[tokio::test]
async fn the_cost_of_a_crash_is_known_and_an_old_result_is_not_taken_for_a_new_one() {
    let fixture = fixture(Mode::Bubblewrap).await;
    let run = fixture.run("echo '{\"cost_usd\":2}' > $ADJUTANT_RESULT_FILE; exit 1").await;
    assert!(matches!(run.outcome, AgentOutcome::Crashed(Exit::Code(1))));
    assert_eq!(run.result.unwrap().cost_usd, Some(2.0));
    assert_eq!(fixture.run("true").await.outcome, AgentOutcome::NoResult);
}

#[tokio::test]
async fn an_agents_own_program_can_be_shown_and_its_task_cannot_be_rewritten() {
    let fixture = fixture(Mode::Bubblewrap).await;
    let program = fixture.folder.path().join("my-agent");
    write(&program, b"#!/bin/sh\necho x > $ADJUTANT_TASK_FILE && exit 9\necho '{}' > $ADJUTANT_RESULT_FILE\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut spec = shell("");
    spec.argv = vec![program.display().to_string()];
    spec.readonly = vec![Bind::new(&program, &program)];
    let run = run_agent(&fixture.sandbox, &spec, fixture.job()).await.unwrap();
    assert_eq!(run.outcome, AgentOutcome::Finished, "{}", run.tail);
}
