"""An open journal: of one batch, or of several that run at once."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from refold_async.batch.journal import Journal
from refold_async.batch.journal.database_url import is_database
from refold_async.errors import SettingsError

if TYPE_CHECKING:
    from refold_async.batch.journal.group_commits import GroupCommits
    from refold_async.batch.journal.store import JournalStore

# Not `Final`: tests of a lost lease set shorter ones.
lease_seconds = 10.0
patience = 60.0


class OpenJournal:
    """A journal that is open in the running event loop.

    Passed to several batches as their `journal`, it makes them one run: a call must be in one of them.

    Args:
        setting: The setting.
        base_url: Where the calls go.
        commits: Writes to the journal.
        store: The journal, open.
    """

    def __init__(self, setting: Journal, base_url: str, commits: GroupCommits, store: JournalStore) -> None:
        self.setting: Final = setting
        self.base_url: Final = base_url
        self.commits: Final = commits
        self.store: Final = store
        self._batches: Final = itertools.count()

    @classmethod
    async def open(cls, setting: Journal, base_url: str) -> OpenJournal:
        """Open a journal.

        Raises:
            JournalInUseError: If another batch or process uses it.
            JournalError: If it cannot be used.
        """
        from refold_async.batch.journal.group_commits import GroupCommits  # noqa: PLC0415 - loaded when used

        commits, store = await GroupCommits.open(lambda: open_store(setting, base_url))
        return cls(setting, base_url, commits, store)

    def number_batch(self) -> int:
        """Return the number of another batch of this run, from 0."""
        return next(self._batches)

    def check_base_url(self, base_url: str) -> None:
        """Check that a batch's calls go where the journal's do.

        Raises:
            SettingsError: If they do not.
        """
        if base_url != self.base_url:
            raise SettingsError(f"the journal is of calls to {self.base_url}, not to {base_url}")

    async def parts(self) -> list[str] | None:
        """Return the names of the recorded result files; see `JournalStore.parts`.

        Raises:
            JournalError: If they cannot be read.
        """
        return await self.commits.call(self.store.parts)

    async def add_part(self, name: str) -> None:
        """Record a result file; see `JournalStore.add_part`.

        Raises:
            JournalError: If it cannot be recorded.
        """
        await self.commits.call(lambda: self.store.add_part(name))

    async def aclose(self) -> None:
        """Write what is pending and close the journal."""
        await self.commits.aclose()


def open_store(setting: Journal, base_url: str) -> JournalStore:
    """Open the store of a journal, a file or a database, in the thread that will use it.

    Raises:
        JournalInUseError: If another batch or process uses it.
        JournalError: If it cannot be used.
    """
    if not is_database(setting.path):
        from refold_async.batch.journal.sqlite import JournalFile  # noqa: PLC0415 - sqlite3 is loaded when used

        return JournalFile(setting.path, job=setting.job, base_url=base_url, keep_results=setting.replay)
    from refold_async.batch.journal.postgres.store import PostgresJournal  # noqa: PLC0415 - needs the extra

    assert setting.job is not None  # noqa: S101 - the setting was checked
    return PostgresJournal(
        str(setting.path),
        job=setting.job,
        shard=setting.shard,
        base_url=base_url,
        keep_results=setting.replay,
        lease=lease_seconds,
        patience=patience,
    )
