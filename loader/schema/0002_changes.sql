-- How committed changes reach the daemon (docs/matching.md §8): every statement that changes what the daemon reads
-- records (transaction id, table, row id) and rings once. Nothing in a NOTIFY is trusted; identd.changes is the
-- truth.

CREATE TABLE identd.changes (
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    entity      text NOT NULL,              -- resellers, clients, gateways or accounts
    row_id      bigint,                     -- null: the table was truncated, every row may be gone
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX changes_xid ON identd.changes (xid);
-- The newest rows are the ones asked for, and a burst of them must not wait for the usual fifth of the table.
ALTER TABLE identd.changes SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- What has been pruned. Rows below `pruned_below` may be gone. `next_below` was the oldest transaction still
-- running a day before `next_at`: everything below it had ended by then, so whoever looked within that day has seen
-- it, however long its transaction was open. A reader whose last snapshot has an xmin below `pruned_below` has been
-- away too long and must read everything. The raise of `pruned_below` and the first delete are one transaction.
CREATE TABLE identd.changes_horizon (
    only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    pruned_below xid8 NOT NULL,
    next_below   xid8 NOT NULL,
    next_at      timestamptz NOT NULL,
    pruning      boolean NOT NULL DEFAULT false
);
INSERT INTO identd.changes_horizon (pruned_below, next_below, next_at)
VALUES ('0', pg_snapshot_xmin(pg_current_snapshot()), now() + interval '1 day');

CREATE FUNCTION identd.prune_changes(rows_max bigint) RETURNS void
LANGUAGE plpgsql SET search_path = identd, pg_catalog, pg_temp AS $$
DECLARE
    horizon changes_horizon;
    gone bigint;
BEGIN
    -- one writer prunes, the others do not wait for it
    SELECT * INTO horizon FROM changes_horizon
    WHERE pruning OR next_at <= clock_timestamp() FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF horizon.next_at <= clock_timestamp() THEN
        horizon.pruned_below := horizon.next_below;
        horizon.next_below := pg_snapshot_xmin(pg_current_snapshot());
        horizon.next_at := clock_timestamp() + interval '1 day';
    END IF;
    DELETE FROM changes WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM changes WHERE xid < horizon.pruned_below ORDER BY xid LIMIT rows_max));
    GET DIAGNOSTICS gone = ROW_COUNT;
    UPDATE changes_horizon SET pruned_below = horizon.pruned_below, next_below = horizon.next_below,
        next_at = horizon.next_at, pruning = gone >= rows_max;
EXCEPTION
    -- a writer in REPEATABLE READ met the pruning of another: its own work must not fail for our housekeeping
    WHEN serialization_failure THEN NULL;
END $$;

-- Arguments: the table whose rows the daemon reads again, and the column of the changed table that holds their id.
CREATE FUNCTION identd.record_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = identd, pg_catalog, pg_temp AS $$
DECLARE
    ids text;
    recorded bigint;
BEGIN
    ids := CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT DISTINCT %1$I FROM new_rows'
        WHEN 'UPDATE' THEN 'SELECT %1$I FROM old_rows UNION SELECT %1$I FROM new_rows'
        WHEN 'DELETE' THEN 'SELECT DISTINCT %1$I FROM old_rows'
        WHEN 'TRUNCATE' THEN 'SELECT NULL::bigint'
    END;
    EXECUTE 'INSERT INTO changes (entity, row_id) SELECT $1, id FROM (' || format(ids, TG_ARGV[1]) || ') AS ids (id)'
        USING TG_ARGV[0];
    GET DIAGNOSTICS recorded = ROW_COUNT;
    IF recorded = 0 THEN
        RETURN NULL;
    END IF;
    PERFORM pg_notify('identd', '');
    -- a look at one row for most statements; twice what was added, so that pruning always gets ahead
    IF EXISTS (SELECT FROM changes_horizon WHERE pruning OR next_at <= clock_timestamp()) THEN
        PERFORM prune_changes(greatest(2 * recorded, 1000));
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION identd.prune_changes(bigint), identd.record_changes() FROM PUBLIC;

DO $$
DECLARE
    watched record;
BEGIN
    FOR watched IN VALUES
        ('resellers', 'resellers', 'id'),
        ('clients', 'clients', 'id'),
        ('gateways', 'gateways', 'id'),
        ('accounts', 'accounts', 'id'),
        ('account_gateways', 'accounts', 'account_id')
    LOOP
        EXECUTE format('CREATE TRIGGER record_insert AFTER INSERT ON identd.%I REFERENCING NEW TABLE AS new_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION identd.record_changes(%L, %L)',
            watched.column1, watched.column2, watched.column3);
        EXECUTE format('CREATE TRIGGER record_update AFTER UPDATE ON identd.%I '
            'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION identd.record_changes(%L, %L)',
            watched.column1, watched.column2, watched.column3);
        EXECUTE format('CREATE TRIGGER record_delete AFTER DELETE ON identd.%I REFERENCING OLD TABLE AS old_rows '
            'FOR EACH STATEMENT EXECUTE FUNCTION identd.record_changes(%L, %L)',
            watched.column1, watched.column2, watched.column3);
        EXECUTE format('CREATE TRIGGER record_truncate AFTER TRUNCATE ON identd.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION identd.record_changes(%L, %L)',
            watched.column1, watched.column2, watched.column3);
    END LOOP;
END $$;
