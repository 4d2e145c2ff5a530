//! Access that is removed while work is running, and restored later.

use github_playground::{DeliveryAct, DeliveryFilter, Playground, RequestAct, RequestFilter};

use super::super::stage::in_a_tree;
use super::{BY_ITSELF, FaultRule, STEPS, Serve, Stage, stage};

/// A slow agent.
const SLOWLY: &str = r#"
touch begun; sleep 2; rm begun
echo "$step" > "$step.txt"
echo '{"summary":"did it","cost_usd":0.1}' > "$ADJUTANT_RESULT_FILE"
"#;

const LOST: &str = "the app has no access to a repository; its work waits";
const REGAINED: &str = "the app has access to a repository again";

impl Stage {
    /// Removes the access while the first agent is running, and waits until the work waits.
    async fn loses(&self, take: impl FnOnce(&Playground)) -> (Serve, u64) {
        self.agent(STEPS, SLOWLY);
        let serve = self.serve().await;
        let issue = self.label("Taken away").await;
        let begun = async || in_a_tree(&self.trees("data"), "task-", "begun");
        self.wait("an agent is at work", begun).await;
        take(&self.playground);
        let ended = "SELECT count(*) FROM tasks WHERE kind = 'step' AND exit = 'exit 0'";
        self.wait("the agent has ended", async || (self.count(ended).await == 1).then_some(())).await;
        self.wait("the operator is told", async || self.log().contains(LOST).then_some(())).await;
        // The agent's end is known, but its work is not submitted. Nothing else has begun or failed.
        let working = "SELECT count(*) FROM tasks WHERE kind = 'step' AND status = 'running'";
        assert_eq!(self.count(working).await, 1, "{}", self.told().await);
        assert_eq!(self.count("SELECT count(*) FROM tasks").await, 2);
        assert_eq!(self.count("SELECT count(*) FROM effects WHERE status = 'failed'").await, 0);
        assert_eq!(self.count("SELECT count(*) FROM deliveries WHERE status = 'failed'").await, 0);
        assert_eq!(self.count("SELECT count(*) FROM directives WHERE status = 'active'").await, 1);
        (serve, issue)
    }

    async fn regains(&self, serve: Serve, issue: u64) {
        self.judged(issue).await;
        let log = self.log();
        assert_eq!((log.matches(LOST).count(), log.matches(REGAINED).count()), (1, 1), "said once: {log}");
        drop(serve);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_holds_the_work_until_it_ends() {
    let stage = stage(BY_ITSELF).await;
    let (serve, issue) = stage.loses(Playground::suspend).await;
    stage.playground.unsuspend();
    stage.regains(serve, issue).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_suspension_is_noticed_without_a_delivery() {
    let stage = stage(BY_ITSELF).await;
    let installations = DeliveryFilter { event: Some("installation".to_owned()), action: None };
    stage.inject([FaultRule::to_deliveries(installations, DeliveryAct::Drop)]);
    let (serve, issue) = stage.loses(Playground::suspend).await;
    stage.playground.unsuspend();
    stage.regains(serve, issue).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_the_app_loses_waits_until_access_is_restored() {
    let stage = stage(BY_ITSELF).await;
    let name = stage.playground.repository.clone();
    let (serve, issue) = stage.loses(|playground| assert!(playground.remove_repository_from_installation(&name))).await;
    assert!(stage.playground.add_repository_to_installation(&name));
    stage.regains(serve, issue).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_app_continues_when_it_is_installed_again() {
    let stage = stage(BY_ITSELF).await;
    let (serve, issue) = stage.loses(Playground::uninstall).await;
    assert!(stage.playground.install(&stage.playground.repository));
    stage.regains(serve, issue).await;
}

/// GitHub's message when it refuses a token for more permissions than were granted, although the app is installed.
#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_was_never_granted_is_reported_to_people() {
    let stage = stage(BY_ITSELF).await;
    let mint = RequestFilter {
        methods: vec!["POST".to_owned()],
        path: Some("/app/installations/*/access_tokens".to_owned()),
        caller: None,
    };
    // The first token is for the API, the following ones for git.
    stage.inject([FaultRule::to_requests(mint, RequestAct::Unprocessable).after(1)]);
    let serve = stage.serve().await;
    let issue = stage.label("Not granted").await;
    stage
        .wait("a person is told", async || {
            let said = stage.get(&format!("/issues/{issue}/comments")).await.to_string();
            said.contains("was not granted all that the app asks for").then_some(())
        })
        .await;
    assert!(!stage.log().contains(LOST), "the app is installed: {}", stage.log());
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_set_during_a_suspension_is_found_when_it_is_over() {
    let stage = stage(BY_ITSELF).await;
    let serve = stage.serve().await;
    stage.playground.suspend();
    let issue = stage.label("Set meanwhile").await;
    stage.playground.unsuspend();
    stage.judged(issue).await;
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_revoked_all_the_time_are_minted_again() {
    let stage = stage(BY_ITSELF).await;
    let serve = stage.serve().await;
    let issue = stage.label("Revoked").await;
    for done in (2..=24).step_by(2) {
        let is_so = "SELECT count(*) FROM effects WHERE status = 'done'";
        stage
            .wait(&format!("{done} effects are done"), async || (stage.count(is_so).await >= done).then_some(()))
            .await;
        stage.playground.revoke_tokens();
    }
    stage.judged(issue).await;
    drop(serve);
}
