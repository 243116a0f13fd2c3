"""CloudFront access logs as the Hive script of the EMR tutorial reads them, with its result.

Eleven fields between tabs, after two comment lines a file; the script's regular expression takes
operating system, browser and version from the user agent. Addresses are of the documentation
ranges (RFC 5737), the host is the one that AWS's documentation uses.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta

from labrunner.datasets.dataset import DataFile, Dataset, Fact, Values, whole_number
from labrunner.datasets.draw import apportion, dealt, seeded, shuffle

_SEED = 2014_07_05
_ROWS_AT_ONCE = 4_096
_HEADER = (
    b"#Version: 1.0\n"
    b"#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "
    b"cs(Referer) cs(User-Agent)\n"
)

# Requests by operating system between 2014-07-05 and 2014-08-05, as the tutorial's query counts.
_PUBLISHED = {
    "Android": 855, "Linux": 813, "MacOS": 852, "OSX": 799, "Windows": 883, "iOS": 794,
}  # fmt: skip
_SOURCE = "results that people published of the EMR tutorial's query on AWS's own files"

_DATES = [f"{date(2014, 7, 5) + timedelta(days=day)}" for day in range(32)]
_MINUTES = [f"{hour:02}:{minute:02}:" for hour in range(24) for minute in range(60)]
_WINDOW = 32 * 86_400

# What a system's user agents go on with, and the browsers that run on it.
_PLATFORMS = {
    "Android": ("Android%204.4.2", "Android%204.1.2", "Android%202.3.6"),
    "Linux": ("Linux%20x86_64", "Linux%20i686"),
    "MacOS": ("PPC%20Mac%20OS%20X%2010.5", "PPC%20Mac%20OS%20X%2010.4"),
    "OSX": ("Intel%20Mac%20OS%20X%2010.9", "Intel%20Mac%20OS%20X%2010.8"),
    "Windows": ("Windows%20NT%206.1", "Windows%20NT%206.3", "Windows%20NT%205.1"),
    "iOS": ("CPU%20iPhone%20OS%207_1_2", "CPU%20OS%207_1_1"),
}
_BROWSERS = {
    "Android": ("Chrome/35.0.1916.141", "Chrome/36.0.1985.128", "Firefox/30.0", "Opera/22.0"),
    "Linux": ("Firefox/30.0", "Firefox/31.0", "Chrome/36.0.1985.125", "Lynx/2.8.7"),
    "MacOS": ("Safari/533.21.1", "Firefox/16.0", "Opera/10.63"),
    "OSX": ("Safari/537.75.14", "Chrome/36.0.1985.125", "Firefox/31.0", "Opera/22.0"),
    "Windows": ("IE/10.0", "IE/11.0", "Chrome/36.0.1985.125", "Firefox/31.0", "Opera/12.16"),
    "iOS": ("Safari/9537.53", "Safari/9537.53", "Chrome/36.0.1985.57"),
}
_LANGUAGES = ("en-US", "en-US", "en-GB", "de-DE", "ja-JP", "pt-BR")
_LOCATIONS = (
    *("IAD2", "IAD53", "SFO5", "LAX1", "SEA4", "DFW3", "MIA3", "JFK5", "LHR3", "LHR5", "FRA6"),
    *("AMS1", "CDG50", "MAD51", "NRT12", "NRT54", "SIN3", "HKG50", "SYD1", "BOM2", "GRU1", "ICN50"),
)
_ADDRESSES = [
    f"{network}.{host}"
    for network in ("192.0.2", "198.51.100", "203.0.113")
    for host in range(1, 255)
]
_HEAD_BYTES = 340  # of the answer, which the log counts too
_HOST = "d111111abcdef8.cloudfront.net"
# Paths with the bytes of a full answer; the earlier ones are asked for more often.
_OBJECTS = {
    "/index.html": 8_211, "/css/site.css": 4_260, "/js/app.js": 48_120, "/img/logo.png": 3_877,
    "/img/test-image-1.jpeg": 24_252, "/img/test-image-2.jpeg": 31_604, "/about.html": 5_120,
    "/img/test-image-3.jpeg": 27_935, "/fonts/text.woff": 66_030, "/docs/guide.pdf": 913_408,
    "/media/intro.mp4": 4_718_592, "/favicon.ico": 1_406,
}  # fmt: skip
_REFERRERS = (
    *("-", "-", "-", "http://www.example.com/", "http://www.example.com/news"),
    *("http://shop.example.org/cart", "http://www.example.net/search?q=cloud"),
)


def _facts(values: Values) -> Mapping[str, Fact]:
    rows, files = values["rows"], values["files"]
    source = _SOURCE if rows == sum(_PUBLISHED.values()) else ""
    counts = dict(zip(_PUBLISHED, _counts(rows), strict=True))
    return {
        "records": Fact(rows, "log records, all from 2014-07-05 to 2014-08-05", source),
        "comment_lines": Fact(2 * files, "lines that begin with #, two a file"),
        "lines": Fact(rows + 2 * files, "lines of all files together"),
        "os_counts": Fact(counts, "records of each operating system", source),
    }


def _files(values: Values) -> Iterator[DataFile]:
    rows, files = values["rows"], values["files"]
    pieces = -(-rows // (files * _ROWS_AT_ONCE))

    def file(number: int) -> DataFile:
        def chunks() -> Iterator[bytes]:
            write = _writer(rows, files * pieces)
            yield _HEADER
            for piece in range(number * pieces, (number + 1) * pieces):
                yield write(piece)

        return DataFile(f"log{number + 1}", chunks)

    return map(file, range(files))


def _counts(rows: int) -> list[int]:
    return apportion(rows, list(_PUBLISHED.values()))


def _writer(rows: int, pieces: int) -> Callable[[int], bytes]:
    """Return the function that writes the records of one of the pieces."""
    counts, requests = _counts(rows), _requests()
    agents = [_agents(system) for system in _PUBLISHED]

    def write(piece: int) -> bytes:
        draw = seeded(_SEED, piece)
        before, after = dealt(counts, pieces, piece), dealt(counts, pieces, piece + 1)
        systems = [
            system
            for system, (done, due) in enumerate(zip(before, after, strict=True))
            for _ in range(due - done)
        ]
        shuffle(systems, draw)
        lines = []
        for row, system in enumerate(systems, sum(before)):
            second = (row * _WINDOW + int(draw() * _WINDOW)) // rows
            size, request = requests[int(draw() * len(requests))]
            lines.append(
                f"{_DATES[second // 86_400]}\t{_MINUTES[second // 60 % 1_440]}{second % 60:02}"
                f"\t{_LOCATIONS[int(draw() * len(_LOCATIONS))]}\t{size + int(draw() * 24)}"
                f"\t{_ADDRESSES[int(draw() * len(_ADDRESSES))]}\t{request}"
                f"\t{_REFERRERS[int(draw() * len(_REFERRERS))]}"
                f"\t{agents[system][int(draw() * len(agents[system]))]}\n"
            )
        return "".join(lines).encode()

    return write


def _agents(system: str) -> list[str]:
    return [
        f"Mozilla/5.0%20({system};%20U;%20{platform};%20{language};%20rv:1.9.0.9)"
        f"%20Gecko/2009040821%20{browser}"
        for platform in _PLATFORMS[system]
        for language in _LANGUAGES
        for browser in _BROWSERS[system]
    ]


def _requests() -> list[tuple[int, str]]:
    """Return answers, each as often as it is likely: its bytes, and the fields method to status."""
    requests = []
    for popularity, (path, size) in enumerate(reversed(_OBJECTS.items()), 1):
        for method, status, body, share in (
            ("GET", 200, size, 74),
            ("GET", 304, 0, 17),
            ("HEAD", 200, 0, 5),
            ("GET", 206, size // 2, 3),
        ):
            answer = (body + _HEAD_BYTES, f"{method}\t{_HOST}\t{path}\t{status}")
            requests += [answer] * (share * popularity)
    missing = (631, f"GET\t{_HOST}\t/robots.txt\t404")
    return requests + [missing] * (len(requests) // 60)


DATASET = Dataset(
    title="CloudFront access logs of the EMR tutorial",
    params={
        "rows": whole_number(
            sum(_PUBLISHED.values()), 100, 10_000_000, "Log records, about 200 bytes each."
        ),
        "files": whole_number(2, 1, 100, "Files log1, log2, …, in order of time."),
    },
    facts=_facts,
    files=_files,
)
