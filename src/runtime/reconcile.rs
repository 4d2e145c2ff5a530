//! Finds events whose webhook never arrived. GitHub loses one now and then, and does not list it among the failed
//! deliveries.
//!
//! Every round compares the state on GitHub with the known state: labels set and removed, issues closed and edited,
//! commands in comments and reviews. A missed event becomes the same [`Fact`](super::ingest::Fact) as a webhook's, so
//! permissions and facts are read live as usual. A command counts once, however often it is found, because the reaction
//! that answers it is in the outbox. Two kinds of events cannot be found: a pressed button, and a request to run checks
//! again. The person has to press again.
//!
//! Events of the last minute are left to their webhook.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, DurationRound, Utc};

use super::app::App;
use super::deliveries;
use super::ingest::past::{PastEvent, decides, holds_command};
use super::ingest::{Thread, ThreadKind, policy_label};
use crate::github::{CommentList, Issue, OpenState, RawComment, RawReview, RepoClient};
use crate::store::StoreError;
use adjutant_domain::brief;
use adjutant_domain::directive::{Directive, PauseReason};
use adjutant_domain::effect::Effect;
use adjutant_domain::ids::Repo;
use adjutant_domain::replan::IssueText;
use adjutant_domain::signal::{Signal, Source, SourceKind};
use adjutant_domain::step::Step;

/// How old an event must be before a round looks for it. GitHub's webhooks usually take seconds.
const LATE: chrono::Duration = chrono::Duration::minutes(1);
/// How far before the last round comments are read again.
const OVERLAP: chrono::Duration = chrono::Duration::minutes(10);
/// In how many repositories of an installation one round looks for labels. The next round goes on with the others.
const REPOSITORIES: usize = 20;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// How far the rounds of this process have come.
#[derive(Debug, Default)]
pub(super) struct ReconcileCursor(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// The events that were replayed, by repository id.
    replayed: BTreeSet<(u64, String)>,
    /// When comments were last read, by repository id.
    comments_read: BTreeMap<u64, DateTime<Utc>>,
    /// The repository id in which labels were last looked for, by installation id.
    last_repository: BTreeMap<u64, u64>,
}

