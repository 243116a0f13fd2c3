"""Hive's functions that were proved, by the sections of the manual's page on functions."""
