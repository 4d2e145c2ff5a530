//! What no delivery told: GitHub loses one now and then, and does not list it among the failed.
//!
//! Every look compares how things stand on GitHub with what is known: labels set and taken off, issues closed and edited,
//! orders in comments and reviews. What was missed is told as the delivery would have told it, so that rights are asked and
//! the truth is read as ever. An order is one order, however often and by whichever way it is told: the reaction that
//! answers it says that it was heard. Two things cannot be found: a button that was pressed, and checks asked for again;
//! pressing it again helps.
//!
//! Something that happened a moment ago is left to its delivery.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, DurationRound, Utc};

use super::{App, deliveries};
use crate::github::interpret::FactKind;
use crate::github::{Issue, OpenState, PastEvent, RepoClient};
use crate::store::StoreError;
use adjutant_domain::brief;
use adjutant_domain::directive::{Directive, PauseReason};
use adjutant_domain::effect::Effect;
use adjutant_domain::ids::{DirectiveId, Repo};
use adjutant_domain::replan::IssueText;
use adjutant_domain::signal::{Signal, Source};

/// How long a delivery may take before what it tells is looked for. GitHub's take seconds as a rule.
const LATE: chrono::Duration = chrono::Duration::minutes(1);
/// How far before the last look comments are read again.
const OVERLAP: chrono::Duration = chrono::Duration::minutes(10);
/// In how many repositories of an installation a look seeks labels; the next goes on with the others.
const REPOSITORIES: usize = 20;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// What the looks of this process have seen.
#[derive(Debug, Default)]
pub(super) struct ReconcileCursor(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// What was told already, by repository.
    told: BTreeSet<(u64, String)>,
    /// When comments were last read, by repository.
    read: BTreeMap<u64, DateTime<Utc>>,
    /// The repository in which labels were last sought, by installation.
    sought: BTreeMap<u64, u64>,
}

