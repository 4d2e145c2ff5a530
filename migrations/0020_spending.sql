-- What agents' requests to models cost. Amounts are in units of 10^-12 US dollars: a token costs a few thousand.

-- A run of an agent that reaches a model through the gateway. What is granted and not booked yet is set aside: nobody else
-- can spend it. When the engine counts the run's cost, the run is booked.
CREATE TABLE model_runs (
    run             uuid        PRIMARY KEY,
    task_id         uuid        NOT NULL,
    directive_id    uuid        NOT NULL,
    repo_id         bigint      NOT NULL,
    installation_id bigint      NOT NULL,
    agent           text        NOT NULL,
    started_at      timestamptz NOT NULL DEFAULT now(),
    granted         bigint      NOT NULL DEFAULT 0 CHECK (granted >= 0),
    spent           bigint      NOT NULL DEFAULT 0 CHECK (spent >= 0),
    ended           boolean     NOT NULL DEFAULT false,
    booked          boolean     NOT NULL DEFAULT false
);
CREATE INDEX model_runs_task ON model_runs (task_id) WHERE NOT booked;
CREATE INDEX model_runs_directive ON model_runs (directive_id);
CREATE INDEX model_runs_day ON model_runs (installation_id, started_at);

-- A line for every request.
CREATE TABLE model_requests (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run            uuid        NOT NULL REFERENCES model_runs ON DELETE CASCADE,
    at             timestamptz NOT NULL,
    provider       text        NOT NULL,
    api            text        NOT NULL,
    model          text        NOT NULL,
    ending         text        NOT NULL,
    status         smallint    NOT NULL,
    input          bigint      NOT NULL,
    cache_read     bigint      NOT NULL,
    cache_write    bigint      NOT NULL,
    output         bigint      NOT NULL,
    searches       bigint      NOT NULL,
    -- Null where the model has no price.
    cost           bigint,
    -- Whether tokens and cost are an upper bound.
    bound          boolean     NOT NULL,
    millis         bigint      NOT NULL
);
CREATE INDEX model_requests_run ON model_requests (run);
CREATE INDEX model_requests_at ON model_requests (at);
