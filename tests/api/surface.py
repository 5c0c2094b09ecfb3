"""All public methods of the API, found by looking at the three scopes."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from refold_async import KeyAccount, Refold, TokenAccount
from refold_async.api.operations import OPERATIONS
from refold_async.api.resource import Lazy

from .sample import Sample
from .samples_accounts import ACCOUNT_SAMPLES
from .samples_running import RUNNING_SAMPLES
from .samples_setup import SETUP_SAMPLES

SAMPLES: dict[str, Sample] = {**ACCOUNT_SAMPLES, **SETUP_SAMPLES, **RUNNING_SAMPLES}

SCOPES: dict[str, type] = {"Refold": Refold, "KeyAccount": KeyAccount, "TokenAccount": TokenAccount}


class Method(NamedTuple):
    """A public method of a scope.

    Attributes:
        scope: The scope's class, by name.
        resource: The attribute of the scope.
        name: The method's name.
        function: The function itself.
    """

    scope: str
    resource: str
    name: str
    function: Callable[..., Any]

    @property
    def key(self) -> str:
        """`resource.method`."""
        return f"{self.resource}.{self.name}"

    @property
    def paginates(self) -> bool:
        """Whether it returns a `Paginator`."""
        return str(self.function.__annotations__["return"]).startswith("Paginator")

    @property
    def samples(self) -> dict[str, Sample]:
        """Its sample calls: those of this scope, and those of any."""
        whole = f"{self.scope}:{self.key}"
        own = {key: sample for key, sample in SAMPLES.items() if key.partition(" (")[0] == whole}
        shared = {key: sample for key, sample in SAMPLES.items() if key.partition(" (")[0] == self.key}
        return own or shared or self._derived()

    def _derived(self) -> dict[str, Sample]:
        """Make a sample of the operation that has the method's name."""
        parameters = list(inspect.signature(self.function).parameters.values())[1:]
        required = [each for each in parameters if each.default is each.empty]
        args = tuple({"a": 1} if "Mapping" in str(each.annotation) else f"{each.name}-1" for each in required)
        operation = next((each for each in OPERATIONS if each.name == self.key), None)
        if operation is None:
            return {}
        path = re.sub(r"{(\w+)}", r"\1-1", operation.path)
        return {self.key: Sample(operation.method, path, args, is_derived=True)}


def resources(scope: str) -> dict[str, type]:
    """Return the classes of a scope's resources, by its attributes."""
    found: dict[str, type] = {}
    for name in dir(SCOPES[scope]):
        attribute = inspect.getattr_static(SCOPES[scope], name)
        if isinstance(attribute, Lazy):
            found[name] = attribute.load()
    return found


def methods() -> Iterator[Method]:
    """Yield every public method of every scope."""
    for scope in SCOPES:
        for resource, kind in resources(scope).items():
            for name, function in inspect.getmembers(kind, inspect.isfunction):
                if not name.startswith("_"):
                    yield Method(scope, resource, name, function)
