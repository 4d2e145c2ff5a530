-- What directives share: places for agents in an installation, and for pull requests that wait for a person in a
-- repository. Both are counted when tasks are claimed. A version that knows nothing of these columns leaves their defaults.

-- How many pull requests may wait for a person in the repository, as this directive's policy says.
ALTER TABLE directives ADD COLUMN open_pull_limit integer NOT NULL DEFAULT 5 CHECK (open_pull_limit > 0);
UPDATE directives SET open_pull_limit = (state #>> '{policy,limits,open_pull_requests}')::integer
    WHERE state #>> '{policy,limits,open_pull_requests}' IS NOT NULL;

-- Whether the step's pull request is there and not closed; and whether it is in proof, so that it may come to wait for a
-- person yet.
ALTER TABLE steps ADD COLUMN pull_open boolean NOT NULL DEFAULT false;
ALTER TABLE steps ADD COLUMN in_proof boolean NOT NULL DEFAULT false;
UPDATE steps SET pull_open = pull_number IS NOT NULL AND NOT coalesce((state #>> '{pull,closed}')::boolean, false);
UPDATE steps SET in_proof = pull_open AND status = 'evaluating' AND state ->> 'merge' = 'open';
CREATE INDEX steps_in_proof ON steps (directive_id) WHERE in_proof;

-- Whether the task will open a pull request, and whether people were told that it waits for a place.
ALTER TABLE tasks ADD COLUMN opens_pull boolean NOT NULL DEFAULT false;
ALTER TABLE tasks ADD COLUMN held boolean NOT NULL DEFAULT false;

ALTER TABLE approvals ADD COLUMN urgency text NOT NULL DEFAULT 'normal'
    CHECK (urgency IN ('low', 'normal', 'high', 'critical'));
ALTER TABLE approvals ADD COLUMN expires_at timestamptz;
CREATE INDEX approvals_waiting ON approvals (directive_id) WHERE status IN ('pending', 'expired');

-- The task that an effect runs.
ALTER TABLE effects ADD COLUMN task_id uuid;
UPDATE effects SET task_id = (payload #>> '{run_task,task}')::uuid WHERE kind = 'run_task';
