-- Least privilege. Both roles may log in and have no password: by password nobody can be them until the operator
-- sets one (ALTER ROLE identd_reader PASSWORD '…'); on a Unix socket pg_hba.conf decides. Roles belong to the whole
-- cluster: where they are there already, their attributes are left as the operator made them.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['identd_reader', 'identd_console'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT', wanted);
            EXCEPTION
                -- another database of the cluster is being set up at the same moment
                WHEN duplicate_object OR unique_violation THEN NULL;
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'the role % is missing and % may not create it', wanted, current_user
                        USING ERRCODE = 'insufficient_privilege',
                        HINT = format('CREATE ROLE %I LOGIN; as a role with CREATEROLE, then run this again', wanted);
            END;
        END IF;
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA identd TO identd_reader, identd_console;

-- The daemon: what decides about calls, and where changes are found. No name of a rate table, no audit, no
-- statistics.
GRANT SELECT ON identd.resellers, identd.clients, identd.gateways, identd.accounts, identd.account_gateways,
    identd.changes, identd.changes_horizon, identd.migrations TO identd_reader;

-- The console: edits what operators edit; statistics and the audit log are history to it.
GRANT SELECT, INSERT, UPDATE, DELETE ON identd.resellers, identd.clients, identd.rate_tables, identd.routing_plans,
    identd.gateways, identd.accounts, identd.account_gateways TO identd_console;
GRANT SELECT ON identd.account_statistics, identd.migrations TO identd_console;
GRANT SELECT, INSERT ON identd.audit_log TO identd_console;
