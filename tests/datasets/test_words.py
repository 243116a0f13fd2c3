"""Words: the counts that the formula declares are those of the text."""

import re
from collections import Counter
from itertools import pairwise

import pytest

from labrunner import datasets
from labrunner.datasets.vocabulary import WORDS


def text_of(words: int = 200_000, files: int = 4) -> str:
    made = datasets.make("words", {"words": words, "files": files})
    return b"".join(chunk for file in made for chunk in file.chunks()).decode("ascii")


def counted(text: str) -> Counter[str]:
    return Counter(re.findall("[a-z]+", text.lower()))


@pytest.mark.parametrize(
    ("words", "files"), [(200_000, 4), (1_000, 1), (1_000, 100), (123_457, 7), (300_000, 1)]
)
def test_the_counts_are_the_declared_ones(words: int, files: int) -> None:
    counts = counted(text_of(words, files))
    facts = datasets.facts("words", {"words": words, "files": files})
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    assert counts.total() == facts["words"].value == words
    assert len(counts) == facts["distinct_words"].value
    assert [list(item) for item in by_count[:10]] == facts["top_words"].value


def test_the_default_has_the_recorded_counts() -> None:
    top_words = datasets.facts("words")["top_words"].value
    assert top_words == [
        ["the", 10860],
        ["of", 8549],
        ["and", 7049],
        ["to", 5997],
        ["a", 5218],
        ["in", 4619],
        ["that", 4142],
        ["it", 3755],
        ["was", 3434],
        ["he", 3164],
    ]


def test_every_word_of_the_vocabulary_occurs_more_often_the_earlier_it_is() -> None:
    counts = counted(text_of())
    assert set(counts) == set(WORDS)
    assert len(set(WORDS)) == len(WORDS) == 463
    assert all(counts[one] >= counts[later] for one, later in pairwise(WORDS))


def test_a_count_of_what_stands_between_spaces_goes_wrong() -> None:
    text = text_of()
    tokens = Counter(text.split())
    assert tokens.total() == 200_000
    assert tokens["the"] < datasets.facts("words")["top_words"].value[0][1]
    for form in ("The", "THE", "the,", "the.", '"The', 'the."'):
        assert tokens[form] > 0


def test_files_are_of_like_size_and_have_short_lines() -> None:
    made = {file.name: b"".join(file.chunks()).decode() for file in datasets.make("words")}
    assert list(made) == ["text001.txt", "text002.txt", "text003.txt", "text004.txt"]
    for text in made.values():
        assert 45_000 < counted(text).total() < 55_000
        assert max(map(len, text.splitlines())) <= 72
        assert text.endswith("\n")


def test_rare_words_are_in_all_parts_of_the_text() -> None:
    rare = set(WORDS[-60:])
    counts = [
        sum(
            count
            for word, count in counted(b"".join(file.chunks()).decode()).items()
            if word in rare
        )
        for file in datasets.make("words")
    ]
    assert max(counts) - min(counts) < sum(counts) / 20
