"""An app in virtual time: writes that are lost, late or done twice, searches that lag or fail."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from refold_async import ActionResult, Call, ConnectionFailedError, Lookup, NotFoundError, ServerError
from refold_async._core.pipeline import RetryAfter
from refold_async.batch.scheduler import QueuedCall

SEARCH, WRITE = "search_contacts", "create_contact"
LATENESS, LAG = 5.0, 7.0

WRITES = ["ok", "before", "after", "late", "twice", "again", "rejected"]
LOOKS = ["ok", "ok", "ok", "failed", "again", "more"]


@dataclass(frozen=True)
class Script:
    """One call: what becomes of each of its runs, and of each attempt of a look-up; "ok" after those."""

    writes: list[str]
    looks: list[str]


@dataclass
class VirtualApp:
    """Runs the attempts of a batch as the scripts of its calls say."""

    scripts: list[Script]
    records: Counter[int] = field(default_factory=Counter)
    visible: Counter[int] = field(default_factory=Counter)
    sent: Counter[int] = field(default_factory=Counter)
    looked: Counter[int] = field(default_factory=Counter)
    under_way: int = 0
    alive: bool = True

    def call(self, place: int) -> Call:
        return Call(f"account-{place % 3}", "hubspot", WRITE, {"place": place}, key=str(place))

    @staticmethod
    def lookup(call: Call) -> Lookup:
        assert call.params is not None
        return Lookup(SEARCH, {"place": call.params["place"]}, found=lambda data: data["found"])

    async def attempt(self, queued: QueuedCall) -> object:
        """Make one attempt of a write or of a look-up."""
        if not self.alive:  # the program was killed: nothing more leaves it
            await asyncio.Event().wait()
        queued.attempts += 1
        queued.error = None
        assert queued.call.params is not None
        place = queued.call.params["place"]
        assert isinstance(place, int)
        self.under_way += 1
        try:
            if queued.call.action_id == SEARCH:
                await asyncio.sleep(0.1)
                return self._look(place)
            what = _next(self.scripts[place].writes, self.sent[place])
            self.sent[place] += 1
            self._perform(what, place)
            # Whoever is cancelled or killed here has sent it.
            await asyncio.sleep(0.1)
            return _answer(what, place)
        finally:
            self.under_way -= 1

    def _perform(self, what: str, place: int) -> None:
        if what == "late":
            asyncio.get_running_loop().call_later(LATENESS, self._run, place)
        for _ in range({"ok": 1, "after": 1, "twice": 2}.get(what, 0)):
            self._run(place)

    def _run(self, place: int) -> None:
        self.records[place] += 1
        asyncio.get_running_loop().call_later(LAG, self.visible.update, [place])

    def _look(self, place: int) -> object:
        what = _next(self.scripts[place].looks, self.looked[place])
        self.looked[place] += 1
        if what == "failed":
            raise ServerError("down", fate="unknown", status=503)
        if what == "again":
            return RetryAfter(0.5, ServerError("busy", fate="unknown", status=503))
        found = [{"place": place}] * self.visible[place]
        return _result({"found": found, "hasMore": what == "more"})


def _answer(what: str, place: int) -> object:
    if what == "ok":
        return _result({"place": place})
    if what == "again":
        return RetryAfter(1.0, ServerError("busy", fate="not_sent", status=429))
    if what == "rejected":
        raise NotFoundError("no", fate="rejected", status=404)
    raise ConnectionFailedError("lost", fate="unknown")


def _next(script: list[str], place: int) -> str:
    return script[place] if place < len(script) else "ok"


def _result(data: object) -> ActionResult:
    return ActionResult("Success", 200, msgspec.Raw(msgspec.json.encode(data)))
