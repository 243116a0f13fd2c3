#!/usr/bin/env python3
"""Map: for each word of each line, the word and 1."""

import re
import sys

for line in sys.stdin:
    for word in re.findall("[a-z]+", line.lower()):
        print(f"{word}\t1")
