-- How often an effect, or the reading of a delivery, was refused in a way that trying again seldom mends. Kept apart from the
-- attempts: what waits for a GitHub that is away may be tried for days, and a refusal is believed after a few times.
ALTER TABLE effects ADD COLUMN refusals integer NOT NULL DEFAULT 0 CHECK (refusals >= 0);
ALTER TABLE deliveries ADD COLUMN refusals integer NOT NULL DEFAULT 0 CHECK (refusals >= 0);
