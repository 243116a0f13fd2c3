"""Redshift's functions, a module for each chapter of its reference."""
