"""Dashboards by Grafana's HTTP API: only what changed, a few requests at a time, never over what a person saved.

Every save of ours carries the message `Weft <hash>`; a dashboard whose newest version carries another one is a
person's. How each was left (hash, version) stands in a file, so that a dashboard that did not change costs no request.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import orjson

from weft.base.errors import BadSettings, ServiceError
from weft.dashboards.plan import Left, Report, left_in, told_of

AT_ONCE = 4
"""Requests under way."""
SAVED_EVERY = 50
"""Dashboards between two writings of how they were left: a killed Weft asks about no more than these again."""
GIVE_UP = 5
"""Dashboards in a row that could not be written before the rest is left for the next time."""

WORD = "Weft "


class Version(NamedTuple):
    """The newest version of a dashboard: Grafana's mark of it, and the message of whoever saved it."""

    mark: str
    message: str


class Conflict(Exception):
    """The dashboard is not at the version that was named, or there is one where none was thought to be."""


class Api(Protocol):
    """What is asked of a Grafana. Each raises ServiceError when it refuses, or does not answer for long."""

    async def prepare(self) -> None:
        """See to it that the folder is there."""

    async def listed(self) -> set[str]:
        """Uids of dashboards with our tag."""

    async def newest(self, uid: str) -> Version | None:
        """A dashboard's newest version; None: there is none."""

    async def write(self, uid: str, body: dict[str, Any], mark: str | None, message: str) -> str:
        """Save over the version of this mark (None: as a new one); its mark afterwards. Raises Conflict."""

    async def remove(self, uid: str, mark: str) -> None:
        """Take a dashboard away; one that is gone is no error. Raises Conflict."""


@dataclass(slots=True)
class Publication:
    """One publication under way."""

    api: Api
    memory: Path
    left: dict[str, Left]
    report: Report = field(default_factory=Report)
    since_saved: int = 0
    in_a_row: int = 0

    def remember(self, uid: str, left: Left | None) -> None:
        """Note how a dashboard was left; None: it is no business of ours any more."""
        if left is None:
            self.left.pop(uid, None)
        else:
            self.left[uid] = left
        self.since_saved += 1
        if self.since_saved >= SAVED_EVERY:
            self.save()

    def save(self) -> None:
        """Write down how everything was left."""
        beside = self.memory.with_name(f"{self.memory.name}.new")
        beside.write_bytes(told_of(self.left))
        beside.replace(self.memory)
        self.since_saved = 0


async def publish(api: Api, wanted: Mapping[str, bytes], memory: Path) -> Report:
    """Bring a Grafana to the wanted dashboards (uid to JSON). The same again writes nothing.

    Args:
        memory: the file that keeps how they were left; made when missing.
    Raises:
        ServiceError: it refuses us, or does not answer at all; what was written so far is remembered.
    """
    work = Publication(api, memory, left_in(memory))
    there = await api.listed()
    hashes = {uid: sha256(text).hexdigest() for uid, text in wanted.items()}
    write, theirs = [], []
    for uid in sorted(wanted):
        known = work.left.get(uid)
        if uid not in there or known is None or known.sha256 != hashes[uid]:
            write.append(uid)
        elif not known.marks:
            theirs.append(uid)
    remove = sorted(work.left.keys() - wanted.keys())
    if write:
        await api.prepare()
    try:
        await _all(work, write, lambda uid: _write(work, uid, wanted[uid], hashes[uid]))
        await _all(work, remove, lambda uid: _remove(work, uid, there))
    finally:
        if work.since_saved:
            work.save()
    work.report.same = len(wanted) - len(write) - len(theirs)
    work.report.theirs += map(_theirs, theirs)
    for one in (work.report.written, work.report.removed, work.report.theirs, work.report.failed):
        one.sort()
    return work.report


async def _all(work: Publication, uids: list[str], do: Callable[[str], Awaitable[None]]) -> None:
    """Do something for each, some at once; what fails is told and does not stop the rest until many fail in a row."""
    waiting = iter(uids)

    async def worker() -> None:
        for uid in waiting:
            if work.in_a_row >= GIVE_UP:
                work.report.failed.append(f"{uid}: left for the next time.")
                continue
            try:
                await do(uid)
            except BadSettings:
                raise
            except ServiceError as exc:
                work.in_a_row += 1
                work.report.failed.append(f"{uid}: {exc}")
            else:
                work.in_a_row = 0

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(uids))):
                group.create_task(worker())
    except* BadSettings as refused:
        raise refused.exceptions[0] from None


async def _write(work: Publication, uid: str, text: bytes, hashed: str) -> None:
    body, message = orjson.loads(text), f"{WORD}{hashed[:16]}"
    known = work.left.get(uid)
    mark = known.marks[0] if known is not None and known.marks else None
    while True:
        try:
            mark = await work.api.write(uid, body, mark, message)
            break
        except Conflict:
            newest = await work.api.newest(uid)
            if newest is None:
                mark = None
            elif newest.message == message:
                # An answer of ours was lost on the way: it had been written.
                mark = newest.mark
                break
            elif newest.message.startswith(WORD) and newest.mark != mark:
                mark = newest.mark
            else:
                work.remember(uid, Left(hashed, ()))
                work.report.theirs.append(_theirs(uid))
                return
    work.remember(uid, Left(hashed, (mark,)))
    work.report.written.append(uid)


async def _remove(work: Publication, uid: str, there: set[str]) -> None:
    newest = await work.api.newest(uid) if uid in there else None
    if newest is not None:
        if not newest.message.startswith(WORD):
            work.report.theirs.append(_theirs(uid))
        else:
            await work.api.remove(uid, newest.mark)
            work.report.removed.append(uid)
    work.remember(uid, None)


def _theirs(uid: str) -> str:
    return f"{uid} is not as Weft left it: it stays as it is."
