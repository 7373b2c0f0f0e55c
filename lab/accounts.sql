-- The accounts of the lab: one for each thing that a call shows. Addresses are those of loopback that SIPp calls from.

INSERT INTO identd.rate_tables (id, name) VALUES (5, 'Alder wholesale'), (6, 'Retail');
INSERT INTO identd.routing_plans (id, name) VALUES (3, 'Complex'), (4, 'Cheapest');

INSERT INTO identd.gateways (id, name) VALUES (1, 'kamailio-radius'), (2, 'kamailio-evapi'), (3, 'radclient');

INSERT INTO identd.clients (id, name, orig_rate_table_id, routing_plan_id) VALUES
    (20, 'Alder Telecom', 6, 4), (21, 'Birch Voice', 6, 4), (22, 'Cedar Networks', 6, 4), (23, 'Fir Lines', 6, 4);

INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, tech_prefix, orig_enabled, orig_rate_table_id,
                             routing_plan_id, orig_capacity) VALUES
    -- three clients behind one address, told apart by what they dial first
    (200, 20, 'alder_lines',   'ip', '{127.0.0.11}', '77',    true, 5,    3,    NULL),
    (201, 21, 'birch_lines',   'ip', '{127.0.0.11}', '12',    true, NULL, NULL, NULL),
    (202, 22, 'cedar_premium', 'ip', '{127.0.0.11}', '1234#', true, NULL, NULL, NULL),
    -- one line only
    (203, 20, 'alder_one',     'ip', '{127.0.0.14}', NULL,    true, NULL, NULL, 1),
    -- as many as come
    (204, 21, 'birch_many',    'ip', '{127.0.0.16}', NULL,    true, NULL, NULL, NULL);

-- By name with a password, which the lab writes.
INSERT INTO identd.accounts (id, client_id, name, ident_by, ident_name, orig_enabled) VALUES
    (205, 23, 'fir_phone', 'name', 'fir_phone', true);
