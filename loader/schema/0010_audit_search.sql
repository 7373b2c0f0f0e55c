-- Reading the audit log when it has millions of rows: newest first, whatever is asked for. The order is time and id
-- together, so that a page of any day begins in the middle of an index. What no index over the log can hold, which
-- client a row was about, stands in a table that a trigger writes beside it; the log itself stays as it is.

CREATE INDEX audit_log_at_id ON identd.audit_log (at, id);
CREATE INDEX audit_log_actor ON identd.audit_log (actor, at, id);
CREATE INDEX audit_log_action ON identd.audit_log (action, at, id);
CREATE INDEX audit_log_entity_at ON identd.audit_log (entity, at, id);
CREATE INDEX audit_log_row ON identd.audit_log (entity, entity_id, at, id);
-- the last two begin as the old ones do
DROP INDEX identd.audit_log_at, identd.audit_log_entity;
-- what is deleted is asked for by the name that it had
CREATE INDEX audit_log_deleted_name ON identd.audit_log (entity, (before ->> 'name'), at)
    WHERE action = 'delete' AND entity IN ('clients', 'accounts');

-- Whose history a row belongs to: the client's own rows, and those of an account while it was this client's. A row
-- that moves an account belongs to both.
CREATE TABLE identd.audit_clients (
    client_id bigint NOT NULL,
    at        timestamptz NOT NULL,
    audit_id  bigint NOT NULL,
    PRIMARY KEY (audit_id, client_id)
);
-- both ways: a client's newest, and whether a rare entry is this client's
CREATE INDEX audit_clients_newest ON identd.audit_clients (client_id, at, audit_id);

-- The client that an account's row names; null where it names none. Rows written by hand may hold anything.
CREATE FUNCTION identd.audited_client(row_value jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN row_value ->> 'client_id' ~ '^[1-9][0-9]{0,17}$' THEN (row_value ->> 'client_id')::bigint END
$$;

-- The client to whom an account belongs, or did when it was deleted. The bindings and the statistics of an account go
-- with it, when its own row is gone already: then the last row of its history that names a client says whose it was.
CREATE FUNCTION identd.client_of_account(account bigint) RETURNS bigint
LANGUAGE sql STABLE SET search_path = identd, pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT client_id FROM accounts WHERE id = account), (
        SELECT coalesce(audited_client(after), audited_client(before)) FROM audit_log
        WHERE entity = 'accounts' AND entity_id = account AND (after ? 'client_id' OR before ? 'client_id')
        ORDER BY at DESC, id DESC LIMIT 1))
$$;

CREATE FUNCTION identd.record_audit_clients() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = identd, pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO audit_clients
    SELECT client_id, at, id FROM (
        SELECT entity_id AS client_id, at, id FROM new_rows WHERE entity = 'clients'
        UNION ALL SELECT audited_client(before), at, id FROM new_rows WHERE entity = 'accounts'
        UNION ALL SELECT audited_client(after), at, id FROM new_rows WHERE entity = 'accounts'
        UNION ALL
        SELECT coalesce(a.client_id, client_of_account(n.entity_id)), n.at, n.id
        FROM new_rows AS n LEFT JOIN accounts AS a ON a.id = n.entity_id
        WHERE n.entity IN ('account_gateways', 'account_statistics', 'calls')
            OR n.entity = 'accounts' AND (n.before ? 'client_id' OR n.after ? 'client_id') IS NOT TRUE
    ) AS found WHERE client_id IS NOT NULL
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION identd.record_audit_clients(), identd.client_of_account(bigint) FROM PUBLIC;

-- What happened before this table was there: an account that has moved since counts as its client's of today.
INSERT INTO identd.audit_clients
SELECT client_id, at, id FROM (
    SELECT entity_id AS client_id, at, id FROM identd.audit_log WHERE entity = 'clients'
    UNION ALL SELECT identd.audited_client(before), at, id FROM identd.audit_log WHERE entity = 'accounts'
    UNION ALL SELECT identd.audited_client(after), at, id FROM identd.audit_log WHERE entity = 'accounts'
    UNION ALL
    SELECT coalesce(a.client_id, identd.client_of_account(n.entity_id)), n.at, n.id
    FROM identd.audit_log AS n LEFT JOIN identd.accounts AS a ON a.id = n.entity_id
    WHERE n.entity IN ('account_gateways', 'account_statistics', 'calls')
        OR n.entity = 'accounts' AND (n.before ? 'client_id' OR n.after ? 'client_id') IS NOT TRUE
) AS found WHERE client_id IS NOT NULL
ON CONFLICT DO NOTHING;

CREATE TRIGGER record_clients AFTER INSERT ON identd.audit_log REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION identd.record_audit_clients();

GRANT SELECT ON identd.audit_clients TO identd_console;
