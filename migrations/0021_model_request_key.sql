-- An entry that is written again after its answer was lost is counted once.
ALTER TABLE model_requests ADD COLUMN key uuid;
CREATE UNIQUE INDEX model_requests_key ON model_requests (key);
