"""Draw the end of a run, from one of its steps on.

labrunner run ec2-vm --json | python docs/picture.py metadata > docs/run.svg
"""

import io
import sys

from labrunner.events import RunStarted, StepStarted, decode
from labrunner.render.console import Terminal, painted
from labrunner.render.words import Words


def main() -> None:
    """Paint the events on standard input as a terminal of 80 columns shows them."""
    terminal = Terminal(
        record=True, width=80, force_terminal=True, color_system="truecolor", file=io.StringIO()
    )
    next(sys.stdin)  # the head of the stream, which is no event
    events = [decode(line) for line in sys.stdin]
    steps = [one.step if isinstance(one, StepStarted) else "" for one in events]
    first = steps.index(sys.argv[1])
    words, lab = Words(live=True), ""
    for number, event in enumerate(events):
        lab = event.lab if isinstance(event, RunStarted) else lab
        for line in words.say(event):
            for row in painted(line, terminal) if number >= first else ():
                terminal.print(row, soft_wrap=True)
    sys.stdout.write(terminal.export_svg(title=f"labrunner run {lab}"))


if __name__ == "__main__":
    main()
