-- Answers of the API to requests that carried an Idempotency-Key, for 24 hours: who sends such a request again gets the
-- same answer, and nothing is done twice. A row is written in the transaction of the change that it answers.

CREATE TABLE identd.api_requests (
    actor      text NOT NULL,               -- whose key: two programs may choose the same
    key        text NOT NULL,
    digest     bytea NOT NULL,              -- of the request, keyed with the caller's API key: console/api/idempotency.py
    xid        bigint NOT NULL,             -- the transaction of the change: what the daemon is asked about
    status     int,                         -- null only within that transaction
    headers    jsonb,
    body       bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, key),
    CONSTRAINT api_requests_key_has_1_to_255_characters CHECK (key ~ '^[!-~]{1,255}$'),
    CONSTRAINT api_requests_digest_has_32_bytes CHECK (octet_length(digest) = 32),
    CONSTRAINT api_requests_answer_is_whole CHECK (
        (status IS NULL) = (headers IS NULL) AND (status IS NULL) = (body IS NULL))
);
CREATE INDEX api_requests_by_age ON identd.api_requests (created_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON identd.api_requests TO identd_console;
