-- A report whose draft was closed takes none of the repository's places for open pull requests. Version 1 counted it until its step
-- was saved again; here it is counted no more. In version 1 the hash of a report stood in the place of a commit.
UPDATE steps SET in_proof = false WHERE in_proof AND head = encode(sha256(convert_to(state ->> 'report', 'UTF8')), 'hex');
