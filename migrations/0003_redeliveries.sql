-- Deliveries that GitHub was asked to send again, so that none is asked for without end or by two processes at once.
CREATE TABLE redeliveries (
    guid     text        PRIMARY KEY,
    asks     integer     NOT NULL DEFAULT 1 CHECK (asks > 0),
    asked_at timestamptz NOT NULL DEFAULT now()
);
