-- Signals for a directive that the process which had them could not read: a newer version wrote it, or its rows are damaged. What
-- they tell happened, and whoever reads the directive next applies them first, in this order.
CREATE TABLE waiting_signals (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    directive_id   uuid        NOT NULL REFERENCES directives,
    signal         jsonb       NOT NULL,
    signal_version integer     NOT NULL CHECK (signal_version > 0),
    -- Why it is not applied, where it cannot be read.
    error          text,
    created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX waiting_signals_of_directive ON waiting_signals (directive_id, id) WHERE error IS NULL;
