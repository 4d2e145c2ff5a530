-- Which process is at work on a row, and with which the row last crashed: of several rows that were at work in a process that ended,
-- none can be blamed.
ALTER TABLE effects
    ADD COLUMN worker       text,
    ADD COLUMN crashed_with text;
ALTER TABLE deliveries
    ADD COLUMN worker       text,
    ADD COLUMN crashed_with text;
