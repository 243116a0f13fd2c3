"""The program that runs inside a machine, with nothing but Python's standard library."""
