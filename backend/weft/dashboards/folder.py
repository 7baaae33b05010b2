"""Dashboards as files, for Grafana's file provider (`provisioning/dashboards/`): one `<uid>.json` each.

How files were left stands in `.weft-dashboards` beside them: what ends in `.json` Grafana's provider takes for a
dashboard, with a dot before it too. Everything is written beside its place and renamed, so that it never reads half a
file.
"""

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from weft.base.errors import Unavailable
from weft.dashboards.plan import Left, Report, left_in, planned, told_of

STATE = ".weft-dashboards"


def publish(folder: Path, wanted: Mapping[str, bytes]) -> Report:
    """Bring the folder to the wanted dashboards (uid to text). The same again writes nothing.

    Raises:
        Unavailable: the folder cannot be read or written; what was written stays, and is known as ours.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _published(folder, wanted)
    except OSError as exc:
        raise Unavailable(
            f"Dashboards cannot be written to {folder}: {exc.strerror}.", fix="Name another folder, or give it to Weft."
        ) from exc


def _published(folder: Path, wanted: Mapping[str, bytes]) -> Report:
    told = left_in(folder / STATE)
    hashes = {uid: sha256(text).hexdigest() for uid, text in wanted.items()}
    there = {uid: mark for uid in (*wanted, *told) if (mark := _mark(folder, uid)) is not None}
    # What says just what we would write is ours, also where nothing tells of it any more.
    left = {uid: Left(hashes[uid], (hashes[uid],)) for uid in wanted if there.get(uid) == hashes[uid]} | told
    plan = planned(hashes, left, there)
    report = Report(same=len(wanted) - len(plan.write) - sum(uid in wanted for uid in plan.theirs))
    ours = {uid: one for uid, one in left.items() if uid in there and uid not in plan.theirs}
    # Known as ours before it is there: a file without its entry would be taken for a person's ever after.
    before = ours | {uid: Left(hashes[uid], _marks(hashes[uid], there.get(uid))) for uid in plan.write}
    if before != told:
        _write(folder / STATE, told_of(before))
    for uid in plan.write:
        _write(folder / f"{uid}.json", wanted[uid])
        report.written.append(uid)
    for uid in plan.remove:
        (folder / f"{uid}.json").unlink(missing_ok=True)
        report.removed.append(uid)
    after = {uid: one for uid, one in before.items() if uid in wanted}
    if after != before:
        _write(folder / STATE, told_of(after))
    report.theirs = [f"{uid}.json is not as Weft left it: it stays as it is." for uid in plan.theirs]
    return report


def _marks(new: str, old: str | None) -> tuple[str, ...]:
    return (new,) if old is None or old == new else (new, old)


def _mark(folder: Path, uid: str) -> str | None:
    """The hash of a dashboard's file, None: there is none."""
    try:
        return sha256((folder / f"{uid}.json").read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def _write(path: Path, text: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
