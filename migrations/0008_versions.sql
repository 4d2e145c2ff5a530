-- Which version of the program's persisted types the JSON of a row has. A process reads its own version and every older one, and
-- leaves rows of a newer one alone.
--
-- The version of a directive holds for its row and for those of its steps, tasks and approvals: whoever brings it to another
-- version writes all of them. A process from before these columns leaves the default, which is the version that it writes.
ALTER TABLE directives ADD COLUMN state_version integer NOT NULL DEFAULT 1 CHECK (state_version > 0);
ALTER TABLE effects ADD COLUMN payload_version integer NOT NULL DEFAULT 1 CHECK (payload_version > 0);
