//! The task of a queue: it does the next step, then waits for a change or the clock.

use std::sync::Arc;

use super::plan::{Built, Seen, Step, next};
use crate::{
    acts::{DequeueReason, RefMove, Writer, merge_apart},
    app_state::AppState,
    git::{GitError, MergeMethod, Repository, branch_ref},
    rules,
    state::{Group, Id, MergeQueueParameters, QueueEntry, State, Time},
    view::simple_commit,
};

/// The prefix of branches that only the queue writes.
const PREFIX: &str = "gh-readonly-queue";

/// The state of a queue after all due steps.
enum Rest {
    /// The queue is empty, and nothing is left to do.
    Over,
    /// Something is due at this time, or after a change.
    Until(Option<Time>),
}

/// The result of one look.
enum Look {
    Over,
    /// The rules no longer require a queue here, or the branch was deleted.
    Cleared,
    Step(Step, MergeQueueParameters),
}

impl AppState {
    /// Drives a queue until it is over.
    pub(crate) fn drive_queue(self: &Arc<Self>, state: &State, repo: Id, base: String) {
        let Some(queue) = state.repo_by_id(repo).queues.get(&base) else { return };
        let (app_state, news) = (self.clone(), queue.news.clone());
        self.spawn(async move {
            loop {
                let (told, changed) = (news.notified(), app_state.changed.notified());
                tokio::pin!(told, changed);
                // Enabled before the state is read, so that no later change is missed.
                told.as_mut().enable();
                changed.as_mut().enable();
                let wait = match app_state.go_on_queue(repo, &base).await {
                    Rest::Over => return,
                    Rest::Until(due) => due.map(|due| (due - app_state.state().now()).to_std().unwrap_or_default()),
                };
                let slept = async {
                    match wait {
                        Some(wait) => tokio::time::sleep(wait).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = told => {}
                    () = changed => {}
                    () = slept => {}
                }
            }
        });
    }

    /// Takes all due steps. If git fails, the step is tried again after the next change.
    async fn go_on_queue(self: &Arc<Self>, repo: Id, base: &str) -> Rest {
        let (git, moving) = {
            let state = self.state();
            let repo = state.repo_by_id(repo);
            (repo.git.clone(), repo.moving.clone())
        };
        let _still = moving.lock().await;
        loop {
            match self.step(repo, base, &git).await {
                Ok(Some(rest)) => return rest,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, base, "git failed in a merge queue");
                    return Rest::Until(None);
                }
            }
        }
    }

    /// One step; `None` if another one may be due.
    async fn step(self: &Arc<Self>, repo: Id, base: &str, git: &Arc<Repository>) -> Result<Option<Rest>, GitError> {
        self.sweep(repo, base, git).await?;
        let tip = git.ref_sha(&branch_ref(base)).await?;
        let look = look(&mut self.state(), (repo, base), tip.as_deref());
        let (step, how) = match look {
            Look::Over => return Ok(Some(Rest::Over)),
            Look::Cleared => {
                self.clear(repo, base);
                return Ok(None);
            }
            Look::Step(step, how) => (step, how),
        };
        match step {
            Step::Wait(due) => return Ok(Some(Rest::Until(due))),
            Step::Make(place, onto) => self.make(repo, base, git, (place, onto, method(&how))).await?,
            Step::Discard(from) => {
                let mut state = self.state();
                for group in taken_groups(&mut state, (repo, base), from) {
                    self.destroy_group(&mut state, (repo, base), group, "invalidated");
                }
            }
            Step::Merge(count) => self.merge_front(repo, base, git, (count, tip.unwrap_or_default())).await?,
            Step::Reject(reason) => {
                let mut state = self.state();
                let actor = state.queue_actor();
                if let Some(number) = numbers(&state, (repo, base)).first() {
                    self.leave_queue(&mut state, (repo, *number), actor, reason);
                }
            }
        }
        Ok(None)
    }

    /// Deletes the branches of groups that no longer exist.
    async fn sweep(self: &Arc<Self>, repo: Id, base: &str, git: &Repository) -> Result<(), GitError> {
        let (leftovers, actor) = {
            let mut state = self.state();
            let queue = state.repo_mut(repo).queues.get_mut(base);
            (queue.map(|queue| std::mem::take(&mut queue.leftovers)).unwrap_or_default(), state.queue_actor())
        };
        for group in leftovers {
            let name = branch_ref(&group.branch);
            let Some(old) = git.ref_sha(&name).await? else { continue };
            git.delete_ref(&name).await?;
            self.refs_moved(repo, vec![RefMove { name, old: Some(old), new: None }], actor).await?;
        }
        Ok(())
    }

    fn clear(self: &Arc<Self>, repo: Id, base: &str) {
        let mut state = self.state();
        let actor = state.queue_actor();
        for number in numbers(&state, (repo, base)) {
            self.leave_queue(&mut state, (repo, number), actor, DequeueReason::QueueCleared);
        }
    }

    /// Creates the group of an entry on a separate branch, and announces it so that its checks start.
    async fn make(
        self: &Arc<Self>,
        repo: Id,
        base: &str,
        git: &Arc<Repository>,
        (place, onto, method): (usize, String, MergeMethod),
    ) -> Result<(), GitError> {
        let (entry, actor) = {
            let mut state = self.state();
            let actor = state.queue_actor();
            (entry_at(&state, (repo, base), place), actor)
        };
        let Some(entry) = entry else { return Ok(()) };
        let writer = Writer { repo, actor: entry.enqueued_by, via_app: entry.via_app, workflows: true };
        let sha = match merge_apart(self, writer, entry.number, &onto, method).await {
            Ok(sha) => sha,
            Err(GitError::Conflict { .. } | GitError::NoCommonAncestor(..)) => {
                change(&mut self.state(), (repo, base), entry.id, |entry| entry.conflicts_with = Some(onto));
                return Ok(());
            }
            Err(error) => {
                tracing::debug!(%error, number = entry.number, "no merge group can be made");
                let reason = match error {
                    GitError::UpToDate => DequeueReason::AlreadyMerged,
                    _ => DequeueReason::GitTreeInvalid,
                };
                self.leave_queue(&mut self.state(), (repo, entry.number), actor, reason);
                return Ok(());
            }
        };
        let commit = git.commit(&sha).await?.ok_or_else(|| GitError::NotFound(sha.clone()))?;
        let branch = format!("{PREFIX}/{base}/pr-{}-{onto}", entry.number);
        let name = branch_ref(&branch);
        let old = git.ref_sha(&name).await?;
        git.set_ref(&name, &sha).await?;
        let made_at = self.state().now();
        let group = Group { branch, head_sha: sha.clone(), base_sha: onto, commit: simple_commit(&commit), made_at };
        let kept = change(&mut self.state(), (repo, base), entry.id, |entry| entry.group = Some(group.clone()));
        self.refs_moved(repo, vec![RefMove { name, old, new: Some(sha) }], actor).await?;
        let mut state = self.state();
        // If the entry left the queue meanwhile, its group was removed and announced already.
        let stays = kept && state.repo_by_id(repo).queued(entry.number).is_some();
        if stays {
            self.announce_group(&mut state, (repo, base), &group, "checks_requested", None);
        } else if !kept && let Some(queue) = state.repo_mut(repo).queues.get_mut(base) {
            queue.leftovers.push(group);
        }
        Ok(())
    }

    /// Moves the base to the last group of this many entries, and marks all of them as merged.
    async fn merge_front(
        self: &Arc<Self>,
        repo: Id,
        base: &str,
        git: &Repository,
        (count, old): (usize, String),
    ) -> Result<(), GitError> {
        let (heads, actor) = {
            let mut state = self.state();
            let actor = state.queue_actor();
            let front = (0..count).map_while(|place| entry_at(&state, (repo, base), place));
            let heads = front.map_while(|entry| Some((entry.number, entry.group?.head_sha)));
            (heads.collect::<Vec<(u64, String)>>(), actor)
        };
        // An entry left the queue between the look and now, so it looks again.
        let Some((_, new)) = heads.last().cloned().filter(|_| heads.len() == count) else { return Ok(()) };
        let name = branch_ref(base);
        git.swap_ref(&name, &new, &old).await?;
        {
            let mut state = self.state();
            for (number, sha) in &heads {
                self.leave_queue(&mut state, (repo, *number), actor, DequeueReason::Merge);
                self.merged(&mut state, (repo, *number), actor, sha);
            }
        }
        self.refs_moved(repo, vec![RefMove { name, old: Some(old), new: Some(new) }], actor).await?;
        for (number, _) in heads {
            self.tidy_up((repo, number), actor).await?;
        }
        Ok(())
    }
}

