"""Events as text: for a terminal, for a log, for programs, for a continuous integration server.

Each renderer is a subscriber, called with each event, and is closed at the end. `plain` and
`console` paint the same lines, which `words` makes of the events. Nothing is imported here: rich
is loaded only where there is a terminal.
"""
