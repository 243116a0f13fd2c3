"""labrunner: hands-on cloud labs, run from declarative files and proved by checks."""

__version__ = "0.1.0"
