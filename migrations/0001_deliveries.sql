-- The inbox: every webhook delivery whose signature was good, exactly as it came.
--
-- A redelivery carries the same GUID, so the primary key is what makes receiving idempotent. The body stays
-- raw bytes: it is parsed after it is safe, and a body that does not parse is kept as evidence.
CREATE TABLE deliveries (
    guid            text        PRIMARY KEY,
    event           text        NOT NULL,
    action          text,
    installation_id bigint,
    hook_target     text,
    body            bytea       NOT NULL,
    status          text        NOT NULL DEFAULT 'received'
                                CHECK (status IN ('received', 'processing', 'processed', 'ignored', 'failed')),
    reason          text,
    attempts        integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    received_at     timestamptz NOT NULL DEFAULT now(),
    run_after       timestamptz NOT NULL DEFAULT now(),
    lease_until     timestamptz,
    processed_at    timestamptz,
    -- Work in hand has a lease, and only work in hand.
    CHECK ((status = 'processing') = (lease_until IS NOT NULL)),
    CHECK ((status IN ('processed', 'ignored', 'failed')) = (processed_at IS NOT NULL)),
    CHECK (status <> 'failed' OR reason IS NOT NULL)
);

-- Claiming reads the open deliveries in the order of their turn; the finished ones, soon the most, are not in it.
CREATE INDEX deliveries_open ON deliveries (run_after, received_at)
    WHERE status IN ('received', 'processing');