/// Looks at a queue. A queue that is over is removed.
fn look(state: &mut State, (repo, base): (Id, &str), tip: Option<&str>) -> Look {
    let (actor, now) = (state.queue_actor(), state.now());
    let found = state.repo_by_id(repo);
    let Some(queue) = found.queues.get(base) else { return Look::Over };
    let is_there = state.repos.contains_key(&repo);
    if !is_there || (queue.entries.is_empty() && queue.leftovers.is_empty()) {
        state.repo_mut(repo).queues.remove(base);
        return Look::Over;
    }
    let (Some(tip), Some((_, how))) = (tip, rules::queue::of(found, base)) else { return Look::Cleared };
    let seen = |entry: &QueueEntry| Seen {
        group: entry.group.as_ref().map(|group| Built {
            base: group.base_sha.clone(),
            head: group.head_sha.clone(),
            made_at: group.made_at,
            verdict: rules::queue::verdict(state, found, base, &group.head_sha),
        }),
        conflicts_with: entry.conflicts_with.clone(),
        enqueued_at: entry.enqueued_at,
        barred: !rules::queue::may_leave(state, found, &found.issues[&entry.number], actor),
    };
    let entries: Vec<Seen> = queue.entries.iter().map(seen).collect();
    Look::Step(next(tip, &entries, how, now), how.clone())
}

