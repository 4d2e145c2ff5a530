//! Claims runs of agents, within the limits that directives share.
//!
//! Two limits hold across directives: the agents of an installation, and the pull requests of a repository that wait
//! for a person. Claimers take turns (an advisory lock for one short transaction), count, and claim what fits, so that
//! two processes never take the same slot. Tasks that do not fit stay queued and are skipped; they delay no other work.
//!
//! A pull request takes a slot while a question about it waits for a person. An agent whose step has no pull request
//! yet holds a slot for it, and the verification of its work keeps that slot. Otherwise the next agent would begin
//! before it is known whether this pull request will wait. A rework takes no slot, because it follows an answer and
//! opens no pull request.
//!
//! An agent whose provider wants to be left alone ([`Store::pause_agent`]) starts no task anywhere until that time.
//!
//! Every claim checks whether the directive is paused and whether its budget is used up, also for a task that ran
//! before and whose lease lapsed. Such a task waits until the directive goes on.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::PgConnection;

use super::rows::{ClaimedRow, Claims, read_all};
use crate::store::agents::kind;
use crate::store::{Store, StoreError};
use adjutant_domain::ids::{DirectiveId, TaskId};
use adjutant_domain::task::{AgentPause, CapacityLimit, QueueReason};

/// The key of the advisory lock that serialises claimers of tasks.
const TURN: i64 = 0x0061_646a_7461_736b;
/// How many more tasks than `limit` are read in one turn.
const BEYOND: i64 = 100;

/// A task that is due and has to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldTask {
    pub directive: DirectiveId,
    pub task: TaskId,
    pub held: Wait,
}

/// What a task waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    Capacity(QueueReason),
    Agent(AgentPause),
}

struct Candidate {
    id: i64,
    directive: DirectiveId,
    task: Option<TaskId>,
    installation: i64,
    repo: i64,
    /// False for a task that was cancelled, whose row only has to be closed.
    live: bool,
    opens_pull: bool,
    told: bool,
    open_pull_limit: i64,
    agents: i64,
    pulls: i64,
    pause: Option<AgentPause>,
}

impl Store {
    /// Claims up to `limit` runs of agents that are due or whose lease lapsed, and for which there is a slot. An
    /// installation has `per_installation` slots.
    pub(super) async fn claim_tasks(
        &self,
        limit: i64,
        lease: Duration,
        in_hand: &[i64],
        per_installation: u32,
    ) -> Result<Claims, StoreError> {
        let mut tx = self.pool().begin().await?;
        sqlx::query!("SELECT pg_advisory_xact_lock($1)", TURN).execute(&mut *tx).await?;
        let own = (self.version, self.default_agent.as_deref());
        // A separate statement, because its snapshot must begin after the lock was obtained.
        let candidates = candidates(&mut tx, in_hand, per_installation, own, limit.saturating_add(BEYOND)).await?;
        let (ids, held) = choose(candidates, limit, per_installation);
        let taken = if ids.is_empty() { Vec::new() } else { take(&mut tx, &ids, lease).await? };
        tx.commit().await?;
        Ok(read_all(taken, held))
    }
}

