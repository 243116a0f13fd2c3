# ruff: noqa: E501 - a column a line
"""PostgreSQL's catalog tables, as far as psql and drivers ask for them."""

from collections.abc import Mapping

VIEWS: Mapping[str, str] = {
    "pg_namespace": """
oid bigint: n.oid
nspname varchar: n.name
nspowner bigint: n.owner
FROM (SELECT oid, name, owner FROM meta.schemas WHERE db = {db} UNION ALL SELECT 11, 'pg_catalog', 1 UNION ALL SELECT 11000, 'information_schema', 1) AS n""",
    "pg_database": """
oid bigint: d.oid
datname varchar: d.name
datdba bigint: d.owner
encoding int: 6
datistemplate boolean: false
datallowconn boolean: true
datcollate varchar: 'C'
datctype varchar: 'C'
datacl varchar: NULL
FROM meta.databases AS d""",
    "pg_user": """
usename varchar: u.name
usesysid bigint: u.oid
usecreatedb boolean: u.is_super
usesuper boolean: u.is_super
FROM meta.users AS u""",
    "pg_roles": """
oid bigint: u.oid
rolname varchar: u.name
rolsuper boolean: u.is_super
rolinherit boolean: true
rolcreaterole boolean: u.is_super
rolcreatedb boolean: u.is_super
rolcanlogin boolean: true
rolconnlimit int: -1
rolvaliduntil timestamptz: NULL
rolreplication boolean: false
FROM meta.users AS u""",
    "pg_class": """
oid bigint: r.oid
relname varchar: r.name
relnamespace bigint: (SELECT s.oid FROM meta.schemas AS s WHERE s.db = r.db AND s.name = r.schema)
relowner bigint: r.owner
relkind varchar: r.kind
relam bigint: 0
relhasindex boolean: false
relhasrules boolean: r.kind = 'v'
reltriggers int: 0
relhastriggers boolean: false
reloftype bigint: 0
reltoastrelid bigint: 0
relispartition boolean: false
relrowsecurity boolean: false
relforcerowsecurity boolean: false
relreplident varchar: 'd'
relacl varchar: NULL
relchecks int: 0
relhasoids boolean: false
reltablespace bigint: 0
relnatts int: (SELECT count(*) FROM meta.columns AS c WHERE c.rel = r.oid)
relpersistence varchar: CASE WHEN r.session = 0 THEN 'p' ELSE 't' END
reltuples float8: 0
FROM meta.relations AS r WHERE r.db = {db} AND r.session IN (0, {pid})""",
    "pg_attribute": """
attrelid bigint: c.rel
attname varchar: c.name
atttypid bigint: rs_type_oid_(c.type)
atttypmod int: rs_type_mod_(c.type)
attnum int: c.num
attlen int: -1
attnotnull boolean: c.not_null
atthasdef boolean: c.default_sql IS NOT NULL
attisdropped boolean: false
attcollation bigint: 0
attidentity varchar: ''
attgenerated varchar: ''
FROM meta.columns AS c JOIN meta.relations AS r ON r.oid = c.rel WHERE r.db = {db} AND r.session IN (0, {pid})""",
    "pg_attrdef": """
adrelid bigint: c.rel
adnum int: c.num
adbin varchar: c.default_sql
adsrc varchar: c.default_sql
FROM meta.columns AS c WHERE c.default_sql IS NOT NULL""",
    "pg_type": """
oid bigint: t.oid
typname varchar: t.name
typnamespace bigint: 11
typlen int: t.size
typtype varchar: 'b'
typrelid bigint: 0
typelem bigint: 0
typbasetype bigint: 0
typtypmod int: -1
typdelim varchar: ','
typcollation bigint: 0
FROM (VALUES (16, 'bool', 1), (20, 'int8', 8), (21, 'int2', 2), (23, 'int4', 4), (700, 'float4', 4), (701, 'float8', 8), (1042, 'bpchar', -1), (1043, 'varchar', -1), (1082, 'date', 4), (1083, 'time', 8), (1114, 'timestamp', 8), (1184, 'timestamptz', 8), (1700, 'numeric', -1), (25, 'text', -1)) AS t(oid, name, size)""",
    "pg_tables": """
schemaname varchar: r.schema
tablename varchar: r.name
tableowner varchar: (SELECT u.name FROM meta.users AS u WHERE u.oid = r.owner)
hasindexes boolean: false
hasrules boolean: false
hastriggers boolean: false
FROM meta.relations AS r WHERE r.db = {db} AND r.kind = 'r' AND r.session IN (0, {pid})""",
    "pg_views": """
schemaname varchar: r.schema
viewname varchar: r.name
viewowner varchar: (SELECT u.name FROM meta.users AS u WHERE u.oid = r.owner)
definition varchar: r.definition
FROM meta.relations AS r WHERE r.db = {db} AND r.kind = 'v' AND r.session IN (0, {pid})""",
    "pg_index": """
indexrelid bigint: 0
indrelid bigint: 0
indisprimary boolean: false
indisunique boolean: false
FROM meta.users AS u WHERE false""",
    "pg_collation": """
oid bigint: 0
collname varchar: ''
FROM meta.users AS u WHERE false""",
    "pg_rewrite": """
oid bigint: r.oid
rulename varchar: '_RETURN'
ev_class bigint: r.oid
FROM meta.relations AS r WHERE r.db = {db} AND r.kind = 'v'""",
    "pg_constraint": """
oid bigint: k.oid
conname varchar: k.name
contype varchar: k.kind
conrelid bigint: k.rel
confrelid bigint: k.ref_rel
FROM meta.constraints AS k WHERE k.kind IN ('p', 'u', 'f')""",
    "pg_inherits": """
inhrelid bigint: 0
inhparent bigint: 0
inhseqno int: 0
FROM meta.users AS u WHERE false""",
    "pg_description": """
objoid bigint: r.oid
objsubid int: 0
description varchar: r.remark
FROM meta.relations AS r WHERE r.remark IS NOT NULL""",
    "pg_settings": """
name varchar: s.name
setting varchar: s.setting
FROM (VALUES ('server_version', '8.0.2'), ('TimeZone', 'UTC'), ('search_path', '"$user", public')) AS s(name, setting)""",
}
