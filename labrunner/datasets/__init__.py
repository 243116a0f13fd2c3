"""The labs' input data, made where it is needed: the same bytes on every machine."""

from collections.abc import Iterator, Mapping
from typing import Any

from labrunner.datasets import cloudfront_logs, redshift_users, words
from labrunner.datasets.dataset import DataFile, Dataset, Fact, Values
from labrunner.errors import Exit, Failure, did_you_mean

__all__ = ["DataFile", "Dataset", "Fact", "describe", "facts", "make", "names", "problems"]

_DATASETS: Mapping[str, Dataset] = {
    "cloudfront-logs": cloudfront_logs.DATASET,
    "redshift-users": redshift_users.DATASET,
    "words": words.DATASET,
}


def names() -> list[str]:
    """Return the name of every dataset, in alphabetical order."""
    return sorted(_DATASETS)


def describe(name: str) -> Dataset:
    """Return a dataset by its name; raises Failure, exit code 2."""
    if name in _DATASETS:
        return _DATASETS[name]
    hint = did_you_mean(name, names())
    raise Failure(
        f"there is no dataset {name!r}",
        why=f"the datasets are {', '.join(names())}" + (f"; {hint}" if hint else ""),
        exit_code=Exit.INVALID,
    )


def problems(name: str, params: Mapping[str, Any]) -> list[str]:
    """Return everything that is wrong with the parameters of a dataset."""
    known = describe(name).params
    return [problem for key in params if (problem := _problem(known, key, params[key]))]


def facts(name: str, params: Mapping[str, Any] | None = None) -> Mapping[str, Fact]:
    """Return what holds for the files that `make` gives; raises Failure, exit code 2."""
    return describe(name).facts(_values(name, params or {}))


def make(name: str, params: Mapping[str, Any] | None = None) -> Iterator[DataFile]:
    """Return the files of a dataset, each to be read in chunks; raises Failure, exit code 2."""
    return describe(name).files(_values(name, params or {}))


def _values(name: str, params: Mapping[str, Any]) -> Values:
    if found := problems(name, params):
        raise Failure(
            f"the params of dataset {name} are not right",
            why="; ".join(found),
            exit_code=Exit.INVALID,
        )
    known = describe(name).params
    return {key: int(params.get(key, param.default)) for key, param in known.items()}


def _problem(known: Mapping[str, Any], key: str, value: Any) -> str:
    if key not in known:
        hint = did_you_mean(key, list(known)) or f"it has {', '.join(known)}"
        return f"there is no param `{key}` ({hint})"
    if not isinstance(value, int) or isinstance(value, bool):
        return f"`{key}` is a whole number, not {value!r}"
    if value < known[key].minimum:
        return f"`{key}`: {value} is less than {known[key].minimum:.0f}"
    if value > known[key].maximum:
        return f"`{key}`: {value} is more than {known[key].maximum:.0f}"
    return ""
