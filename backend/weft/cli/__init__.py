"""The command line: questions answered from `answers/catalog.py`, files imported, a site checked and served."""

import logging
import sys
import tempfile
import traceback
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from weft.base.errors import ServiceError
from weft.cli import cypher, fabric, jobs, keeping, logs, provision, show, site
from weft.cli.common import app, tell

for module in (jobs, fabric, logs, show, cypher, site, keeping, provision):
    app.add_typer(module.commands)


def main(args: Sequence[str] | None = None) -> None:
    """Run a command and end the process: 0; 1 after an error, one line on stderr; 2 after a wrong command line."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    try:
        status = app(args=args, prog_name="weft", standalone_mode=False)
    except TyperException as exc:
        tell(f"error: {exc.format_message()} See `weft --help`.")
        sys.exit(exc.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except ServiceError as exc:
        tell(f"error: {exc}")
        sys.exit(1)
    except Exception as exc:  # the last line of defence: the person gets one line, the authors the traceback
        with tempfile.NamedTemporaryFile("w", prefix="weft-", suffix=".txt", delete=False) as file:
            traceback.print_exc(file=file)
        tell(f"error: Weft failed here, not you ({type(exc).__name__}: {exc}). Send {file.name} to its authors.")
        sys.exit(1)
    sys.exit(status or 0)
