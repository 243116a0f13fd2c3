"""The SQL engine of the local cloud: DuckDB, behind dialects that are proved function by function.

A dialect compiles a statement node by node, with types, into DuckDB's SQL. Every node, function,
operator and type is looked up in the dialect's tables; what is not there is refused by name. No
name that a user wrote reaches DuckDB: relations and columns get names of our own, and texts are
quoted in one place (`quoting`).
"""
