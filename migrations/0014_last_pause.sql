-- When a live directive was paused last is part of its state from version 2 on. Version 1 asked the history for it; here it is
-- taken from there once. A process of version 1 leaves the field out when it saves: then a label that was taken off while no
-- webhook arrived, and that a person overruled by `/resume`, may pause the directive once more.
UPDATE directives SET state = jsonb_set(directives.state, '{paused_at}', to_jsonb(pauses.newest))
    FROM (SELECT directive_id, max(at) AS newest FROM events WHERE name = 'directive_paused' GROUP BY directive_id) pauses
    WHERE pauses.directive_id = directives.id AND directives.status NOT IN ('completed', 'failed', 'archived');
