#!/usr/bin/env python3
"""Reduce: the lines come sorted by word, so the counts of one word stand together."""

import itertools
import sys

pairs = (line.rstrip("\n").split("\t") for line in sys.stdin)
for word, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
    print(f"{word}\t{sum(int(count) for _, count in group)}")
