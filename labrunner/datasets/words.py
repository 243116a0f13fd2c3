"""English words for word counts, as often as a formula says, in sentences that mean nothing.

Sentences begin with capitals, some words are in capitals throughout, and signs stick to words, so
that a count has to lower the case and drop the signs. A word is a run of letters.
"""

from collections.abc import Iterator, Mapping

from labrunner.datasets.dataset import DataFile, Dataset, Fact, Values, whole_number
from labrunner.datasets.draw import Draw, apportion, dealt, seeded, shuffle
from labrunner.datasets.vocabulary import WORDS

_SEED = 1906
_WORDS_AT_ONCE = 8_192
_LINE = 72
_TOP = 10

# Zipf's law with Mandelbrot's shift, 1 / (rank + 2.7), in whole numbers.
_WEIGHTS = [10**9 // (10 * rank + 27) for rank in range(1, len(WORDS) + 1)]
# Shares of the words, and of the sentences.
_CAPITALS, _COMMA, _QUOTED = 0.01, 0.08, 0.06
_ENDS = "." * 16 + "??!"


def _facts(values: Values) -> Mapping[str, Fact]:
    counts = dict(zip(WORDS, _counts(values), strict=True))
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {
        "words": Fact(values["words"], "words of all files together"),
        "distinct_words": Fact(
            sum(count > 0 for count in counts.values()), "different words, in lower case"
        ),
        "top_words": Fact(
            [[word, count] for word, count in by_count[:_TOP]],
            "the ten most frequent words in lower case, with their counts; ties by alphabet",
        ),
    }


def _files(values: Values) -> Iterator[DataFile]:
    counts = _counts(values)
    pieces = -(-values["words"] // (values["files"] * _WORDS_AT_ONCE))

    def file(number: int) -> DataFile:
        def chunks() -> Iterator[bytes]:
            for piece in range(number * pieces, (number + 1) * pieces):
                yield _piece(counts, values["files"] * pieces, piece)

        return DataFile(f"text{number + 1:03}.txt", chunks)

    return map(file, range(values["files"]))


def _counts(values: Values) -> list[int]:
    return apportion(values["words"], _WEIGHTS)


def _piece(counts: list[int], pieces: int, piece: int) -> bytes:
    draw = seeded(_SEED, piece)
    before, after = dealt(counts, pieces, piece), dealt(counts, pieces, piece + 1)
    words = [
        word
        for word, done, due in zip(WORDS, before, after, strict=True)
        for _ in range(due - done)
    ]
    shuffle(words, draw)
    return "".join(_paragraphs(words, draw)).encode()


def _paragraphs(words: list[str], draw: Draw) -> Iterator[str]:
    """Yield lines, with an empty one after each paragraph."""
    rest = iter(words)
    while paragraph := [
        token for _ in range(3 + int(draw() * 5)) for token in _sentence(rest, draw)
    ]:
        yield from _lines(paragraph)
        yield "\n"


def _sentence(rest: Iterator[str], draw: Draw) -> list[str]:
    tokens = [word for _, word in zip(range(4 + int(draw() * 15)), rest, strict=False)]
    if not tokens:
        return tokens
    for place in range(len(tokens) - 1):
        chance = draw()
        if chance < _CAPITALS:
            tokens[place] = tokens[place].upper()
        elif chance < _CAPITALS + _COMMA:
            tokens[place] += ","
    tokens[0] = tokens[0][0].upper() + tokens[0][1:]
    tokens[-1] += _ENDS[int(draw() * len(_ENDS))]
    if draw() < _QUOTED:
        tokens[0], tokens[-1] = f'"{tokens[0]}', f'{tokens[-1]}"'
    return tokens


def _lines(tokens: list[str]) -> Iterator[str]:
    line: list[str] = []
    length = -1
    for token in tokens:
        if length + 1 + len(token) > _LINE:
            yield " ".join(line) + "\n"
            line, length = [], -1
        line.append(token)
        length += 1 + len(token)
    yield " ".join(line) + "\n"


DATASET = Dataset(
    title="A text for counting words",
    params={
        "words": whole_number(200_000, 1_000, 50_000_000, "Words, about six bytes each."),
        "files": whole_number(4, 1, 100, "Files text001.txt, text002.txt, …"),
    },
    facts=_facts,
    files=_files,
)
