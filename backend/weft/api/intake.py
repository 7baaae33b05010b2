"""Log lines as shippers send them to Elasticsearch: its `_bulk`, and what they ask before they use it.

Answers are Elasticsearch's, with one rule of our own: what is refused only for now is refused item by item (429 or
503, under a status of 200). rsyslog (8.2302, `omelasticsearch`) sends such lines again, but takes any answer without
`items` for final and puts the lines into its error file; Logstash sends again after both.

A line is acknowledged once the spool has it on disk; it stands among the other lines when the owner has applied it.
"""

import asyncio
import logging
import time
import zlib
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, HTTPException, Request, Response

from weft.api.engines import Engines, engines_of
from weft.api.errors import ELASTIC
from weft.api.identity import check_shipper
from weft.base.config import Http
from weft.base.errors import Busy, Unavailable
from weft.base.formats import counted
from weft.base.spool import Entry, Spool
from weft.ingest.spooling import lines_entry
from weft.logs.bulk import Item, read_bulk
from weft.logs.reading import LONGEST

log = logging.getLogger(__name__)

router = APIRouter(prefix="/elastic", tags=["Log shippers"])

EnginesDep = Annotated[Engines, Depends(engines_of)]

MAX_BYTES = 32 << 20
"""Largest body, unpacked; Logstash sends 20 MB at most, rsyslog what `maxbytes` says."""

AT_ONCE = 2
"""Bodies in memory at once; more wait unread, so that the sockets hold their senders back."""

BODY_S = 60.0
"""How long a body may take to come."""

HOLD_S = 5.0
"""How long an answer waits for room in a full spool: the pace at which a shipper comes again."""
LOOK_S = 0.25

VERSION = "8.19.0"
"""The version of Elasticsearch whose answers these are; clients look at it before they speak."""


@router.get("", include_in_schema=False)
@router.head("", include_in_schema=False)
async def info() -> Response:
    """Who is here, as Logstash and Elasticsearch's own clients ask before all else."""
    version = {"number": VERSION, "build_flavor": "default", "minimum_wire_compatibility_version": "7.17.0"}
    told = {"name": "weft", "cluster_name": "weft", "cluster_uuid": "weft", "version": version}
    return answer({**told, "tagline": "Weft: log lines in by _bulk"})


@router.get("/_license", include_in_schema=False)
async def licence() -> Response:
    """Logstash sends nothing to a server without a licence."""
    return answer({"license": {"status": "active", "uid": "weft", "type": "basic"}})


@router.get("/_cat/health", include_in_schema=False)
async def health() -> Response:
    """rsyslog asks it before it tries again; any answer will do."""
    return Response("weft green\n", media_type="text/plain; charset=utf-8", headers=ELASTIC)


@router.post("/_bulk", summary="Log lines in, as Elasticsearch's _bulk")
@router.put("/_bulk", include_in_schema=False)
@router.post("/{index}/_bulk", include_in_schema=False)
@router.put("/{index}/_bulk", include_in_schema=False)
async def bulk(request: Request, engines: EnginesDep, index: str = "") -> Response:
    """`{"create": {"_id": "..."}}` and a document, line by line; gzip is read. A known id changes nothing.

    A document has a time, a message, and what else it says: `@timestamp`, `message`, `host`, `program`, `severity`.
    Open to shippers on this machine; from others a password or bearer token is asked for (`http.intake_token`).
    """
    http: Http = request.app.state.http
    client = request.client.host if request.client else None
    check_shipper(client, request.headers, http)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not (kind.startswith("application/") and kind.endswith("json")):
        # What Elasticsearch refuses too; and a page in a browser here could send any other kind unasked.
        raise HTTPException(406, f"A body of kind '{kind}' is not read. Send application/x-ndjson.")
    began = time.monotonic()
    async with request.app.state.intake:
        items, entry = await asyncio.to_thread(_read, await _body(request), index, f"_bulk from {client or 'a socket'}")
        status, why = await _kept(engines.spool, entry) if entry else (201, "")
    return answer(
        {
            "took": round((time.monotonic() - began) * 1000),
            "errors": status != 201 or any(item.line is None for item in items),
            "items": [_told(item, status, why) for item in items],
        }
    )


async def _body(request: Request) -> bytes:
    """The body, unpacked. Raises HTTPException: too large, too slow, or packed in an unknown or broken way."""
    packing = request.headers.get("content-encoding", "").lower()
    if packing not in ("", "identity", "gzip"):
        raise HTTPException(415, f"A body packed by '{packing}' is not read. Send gzip or plain text.")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                body += part
                if len(body) > MAX_BYTES:
                    raise _too_large()
    except TimeoutError:
        raise HTTPException(408, f"The body did not come within {BODY_S:.0f} s. Send it again.") from None
    return await asyncio.to_thread(_unpacked, body) if packing == "gzip" else bytes(body)


def _unpacked(body: bytearray) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        told = unpacker.decompress(body, MAX_BYTES)
    except zlib.error:
        raise HTTPException(400, "The body is no gzip. Send it again.") from None
    if unpacker.unconsumed_tail:
        raise _too_large()
    if not unpacker.eof:
        raise HTTPException(400, "The body's gzip is cut. Send it again.")
    return told


def _too_large() -> HTTPException:
    return HTTPException(413, f"The body is larger than {MAX_BYTES >> 20} MiB. Send fewer lines at once.")


def _read(body: bytes, index: str, name: str) -> tuple[list[Item], Entry | None]:
    """What a body holds, and its lines as an entry of the spool (None: it holds none)."""
    items = read_bulk(body, index)
    lines = [item.line for item in items if item.line is not None]
    if refused := [item for item in items if item.line is None]:
        log.warning("%s of a %s refused, the first: %s", counted(len(refused), "document"), name, refused[0].why)
    if cut := sum(len(line.message) == LONGEST for line in lines):
        log.warning("%s of a %s cut to %s characters", counted(cut, "message"), name, f"{LONGEST:,}")
    return items, lines_entry(name, lines) if lines else None


async def _kept(spool: Spool, entry: Entry) -> tuple[int, str]:
    """Hand an entry in; the status of its lines, and why when they are not kept."""
    until_s = time.monotonic() + HOLD_S
    while True:
        try:
            await spool.append([entry])
        except Busy as exc:
            if time.monotonic() >= until_s:
                return 429, str(exc)
        except Unavailable as exc:
            return 503, str(exc)
        else:
            return 201, ""
        await asyncio.sleep(LOOK_S)


def _told(item: Item, status: int, why: str) -> dict[str, Any]:
    """What became of one action. A line that was known is told as created: whoever sends it again must not mind."""
    head = {"_index": item.into, "_id": item.id}
    if item.line is None:
        return {
            item.action: {**head, "status": 400, "error": {"type": "document_parsing_exception", "reason": item.why}}
        }
    if status == 201:
        return {item.action: {**head, "result": "created", "status": status}}
    kind = "es_rejected_execution_exception" if status == 429 else "unavailable_shards_exception"
    return {item.action: {**head, "status": status, "error": {"type": kind, "reason": why}}}


def answer(told: dict[str, Any]) -> Response:
    """An answer as Elasticsearch's clients believe it."""
    return Response(orjson.dumps(told), media_type="application/json", headers=ELASTIC)
