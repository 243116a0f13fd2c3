"""Read the arguments of an action that labrunner itself defines."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import Field, StringConstraints, ValidationError

from labrunner.model import Model
from labrunner.outcome import Refusal

# A name or an address; a leading "-" would be an option to a program that is given it.
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_:.][A-Za-z0-9_:.%-]*$")]
Port = Annotated[int, Field(ge=1, le=65_535)]
Limit = Annotated[float, Field(gt=0, le=86_400, description="A time in seconds.")]

Arguments = TypeVar("Arguments", bound=Model)


def read(model: type[Arguments], arguments: Mapping[str, Any]) -> Arguments | Refusal:
    """Return the arguments as the model has them, or a Refusal that names every mistake."""
    try:
        return model.model_validate(dict(arguments))
    except ValidationError as error:
        return Refusal("InvalidArgument", "; ".join(map(_words, error.errors())))


def _words(mistake: Mapping[str, Any]) -> str:
    """Return the place and the mistake, without the value: that may be a secret."""
    place = ".".join(str(part) for part in mistake["loc"])
    return f"{place}: {mistake['msg']}" if place else str(mistake["msg"])
