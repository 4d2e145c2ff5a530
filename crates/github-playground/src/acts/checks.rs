//! Check suites: each app gets one for every pushed commit. A suite is complete when its runs are.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    app_state::AppState,
    state::{Access, CheckStatus, CheckSuite, Conclusion, Id, Scope, State},
    view::{View, suite_state, without},
    webhooks::Event,
};

impl State {
    /// The apps that get a suite automatically on a push: those that may write checks and for which that is not turned
    /// off. <https://docs.github.com/en/rest/guides/using-the-rest-api-to-interact-with-checks#about-check-suites>
    pub(crate) fn apps_with_suites(&self, repo: Id) -> Vec<Id> {
        let unwanted = &self.repo_by_id(repo).no_auto_checks;
        let here = self.installations_of(repo).filter(|all| all.suspended.is_none() && !unwanted.contains(&all.app));
        here.filter(|all| all.permissions.get(&Scope::Checks) >= Some(&Access::Write)).map(|all| all.app).collect()
    }

    /// An app's suite on a commit. It is created if there is none yet; the second value says whether it is new.
    pub(crate) fn suite_of(
        &mut self,
        app: Id,
        repo: Id,
        sha: &str,
        branch: Option<&str>,
        before: Option<&str>,
    ) -> (Id, bool) {
        let found = self.repo_by_id(repo).suites.iter().find(|suite| suite.app == app && suite.head_sha == sha);
        if let Some(suite) = found {
            return (suite.id, false);
        }
        let (id, now) = (self.new_id(), self.now());
        self.repo_mut(repo).suites.push(CheckSuite {
            id,
            app,
            head_sha: sha.to_owned(),
            head_branch: branch.map(str::to_owned),
            before: before.map(str::to_owned),
            created_at: now,
            updated_at: now,
            requeued: false,
            announced: false,
        });
        (id, true)
    }
}

/// <https://docs.github.com/en/rest/guides/using-the-rest-api-to-interact-with-checks#about-check-runs>
const STALE_DAYS: i64 = 14;

impl State {
    /// Marks check runs as stale that were left incomplete for two weeks.
    pub(crate) fn let_go_stale(&mut self) {
        let now = self.now();
        for run in self.repos.values_mut().flat_map(|repo| &mut repo.runs) {
            if run.status != CheckStatus::Completed && run.started_at + TimeDelta::days(STALE_DAYS) <= now {
                run.status = CheckStatus::Completed;
                run.conclusion = Some(Conclusion::Stale);
            }
        }
    }
}

impl AppState {
    /// Sends the webhook of a check run.
    pub(crate) fn announce_run(
        self: &Arc<Self>,
        state: &mut State,
        repo: Id,
        run: Id,
        sender: Id,
        action: &'static str,
        extra: Value,
    ) {
        let found = state.repo_by_id(repo);
        let Some(run) = found.runs.iter().find(|all| all.id == run) else { return };
        let view = View::new(state, &self.urls);
        let mut fields = json!({ "check_run": view.check_run_in_webhook(found, run) });
        crate::view::merge(&mut fields, extra);
        self.announce(state, Event { name: "check_run", action: Some(action), repo, sender, fields });
    }

    /// Sends the webhook of a check suite.
    pub(crate) fn announce_suite(
        self: &Arc<Self>,
        state: &mut State,
        repo: Id,
        suite: Id,
        sender: Id,
        action: &'static str,
        commit: Option<&Value>,
    ) {
        let found = state.repo_by_id(repo);
        let Some(suite) = found.suites.iter().find(|all| all.id == suite) else { return };
        let mut shown = View::new(state, &self.urls).check_suite(found, suite, commit);
        without(&mut shown, &["repository"]);
        let fields = json!({ "check_suite": shown });
        self.announce(state, Event { name: "check_suite", action: Some(action), repo, sender, fields });
    }

    /// Called after a run changed. Announces the suite each time all its runs have become complete.
    pub(crate) fn settle_suite(
        self: &Arc<Self>,
        state: &mut State,
        repo: Id,
        suite: Id,
        sender: Id,
        commit: Option<&Value>,
    ) {
        let found = state.repo_by_id(repo);
        let Some(at) = found.suites.iter().position(|all| all.id == suite) else { return };
        let now = state.now();
        let suite_record = &mut state.repo_mut(repo).suites[at];
        suite_record.updated_at = now;
        suite_record.requeued = false;
        let found = state.repo_by_id(repo);
        let complete = suite_state(found, &found.suites[at]).0 == CheckStatus::Completed;
        let suite_record = &mut state.repo_mut(repo).suites[at];
        let news = complete && !suite_record.announced;
        suite_record.announced = complete;
        if news {
            self.announce_suite(state, repo, suite, sender, "completed", commit);
        }
    }
}
