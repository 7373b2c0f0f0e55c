-- Finding one account among a million: what pages of the console are sorted and searched by. Four indexes say most of
-- it; three tables hold what no index can (networks out of arrays, a client's name in the order of its accounts, how
-- many there are), written by triggers beside the accounts. The daemon reads none of it.

-- Part of a name is found by its trigrams. The extension is trusted since PostgreSQL 13: whoever may create in this
-- database may create it. Where it is already, it stays where it is.
DO $$
DECLARE
    home text;
BEGIN
    BEGIN
        CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA identd;
    EXCEPTION
        WHEN undefined_file OR feature_not_supported THEN
            RAISE EXCEPTION 'the extension pg_trgm is not there'
                USING ERRCODE = 'feature_not_supported',
                HINT = 'install the package of PostgreSQL''s contrib modules (postgresql-contrib), then run this again';
        WHEN insufficient_privilege THEN
            RAISE EXCEPTION 'the extension pg_trgm is missing and % may not create it', current_user
                USING ERRCODE = 'insufficient_privilege',
                HINT = 'CREATE EXTENSION pg_trgm; as the owner of this database, then run this again';
    END;
    SELECT n.nspname INTO home FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_trgm';
    EXECUTE format('CREATE INDEX accounts_texts ON identd.accounts USING gin '
        '(name %1$I.gin_trgm_ops, (coalesce(ident_name, ani)) %1$I.gin_trgm_ops)', home);
    EXECUTE format('CREATE INDEX clients_names ON identd.clients USING gin (name %1$I.gin_trgm_ops)', home);
END $$;

CREATE INDEX accounts_name ON identd.accounts (name, id);
-- byte order: then it also finds what begins with a prefix
CREATE INDEX accounts_tech_prefix ON identd.accounts (tech_prefix COLLATE "C", id);
CREATE INDEX accounts_orig_rate_table_id ON identd.accounts (orig_rate_table_id) WHERE orig_rate_table_id IS NOT NULL;
CREATE INDEX accounts_routing_plan_id ON identd.accounts (routing_plan_id) WHERE routing_plan_id IS NOT NULL;
CREATE INDEX accounts_term_rate_table_id ON identd.accounts (term_rate_table_id) WHERE term_rate_table_id IS NOT NULL;
CREATE INDEX accounts_orig_tags ON identd.accounts USING gin (orig_tags) WHERE orig_tags <> '{}';
CREATE INDEX accounts_term_tags ON identd.accounts USING gin (term_tags) WHERE term_tags <> '{}';
-- the rarer side of each
CREATE INDEX accounts_without_orig ON identd.accounts (id) WHERE NOT orig_enabled;
CREATE INDEX accounts_with_term ON identd.accounts (id) WHERE term_enabled;
CREATE INDEX accounts_blocked ON identd.accounts (id) WHERE status = 'blocked';
CREATE INDEX clients_client_type ON identd.clients (client_type);
CREATE INDEX clients_blocked ON identd.clients (id) WHERE status <> 'active';

-- The networks that the daemon matches with: one row each, masked, ::ffff:a.b.c.d unwrapped (docs/matching.md §2).
CREATE TABLE identd.account_networks (
    account_id bigint NOT NULL,
    network    cidr NOT NULL,
    PRIMARY KEY (account_id, network)
);
CREATE INDEX account_networks_network ON identd.account_networks USING gist (network inet_ops);

-- What accounts are sorted by and is in no column of theirs: an index over this is read without the table.
CREATE TABLE identd.account_order (
    account_id  bigint PRIMARY KEY,
    client_id   bigint NOT NULL,
    client_name text NOT NULL,
    ident_by    text NOT NULL,
    address     inet,                       -- the first of `ip`
    ident       text                        -- the name, or the ANI
);
CREATE INDEX account_order_client_name ON identd.account_order (client_name, account_id);
CREATE INDEX account_order_ident ON identd.account_order (ident_by, address, ident, account_id);

-- How many accounts there are: the sum. Every statement that adds or removes some writes a row of its own, so that no
-- writer waits for another; now and then one writer adds up what it finds.
CREATE TABLE identd.account_totals (
    change bigint NOT NULL
);
ALTER TABLE identd.account_totals SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE FUNCTION identd.canonical_network(written inet) RETURNS cidr
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN family(written) = 6 AND masklen(written) >= 96 AND written <<= '::ffff:0:0/96'
        THEN network(set_masklen('0.0.0.0'::inet + (written - '::ffff:0:0'::inet), masklen(written) - 96))
        ELSE network(written) END
$$;

-- All three anew, from the accounts: at the start, and after rows were written past the triggers
-- (session_replication_role = replica).
CREATE FUNCTION identd.refill_search() RETURNS void
LANGUAGE sql SET search_path = identd, pg_catalog, pg_temp AS $$
    LOCK accounts, clients IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM account_networks;
    INSERT INTO account_networks SELECT DISTINCT id, canonical_network(written) FROM accounts, unnest(ip) AS written;
    DELETE FROM account_order;
    INSERT INTO account_order SELECT a.id, a.client_id, c.name, a.ident_by, a.ip[1], coalesce(a.ident_name, a.ani)
    FROM accounts AS a JOIN clients AS c ON c.id = a.client_id;
    DELETE FROM account_totals;
    INSERT INTO account_totals SELECT count(*) FROM accounts;
$$;

