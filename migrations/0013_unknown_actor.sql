-- GitHub does not always name who merged, closed or pushed. Such an event's actor is `unknown`, and was a user called `ghost`.
-- Rows that are there satisfy the old check, so that they need not be read.
ALTER TABLE events DROP CONSTRAINT events_actor_kind_check;
ALTER TABLE events ADD CONSTRAINT events_actor_kind_check
    CHECK (actor_kind IN ('user', 'agent', 'system', 'unknown')) NOT VALID;
