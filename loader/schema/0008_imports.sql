-- Imports of CSV files between their dry run and their end: what each line would do, for people, and for as long as
-- it may still be written, for us. The file itself is not kept. Nothing of it is an account; nothing of it is
-- audited, what it writes is. A day later it is gone.

CREATE TABLE identd.imports (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner           text NOT NULL,              -- the actor; nobody else sees it
    file_name       text NOT NULL,
    update_existing boolean NOT NULL,           -- a line without an id may change the account of its client and name
    state           text NOT NULL DEFAULT 'checking',
    created_at      timestamptz NOT NULL DEFAULT now(),
    heartbeat_at    timestamptz NOT NULL DEFAULT now(),     -- while checking or writing, about each second
    lines           int NOT NULL DEFAULT 0,     -- records of the file, as far as they were read
    progress        float8 NOT NULL DEFAULT 0,  -- of checking or writing, 0 to 1
    creates         int NOT NULL DEFAULT 0,
    changes         int NOT NULL DEFAULT 0,
    same            int NOT NULL DEFAULT 0,
    errors          int NOT NULL DEFAULT 0,
    notice          text NOT NULL DEFAULT '',   -- a sentence for its owner about how it went
    xid             bigint,                     -- the transaction that wrote it
    CONSTRAINT imports_state_is_known CHECK (
        state IN ('checking', 'errors', 'checked', 'writing', 'done', 'failed', 'discarded')),
    CONSTRAINT imports_file_name_has_at_most_255_bytes CHECK (octet_length(file_name) <= 255)
);
CREATE UNIQUE INDEX imports_one_at_a_time_for_an_owner ON identd.imports (owner) WHERE state IN ('checking', 'writing');

CREATE TABLE identd.import_lines (
    import_id  bigint NOT NULL REFERENCES identd.imports ON DELETE CASCADE,
    line       int NOT NULL,                -- of the file; 1 names the columns
    outcome    text NOT NULL,
    account_id bigint,                      -- of what it changes
    account    text NOT NULL,               -- client and name, as far as they could be read
    details    jsonb NOT NULL,              -- creates, changes: [[field, before, after], …]; error: [[field, sentence], …]
    PRIMARY KEY (import_id, line),
    CONSTRAINT import_lines_outcome_is_known CHECK (outcome IN ('creates', 'changes', 'same', 'error'))
);

-- What is to be written, some hundred lines in each: console/transfer/planned.py. There may be passwords in it, so it is
-- sealed under the credentials key; without a key no password gets here.
CREATE TABLE identd.import_parts (
    import_id bigint NOT NULL REFERENCES identd.imports ON DELETE CASCADE,
    part      int NOT NULL,
    lines     bytea NOT NULL,
    PRIMARY KEY (import_id, part)
);
ALTER TABLE identd.import_parts ALTER COLUMN lines SET STORAGE EXTERNAL;   -- what is sealed does not compress

-- Nobody works on it any more: a console says each second that it does, and a database may have a bad moment.
CREATE FUNCTION identd.import_is_silent(i identd.imports) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT i.state IN ('checking', 'writing') AND i.heartbeat_at < now() - interval '30 s'
$$;

CREATE FUNCTION identd.import_is_kept(i identd.imports) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT i.created_at > now() - interval '1 day'
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON identd.imports, identd.import_lines, identd.import_parts TO identd_console;
