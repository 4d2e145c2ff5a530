-- What became of a score, written with the state that it follows from: what a green was worth can be counted.
ALTER TABLE evaluations
    ADD COLUMN outcome text CHECK (outcome IN ('merged', 'reworked', 'closed', 'reverted')),
    ADD COLUMN outcome_at timestamptz,
    -- The commit that a merge made: a revert names it.
    ADD COLUMN merge_commit text;
CREATE INDEX evaluations_merge_commit ON evaluations (merge_commit) WHERE merge_commit IS NOT NULL;