-- Statements that join the changed rows are planned anew each time (EXECUTE): a plan made for one row would be kept
-- for a hundred thousand, and the other way round. What has changed is found by EXCEPT, whose cost is never a square.
CREATE FUNCTION identd.follow_accounts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = identd, pg_catalog, pg_temp AS $$
DECLARE
    gone text := 'old_rows';
    come text := 'new_rows';
    added bigint := 0;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        TRUNCATE account_networks, account_order;
        DELETE FROM account_totals;
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        -- most updates touch nothing that is kept here
        IF NOT EXISTS (
            SELECT id, client_id, ident_by, ip, ident_name, ani FROM old_rows
            EXCEPT SELECT id, client_id, ident_by, ip, ident_name, ani FROM new_rows)
        THEN
            RETURN NULL;
        END IF;
        gone := '(SELECT id, client_id, ident_by, ip, ident_name, ani FROM old_rows '
            'EXCEPT SELECT id, client_id, ident_by, ip, ident_name, ani FROM new_rows)';
        come := '(SELECT id, client_id, ident_by, ip, ident_name, ani FROM new_rows '
            'EXCEPT SELECT id, client_id, ident_by, ip, ident_name, ani FROM old_rows)';
    END IF;
    IF TG_OP = 'UPDATE' AND current_setting('transaction_isolation') = 'read committed' THEN
        -- As the foreign key does for a client that an account has newly: whoever renames one of these clients now
        -- waits for us, or we for them, and then the name below is the new one. Before anything else is locked, or
        -- both would wait. With a snapshot that stays, the name would be the old one all the same, and the lock an
        -- error wherever billing has written a balance since.
        EXECUTE 'SELECT FROM clients WHERE id IN (SELECT client_id FROM ' || come || ' AS r) '
            'ORDER BY id FOR KEY SHARE';
    END IF;
    IF TG_OP <> 'INSERT' THEN
        EXECUTE 'DELETE FROM account_networks AS n USING ' || gone || ' AS o WHERE n.account_id = o.id';
        EXECUTE 'DELETE FROM account_order AS s USING ' || gone || ' AS o WHERE s.account_id = o.id';
        GET DIAGNOSTICS added = ROW_COUNT;
        added := -added;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        EXECUTE 'INSERT INTO account_networks SELECT DISTINCT r.id, canonical_network(written) '
            'FROM ' || come || ' AS r, unnest(r.ip) AS written';
        EXECUTE 'INSERT INTO account_order '
            'SELECT r.id, r.client_id, c.name, r.ident_by, r.ip[1], coalesce(r.ident_name, r.ani) '
            'FROM ' || come || ' AS r JOIN clients AS c ON c.id = r.client_id';
    END IF;
    IF TG_OP = 'INSERT' THEN
        SELECT count(*) INTO added FROM new_rows;
    END IF;
    IF TG_OP <> 'UPDATE' AND added <> 0 THEN
        INSERT INTO account_totals VALUES (added);
        -- at random: asking each time how many rows there are would cost more than they do
        IF random() < 0.01 THEN
            PERFORM sum_account_totals();
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION identd.sum_account_totals() RETURNS void
LANGUAGE plpgsql SET search_path = identd, pg_catalog, pg_temp AS $$
BEGIN
    -- whoever reads meanwhile sees all of the rows that go, or the one that comes
    WITH gone AS (
        DELETE FROM account_totals
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM account_totals FOR UPDATE SKIP LOCKED)) RETURNING change
    )
    INSERT INTO account_totals SELECT sum(change) FROM gone HAVING count(*) > 0;
EXCEPTION
    -- a writer in REPEATABLE READ met the sum of another: its own work must not fail for our housekeeping
    WHEN serialization_failure THEN NULL;
END $$;

-- A client that is renamed moves all its accounts in that order. Its name is unique, so a new one locks the row against
-- KEY SHARE too: every writer of an account of this client has ended before the new name stood, or waits until it is
-- committed.
CREATE FUNCTION identd.follow_clients() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = identd, pg_catalog, pg_temp AS $$
BEGIN
    -- both say which client: an account that moves to another at this moment keeps the name of that one
    UPDATE account_order AS s SET client_name = NEW.name
    FROM accounts AS a WHERE a.client_id = NEW.id AND s.account_id = a.id AND s.client_id = NEW.id;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION identd.refill_search(), identd.follow_accounts(), identd.sum_account_totals(),
    identd.follow_clients() FROM PUBLIC;

SELECT identd.refill_search();

CREATE TRIGGER search_insert AFTER INSERT ON identd.accounts REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION identd.follow_accounts();
CREATE TRIGGER search_update AFTER UPDATE ON identd.accounts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION identd.follow_accounts();
CREATE TRIGGER search_delete AFTER DELETE ON identd.accounts REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION identd.follow_accounts();
CREATE TRIGGER search_truncate AFTER TRUNCATE ON identd.accounts
    FOR EACH STATEMENT EXECUTE FUNCTION identd.follow_accounts();
-- by row: billing writes balances all day, and they must not pay for names
CREATE TRIGGER search_update AFTER UPDATE OF name ON identd.clients
    FOR EACH ROW WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION identd.follow_clients();

ANALYZE identd.accounts, identd.clients, identd.account_networks, identd.account_order;

GRANT SELECT ON identd.account_networks, identd.account_order, identd.account_totals TO identd_console;
-- imports give out ids themselves: a sealed password is bound to one
GRANT USAGE ON SEQUENCE identd.accounts_id_seq TO identd_console;
