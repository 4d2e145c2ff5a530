-- Inbox and outbox are one kind of queue: a claim draws a lease, and how a row fared is counted in the same columns.
--
--   failures  how often in a row it was tried and put back: pauses grow with it
--   at_work   whether this program's own code handles it now; not while it waits for an agent or a verifier
--   crashes   how often in a row its process ended while it was at work on it
--   lapses    how often in a row its lease ran out, whatever was being done
--
-- A process from before these columns leaves their defaults, and is fenced by the attempt as ever.
ALTER TABLE effects
    ADD COLUMN failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    ADD COLUMN at_work  boolean NOT NULL DEFAULT false,
    ADD COLUMN crashes  integer NOT NULL DEFAULT 0 CHECK (crashes >= 0),
    ADD COLUMN lapses   integer NOT NULL DEFAULT 0 CHECK (lapses >= 0),
    -- Put away by an operator: it is not listed among what needs one.
    ADD COLUMN dropped  boolean NOT NULL DEFAULT false;
ALTER TABLE deliveries
    ADD COLUMN lease    uuid,
    ADD COLUMN failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    ADD COLUMN at_work  boolean NOT NULL DEFAULT false,
    ADD COLUMN crashes  integer NOT NULL DEFAULT 0 CHECK (crashes >= 0),
    ADD COLUMN lapses   integer NOT NULL DEFAULT 0 CHECK (lapses >= 0),
    ADD COLUMN dropped  boolean NOT NULL DEFAULT false,
    -- The version that it takes to handle it: it is about a directive that a newer version wrote.
    ADD COLUMN needs_version integer NOT NULL DEFAULT 1 CHECK (needs_version > 0);

-- What a directive may cost, for claims of its tasks; none where a version that does not know this column wrote it.
ALTER TABLE directives ADD COLUMN budget_micros bigint CHECK (budget_micros >= 0);
