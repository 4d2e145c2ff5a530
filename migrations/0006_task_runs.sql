-- How the newest run of a task's agent ended, and the tokens of all its runs, as the agent counted them.
ALTER TABLE tasks
    ADD COLUMN exit          text,
    ADD COLUMN input_tokens  bigint NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    ADD COLUMN output_tokens bigint NOT NULL DEFAULT 0 CHECK (output_tokens >= 0);
