-- The sample that `bin/demo` asks about: the accounts of the article (Rose orig, Rose term) and one of every kind that
-- a rule is about. Addresses are those reserved for documentation (RFC 5737, RFC 3849), except the article's own.

INSERT INTO identd.rate_tables (id, name) VALUES
    (5, 'RT ORIG - Rose'), (6, 'RT Retail'), (7, 'RT TERM - Vendors');
INSERT INTO identd.routing_plans (id, name) VALUES
    (3, 'DR: Complex LCR'), (4, 'DR: Cheapest');

INSERT INTO identd.gateways (id, name, ident_order, trusts_name, on_ambiguous) VALUES
    (1, 'GW Calls',  '{name,ip,ani}', false, 'first'),
    (2, 'GW Trunks', '{name,ip,ani}', true,  'first'),   -- vouches for every name that it sends
    (3, 'GW Strict', '{name,ip,ani}', false, 'refuse'),  -- will not guess between two clients
    (4, 'GW Calling Card', '{ani}',   false, 'first');   -- knows its callers by their number only

INSERT INTO identd.resellers (id, name, status, orig_capacity) VALUES
    (1, 'Northwind Resale', 'active', 1),
    (2, 'Closed Resale', 'blocked', NULL);

INSERT INTO identd.clients (id, name, reseller_id, status, balance, credit_limit, low_balance_threshold,
                            low_balance_capacity, orig_rate_table_id, routing_plan_id, orig_capacity) VALUES
    (12, 'Rose orig',      NULL, 'active',  100, NULL, NULL, NULL, 6,    4,    NULL),
    (13, 'Rose term',      NULL, 'active',  0,   NULL, NULL, NULL, NULL, NULL, NULL),
    (20, 'Alder Telecom',  NULL, 'active',  0,   NULL, NULL, NULL, 6,    4,    NULL),
    (21, 'Birch Voice',    NULL, 'active',  0,   NULL, NULL, NULL, 6,    4,    NULL),
    (22, 'Cedar Networks', NULL, 'active',  0,   NULL, NULL, NULL, 6,    4,    NULL),
    (23, 'Dogwood',        NULL, 'active',  0,   NULL, NULL, NULL, 6,    4,    NULL),
    (24, 'Elm Mobile',     NULL, 'active',  0,   NULL, NULL, NULL, 6,    4,    NULL),
    (25, 'Fir Lines',      NULL, 'active',  0,   NULL, NULL, NULL, 6,    4,    NULL),
    (26, 'Gorse',          NULL, 'blocked', 0,   NULL, NULL, NULL, 6,    4,    NULL),
    (27, 'Hazel',          2,    'active',  0,   NULL, NULL, NULL, 6,    4,    NULL),
    (28, 'Ivy Prepaid',    NULL, 'active',  0,   0,    NULL, NULL, 6,    4,    NULL),
    (29, 'Juniper',        NULL, 'active',  5,   0,    10,   1,    6,    4,    10),  -- below its threshold: 1 call, not 10
    (30, 'Kapok',          1,    'active',  0,   NULL, NULL, NULL, 6,    4,    NULL),
    (31, 'Larch',          1,    'active',  0,   NULL, NULL, NULL, 6,    4,    NULL);

-- The article's two, by name, and its form: one more way in for Rose orig, by address, at one gateway.
INSERT INTO identd.accounts (id, client_id, name, ident_by, ident_name, proxy, orig_enabled, orig_rate_table_id,
                             routing_plan_id, term_enabled) VALUES
    (176, 12, 'rose_orig', 'name', 'rose_orig', '1', true,  5,    3,    false),
    (177, 13, 'rose_term', 'name', 'rose_term', '1', false, NULL, NULL, true);
INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, orig_enabled, orig_rate_table_id, routing_plan_id) VALUES
    (178, 12, 'New account', 'ip', '{11.11.20.33}', true, 5, 3);
INSERT INTO identd.account_gateways (account_id, gateway_id) VALUES (178, 1);

