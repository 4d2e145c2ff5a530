-- Agents whose providers want to be left alone for a time. While one is there, no process claims a task of that agent.
CREATE TABLE agent_pauses (
    agent      text        PRIMARY KEY,
    why        text        NOT NULL,
    until      timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The agent that the policy names for a task, none where it is the operator's default; and the pause that people were told of.
-- A version that knows nothing of these columns leaves them empty.
ALTER TABLE tasks ADD COLUMN wanted_agent text;
ALTER TABLE tasks ADD COLUMN paused_until timestamptz;
