"""Datarefs: named maps from a record's id to its values, which workflows write and the API reads."""

from collections.abc import Mapping

from refold_async.sandbox.replies import envelope
from refold_async.sandbox.resources.documents import Document, Documents
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.resources.seeds import load_seeds
from refold_async.sandbox.state import Account, Organisation


class Datarefs(Documents):
    """The datarefs of all accounts; the first account of the organisation has one with records."""

    def __init__(self, organisation: Organisation) -> None:
        super().__init__(organisation, envelope(404, "Dataref not found", code_field="error"))
        first = next(iter(organisation.account_ids), None)
        for seed in load_seeds().datarefs if first else ():
            account = organisation.account(str(first))
            if account is not None:
                self.create(account, seed.name, dict(seed.records))

    def create(self, account: Account, name: str, data: Document) -> Document:
        """A dataref of a name that the account has not used yet."""
        if any(each["name"] == name for each in self.of(account.account_id)):
            raise refused(400, f"Dataref {name} already exists", field="error")
        owner = {
            "linked_account_id": account.account_id,
            "org_id": account.organisation.id,
            "environment": account.organisation.environment,
        }
        return self.add({**owner, "name": name, "data": data, "__v": 0})

    def of(self, account_id: str | None) -> list[Document]:
        """The datarefs of one account, or of all."""
        return [each for each in self if account_id in (None, each["linked_account_id"])]

    def named(self, account: Account, name: str) -> Document:
        """An account's dataref by its name; refuses an unknown one."""
        found = [each for each in self.of(account.account_id) if each["name"] == name]
        return found[0] if found else self.get("")


def rows_of(dataref: Document) -> list[Document]:
    """The records as rows of a table, each with its ``record_id``."""
    data = dataref["data"]
    records = data.items() if isinstance(data, Mapping) else ()
    return [{"record_id": record_id, **fields} for record_id, fields in records]
