//! GitHub fails, and a directive completes nevertheless: one test for each kind of failure, and one for all at once.
//!
//! Each test runs a directive with two steps while the playground injects the fault. It checks that the fault was
//! injected where that matters, and ends with the same check ([`judged`]): everything was done, and nothing twice. The
//! README beside this folder lists the faults, Adjutant's reactions, and the tests.

mod access;
mod deliveries;
mod limits;
mod lost;
mod merging;
mod refused;
mod storm;

use std::collections::{BTreeMap, BTreeSet};

use github_playground::{CallerKind, FaultRule, RequestAct, RequestFilter};
use serde_json::Value;

use super::stage::{Serve, Stage, WELL};

/// Both steps; the second depends on the first.
const STEPS: &[&str] = &["alpha", "beta"];

/// Everything is automatic, because these tests are not about people's answers.
const BY_ITSELF: &str = "autonomy: full_auto\nmerge: auto\nsetup: []\nverifiers:\n  - name: test\n    run: \"true\"\n";

/// Starts the environment with short intervals and pauses.
async fn stage(policy: &str) -> Stage {
    let mut stage = Stage::with_policy(policy).await;
    (stage.look, stage.github) = ("2", "2");
    stage.agent(STEPS, WELL);
    stage
}

/// A rule for the bot's requests as the app's installation, below the repository or at `path`.
fn of_the_bot(methods: &[&str], path: &str, act: RequestAct) -> FaultRule {
    let methods = methods.iter().map(|&method| method.to_owned()).collect();
    let caller = Some(CallerKind::Installation);
    FaultRule::to_requests(RequestFilter { methods, path: Some(path.to_owned()), caller }, act)
}

impl Stage {
    fn inject(&self, rules: impl IntoIterator<Item = FaultRule>) {
        for rule in rules {
            self.playground.inject_fault(rule).unwrap();
        }
    }

    /// How many requests that contain `what` met this act.
    fn met(&self, act: &str, what: &str) -> usize {
        self.playground.injected_faults().iter().filter(|it| it.act == act && it.what.contains(what)).count()
    }

    /// Runs a directive to its end while GitHub has faults, and checks the result.
    async fn lives_through(&self, title: &str) -> Serve {
        let serve = self.serve().await;
        let issue = self.label(title).await;
        self.judged(issue).await;
        serve
    }

    /// The common check: everything was done, nothing was done twice, everything merged was verified, and no effect
    /// failed permanently.
    async fn judged(&self, issue: u64) {
        self.completes(issue, STEPS).await;
        self.playground.clear_faults();
        let done = self.told().await;
        assert_eq!(self.count("SELECT count(*) FROM deliveries WHERE status = 'failed'").await, 0, "{done}");
        assert_eq!(self.count("SELECT count(*) FROM events WHERE name = 'transition_refused'").await, 0, "{done}");
        // A plan and two steps. A second run of an agent would cost a second time.
        assert_eq!(self.count("SELECT count(*) FROM tasks").await, 3, "{done}");
        assert_eq!(self.count("SELECT sum(cost_micros)::bigint FROM tasks").await, 200_000, "{done}");
        self.says_nothing_twice().await;
        let pulls = self.pulls().await;
        for pull in &pulls {
            self.is_proved(pull).await;
        }
        let heads: BTreeSet<_> = pulls.iter().map(|pull| pull["head"]["ref"].to_string()).collect();
        assert_eq!(heads.len(), pulls.len(), "one pull request a branch");
    }

    /// The bot has no two equal comments, and no two equal reactions on one comment.
    async fn says_nothing_twice(&self) {
        let comments = self.get("/issues/comments?per_page=100").await;
        let mut said = BTreeSet::new();
        for comment in comments.as_array().unwrap() {
            let reactions = self.get(&format!("/issues/comments/{}/reactions", comment["id"])).await;
            assert!(reactions.as_array().unwrap().len() <= 1, "{comment}: {reactions}");
            if comment["user"]["type"] == "Bot" {
                let marker = comment["body"].as_str().unwrap().lines().next().unwrap().to_owned();
                assert!(said.insert((comment["issue_url"].to_string(), marker)), "a twin: {comment}");
            }
        }
    }

    /// A pull request's head has one check run of each name, and it was merged because they passed.
    async fn is_proved(&self, pull: &Value) {
        let sha = pull["head"]["sha"].as_str().unwrap();
        let runs = self.get(&format!("/commits/{sha}/check-runs?filter=all&per_page=100")).await;
        let mut names = BTreeMap::new();
        for run in runs["check_runs"].as_array().unwrap() {
            assert_eq!((&run["status"], &run["conclusion"]), (&"completed".into(), &"success".into()), "{run}");
            *names.entry(run["name"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
        assert_eq!(names.get("adjutant/test"), Some(&1), "{pull}: {names:?}");
        assert_eq!(names.get("adjutant"), Some(&1), "{pull}: {names:?}");
    }
}