impl ReconcileCursor {
    fn seen<T>(&self, with: impl FnOnce(&mut Seen) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Looks for everything that was missed. An error is logged, and the next round looks again.
pub(super) async fn look(app: &App, cursor: &ReconcileCursor, live: &[Directive]) {
    let mut by_repo: BTreeMap<u64, Vec<&Directive>> = BTreeMap::new();
    for directive in live {
        by_repo.entry(directive.repo.id).or_default().push(directive);
    }
    for directives in by_repo.values() {
        let repo = &directives[0].repo;
        if app.out_of_reach.has(repo) {
            continue;
        }
        if let Err(error) = commands(app, cursor, directives).await {
            tracing::warn!(%error, repository = repo.full_name(), "could not look for missed commands; trying again next round");
        }
    }
    if let Err(error) = labels(app, cursor).await {
        tracing::warn!(%error, "could not look for missed labels; trying again next round");
    }
}

/// The signals for what happened to a directive's issue: it was closed, it lost its label, or it was edited.
pub(super) async fn issue(app: &App, cursor: &ReconcileCursor, directive: &Directive) -> Result<Vec<Signal>, Fault> {
    let (client, repo, number) = (app.github.repository(&directive.repo), &directive.repo, directive.issue);
    let Some(issue) = client.issue(number).await? else {
        if client.issue_is_gone(number).await? {
            replay(app, cursor, repo, PastEvent::removed(repo, number)).await?;
        }
        return Ok(Vec::new());
    };
    if issue.state == OpenState::Closed {
        if let Some(closed) = client.last_closed(number).await? {
            replay(app, cursor, repo, PastEvent::closed(repo, number, &closed)).await?;
        }
        return Ok(Vec::new());
    }
    let text = text_of(&issue);
    if let Some(changed) = label_change(&client, directive, issue).await? {
        replay(app, cursor, repo, changed).await?;
    }
    Ok(vec![Signal::IssueRead(text)])
}

/// The event in which the label was removed from, or set again on, the issue of a live directive.
async fn label_change(client: &RepoClient, directive: &Directive, issue: Issue) -> Result<Option<PastEvent>, Fault> {
    let (repo, label) = (&directive.repo, &directive.policy.label);
    let pause = directive.state.pause();
    let paused_by_it = pause.is_some_and(|pause| pause.reasons.iter().any(PauseReason::is_by_label));
    let changed = match (issue.has_label(label), paused_by_it) {
        (false, false) => {
            let event = client.last_unlabelled(directive.issue, label).await?;
            event.map(|event| PastEvent::unlabelled(repo, directive.issue, label, &event))
        }
        (true, true) => {
            let event = client.last_labelled(directive.issue, label).await?;
            event.map(|event| PastEvent::labelled(repo, issue, label, &event))
        }
        _ => None,
    };
    let Some(changed) = changed else { return Ok(None) };
    // A person who resumed the directive without the label did so on purpose.
    let known = !paused_by_it && directive.paused_at.is_some_and(|paused| paused >= changed.at);
    Ok((!known).then_some(changed))
}

fn text_of(issue: &Issue) -> IssueText {
    IssueText { brief: brief::parse(&issue.title, &issue.body), title: issue.title.clone() }
}

/// Replays missed commands in comments and reviews of a repository's live directives.
async fn commands(app: &App, cursor: &ReconcileCursor, directives: &[&Directive]) -> Result<(), Fault> {
    let repo = &directives[0].repo;
    let client = app.github.repository(repo);
    let oldest = directives.iter().map(|directive| directive.created_at).min().unwrap_or_else(Utc::now);
    let (since, now) = (cursor.seen(|seen| seen.comments_read.get(&repo.id).copied()), Utc::now());
    let since = since.map_or(oldest, |since| since - OVERLAP).max(oldest);
    let mut all = true;
    for (raw, kind) in comments(&client, since).await? {
        let what = format!("comment {}", raw.id);
        all &= is_settled(&replay_comment(app, cursor, &client, raw, kind).await, repo, &what);
    }
    for directive in directives {
        let undone = directive.all_steps().filter(|step| !step.status().is_done());
        for pull in undone.filter_map(Step::open_pull) {
            for raw in client.reviews(pull.number, decides).await? {
                let what = format!("review {}", raw.id);
                all &= is_settled(&replay_review(app, cursor, repo, raw, pull.number).await, repo, &what);
            }
        }
    }
    if all {
        cursor.seen(|seen| seen.comments_read.insert(repo.id, now));
    }
    Ok(())
}

/// The comments with commands since a time, the oldest first.
async fn comments(client: &RepoClient, since: DateTime<Utc>) -> Result<Vec<(RawComment, SourceKind)>, Fault> {
    let mut all = Vec::new();
    for (list, kind) in
        [(CommentList::Issues, SourceKind::IssueComment), (CommentList::Reviews, SourceKind::ReviewComment)]
    {
        let found = client.comments_since(list, since, holds_command).await?;
        all.extend(found.into_iter().map(|raw| (raw, kind)));
    }
    all.sort_by_key(|(raw, _)| raw.created_at);
    Ok(all)
}

/// Whether a command needs no further try. One that fails does not stop the others, and is replayed in a later round.
fn is_settled(outcome: &Result<(), Fault>, repo: &Repo, what: &str) -> bool {
    if let Err(error) = outcome {
        let repository = repo.full_name();
        tracing::warn!(%error, repository, what, "could not replay a missed command; trying again next round");
    }
    outcome.is_ok()
}

async fn replay_comment(
    app: &App,
    cursor: &ReconcileCursor,
    client: &RepoClient,
    raw: RawComment,
    kind: SourceKind,
) -> Result<(), Fault> {
    let repo = client.repo();
    let Some(number) = raw.number() else { return Ok(()) };
    let source = Source { kind, id: raw.id, node_id: raw.node_id.clone(), number, index: 0 };
    if !awaits_answer(app, repo, &source, raw.created_at).await? {
        return Ok(());
    }
    let thread_kind = match kind {
        SourceKind::IssueComment => match client.issue(number).await? {
            Some(issue) if issue.is_pull() => ThreadKind::Pull,
            Some(_) => ThreadKind::Issue,
            // The issue was deleted meanwhile.
            None => return Ok(()),
        },
        SourceKind::ReviewComment | SourceKind::Review | SourceKind::Button => ThreadKind::Pull,
    };
    let thread = Thread { number, kind: thread_kind };
    replay(app, cursor, repo, PastEvent::commented(repo, raw, thread, kind)).await
}

async fn replay_review(
    app: &App,
    cursor: &ReconcileCursor,
    repo: &Repo,
    raw: RawReview,
    pull: u64,
) -> Result<(), Fault> {
    let source = Source { kind: SourceKind::Review, id: raw.id, node_id: raw.node_id.clone(), number: pull, index: 0 };
    let Some(past) = PastEvent::reviewed(repo, raw, pull) else { return Ok(()) };
    if awaits_answer(app, repo, &source, past.at).await? { replay(app, cursor, repo, past).await } else { Ok(()) }
}

/// Whether a command is for a live directive and still has no answer. Issues and pull requests share their numbers, so
/// the number alone finds the directive.
async fn awaits_answer(app: &App, repo: &Repo, source: &Source, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let found = match app.store.directive_for_pull(repo.id, source.number).await? {
        Some(id) => Some(id),
        None => app.store.newest_for_issue(repo.id, source.number).await?,
    };
    let Some(id) = found else { return Ok(false) };
    if app.store.was_asked_for(&Effect::answers_to(id, source)).await? {
        return Ok(false);
    }
    // A comment that is older than the directive was about something else.
    let directive = match app.store.directive(id).await {
        // A process of the newer version looks after it.
        Err(StoreError::Newer { .. }) => return Ok(false),
        read => read?.filter(|directive| !directive.status().is_over()),
    };
    Ok(directive.is_some_and(|directive| at >= whole_second(directive.created_at)))
}

/// Cuts a time to whole seconds, as GitHub does. A comment from the second in which a directive began counts as written
/// after it.
fn whole_second(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(chrono::Duration::seconds(1)).unwrap_or(at)
}

/// Replays missed labels on issues that have no live directive.
async fn labels(app: &App, cursor: &ReconcileCursor) -> Result<(), Fault> {
    for (installation, repos) in app.github.all_repositories().await? {
        for repo in next_repositories(cursor, installation, repos) {
            if let Err(error) = labels_in(app, cursor, &repo).await {
                tracing::warn!(%error, repository = repo.full_name(), "could not look for missed labels; trying again next round");
            }
        }
    }
    Ok(())
}

/// The repositories of an installation that this round looks at.
fn next_repositories(cursor: &ReconcileCursor, installation: u64, mut repos: Vec<Repo>) -> Vec<Repo> {
    repos.sort_by_key(|repo| repo.id);
    cursor.seen(|seen| {
        let last = seen.last_repository.get(&installation).copied().unwrap_or(0);
        let next = repos.iter().position(|repo| repo.id > last).unwrap_or(0);
        repos.rotate_left(next);
        repos.truncate(REPOSITORIES);
        if let Some(last) = repos.last() {
            seen.last_repository.insert(installation, last.id);
        }
    });
    repos
}

async fn labels_in(app: &App, cursor: &ReconcileCursor, repo: &Repo) -> Result<(), Fault> {
    let client = app.github.repository(repo);
    let label = policy_label(&client).await?;
    for number in client.issues_with_label(&label).await? {
        let newest = match app.store.newest_for_issue(repo.id, number).await? {
            Some(id) => match app.store.directive(id).await {
                Err(StoreError::Newer { .. }) => continue,
                read => read?,
            },
            None => None,
        };
        if newest.as_ref().is_some_and(|directive| !directive.status().is_over()) {
            continue;
        }
        let Some(issue) = client.issue(number).await? else { continue };
        let Some(event) = client.last_labelled(number, &label).await? else { continue };
        // A label that was set before the last directive ended does not start another.
        if newest.and_then(|directive| directive.state.ended_at()).is_none_or(|ended| event.created_at > ended) {
            replay(app, cursor, repo, PastEvent::labelled(repo, issue, &label, &event)).await?;
        }
    }
    Ok(())
}

/// Replays an event, once in this process. Events of the last minute are left to their webhook.
async fn replay(app: &App, cursor: &ReconcileCursor, repo: &Repo, past: PastEvent) -> Result<(), Fault> {
    let key = (repo.id, past.id);
    let late = LATE.min(chrono::Duration::from_std(app.settings.limits.look)?);
    if Utc::now() - past.at < late || cursor.seen(|seen| seen.replayed.contains(&key)) {
        return Ok(());
    }
    tracing::info!(repository = repo.full_name(), what = key.1, "replaying an event whose webhook never arrived");
    deliveries::replay(app, past.fact).await?;
    cursor.seen(|seen| seen.replayed.insert(key));
    Ok(())
}
