//! GitHub fails, and a directive ends well all the same: one test for each kind of failure, and all at once.
//!
//! Each test runs a directive with two steps while the playground injects the fault, checks that the fault was injected
//! where that matters, and ends with the same check ([`judged`]): everything was done, and nothing twice. The README beside
//! this folder lists the faults, what Adjutant does about each, and the tests.

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

/// Both steps, the second after the first.
const STEPS: &[&str] = &["alpha", "beta"];

/// Everything by itself: what a person would have to do for a directive to end is not what is looked at.
const BY_ITSELF: &str = "autonomy: full_auto\nmerge: auto\nverifiers:\n  - name: test\n    run: \"true\"\n";

/// The stage, with what is looked for and waited for short.
async fn stage(policy: &str) -> Stage {
    let mut stage = Stage::with_policy(policy).await;
    (stage.look, stage.github) = ("2", "2");
    stage.agent(STEPS, WELL);
    stage
}

/// What the bot asks as the app's installation, below the repository or wherever `path` says.
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

    /// How often something was done, to what has these words in it.
    fn met(&self, act: &str, what: &str) -> usize {
        self.playground.injected_faults().iter().filter(|it| it.act == act && it.what.contains(what)).count()
    }

    /// Runs a directive through to its end, while GitHub does what it was told to, and judges it.
    async fn lives_through(&self, title: &str) -> Serve {
        let serve = self.serve().await;
        let issue = self.label(title).await;
        self.judged(issue).await;
        serve
    }

    /// The one judgement: all was done, nothing twice, nothing unproved, and nothing was given up.
    async fn judged(&self, issue: u64) {
        self.completes(issue, STEPS).await;
        self.playground.clear_faults();
        let done = self.told().await;
        assert_eq!(self.count("SELECT count(*) FROM deliveries WHERE status = 'failed'").await, 0, "{done}");
        assert_eq!(self.count("SELECT count(*) FROM events WHERE name = 'transition_refused'").await, 0, "{done}");
        // A plan and two steps: whoever ran an agent once more paid once more.
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

    /// No two comments of the bot's are the same, nor two reactions to one comment.
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

    /// A pull request's head has one check run of each name, and it was merged because that passed.
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