-- By address.
INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, tech_prefix, strip_tech_prefix, orig_enabled) VALUES
    -- four clients behind one address, told apart by what they dial first
    (200, 20, 'alder_premium', 'ip', '{192.0.2.10}', '1234#', true,  true),
    (201, 21, 'birch_shared',  'ip', '{192.0.2.10}', '12',    true,  true),
    (202, 22, 'cedar_shared',  'ip', '{192.0.2.10}', NULL,    true,  true),
    (203, 23, 'dogwood_keeps', 'ip', '{192.0.2.10}', '77',    false, true),
    -- a network, and a smaller one inside it that wants a prefix
    (210, 20, 'alder_network', 'ip', '{198.51.100.0/24}',  NULL, true, true),
    (211, 21, 'birch_corner',  'ip', '{198.51.100.64/28}', '9',  true, true),
    (212, 22, 'cedar_six',     'ip', '{2001:db8:5::/48}',  NULL, true, true),
    -- everything of one network that nobody else in it claims
    (235, 20, 'alder_wide',    'ip', '{203.0.113.0/24}',   NULL, true, true);

-- Those that may not: they win, and refuse; their calls are never handed to alder_wide around them.
INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, status, valid_until, orig_enabled) VALUES
    (230, 22, 'cedar_blocked',  'ip', '{203.0.113.1}', 'blocked', NULL,                 true),
    (231, 22, 'cedar_expired',  'ip', '{203.0.113.2}', 'active',  '2020-01-01 00:00Z',  true),
    (232, 26, 'gorse_line',     'ip', '{203.0.113.3}', 'active',  NULL,                 true),
    (233, 27, 'hazel_line',     'ip', '{203.0.113.4}', 'active',  NULL,                 true),
    (234, 28, 'ivy_line',       'ip', '{203.0.113.5}', 'active',  NULL,                 true),
    -- off, not blocked: it is not there, so the network around it takes the call
    (236, 22, 'cedar_off',      'ip', '{203.0.113.6}', 'active',  NULL,                 false);

-- By calling number: one exact, one by its first digits.
INSERT INTO identd.accounts (id, client_id, name, ident_by, ani, orig_enabled) VALUES
    (220, 24, 'elm_desk',  'ani', '442071230000', true),
    (221, 25, 'fir_block', 'ani', '44207*',       true);

-- By name with a password; tour.py writes the password as `identd seal-password` would, never in clear.
INSERT INTO identd.accounts (id, client_id, name, ident_by, ident_name, orig_enabled) VALUES
    (224, 25, 'fir_phone', 'name', 'fir_phone', true);

-- Limits.
INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, orig_enabled, orig_capacity, orig_cps) VALUES
    (240, 22, 'cedar_two',  'ip', '{192.0.2.40}', true, 2,    NULL),
    (241, 29, 'juniper',    'ip', '{192.0.2.41}', true, NULL, NULL),
    (242, 22, 'cedar_slow', 'ip', '{192.0.2.42}', true, NULL, 0.01),
    (243, 30, 'kapok',      'ip', '{192.0.2.43}', true, NULL, NULL),
    (244, 31, 'larch',      'ip', '{192.0.2.44}', true, NULL, NULL);

-- Who asks, and how the far end speaks.
INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, protocol, port, orig_enabled) VALUES
    (245, 21, 'birch_trunk',  'ip', '{192.0.2.45}', NULL,  NULL, true),
    (246, 22, 'cedar_any',    'ip', '{192.0.2.45}', NULL,  NULL, true),
    (247, 21, 'birch_secure', 'ip', '{192.0.2.47}', 'tls', 5061, true),
    (248, 22, 'cedar_plain',  'ip', '{192.0.2.47}', NULL,  NULL, true),
    -- nothing but the id tells these two apart
    (250, 20, 'alder_twin',   'ip', '{192.0.2.50}', NULL,  NULL, true),
    (251, 21, 'birch_twin',   'ip', '{192.0.2.50}', NULL,  NULL, true);
INSERT INTO identd.account_gateways (account_id, gateway_id) VALUES (245, 2);

-- Where calls go to.
INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, proxy, protocol, port, term_enabled,
                             term_rate_table_id, term_tags, term_capacity) VALUES
    (260, 13, 'rose_vendor', 'ip', '{198.51.100.200}', '192.0.2.254', 'sip', 5060, true, 7, '{wholesale}', 30);

-- What cedar_two has been charged so far; deleting the account gives it back.
INSERT INTO identd.account_statistics (account_id, day, direction, calls, seconds, amount) VALUES
    (240, '2024-05-01', 'orig', 10, 600, 1.25), (240, '2024-05-02', 'orig', 4, 90, 0.5);

-- Rows that are added by hand get numbers above the sample's.
SELECT setval(pg_get_serial_sequence('identd.' || name, 'id'), 1000)
FROM unnest(ARRAY['rate_tables', 'routing_plans', 'gateways', 'resellers', 'clients', 'accounts']) AS name;
