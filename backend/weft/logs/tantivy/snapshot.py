"""A copy of the log folders as they stand, made while lines are appended."""

import shutil
from collections.abc import Callable
from pathlib import Path

from weft.base.errors import Unavailable

TRIES = 100
"""Commits come a second apart at the most often, and linking a day's files takes a few milliseconds."""

_META = "meta.json"


def snapshot(source: Path, target: Path, between: Callable[[], None] = lambda: None) -> None:
    """Copy every day's index as one of its commits has it; nothing where there is none.

    Files of an index never change once a commit names them, but for its list of files, so links to them do; a merge
    that takes some away has written the list anew, and then the day is linked again.

    Args:
        target: a folder on the same file system. between: called after the files of a day are linked; for tests.
    Raises:
        Unavailable: the disk refuses, or a day is committed to without a pause.
    """
    try:
        for day in sorted(path for path in source.glob("*") if (path / _META).exists()):
            for _ in range(TRIES):
                shutil.rmtree(target / day.name, ignore_errors=True)
                if _linked(day, target / day.name, between):
                    break
            else:
                raise Unavailable(
                    f"The logs of {day.name} change too quickly to be copied.", fix="Try again when less comes in."
                )
    except OSError as exc:
        raise Unavailable(
            f"The logs {source} cannot be copied to {target}: {exc.strerror or exc}.",
            fix="See the space and the rights there.",
        ) from exc


def _linked(day: Path, target: Path, between: Callable[[], None]) -> bool:
    """Link the files of a day; False: a commit came in between, so that some may be missing."""
    target.mkdir(parents=True)
    meta = (day / _META).read_bytes()
    for path in day.iterdir():
        if path.name == _META or path.suffix == ".lock":
            continue
        try:
            if path.name.startswith("."):
                shutil.copyfile(path, target / path.name)  # tantivy's list of its files, which it rewrites
            else:
                (target / path.name).hardlink_to(path)
        except FileNotFoundError:
            continue  # taken away by a merge; then the list has changed
    between()
    (target / _META).write_bytes(meta)
    return (day / _META).read_bytes() == meta
