"""Where dashboards go by the settings, and the owner's loop that keeps them up to date."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256

from weft.answers.answers import Answers
from weft.base.config import Dashboards, Settings
from weft.base.errors import ServiceError
from weft.base.formats import counted
from weft.dashboards import folder, grafana
from weft.dashboards.plan import Report

log = logging.getLogger(__name__)


def is_set(settings: Dashboards) -> bool:
    """Whether the settings say where to."""
    return settings.folder is not None or bool(settings.grafana)


async def publish(texts: Mapping[str, bytes], settings: Settings) -> Report:
    """Bring the folder, or else the Grafana, of the settings to these dashboards (uid to text).

    Raises:
        BadSettings: Grafana refuses the token. Unavailable: it does not answer, or the folder cannot be written.
    """
    told = settings.dashboards
    if told.folder is not None:
        return await asyncio.to_thread(folder.publish, told.folder, texts)
    from weft.dashboards import grafana_http  # its HTTP client takes 4 MB of a server that knows no Grafana

    memory = settings.data / f"dashboards-{sha256(told.grafana.encode()).hexdigest()[:12]}.json"
    async with grafana_http.opened(told.grafana, told.token.get_secret_value()) as api:
        return await grafana.publish(api, texts, memory)


@asynccontextmanager
async def publishing(answers: Answers, settings: Settings, clock: Callable[[], int]) -> AsyncIterator[None]:
    """Keep dashboards up to date while the block runs, where the settings say so."""
    if not (settings.dashboards.every_s and is_set(settings.dashboards)):
        yield
        return
    task = asyncio.create_task(_keep_published(answers, settings, clock))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _keep_published(answers: Answers, settings: Settings, clock: Callable[[], int]) -> None:
    """Publish every `dashboards.every_s`; what cannot be done is logged once and tried again."""
    from weft.dashboards.wanted import wanted  # a server that keeps no dashboards does without

    last = ""
    while True:
        begun_s = time.monotonic()
        try:
            told = await wanted(answers, settings.dashboards, clock())
            report = await publish(told.texts, settings)
            why = "; ".join((*told.notices, *report.theirs, *report.failed)[:3])
            if report.written or report.removed:
                log.info("%s written, %d removed", counted(len(report.written), "dashboard"), len(report.removed))
        except ServiceError as exc:
            why = str(exc)
        except Exception as exc:  # dashboards must not stop for good because of one odd job
            log.exception("Dashboards were not published")
            why = f"{type(exc).__name__}: {exc}"
        if why and why != last:
            log.warning("Dashboards: %s", why)
        last = why
        await asyncio.sleep(max(0.0, settings.dashboards.every_s - (time.monotonic() - begun_s)))
