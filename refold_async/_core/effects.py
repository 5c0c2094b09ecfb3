"""The effect of an action, inferred from the words of its id."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from refold_async._core.operation import Effect

READING: Final = frozenset("get list search find fetch count lookup describe retrieve view".split())  # noqa: SIM905
"""Verbs that an action which reads begins with. Not `query`, which may hold a mutation, nor `read`, which
takes a message from a queue."""

CHANGING: Final = frozenset(
    """
    abort accept ack acknowledge activate add adjust allocate and append apply approve archive
    assign associate attach authorise authorize backfill ban block book cancel capture charge
    checkin checkout claim clean clear clone close commit complete confirm connect consume convert
    copy create credit deactivate debit decline decrement delete deliver deny deploy deposit dequeue
    destroy detach disable disassociate discard disconnect dismiss dispatch dispute drop duplicate
    edit enable enqueue enrol enroll exec execute expire export extend finalize finish flush forward
    freeze fulfill generate grant halt hide import increment ingest init initialize initiate insert
    install invalidate invite invoke kick kill launch leave lock login logout mark merge migrate
    modify move mutate mutation mute notify optimize or overwrite patch pause pay ping pop prepare
    process promote provision publish pull purge push put quit reactivate rebuild receive reconcile
    recover redeem refresh refund regenerate register reindex reject release reload remove rename
    renew reopen reorder repair replace replay reply reschedule resend reserve reset resolve respond
    restart restore resubmit resume retire retry return reverse revert revoke rollback rotate run
    save send set settle ship sign skip snooze split start stop store submit subscribe suspend swap
    switch sync synchronize terminate then toggle transfer transition trash trigger truncate
    unarchive unassign unblock unfollow unlink unlock unpublish unsubscribe update upgrade upload
    upsert use validate void vote withdraw write
    """.split()  # noqa: SIM905 - as a list, two hundred lines
)
"""Words that make any action a write, also those that may be nouns: an export, a refund."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@lru_cache(maxsize=4096)
def effect_of_action(action_id: str) -> Effect:
    """Return whether an action reads or writes, judged by its id.

    It reads if its first word is in `READING` and none of its words is in `CHANGING`
    (`get_or_create_contact` writes). Any other action writes, including `httprequest` and `query`, which can
    do anything: a read that counts as a write is retried less, a write that counts as a read runs twice.

    Args:
        action_id: The action's id, in snake_case, kebab-case or camelCase.

    Returns:
        `"read"` or `"write"`.
    """
    words = [word.lower() for word in _WORD.findall(action_id)]
    # A letter of another script belongs to no known word.
    if not action_id.isascii() or not words or words[0] not in READING or not CHANGING.isdisjoint(words):
        return "write"
    return "read"