fn method(how: &MergeQueueParameters) -> MergeMethod {
    match how.merge_method.as_str() {
        "SQUASH" => MergeMethod::Squash,
        "REBASE" => MergeMethod::Rebase,
        _ => MergeMethod::Merge,
    }
}

fn entry_at(state: &State, (repo, base): (Id, &str), place: usize) -> Option<QueueEntry> {
    state.repo_by_id(repo).queues.get(base)?.entries.get(place).cloned()
}

fn numbers(state: &State, (repo, base): (Id, &str)) -> Vec<u64> {
    let queue = state.repo_by_id(repo).queues.get(base);
    queue.into_iter().flat_map(|queue| &queue.entries).map(|entry| entry.number).collect()
}

/// Changes an entry, if it is still in the queue.
fn change(state: &mut State, (repo, base): (Id, &str), id: Id, change: impl FnOnce(&mut QueueEntry)) -> bool {
    let queue = state.repo_mut(repo).queues.get_mut(base);
    let entry = queue.and_then(|queue| queue.entries.iter_mut().find(|entry| entry.id == id));
    entry.map(change).is_some()
}

/// Removes the groups of the entries from this index on, and returns them.
fn taken_groups(state: &mut State, (repo, base): (Id, &str), from: usize) -> Vec<Group> {
    let queue = state.repo_mut(repo).queues.get_mut(base);
    let entries = queue.into_iter().flat_map(|queue| queue.entries.iter_mut().skip(from));
    entries.filter_map(|entry| entry.group.take()).collect()
}
