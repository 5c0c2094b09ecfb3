"""The state of a sandbox: one organisation, its linked accounts, their connections and tokens.

A resource with state of its own declares a class that takes its owner, and gets the instance with
`organisation.own(WebhookStore)` or `account.own(TableStore)`: created on first use, kept as long as
its owner.
"""

from __future__ import annotations

import math
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import TypeVar, cast, overload

import msgspec

from refold_async.sandbox.apps import App
from refold_async.sandbox.apps.records import RecordTable
from refold_async.sandbox.apps.values import SeededChoices, generate, object_id, past_moment, timestamp
from refold_async.sandbox.faults import FaultBook
from refold_async.sandbox.ledger import Ledger
from refold_async.sandbox.limits import RequestLimits
from refold_async.sandbox.request_log import RequestLog
from refold_async.sandbox.tasks import BackgroundTasks, Pauses

OwnT = TypeVar("OwnT")
OwnerT = TypeVar("OwnerT")

SEEDED_PREFIX = "demo-user-"


class StoredConnection(msgspec.Struct):
    """One connected app of an account; an expired one needs re-authentication."""

    connected_at: str
    identifier: Mapping[str, object]
    expired: bool = False


class ResourceStates:
    """The state objects of the resources, one of each kind, for one owner."""

    def __init__(self) -> None:
        self._held: dict[object, object] = {}

    def get(self, kind: Callable[[OwnerT], OwnT], owner: OwnerT) -> OwnT:
        """Return the one instance of `kind`, created with `kind(owner)` on first use."""
        if kind not in self._held:
            self._held[kind] = kind(owner)
        return cast("OwnT", self._held[kind])


class StoredAccount:
    """One linked account: a customer of the organisation."""

    def __init__(self, organisation: Organisation, account_id: str, connected: Iterable[str]) -> None:
        self.organisation = organisation
        self.account_id = account_id
        self.object_id = object_id(organisation.seed, "account", account_id)
        self.connections: dict[str, StoredConnection] = {slug: self._connection(slug) for slug in connected}
        self._tables: dict[tuple[str, str], RecordTable] = {}
        self._own = ResourceStates()

    def own(self, kind: Callable[[StoredAccount], OwnT]) -> OwnT:
        """Return this account's instance of a resource's state, created on first use."""
        return self._own.get(kind, self)

    def connect(self, slug: str) -> None:
        """Connect or reconnect an app."""
        self.connections[slug] = self._connection(slug)

    def table(self, app: App, object_name: str) -> RecordTable:
        """Return the records of one object type in one of the account's apps."""
        table = self._tables.get((app.slug, object_name))
        if table is None:
            seed = "\x1f".join([str(self.organisation.seed), self.account_id, app.slug, object_name])
            object_type = app.objects[object_name]
            if (records := self.organisation.records) is not None:
                object_type = msgspec.structs.replace(object_type, seeded=records)
            table = self._tables[app.slug, object_name] = RecordTable(
                object_name, object_type, seed, search_lag=self.organisation.search_lag
            )
        return table

    def _connection(self, slug: str) -> StoredConnection:
        seed = SeededChoices(f"{self.organisation.seed}\x1f{self.account_id}\x1f{slug}")
        moment = timestamp(past_moment(seed))
        return StoredConnection(moment, generate(self.organisation.apps[slug].identifier, seed))


class BearerToken(msgspec.Struct, frozen=True):
    """A bearer token; without `expires_at` it never expires, like a personal access token."""

    account_id: str
    expires_at: float | None


class AccountIds(Sequence[str]):
    """The ids of an organisation's accounts: the seeded ones, computed and never stored, then the added."""

    def __init__(self, seeded: int, added: Mapping[str, object], removed: set[str]) -> None:
        self._seeded = seeded
        self._added = added
        self._removed = removed

    def __contains__(self, account_id: object) -> bool:
        return account_id in self._added or (self._is_seeded(account_id) and account_id not in self._removed)

    def __len__(self) -> int:
        return self._seeded - len(self._removed) + len(self._added)

    def __iter__(self) -> Iterator[str]:
        for number in range(1, self._seeded + 1):
            account_id = f"{SEEDED_PREFIX}{number}"
            if account_id not in self._removed:
                yield account_id
        yield from list(self._added)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        places = range(len(self))[index]
        last = places if isinstance(places, int) else max([*places[:1], *places[-1:]], default=0)
        if self._removed or last >= self._seeded:
            return list(self)[index]
        if isinstance(places, int):
            return f"{SEEDED_PREFIX}{places + 1}"
        return [f"{SEEDED_PREFIX}{place + 1}" for place in places]

    def __repr__(self) -> str:
        return f"<{len(self)} linked account ids>"

    def _is_seeded(self, account_id: object) -> bool:
        if not isinstance(account_id, str) or not account_id.startswith(SEEDED_PREFIX):
            return False
        digits = account_id.removeprefix(SEEDED_PREFIX)
        # The length first: `int` refuses very long strings with an error of its own.
        if not (digits.isascii() and digits.isdigit() and len(digits) < 18):
            return False
        return 1 <= int(digits) <= self._seeded and digits[0] != "0"


