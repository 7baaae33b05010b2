"""What Slurm's tools print when they fail: no data, so every such file is refused with what it says."""

import re
from typing import NoReturn

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin

_FAILED = re.compile(
    r"(?am)^(?:(?:slurm|slurmdb)_\w+(?: error)?: .*|(?:s(?:queue|acct|info|control|diag|acctmgr)|scontrol)(?:\.\w+)?: "
    r"(?:error|fatal|unrecognized option|invalid option).*|Slurmctld\(\w+\) at .* is DOWN.*|HTTP/[\d.]+ [45]\d\d .*)$"
)


def recognise(head: str) -> bool:
    """True when a line is an error of one of Slurm's tools, or an HTTP answer that is one."""
    return _FAILED.search(head) is not None


def parse(text: str, origin: Origin) -> NoReturn:
    """Raises BadInput: with the first line that says what failed."""
    found = _FAILED.search(text)
    said = found[0] if found else text
    line = text.count("\n", 0, found.start()) + 1 if found else None
    fix = "See that slurmctld and slurmdbd answer (`scontrol ping`, `sacctmgr ping`), and ask again."
    if " option" in said:
        fix = "This version of the tool has no such option: give its plain listing."
    raise BadInput(f"Slurm itself failed: {' '.join(said.split())[:300]}.", fix=fix, line=line)


FORMAT: Format[None] = Format("slurm error", "an error of Slurm's tools", recognise, parse)
