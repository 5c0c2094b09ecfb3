"""Environment variables: what the organisation has defined, and the values set for each scope."""

from collections.abc import Iterator

import msgspec

from refold_async.sandbox.apps.values import object_id
from refold_async.sandbox.replies import envelope
from refold_async.sandbox.resources.documents import Document, Documents, given, without
from refold_async.sandbox.resources.reading import is_web_url
from refold_async.sandbox.resources.seeds import load_seeds
from refold_async.sandbox.state import Organisation

REDACTED = "[REDACTED]"


class EnvVariables:
    """The variables of an organisation.

    Attributes:
        definitions: What is defined; nothing in the API adds to it.
        values: The values, each with its definition's id, and the account or workflow it is for.
    """

    def __init__(self, organisation: Organisation) -> None:
        missing = "Variable {} not found"
        self.definitions = Documents(
            organisation, envelope(404, missing.format("definition"), code="RESOURCE_NOT_FOUND")
        )
        self.values = Documents(
            organisation, envelope(404, missing.format("value"), code="RESOURCE_NOT_FOUND")
        )
        self._organisation = organisation
        for seed in load_seeds().definitions:
            fields = without(msgspec.to_builtins(seed), "value")
            definition = self.definitions.add(
                {"org_id": organisation.id, **fields}, object_id(organisation.seed, "variable", seed.name)
            )
            if seed.value is not None:
                self.set(definition, {}, seed.value)

    def find(self, definition: Document, target: Document) -> Document | None:
        """The value set for a target: an account, a workflow, or nothing for what is the organisation's."""
        key = {"variable_definition_id": definition["_id"], **target}
        return next((value for value in self.values if given(value, key) == key), None)

    def set(self, definition: Document, target: Document, text: str) -> Document:
        """Write the value for a target, over the one that is there."""
        found = self.find(definition, target)
        if found is not None:
            return self.values.update(str(found["_id"]), {"value": text})
        owner = {"org_id": self._organisation.id, "environment": self._organisation.environment}
        return self.values.add(
            {"variable_definition_id": definition["_id"], **owner, **target, "value": text}
        )

    def of_scope(self, scope: str, target: Document) -> Iterator[tuple[Document, Document]]:
        """The values of a scope and target, each with its definition."""
        for value in self.values:
            definition = self.definition_of(value)
            if definition["scope"] == scope and given(value, target) == target:
                yield value, definition

    def definition_of(self, value: Document) -> Document:
        """What a value is a value of."""
        return self.definitions.get(str(value["variable_definition_id"]))

    def accounts_with(self, name: str, text: str | None) -> list[str]:
        """The ids of the accounts whose variable of this name has this value, or any."""
        return [
            str(value["linked_account_id"])
            for value in self.values
            if "linked_account_id" in value
            and self.definition_of(value)["name"] == name
            and text in (None, value["value"])
        ]


def shown_value(value: Document, definition: Document) -> str:
    """The value as reads show it."""
    return REDACTED if definition["encrypted"] else str(value["value"])


def has_format(text: str, var_format: object) -> bool:
    """Whether a text is what the definition's ``var_format`` asks for."""
    if var_format == "number":
        try:
            return float(text) == float(text)
        except ValueError:
            return False
    if var_format == "url":
        return is_web_url(text)
    return True
