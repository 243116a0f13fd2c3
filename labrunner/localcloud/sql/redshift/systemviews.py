# ruff: noqa: E501, S608 - a column a line; the SQL is made of our own names and of quoted texts
"""The views of the system: what a warehouse tells of itself in SQL.

Each is a query of the catalog and of the logs, with the columns of Redshift's reference that can
be told truly; the others are left out rather than made up.
"""

import re
from collections.abc import Mapping

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.datatypes import STRING, Type
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.redshift import pgcatalog, types
from labrunner.localcloud.sql.redshift.facts import SessionFacts
from labrunner.localcloud.sql.values import Query

PREFIXES = ("pg_", "stl_", "stv_", "svv_", "svl_", "svcs_", "sys_")
# A column a line: its name, its type, and what it is in DuckDB. The last line is FROM.
VIEWS: Mapping[str, str] = {
    "svv_tables": """
table_catalog varchar: r.db
table_schema varchar: r.schema
table_name varchar: r.name
table_type varchar: CASE WHEN r.session <> 0 THEN 'LOCAL TEMPORARY' WHEN r.kind = 'v' THEN 'VIEW' ELSE 'BASE TABLE' END
remarks varchar: r.remark
FROM meta.relations AS r WHERE r.db = {db} AND r.session IN (0, {pid})""",
    "svv_columns": """
table_catalog varchar: r.db
table_schema varchar: r.schema
table_name varchar: r.name
column_name varchar: c.name
ordinal_position int: c.num
column_default varchar: c.default_sql
is_nullable varchar: CASE WHEN c.not_null THEN 'NO' ELSE 'YES' END
data_type varchar: rs_type_word_(c.type)
character_maximum_length int: rs_type_length_(c.type)
numeric_precision int: rs_type_precision_(c.type)
numeric_scale int: rs_type_scale_(c.type)
remarks varchar: c.remark
FROM meta.columns AS c JOIN meta.relations AS r ON r.oid = c.rel WHERE r.db = {db} AND r.session IN (0, {pid})""",
    "svv_redshift_tables": """
database_name varchar: r.db
schema_name varchar: r.schema
table_name varchar: r.name
table_type varchar: CASE WHEN r.kind = 'v' THEN 'VIEW' ELSE 'TABLE' END
remarks varchar: r.remark
FROM meta.relations AS r WHERE r.session = 0""",
    "svv_all_tables": """
database_name varchar: r.db
schema_name varchar: r.schema
table_name varchar: r.name
table_type varchar: CASE WHEN r.kind = 'v' THEN 'VIEW' ELSE 'TABLE' END
remarks varchar: r.remark
FROM meta.relations AS r WHERE r.session = 0""",
    "svv_redshift_columns": """
database_name varchar: r.db
schema_name varchar: r.schema
table_name varchar: r.name
column_name varchar: c.name
ordinal_position int: c.num
data_type varchar: rs_type_name_(c.type)
column_default varchar: c.default_sql
is_nullable varchar: CASE WHEN c.not_null THEN 'NO' ELSE 'YES' END
encoding varchar: c.encoding
distkey boolean: c.distkey
sortkey int: c.sortkey
remarks varchar: c.remark
FROM meta.columns AS c JOIN meta.relations AS r ON r.oid = c.rel WHERE r.session = 0""",
    "svv_redshift_schemas": """
database_name varchar: s.db
schema_name varchar: s.name
schema_owner int: s.owner
schema_type varchar: 'local'
FROM meta.schemas AS s""",
    "svv_all_schemas": """
database_name varchar: s.db
schema_name varchar: s.name
schema_owner int: s.owner
schema_type varchar: 'local'
FROM meta.schemas AS s""",
    "svv_redshift_databases": """
database_name varchar: d.name
database_owner int: d.owner
database_type varchar: 'local'
FROM meta.databases AS d""",
    "svv_user_info": """
user_name varchar: u.name
user_id int: u.oid
superuser boolean: u.is_super
FROM meta.users AS u""",
    "svv_table_info": """
database varchar: r.db
schema varchar: r.schema
table_id int: r.oid
table varchar: r.name
encoded varchar: CASE WHEN (SELECT bool_or(c.encoding <> 'none') FROM meta.columns AS c WHERE c.rel = r.oid) THEN 'Y, AUTO(ENCODE)' ELSE 'N' END
diststyle varchar: CASE WHEN r.diststyle LIKE 'KEY(%' THEN 'KEY(' || (SELECT c.name FROM meta.columns AS c WHERE c.rel = r.oid AND c.distkey) || ')' ELSE r.diststyle END
sortkey1 varchar: coalesce((SELECT c.name FROM meta.columns AS c WHERE c.rel = r.oid AND abs(c.sortkey) = 1), 'AUTO(SORTKEY)')
max_varchar int: coalesce((SELECT max(rs_type_length_(c.type)) FROM meta.columns AS c WHERE c.rel = r.oid AND c.type LIKE 'varchar%'), 0)
sortkey_num int: (SELECT count(*) FROM meta.columns AS c WHERE c.rel = r.oid AND c.sortkey <> 0)
tbl_rows bigint: {rows}
estimated_visible_rows bigint: {rows}
create_time timestamp: r.created
FROM meta.relations AS r WHERE r.db = {db} AND r.kind = 'r' AND r.session IN (0, {pid})""",
    "pg_table_def": """
schemaname varchar: r.schema
tablename varchar: r.name
column varchar: c.name
type varchar: rs_type_name_(c.type)
encoding varchar: c.encoding
distkey boolean: c.distkey
sortkey int: c.sortkey
notnull boolean: c.not_null
FROM meta.columns AS c JOIN meta.relations AS r ON r.oid = c.rel WHERE r.db = {db} AND r.kind = 'r' AND (r.session = {pid} OR r.session = 0 AND r.schema IN ({path})) ORDER BY r.schema, r.name, c.num""",
    "stv_tbl_perm": """
slice int: 0
id int: r.oid
name varchar: r.name
rows bigint: {rows}
temp int: CASE WHEN r.session = 0 THEN 0 ELSE 1 END
FROM meta.relations AS r WHERE r.db = {db} AND r.kind = 'r' AND r.session IN (0, {pid})""",
    "sys_query_history": """
user_id int: q.user_id
query_id bigint: q.query_id
query_label varchar: 'default'
transaction_id bigint: q.transaction_id
session_id int: q.session_id
database_name varchar: q.database_name
query_type varchar: q.query_type
status varchar: q.status
result_cache_hit boolean: false
start_time timestamp: q.start_time
end_time timestamp: q.end_time
elapsed_time bigint: epoch_us(q.end_time) - epoch_us(q.start_time)
queue_time bigint: 0
execution_time bigint: epoch_us(q.end_time) - epoch_us(q.start_time)
error_message varchar: q.error_message
returned_rows bigint: q.returned_rows
query_text varchar: q.query_text
username varchar: q.username
FROM log.queries AS q {seen_q}""",
    "stl_query": """
userid int: q.user_id
query int: q.query_id
xid bigint: q.transaction_id
pid int: q.session_id
database varchar: q.database_name
querytxt varchar: q.query_text
starttime timestamp: q.start_time
endtime timestamp: q.end_time
aborted int: CASE WHEN q.status = 'success' THEN 0 ELSE 1 END
FROM log.queries AS q {seen_q}""",
    "svl_qlog": """
userid int: q.user_id
query int: q.query_id
xid bigint: q.transaction_id
pid int: q.session_id
starttime timestamp: q.start_time
endtime timestamp: q.end_time
elapsed bigint: epoch_us(q.end_time) - epoch_us(q.start_time)
aborted int: CASE WHEN q.status = 'success' THEN 0 ELSE 1 END
substring varchar: left(q.query_text, 60)
FROM log.queries AS q {seen_q}""",
    "sys_load_history": """
user_id int: q.user_id
query_id bigint: q.query_id
transaction_id bigint: q.transaction_id
session_id int: q.session_id
database_name varchar: q.database_name
status varchar: q.status
table_name varchar: q.table_name
start_time timestamp: q.start_time
end_time timestamp: q.end_time
duration bigint: epoch_us(q.end_time) - epoch_us(q.start_time)
data_source varchar: q.data_source
file_format varchar: q.file_format
loaded_rows bigint: q.loaded_rows
loaded_bytes bigint: q.loaded_bytes
source_file_count int: q.source_file_count
source_file_bytes bigint: q.source_file_bytes
error_count int: q.error_count
FROM log.loads AS q {seen_q}""",
    "sys_load_detail": """
user_id int: q.user_id
query_id bigint: q.query_id
file_name varchar: q.name
lines_scanned bigint: q.lines
splits_scanned int: 1
record_time timestamp: q.loaded_at
error_count int: q.errors
FROM log.load_files AS q {seen_q}""",
    "stl_load_commits": """
userid int: q.user_id
query int: q.query_id
slice int: 0
name varchar: q.name
filename varchar: q.name
byte_offset int: 0
lines_scanned int: q.lines
errors int: q.errors
curtime timestamp: q.loaded_at
status int: q.status
file_format varchar: ''
FROM log.load_files AS q {seen_q}""",
    "sys_load_error_detail": """
user_id int: q.user_id
query_id bigint: q.query_id
transaction_id bigint: q.transaction_id
session_id int: q.session_id
database_name varchar: q.database_name
table_id int: q.table_id
start_time timestamp: q.start_time
file_name varchar: q.file_name
line_number bigint: q.line_number
column_name varchar: q.column_name
column_type varchar: q.column_type
column_length varchar: q.column_length
position int: q.position
error_code int: q.error_code
error_message varchar: q.error_message
FROM log.load_errors AS q {seen_q}""",
    "stl_load_errors": """
userid int: q.user_id
slice int: 0
tbl int: q.table_id
starttime timestamp: q.start_time
session int: q.session_id
query int: q.query_id
filename varchar: q.file_name
line_number bigint: q.line_number
colname varchar: q.column_name
type varchar: q.column_type
col_length varchar: q.column_length
position int: q.position
raw_line varchar: q.raw_line
raw_field_value varchar: q.raw_field_value
err_code int: q.error_code
err_reason varchar: q.error_message
FROM log.load_errors AS q {seen_q}""",
    "sys_unload_history": """
user_id int: q.user_id
query_id bigint: q.query_id
transaction_id bigint: q.transaction_id
session_id int: q.session_id
database_name varchar: q.database_name
status varchar: q.status
start_time timestamp: q.start_time
end_time timestamp: q.end_time
duration bigint: epoch_us(q.end_time) - epoch_us(q.start_time)
file_format varchar: q.file_format
unloaded_rows bigint: q.unloaded_rows
unloaded_files_count bigint: q.unloaded_files_count
unloaded_files_size bigint: q.unloaded_files_size
FROM log.unloads AS q {seen_q}""",
    "stl_unload_log": """
userid int: q.user_id
query int: q.query_id
slice int: 0
pid int: q.session_id
path varchar: q.path
start_time timestamp: q.start_time
end_time timestamp: q.end_time
line_count bigint: q.unloaded_rows
transfer_size bigint: q.unloaded_files_size
file_format varchar: q.file_format
FROM log.unloads AS q {seen_q}""",
    "information_schema.tables": """
table_catalog varchar: r.db
table_schema varchar: r.schema
table_name varchar: r.name
table_type varchar: CASE WHEN r.session <> 0 THEN 'LOCAL TEMPORARY' WHEN r.kind = 'v' THEN 'VIEW' ELSE 'BASE TABLE' END
FROM meta.relations AS r WHERE r.db = {db} AND r.session IN (0, {pid})""",
    "information_schema.schemata": """
catalog_name varchar: s.db
schema_name varchar: s.name
schema_owner varchar: (SELECT u.name FROM meta.users AS u WHERE u.oid = s.owner)
FROM meta.schemas AS s WHERE s.db = {db}""",
    "information_schema.columns": """
table_catalog varchar: r.db
table_schema varchar: r.schema
table_name varchar: r.name
column_name varchar: c.name
ordinal_position int: c.num
column_default varchar: c.default_sql
is_nullable varchar: CASE WHEN c.not_null THEN 'NO' ELSE 'YES' END
data_type varchar: rs_type_word_(c.type)
character_maximum_length int: rs_type_length_(c.type)
numeric_precision int: rs_type_precision_(c.type)
numeric_scale int: rs_type_scale_(c.type)
udt_name varchar: rs_type_short_(c.type)
FROM meta.columns AS c JOIN meta.relations AS r ON r.oid = c.rel WHERE r.db = {db} AND r.session IN (0, {pid})""",
    "information_schema.views": """
table_catalog varchar: r.db
table_schema varchar: r.schema
table_name varchar: r.name
view_definition varchar: r.definition
FROM meta.relations AS r WHERE r.db = {db} AND r.kind = 'v'""",
    "information_schema.table_constraints": """
constraint_catalog varchar: r.db
constraint_schema varchar: r.schema
constraint_name varchar: k.name
table_catalog varchar: r.db
table_schema varchar: r.schema
table_name varchar: r.name
constraint_type varchar: CASE k.kind WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' ELSE 'FOREIGN KEY' END
FROM meta.constraints AS k JOIN meta.relations AS r ON r.oid = k.rel WHERE r.db = {db} AND k.kind IN ('p', 'u', 'f')""",
    "information_schema.key_column_usage": """
constraint_schema varchar: r.schema
constraint_name varchar: k.name
table_schema varchar: r.schema
table_name varchar: r.name
column_name varchar: k.col
ordinal_position int: k.place
FROM (SELECT *, unnest(string_split(cols, ',')) AS col, generate_subscripts(string_split(cols, ','), 1) AS place FROM meta.constraints WHERE kind IN ('p', 'u', 'f')) AS k JOIN meta.relations AS r ON r.oid = k.rel WHERE r.db = {db}""",
    **pgcatalog.VIEWS,
}
LINE = re.compile(r"(\w+) (\w+): (.*)")
KINDS: Mapping[str, Type] = {**types.PLAIN, "varchar": STRING}


