-- Deleting an account gives back what was charged to it: the sum of its amounts returns to its client's balance and
-- its statistics go, in the same transaction, whoever deletes it and however (docs/matching.md §8). Deleting
-- statistics alone gives nothing back.

CREATE FUNCTION identd.refund_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = identd, pg_catalog, pg_temp AS $$
BEGIN
    -- always in the order of ids, so that two deletes cannot wait for each other
    PERFORM FROM clients WHERE id IN (
        SELECT o.client_id FROM old_rows AS o JOIN account_statistics AS s ON s.account_id = o.id)
    ORDER BY id FOR NO KEY UPDATE;
    WITH gone AS (
        DELETE FROM account_statistics AS s USING old_rows AS o WHERE s.account_id = o.id
        RETURNING o.client_id, s.amount
    ), owed AS (
        SELECT client_id, sum(amount) AS amount FROM gone GROUP BY client_id HAVING sum(amount) <> 0
    )
    UPDATE clients AS c SET balance = c.balance + owed.amount FROM owed WHERE c.id = owed.client_id;
    RETURN NULL;
END $$;

-- A TRUNCATE of accounts reaches their statistics too (it has to say CASCADE); at this moment all rows are still
-- there.
CREATE FUNCTION identd.refund_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = identd, pg_catalog, pg_temp AS $$
BEGIN
    WITH owed AS (
        SELECT a.client_id, sum(s.amount) AS amount
        FROM account_statistics AS s JOIN accounts AS a ON a.id = s.account_id
        GROUP BY a.client_id HAVING sum(s.amount) <> 0
    )
    UPDATE clients AS c SET balance = c.balance + owed.amount FROM owed WHERE c.id = owed.client_id;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION identd.refund_deleted(), identd.refund_truncated() FROM PUBLIC;

CREATE TRIGGER refund_delete AFTER DELETE ON identd.accounts REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION identd.refund_deleted();
CREATE TRIGGER refund_truncate BEFORE TRUNCATE ON identd.accounts
    FOR EACH STATEMENT EXECUTE FUNCTION identd.refund_truncated();
