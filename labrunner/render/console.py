"""Events on a terminal: finished lines scroll by above one small live area of what runs now."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import rich.console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from labrunner.events import Event
from labrunner.render.text import Line, Tone, unicode, visible
from labrunner.render.words import Words

_REFRESHES_A_SECOND = 8
_STYLES: dict[Tone, str] = {
    "": "",
    "title": "bold",
    "dim": "dim",
    "good": "green",
    "bad": "bold red",
    "warn": "yellow",
    "command": "bold cyan",
}


class Terminal(rich.console.Console):
    """A console of rich that leaves a broken pipe to its caller instead of ending the program."""

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError that is being handled."""
        raise  # noqa: PLE0704 - rich calls this where it has caught the error


class Console:
    """Shows a run on a terminal; `earlier` are the events of a run that is continued."""

    def __init__(self, terminal: Terminal | None = None, *, earlier: Iterable[Event] = ()) -> None:
        self._console = terminal or Terminal()
        self._words = Words(live=True)
        self._tasks: dict[str, TaskID] = {}
        self._progress = _progress(self._console)
        for event in earlier:
            self._words.say(event)

    def __call__(self, event: Event) -> None:
        """Show the event; raises BrokenPipeError when nobody reads any more."""
        with _whatever_the_terminal_does():
            # Not before: until the first event, questions may be asked here.
            self._progress.start()
            for said in self._words.say(event):
                for row in painted(said, self._console):
                    self._console.print(row, soft_wrap=True)
            self._show(self._words.under_way)

    def close(self) -> None:
        """Take the live area away and give the terminal back."""
        with _whatever_the_terminal_does():
            self._progress.stop()

    def _show(self, under_way: dict[str, str]) -> None:
        """Make the live area say just this."""
        for key in self._tasks.keys() - under_way.keys():
            self._progress.remove_task(self._tasks.pop(key))
        for key, text in under_way.items():
            shown = visible(text, self._console.encoding)
            if key in self._tasks:
                self._progress.update(self._tasks[key], description=shown)
            else:
                self._tasks[key] = self._progress.add_task(shown, total=None)


def painted(said: Line, console: rich.console.Console) -> Iterator[Text]:
    """Yield the rows of a line, in colours, as wide as the console."""
    text = Text()
    for content, tone in said.spans:
        text.append(visible(content, console.encoding), _STYLES[tone])
    for indent, begin, end in said.rows(text.plain, console.width):
        yield Text(" " * indent) + text[begin:end]


def _progress(console: rich.console.Console) -> Progress:
    whole = Column(
        ratio=1, no_wrap=True, overflow="ellipsis" if unicode(console.encoding) else "crop"
    )
    return Progress(
        SpinnerColumn("dots" if unicode(console.encoding) else "line"),
        TextColumn("{task.description}", markup=False, table_column=whole),
        TimeElapsedColumn(),
        console=console,
        refresh_per_second=_REFRESHES_A_SECOND,
        transient=True,
        expand=True,
    )


@contextmanager
def _whatever_the_terminal_does() -> Iterator[None]:
    """A terminal that fails stops no run."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError:
        pass
