-- A further kind of question: may work begin in spite of what is wrong on the base commit?
ALTER TABLE approvals DROP CONSTRAINT approvals_kind_check;
ALTER TABLE approvals ADD CONSTRAINT approvals_kind_check
    CHECK (kind IN ('plan', 'step_review', 'step_blocked', 'final', 'budget', 'baseline'));

-- How the verifiers fared on a base commit, so that the next directive on it does not run them again.
CREATE TABLE baselines (
    repo_id  bigint      NOT NULL,
    base     text        NOT NULL,
    -- A digest of the commands.
    way      text        NOT NULL,
    report   jsonb       NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (repo_id, base, way)
);
