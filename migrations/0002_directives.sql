-- Directives and what belongs to them. What the engine thinks with is the `state` column of each row, whole;
-- the other columns repeat the parts of it that are searched, joined, counted or must never be wrong.

CREATE TABLE directives (
    id                uuid        PRIMARY KEY,
    repo_id           bigint      NOT NULL,
    repo_name         text        NOT NULL,
    installation_id   bigint      NOT NULL,
    issue             bigint      NOT NULL,
    ordinal           integer     NOT NULL CHECK (ordinal > 0),
    status            text        NOT NULL
                                  CHECK (status IN ('draft', 'planning', 'active', 'paused', 'completed', 'failed', 'archived')),
    generation        integer     NOT NULL,
    state             jsonb       NOT NULL,
    -- The comment on the issue that is edited from its first writing on.
    status_comment_id bigint,
    created_at        timestamptz NOT NULL,
    ended_at          timestamptz,
    UNIQUE (repo_id, issue, ordinal)
);

-- At most one live directive an issue.
CREATE UNIQUE INDEX directives_live ON directives (repo_id, issue)
    WHERE status NOT IN ('completed', 'failed', 'archived');

CREATE TABLE steps (
    id           uuid    PRIMARY KEY,
    directive_id uuid    NOT NULL REFERENCES directives,
    generation   integer NOT NULL,
    position     integer NOT NULL,
    name         text    NOT NULL,
    kind         text    NOT NULL
                         CHECK (kind IN ('research', 'design', 'implement', 'test', 'review', 'document', 'final')),
    status       text    NOT NULL
                         CHECK (status IN ('pending', 'ready', 'running', 'evaluating', 'passed', 'rework', 'blocked', 'failed', 'skipped')),
    branch       text    NOT NULL,
    pull_number  bigint,
    head         text,
    state        jsonb   NOT NULL,
    UNIQUE (directive_id, generation, name)
);
CREATE INDEX steps_pull ON steps (pull_number) WHERE pull_number IS NOT NULL;

CREATE TABLE tasks (
    id           uuid        PRIMARY KEY,
    directive_id uuid        NOT NULL REFERENCES directives,
    number       integer     NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('plan', 'step', 'rework', 'judge')),
    step_id      uuid        REFERENCES steps DEFERRABLE INITIALLY DEFERRED,
    status       text        NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    attempt      integer     NOT NULL,
    cost_micros  bigint      NOT NULL DEFAULT 0 CHECK (cost_micros >= 0),
    started_at   timestamptz,
    finished_at  timestamptz,
    state        jsonb       NOT NULL,
    -- Kept by the worker, not by the engine: which agent ran, where its log is.
    agent        text,
    log_path     text,
    UNIQUE (directive_id, number)
);
-- Never two live tasks for one step; a judge looks on beside none.
CREATE UNIQUE INDEX tasks_live ON tasks (directive_id, coalesce(step_id, '00000000-0000-0000-0000-000000000000'))
    WHERE status IN ('queued', 'running');

CREATE TABLE approvals (
    id           uuid        PRIMARY KEY,
    directive_id uuid        NOT NULL REFERENCES directives,
    number       integer     NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('plan', 'step_review', 'step_blocked', 'final', 'budget')),
    step_id      uuid        REFERENCES steps DEFERRABLE INITIALLY DEFERRED,
    shown        text        NOT NULL,
    status       text        NOT NULL CHECK (status IN ('pending', 'approved', 'denied', 'stale', 'expired')),
    asked_at     timestamptz NOT NULL,
    answered_by  text,
    answered_at  timestamptz,
    state        jsonb       NOT NULL,
    UNIQUE (directive_id, number)
);

-- One row for each head that was proved. What commands found and what a model found stand apart.
CREATE TABLE evaluations (
    step_id    uuid        NOT NULL REFERENCES steps DEFERRABLE INITIALLY DEFERRED,
    head       text        NOT NULL,
    confidence text        NOT NULL CHECK (confidence IN ('green', 'yellow', 'red')),
    score      double precision CHECK (score BETWEEN 0 AND 1),
    results    jsonb       NOT NULL,
    judgement  jsonb,
    reasons    jsonb       NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (step_id, head)
);

-- The history: rows are added, never changed.
CREATE TABLE events (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    directive_id uuid        NOT NULL REFERENCES directives,
    at           timestamptz NOT NULL,
    name         text        NOT NULL,
    severity     text        NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
    actor_kind   text        NOT NULL CHECK (actor_kind IN ('user', 'agent', 'system')),
    actor_login  text,
    step_id      uuid,
    data         jsonb       NOT NULL,
    CHECK ((actor_kind = 'user') = (actor_login IS NOT NULL))
);
CREATE INDEX events_of_directive ON events (directive_id, id);

-- The outbox: what is to be done outside. The key says what is done, so that it is done once.
CREATE TABLE effects (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key          text        NOT NULL UNIQUE,
    directive_id uuid        REFERENCES directives,
    kind         text        NOT NULL,
    -- Agents and verifiers may take minutes: they have workers of their own.
    lane         text        NOT NULL CHECK (lane IN ('short', 'agent', 'verifier')),
    payload      jsonb       NOT NULL,
    status       text        NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'done', 'failed')),
    -- Grows each time the same is asked for again; an effect is done when the version that was claimed still is the newest.
    version      integer     NOT NULL DEFAULT 1,
    attempts     integer     NOT NULL DEFAULT 0,
    run_after    timestamptz NOT NULL DEFAULT now(),
    -- Drawn anew at each claim: a worker that comes late holds an old one, and is fenced off.
    lease        uuid,
    lease_until  timestamptz,
    error        text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    CHECK ((status = 'running') = (lease IS NOT NULL AND lease_until IS NOT NULL))
);
CREATE INDEX effects_open ON effects (lane, run_after) WHERE status IN ('queued', 'running');
