"""Hive's dialect, as of Hive 3.1.3, the version of Amazon EMR 6 and 7.

Proved against the Hive language manual (Types, Operators and UDFs, Windowing and Analytics,
Enhanced Aggregation, LateralView, DDL, DML) and Hive's own source where the manual is silent.
"""