def find(parts: tuple[str, ...], facts: SessionFacts) -> Query | None:
    """Return a view of the system as a query; None for another name; raises SqlError."""
    schema, name = (parts[-2] if len(parts) > 1 else ""), parts[-1]
    if schema == "information_schema":
        key = f"information_schema.{name}"
    elif schema in ("", "pg_catalog") and name.startswith(PREFIXES):
        key = name
    else:
        return None
    if key not in VIEWS:
        if schema or not name.startswith("pg_temp"):
            raise unsupported(f"Redshift's system view {key}")
        return None
    return _query(VIEWS[key].strip(), facts)


def _query(text: str, facts: SessionFacts) -> Query:
    *lines, rest = text.split("\n")
    found = [LINE.fullmatch(one) for one in lines]
    path = ", ".join(quoting.text(one) for one in facts.search_path) or "''"
    # Others' queries and loads are seen by superusers alone.
    own = f"(q.user_id = {facts.user_id} OR (SELECT bool_or(is_super) FROM meta.users WHERE oid = {facts.user_id}))"
    places = {
        "{db}": quoting.text(facts.database),
        "{pid}": str(facts.pid),
        "{path}": path,
        "{seen_q}": f"WHERE {own}",
        "{rows}": "(SELECT k.estimated_size FROM duckdb_tables() AS k WHERE k.schema_name = 'data' AND k.table_name = 't' || r.oid)",
    }
    columns = ", ".join(f"{one[3]} AS c{i}" for i, one in enumerate(found) if one)
    sql = f"SELECT {columns} {rest}"
    for place, value in places.items():
        sql = sql.replace(place, value)
    names = tuple(one[1] for one in found if one)
    kinds = tuple(KINDS[one[2]] for one in found if one)
    casts = ", ".join(f"CAST(v.c{i} AS {kind.duckdb}) AS c{i}" for i, kind in enumerate(kinds))
    return Query(f"SELECT {casts} FROM ({sql}) AS v", names, kinds)
