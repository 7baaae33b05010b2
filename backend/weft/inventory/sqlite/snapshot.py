"""A copy of the inventory as it stands, made while it is written to."""

import sqlite3
from contextlib import closing
from pathlib import Path

from weft.base.errors import Unavailable


def snapshot(source: Path, target: Path) -> None:
    """Copy the database as one moment has it, whatever is written meanwhile; nothing where there is none.

    Raises:
        Unavailable: it cannot be read, or there is no space for the copy.
    """
    if not source.exists():
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as here,
            closing(sqlite3.connect(target)) as there,
        ):
            # All pages in one step: a step is one read transaction, and WAL lets others write beside it.
            here.backup(there, pages=-1)
            there.execute("PRAGMA journal_mode=DELETE")
    except (OSError, sqlite3.Error) as exc:
        raise Unavailable(
            f"The inventory {source} cannot be copied to {target}: {exc}.", fix="See the space and the rights there."
        ) from exc
