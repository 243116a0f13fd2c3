"""`python -m labrunner`."""

from labrunner.cli import main

main()
