"""Profiles: what a linked account shows of itself beside its connections."""

from collections.abc import Mapping

from refold_async.sandbox.apps.values import Seed, generate, past_moment, timestamp
from refold_async.sandbox.resources.documents import Document, Ids, now
from refold_async.sandbox.resources.showing import DEFAULT_APP, app_id_of, icon_of
from refold_async.sandbox.state import Account


class Profile:
    """The name, the user-defined fields and the default app's credentials of one linked account.

    Attributes:
        default_app: The credentials by key; ``None`` where the account has no default app.
    """

    def __init__(self, account: Account) -> None:
        seed = Seed(f"{account.organisation.seed}\x1f{account.account_id}\x1fprofile")
        self._account = account
        self.created_at = self.updated_at = timestamp(past_moment(seed))
        self.name = str(generate({"name": "company"}, seed)["name"])
        self.udf: dict[str, Document] = {}
        self.default_app: dict[str, str] | None = {}
        self._changes = 0

    def begin(self) -> None:
        """Make it the profile of an account that was created this moment."""
        self.created_at = self.updated_at = now()
        self.name, self.default_app = "", None

    def change(
        self, name: str | None, udf: Mapping[str, object], credentials: Mapping[str, object] | None
    ) -> None:
        """Write what was given; a field or credential of the same key gives way."""
        self.touch()
        self.name = self.name if name is None else name
        for key, value in udf.items():
            self.set_field(key, str(value))
        if credentials is not None:
            texts = {key: str(value) for key, value in credentials.items()}
            self.default_app = {**(self.default_app or {}), **texts}

    def set_field(self, key: str, value: str) -> None:
        """Write one user-defined field."""
        kept = self.udf.get(key) or {
            "key_name": key,
            "_id": self._account.organisation.own(Ids).next(),
            "createdAt": now(),
        }
        self.udf[key] = {**kept, "key_value": value, "updatedAt": now()}

    def touch(self) -> None:
        """Note that something of the account has changed."""
        self._changes += 1
        self.updated_at = now()

    def document(self) -> Document:
        """The linked account as the API shows it, without its integrations."""
        account = self._account
        return {
            "_id": account.object_id,
            "associated_org": account.organisation.id,
            "account_id": account.account_id,
            "environment": account.organisation.environment,
            "name": self.name,
            "udf": list(self.udf.values()),
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "__v": self._changes,
        }

    def whole(self) -> Document:
        """The linked account with its integrations, which bear no credentials."""
        return {**self.document(), "integrations": [*self._connections(), *self._own_app()]}

    def _connections(self) -> list[Document]:
        apps = self._account.organisation.apps
        return [
            {
                "type": slug,
                "name": apps[slug].name,
                "icon": icon_of(slug),
                "app_id": None,
                "reauth_required": connection.expired,
                "createdAt": connection.connected_at,
                "updatedAt": connection.connected_at,
            }
            for slug, connection in self._account.connections.items()
        ]

    def _own_app(self) -> list[Document]:
        if self.default_app is None:
            return []
        app_id = app_id_of(self._account.organisation, DEFAULT_APP)
        return [
            {
                "type": DEFAULT_APP,
                "name": "Default app",
                "icon": icon_of(DEFAULT_APP),
                "app_id": app_id,
                "reauth_required": False,
                "createdAt": self.created_at,
                "updatedAt": self.updated_at,
            }
        ]
