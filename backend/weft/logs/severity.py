"""How bad a line is: RFC 5424's eight keywords, and what other programs call them."""

SEVERITIES = tuple("emerg alert crit err warning notice info debug".split())
"""By number, the worst first: RFC 5424 section 6.2.1."""

_ALSO = {
    "emergency": "emerg", "panic": "emerg", "critical": "crit", "fatal": "crit", "severe": "crit", "error": "err",
    "eror": "err", "failure": "err", "warn": "warning", "information": "info", "informational": "info", "dbug": "debug",
    "trace": "debug", "verbose": "debug", "fine": "debug",
}  # fmt: skip
"""What journald, log4j, slog, Grafana and others write for them."""


def severity_of(told: object) -> str:
    """The keyword for what a program calls it, or for its number; "": it is none of these."""
    if isinstance(told, bool):
        return ""
    if isinstance(told, int):
        return SEVERITIES[told] if 0 <= told < len(SEVERITIES) else ""
    word = str(told).strip().lower()
    if word.isascii() and word.isdigit():
        return severity_of(int(word[:3]))
    return word if word in SEVERITIES else _ALSO.get(word, "")


def between(low: str | None, high: str | None, with_low: bool, with_high: bool) -> tuple[str, ...] | None:
    """The keywords from one to another by how bad they are, the worst last; None: an end is no severity.

    `severity:>=warning` means warning and worse.
    """
    rising = SEVERITIES[::-1]
    ends = [None if end is None else severity_of(end) for end in (low, high)]
    if "" in ends:
        return None
    first = 0 if ends[0] is None else rising.index(ends[0]) + (not with_low)
    after = len(rising) if ends[1] is None else rising.index(ends[1]) + with_high
    return rising[first:after]