class Organisation:
    """The organisation behind the API key, with everything it owns."""

    def __init__(
        self,
        apps: Mapping[str, App],
        *,
        seed: int,
        accounts: int,
        api_key: str,
        search_lag: float = 0.0,
        records: int | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.apps = apps
        self.search_lag = search_lag
        self.records = records
        self.seed = seed
        self.id = object_id(seed, "organisation")
        self.environment = "production" if api_key.startswith("pk") else "test"
        self.account_ids = AccountIds(accounts, added := dict[str, None](), removed := set[str]())
        self._added = added
        self._removed = removed
        self._accounts: dict[str, StoredAccount] = {}
        self._tokens: dict[str, BearerToken] = {}
        self._issued = 0
        self._now = now
        self._own = ResourceStates()

    def own(self, kind: Callable[[Organisation], OwnT]) -> OwnT:
        """Return the organisation's instance of a resource's state, created on first use."""
        return self._own.get(kind, self)

    def account(self, account_id: str) -> StoredAccount | None:
        """Return a linked account, or `None` if the id is unknown."""
        account = self._accounts.get(account_id)
        if account is None and account_id in self.account_ids:
            account = self._accounts[account_id] = StoredAccount(
                self, account_id, self._connected_from_start()
            )
        return account

    def add_account(self, account_id: str, connected: Iterable[str] | None = None) -> StoredAccount:
        """Add a linked account with these apps connected, by default those of seeded accounts."""
        slugs = list(self._connected_from_start() if connected is None else connected)
        account = StoredAccount(self, account_id, slugs)
        if account_id in self._removed:
            self._removed.discard(account_id)
        elif account_id not in self.account_ids:
            self._added[account_id] = None
        self._accounts[account_id] = account
        return account

    def remove_account(self, account_id: str) -> bool:
        """Remove a linked account with its data and tokens; returns false if there is none."""
        if account_id not in self.account_ids:
            return False
        self._accounts.pop(account_id, None)
        self._tokens = {name: token for name, token in self._tokens.items() if token.account_id != account_id}
        if account_id in self._added:
            del self._added[account_id]
        else:
            self._removed.add(account_id)
        return True

    def issue_token(self, account_id: str, expires_in: float | None = None) -> str:
        """Return a new bearer token for an account, in the format of a JWT."""
        # Counted, so that two tokens of one account differ although nothing in them is random.
        self._issued += 1
        text = f"{self.seed}\x1f{self._issued}\x1f{account_id}"
        signature = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).digest()
        claims = {"linked_account_id": account_id, "jti": self._issued, "environment": self.environment}
        parts = (b'{"alg":"HS256","typ":"JWT"}', msgspec.json.encode(claims), signature)
        token = ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
        expires_at = None if expires_in is None else self._now() + expires_in
        self._tokens[token] = BearerToken(account_id, expires_at)
        return token

    def revoke_token(self, token: str) -> bool:
        """Revoke a token; returns false if it was already invalid."""
        return self._tokens.pop(token, None) is not None

    def bearer(self, token: str) -> StoredAccount | None:
        """Return the account of a token, or `None` if it is unknown, revoked or expired."""
        found = self._tokens.get(token)
        if found is None or (found.expires_at is not None and found.expires_at <= self._now()):
            return None
        return self.account(found.account_id)

    def seconds_left(self, token: str) -> float:
        """Return a token's remaining lifetime: 0.0 if it is invalid, infinity if it never expires."""
        found = self._tokens.get(token)
        if found is None:
            return 0.0
        return math.inf if found.expires_at is None else max(0.0, found.expires_at - self._now())

    def _connected_from_start(self) -> list[str]:
        return [slug for slug, app in self.apps.items() if app.connected]


class SandboxContext(msgspec.Struct):
    """The state and services of a sandbox, passed to every request."""

    organisation: Organisation
    api_keys: list[str]
    ledger: Ledger
    requests: RequestLog
    faults: FaultBook
    limits: RequestLimits
    pauses: Pauses
    background: BackgroundTasks
    latency: float = 0.0
