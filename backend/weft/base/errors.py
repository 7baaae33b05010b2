"""Errors that say what happened and what the reader can do about it.

The domains raise these and know no status code; `api/errors.py` maps each class to one.
"""


class ServiceError(Exception):
    """What happened, and what the reader can do about it."""

    code = "error"

    def __init__(self, what: str, *, fix: str) -> None:
        super().__init__(f"{what} {fix}".strip())
        self.what, self.fix = what, fix


class BadInput(ServiceError):
    """A file that cannot be read: where, what was expected, how to mend it."""

    code = "bad_input"

    def __init__(self, what: str, *, fix: str, file: str = "", line: int | None = None) -> None:
        place = f"{file}:{line}: " if file and line is not None else f"{file}: " if file else ""
        if not file and line is not None:
            place = f"line {line}: "
        super().__init__(f"{place}{what}", fix=fix)
        self.bare, self.file, self.line = what, file, line

    def in_file(self, file: str) -> "BadInput":
        """Return the same error, naming the file it was found in."""
        return BadInput(self.bare, fix=self.fix, file=file, line=self.line)


class BadRequest(ServiceError):
    """A request that cannot be understood: a target, a time, a parameter."""

    code = "bad_request"


class UnknownName(ServiceError):
    """A job, host, switch, cable, table or function that Weft does not know."""

    code = "unknown_name"


class TooMuch(ServiceError):
    """A request over a limit; the message names the setting that holds the limit."""

    code = "too_much"


class Forbidden(ServiceError):
    """The viewer may not see this."""

    code = "forbidden"


class Busy(ServiceError):
    """Too many requests wait already."""

    code = "busy"


class Unavailable(ServiceError):
    """An engine (inventory, metrics, logs) does not answer."""

    code = "unavailable"


class BadSettings(ServiceError):
    """A setting that stops the start; the message names it."""

    code = "bad_settings"


class OwnedElsewhere(ServiceError):
    """Another process holds DATA/owner.lock, or the folder cannot be owned."""

    code = "owned_elsewhere"