/// The tasks that are due: first those that seem to have a slot, then those whose waiting was not reported yet.
async fn candidates(
    connection: &mut PgConnection,
    in_hand: &[i64],
    per_installation: u32,
    (version, default_agent): (i32, Option<&str>),
    most: i64,
) -> Result<Vec<Candidate>, StoreError> {
    let rows = sqlx::query!(
        r#"WITH at_work AS (
             SELECT d.installation_id, d.repo_id, coalesce(t.opens_pull, false) AS opens_pull
             FROM effects e JOIN directives d ON d.id = e.directive_id LEFT JOIN tasks t ON t.id = e.task_id
             WHERE e.lane = 'agent' AND e.status = 'running'
                   AND (e.lease_until >= now() OR e.id = ANY($3))),
           agents AS (SELECT installation_id, count(*) AS taken FROM at_work GROUP BY installation_id),
           pulls AS (
             SELECT repo_id, sum(places) AS taken FROM (
               SELECT repo_id, count(*) AS places FROM at_work WHERE opens_pull GROUP BY repo_id
               UNION ALL
               SELECT repo_id, count(*) FROM (
                 SELECT d.repo_id, s.id FROM approvals a
                 JOIN steps s ON s.id = a.step_id JOIN directives d ON d.id = a.directive_id
                 WHERE a.status IN ('pending', 'expired') AND s.pull_open
                 UNION
                 SELECT d.repo_id, s.id FROM steps s JOIN directives d ON d.id = s.directive_id
                 WHERE s.in_proof AND s.generation = d.generation
                       AND d.status NOT IN ('completed', 'failed', 'archived')) AS undecided
               GROUP BY repo_id) AS places
             GROUP BY repo_id),
           due AS (
             SELECT e.id, e.run_after, e.directive_id, e.task_id, d.installation_id, d.repo_id,
                    d.open_pull_limit::bigint AS open_pull_limit,
                    coalesce(t.status IN ('queued', 'running'), true) AS live,
                    coalesce(t.opens_pull, false) AS opens_pull, p.agent AS paused_agent, p.why AS paused_why,
                    p.until AS paused_until,
                    CASE WHEN p.until IS NULL THEN coalesce(t.held, true)
                         ELSE t.id IS NULL OR t.paused_until IS NOT DISTINCT FROM p.until END AS told,
                    coalesce(agents.taken, 0) AS agents, coalesce(pulls.taken, 0)::bigint AS pulls
             FROM effects e JOIN directives d ON d.id = e.directive_id LEFT JOIN tasks t ON t.id = e.task_id
             LEFT JOIN agents ON agents.installation_id = d.installation_id
             LEFT JOIN pulls ON pulls.repo_id = d.repo_id
             LEFT JOIN agent_pauses p ON p.agent = coalesce(t.wanted_agent, $5) AND p.until > now()
             WHERE e.lane = 'agent' AND e.id <> ALL($3) AND e.status = 'queued' AND e.run_after <= now()
                   AND e.payload_version <= $4 AND d.state_version <= $4
                   -- The shell of a task that was called off is taken whatever holds.
                   AND (coalesce(t.status NOT IN ('queued', 'running'), false)
                        OR (d.status <> 'paused'
                            AND (d.budget_micros IS NULL OR d.budget_micros > (
                                SELECT coalesce(sum(paid.cost_micros), 0) FROM tasks paid WHERE paid.directive_id = d.id))))),
           seen AS (
             SELECT *, NOT live OR (paused_until IS NULL AND agents < $1 AND (NOT opens_pull OR pulls < open_pull_limit)) AS fits
             FROM due)
           SELECT id AS "id!", directive_id AS "directive_id!", task_id, installation_id AS "installation_id!",
                  repo_id AS "repo_id!", open_pull_limit AS "open_pull_limit!", live AS "live!",
                  opens_pull AS "opens_pull!", told AS "told!", agents AS "agents!", pulls AS "pulls!",
                  paused_agent AS "paused_agent?", paused_why AS "paused_why?", paused_until AS "paused_until?"
           FROM seen WHERE fits OR NOT told ORDER BY fits DESC, run_after, id LIMIT $2"#,
        i64::from(per_installation),
        most,
        in_hand,
        version,
        default_agent,
    )
    .fetch_all(connection)
    .await?;
    let candidates = rows.into_iter().map(|row| Candidate {
        id: row.id,
        directive: DirectiveId(row.directive_id),
        task: row.task_id.map(TaskId),
        installation: row.installation_id,
        repo: row.repo_id,
        live: row.live,
        opens_pull: row.opens_pull,
        told: row.told,
        open_pull_limit: row.open_pull_limit,
        agents: row.agents,
        pulls: row.pulls,
        pause: match (row.paused_agent, row.paused_why, row.paused_until) {
            (Some(agent), Some(why), Some(until)) => Some(AgentPause { agent, why: kind(&why), until }),
            _ => None,
        },
    });
    Ok(candidates.collect())
}

/// Chooses what fits, the oldest first, each slot once.
fn choose(candidates: Vec<Candidate>, limit: i64, per_installation: u32) -> (Vec<i64>, Vec<HeldTask>) {
    let (mut agents, mut pulls) = (HashMap::new(), HashMap::new());
    let (mut taken, mut held) = (Vec::new(), Vec::new());
    let room = usize::try_from(limit).unwrap_or(0);
    for candidate in candidates {
        if let (Some(pause), true) = (candidate.pause, candidate.live) {
            if let (Some(task), false) = (candidate.task, candidate.told) {
                held.push(HeldTask { directive: candidate.directive, task, held: Wait::Agent(pause) });
            }
            continue;
        }
        let agents = agents.entry(candidate.installation).or_insert(candidate.agents);
        let pulls = pulls.entry(candidate.repo).or_insert(candidate.pulls);
        let full = if !candidate.live {
            None
        } else if candidate.opens_pull && *pulls >= candidate.open_pull_limit {
            Some((CapacityLimit::OpenPulls, candidate.open_pull_limit, *pulls))
        } else if *agents >= i64::from(per_installation) {
            Some((CapacityLimit::Installation, i64::from(per_installation), *agents))
        } else {
            None
        };
        match (full, candidate.task) {
            (Some((by, limit, taken)), Some(task)) if !candidate.told => {
                let full = QueueReason { by, limit: small(limit), taken: small(taken) };
                held.push(HeldTask { directive: candidate.directive, task, held: Wait::Capacity(full) });
            }
            (None, _) if taken.len() < room => {
                taken.push(candidate.id);
                *agents += i64::from(candidate.live);
                *pulls += i64::from(candidate.live && candidate.opens_pull);
            }
            _ => {}
        }
    }
    (taken, held)
}

async fn take(connection: &mut PgConnection, ids: &[i64], lease: Duration) -> Result<Vec<ClaimedRow>, StoreError> {
    let rows = sqlx::query_as!(
        ClaimedRow,
        r#"UPDATE effects SET status = 'running', attempts = attempts + 1, lease = gen_random_uuid(),
             lease_until = now() + make_interval(secs => $2)
         WHERE id = ANY($1) AND status = 'queued' AND run_after <= now()
         RETURNING id, directive_id, key, kind, task_id, payload, payload_version, attempts, failures, refusals, crashes,
                   lapses, lease AS "lease!", version"#,
        ids,
        lease.as_secs_f64(),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
