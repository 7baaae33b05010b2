"""Which dashboards there are to be now, as the texts of their files."""

from collections.abc import Mapping
from dataclasses import dataclass

from weft.answers.answers import Answers
from weft.base.config import Dashboards
from weft.dashboards.board import text_of
from weft.dashboards.jobs import job_board, metrics_of, qualifying
from weft.dashboards.kits import KITS
from weft.dashboards.standing import standing

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Dashboards by uid, and what the reader must know about them."""

    texts: Mapping[str, bytes]
    notices: tuple[str, ...] = ()


async def wanted(answers: Answers, settings: Dashboards, now_ms: int) -> Wanted:
    """The standing boards, and one for each job that qualifies: newest first, `most_jobs` at most."""
    kit, site = KITS[settings.kit], answers.site
    notices: dict[str, None] = {}
    runs = await qualifying(
        answers, now_ms, ended_within_ms=int(settings.ended_h * HOUR_MS), least_hosts=settings.least_hosts
    )
    if len(runs) > settings.most_jobs:
        what = f"{len(runs):,} jobs qualify for a dashboard: only the newest {settings.most_jobs:,} have one"
        notices[f"{what} (dashboards.most_jobs)."] = None
    boards = list(standing())
    for run in runs[: settings.most_jobs]:
        metrics = await metrics_of(answers, run, notices.setdefault)
        boards.append(job_board(run, site.settings.cluster, metrics, site.zone))
    return Wanted({board.uid: text_of(board, kit) for board in boards}, tuple(notices))
