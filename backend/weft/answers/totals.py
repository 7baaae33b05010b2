"""What jobs come to: runs, core hours and node hours by user, account, partition, state or cluster."""

from collections.abc import Sequence

from weft.answers.answers import Answers
from weft.answers.tables import Ask, TableData
from weft.base.formats import counted
from weft.inventory.store import RunFilter, TotalsBy

HOUR_S = 3600
BY: tuple[TotalsBy, ...] = ("user", "account", "partition", "state", "cluster")


async def totals(
    answers: Answers,
    ask: Ask,
    by: TotalsBy = "user",
    user: Sequence[str] = (),
    account: Sequence[str] = (),
    partition: Sequence[str] = (),
    state: Sequence[str] = (),
    cluster: Sequence[str] = (),
) -> TableData:
    """Sums over the runs of the window, the most core hours first; users: over their own."""
    which = RunFilter(
        users=tuple(user) if ask.viewer.operator else (ask.viewer.who,),
        accounts=tuple(account),
        partitions=tuple(partition),
        states=tuple(s.upper() for s in state),
        clusters=tuple(cluster),
    )
    found = await answers.site.jobs.totals(which, by, ask.window)
    rows = [[x.key, x.runs, x.core_seconds / HOUR_S, x.node_seconds / HOUR_S, x.unsized] for x in found]
    notices = [] if ask.viewer.operator else [f"Only jobs of {ask.viewer.who} are counted."]
    unsized = sum(x.unsized for x in found)
    if unsized:
        notices.append(
            f"The cores or the end of {counted(unsized, 'run')} are not known: their core hours are missing."
        )
    if not rows:
        notices.append("No run matches in this window.")
    return TableData(rows, tuple(notices))