impl ReconcileCursor {
    fn seen<T>(&self, with: impl FnOnce(&mut Seen) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Looks for what was missed everywhere. What goes wrong costs a line in the log: the next look comes.
pub(super) async fn look(app: &App, live: &[Directive]) {
    let mut by_repo: BTreeMap<u64, Vec<&Directive>> = BTreeMap::new();
    for directive in live {
        by_repo.entry(directive.repo.id).or_default().push(directive);
    }
    for directives in by_repo.values() {
        let repo = &directives[0].repo;
        if app.out_of_reach.has(repo) {
            continue;
        }
        if let Err(error) = orders(app, directives).await {
            tracing::warn!(%error, repository = repo.full_name(), "missed orders could not be looked for");
        }
    }
    if let Err(error) = labels(app).await {
        tracing::warn!(%error, "missed labels could not be looked for");
    }
}

/// How a directive's issue stands: closed, without its label, edited.
pub(super) async fn issue(app: &App, directive: &Directive) -> Result<Vec<Signal>, Fault> {
    let client = app.github.repository(&directive.repo);
    let Some(issue) = client.issue(directive.issue).await? else {
        if client.issue_is_gone(directive.issue).await? {
            tell(app, &directive.repo, client.removal(directive.issue)).await?;
        }
        return Ok(Vec::new());
    };
    if issue.state == OpenState::Closed {
        if let Some(closed) = client.closing(directive.issue).await? {
            tell(app, &directive.repo, closed).await?;
        }
        return Ok(Vec::new());
    }
    let off = directive
        .pause
        .as_ref()
        .is_some_and(|pause| pause.reasons().any(|it| matches!(it, PauseReason::Unlabelled(_))));
    let label = &directive.policy.label;
    let changed = match (issue.has_label(label), off) {
        (false, false) => client.unlabelling(directive.issue, label).await?,
        (true, true) => client.labelling(&issue, label).await?,
        _ => None,
    };
    if let Some(changed) = changed
        // Who went on without the label meant it.
        && (off || !app.store.was_paused_since(directive.id, changed.at).await?)
    {
        tell(app, &directive.repo, changed).await?;
    }
    Ok(vec![Signal::IssueRead(text_of(&issue))])
}

fn text_of(issue: &Issue) -> IssueText {
    IssueText { brief: brief::parse(&issue.title, &issue.body), title: issue.title.clone() }
}

/// Orders in comments and reviews of a repository's live directives.
async fn orders(app: &App, directives: &[&Directive]) -> Result<(), Fault> {
    let repo = &directives[0].repo;
    let client = app.github.repository(repo);
    let oldest = directives.iter().map(|directive| directive.created_at).min().unwrap_or_else(Utc::now);
    let (since, now) = (app.reconcile_cursor.seen(|seen| seen.read.get(&repo.id).copied()), Utc::now());
    let since = since.map_or(oldest, |since| since - OVERLAP).max(oldest);
    let mut all = true;
    for past in client.commands_since(since).await? {
        all &= order_or_next(app, repo, past).await;
    }
    for directive in directives {
        for pull in directive
            .steps
            .iter()
            .chain(&directive.final_step)
            .filter(|step| !step.status.is_done())
            .filter_map(|it| it.open_pull())
        {
            for past in client.reviews(pull.number).await? {
                all &= order_or_next(app, repo, past).await;
            }
        }
    }
    if all {
        app.reconcile_cursor.seen(|seen| seen.read.insert(repo.id, now));
    }
    Ok(())
}

/// Tells an order; one that cannot be told now stands in no other's way, and is told at a later look. Answers with whether it
/// is done with.
async fn order_or_next(app: &App, repo: &Repo, past: PastEvent) -> bool {
    let what = past.id.clone();
    let done = order(app, repo, past).await;
    if let Err(error) = &done {
        tracing::warn!(%error, repository = repo.full_name(), what, "a missed order could not be told");
    }
    done.is_ok()
}

/// Tells an order that nobody answered.
async fn order(app: &App, repo: &Repo, past: PastEvent) -> Result<(), Fault> {
    let (number, in_pull, kind, id, node_id) = match &past.happened.what {
        FactKind::Said(said) => {
            (said.number, said.place == crate::github::interpret::Place::Pull, said.kind, said.id, said.node_id.clone())
        }
        FactKind::Reviewed(it) => {
            (it.pull, true, adjutant_domain::signal::SourceKind::Review, it.id, it.node_id.clone())
        }
        _ => return Ok(()),
    };
    let found = if in_pull {
        app.store.directive_for_pull(repo.id, number).await?
    } else {
        app.store.newest_for_issue(repo.id, number).await?
    };
    let Some(directive) = live(app, found).await? else { return Ok(()) };
    // What was written before was about something else.
    let answers = Effect::answers_to(directive.id, &Source { kind, id, node_id, number, index: 0 });
    if past.at < whole_second(directive.created_at) || app.store.was_asked_for(&answers).await? {
        return Ok(());
    }
    tell(app, repo, past).await
}

/// As GitHub tells times. What was written in the second in which a directive began counts as written after it.
fn whole_second(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(chrono::Duration::seconds(1)).unwrap_or(at)
}

async fn live(app: &App, id: Option<DirectiveId>) -> Result<Option<Directive>, StoreError> {
    let Some(id) = id else { return Ok(None) };
    Ok(app.store.directive(id).await?.filter(|directive| !directive.status.is_over()))
}

/// Labels on issues that have no directive for them.
async fn labels(app: &App) -> Result<(), Fault> {
    for (installation, repos) in app.github.all_repositories().await? {
        for repo in in_turn(app, installation, repos) {
            if let Err(error) = labels_in(app, &repo).await {
                tracing::warn!(%error, repository = repo.full_name(), "missed labels could not be looked for");
            }
        }
    }
    Ok(())
}

/// The repositories whose turn it is.
fn in_turn(app: &App, installation: u64, mut repos: Vec<Repo>) -> Vec<Repo> {
    repos.sort_by_key(|repo| repo.id);
    app.reconcile_cursor.seen(|seen| {
        let last = seen.sought.get(&installation).copied().unwrap_or(0);
        let next = repos.iter().position(|repo| repo.id > last).unwrap_or(0);
        repos.rotate_left(next);
        repos.truncate(REPOSITORIES);
        if let Some(last) = repos.last() {
            seen.sought.insert(installation, last.id);
        }
    });
    repos
}

async fn labels_in(app: &App, repo: &Repo) -> Result<(), Fault> {
    let client = app.github.repository(repo);
    let (label, issues) = client.issues_with_label().await?;
    for number in issues {
        let newest = match app.store.newest_for_issue(repo.id, number).await? {
            Some(id) => app.store.directive(id).await?,
            None => None,
        };
        if newest.as_ref().is_some_and(|directive| !directive.status.is_over()) {
            continue;
        }
        if let Some(set) = label_set(&client, number, &label).await?
            // One that was there while the last directive ended asks for nothing.
            && newest.and_then(|directive| directive.ended_at).is_none_or(|ended| set.at > ended)
        {
            tell(app, repo, set).await?;
        }
    }
    Ok(())
}

async fn label_set(client: &RepoClient, number: u64, label: &str) -> Result<Option<PastEvent>, Fault> {
    let Some(issue) = client.issue(number).await? else { return Ok(None) };
    Ok(client.labelling(&issue, label).await?)
}

/// Tells what was missed, once in this process. What happened a moment ago is left to its delivery.
async fn tell(app: &App, repo: &Repo, past: PastEvent) -> Result<(), Fault> {
    let key = (repo.id, past.id);
    let late = LATE.min(chrono::Duration::from_std(app.settings.limits.look)?);
    if Utc::now() - past.at < late || app.reconcile_cursor.seen(|seen| seen.told.contains(&key)) {
        return Ok(());
    }
    tracing::info!(repository = repo.full_name(), what = key.1, "telling what no delivery told");
    deliveries::tell(app, past.happened).await?;
    app.reconcile_cursor.seen(|seen| seen.told.insert(key));
    Ok(())
}
