"""What the engine needs from whoever stores series, and from whoever knows names that are not stored."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

from weft.base.access import Viewer
from weft.metrics.series import Series, Window
from weft.metrics.tags import TagExpression

Tell = Callable[[str], None]
"""Takes a notice for the reader: what of an answer is missing, and why."""


def unheard(notice: str) -> None:
    """A Tell for lists that have no place for a notice, such as pickers."""


class Found(NamedTuple):
    """A node that a find pattern matches: its full dotted path, and whether it is a leaf (a series)."""

    path: str
    leaf: bool


class Piece(NamedTuple):
    """A stretch of a stored series: slots of `[from_s, to_s)` in epoch seconds."""

    stored: str
    from_s: int
    to_s: int


@dataclass(frozen=True, slots=True)
class VirtualSeries:
    """A series whose name follows from the inventory: stretches of stored series, oldest first, without overlap.

    A slot belongs to the piece that overlaps it; where two pieces of different stored series meet is a seam.

    Args:
        tags: without a `name` among them, that is the name.
        factor: what stored values are multiplied by. rate: the values are the growth in a second, of a counter.
    """

    name: str
    pieces: tuple[Piece, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    factor: float = 1.0
    rate: bool = False


class SeriesStore(Protocol):
    """Stored series: names by glob, values by name.

    A store of several parts answers with what the others have when one is away, and tells of it.
    """

    async def find(self, pattern: str, tell: Tell) -> Sequence[Found]:
        """Branches, then leaves, each sorted by path, that match a glob with exactly its number of nodes."""

    async def expand(self, pattern: str, tell: Tell) -> Sequence[str]:
        """Leaf paths that match, sorted."""

    def unreadable(self) -> Mapping[str, str]:
        """What is stored and could not be read when it was asked for: where it lies, and why. Looks at the disk."""

    async def tagged(self, expressions: Sequence[TagExpression], tell: Tell) -> Sequence[str]:
        """Names, sorted, of the series whose tags meet all expressions; one stored without tags has the tag `name`.

        Raises:
            BadRequest: a regular expression that is none, or that takes too long.
        """

    async def tags(self, expressions: Sequence[TagExpression], prefix: str, tell: Tell) -> list[str]:
        """Tags, sorted, that begin so and that series have which meet the expressions, but for those asked there."""

    async def tag_values(
        self, tag: str, expressions: Sequence[TagExpression], prefix: str, tell: Tell, limit: int | None = None
    ) -> list[tuple[str, int]]:
        """Values of a tag, sorted, that begin so, each with how many series that meet the expressions have it.

        Args:
            limit: so many of the first are enough.
        """

    async def fetch(self, names: Sequence[str], window: Window, tell: Tell) -> list[Series | None]:
        """Values of the window, one member per name in order; None: no such series (or it became unreadable).

        Start, step and length as `whisper.fetch(path, from, until, now)` gives them.
        """


@runtime_checkable
class Foreseeing(Protocol):
    """A SeriesStore that can tell how much it will read."""

    async def points(self, names: Sequence[str], window: Window, most: int) -> int:
        """How many points a fetch of these gives at most; counted no further than beyond `most`."""


Parts = Callable[[], Iterator[Sequence[Series | None]]]
"""Reads some series at a time, in order, in the calling thread; each time anew."""


@runtime_checkable
class Streaming(Foreseeing, Protocol):
    """A SeriesStore whose series need not all be held at once."""

    async def stream(self, names: Sequence[str], window: Window, tell: Tell) -> Parts:
        """What `fetch` gives, part by part. What waits for a network is done when this returns."""


class TagKeeper(Protocol):
    """A SeriesStore whose series are found by their tags, and that can be told otherwise."""

    async def tag(self, names: Sequence[str], *, there: bool) -> None:
        """Have series found by their tags, whether or not they are stored, or no more; kept when this returns.

        Raises:
            Unavailable: it cannot be kept.
        """


class Resolver(Protocol):
    """Names that the metrics room cannot know: `job.*`, `switch.*`, `host.*`, `cable.*`."""

    roots: tuple[str, ...]
    """First nodes of virtual names; a pattern whose first node cannot match one of these is never asked."""

    async def resolve(
        self, patterns: Sequence[str], window: Window, viewer: Viewer
    ) -> tuple[list[list[VirtualSeries]], list[str]]:
        """For each pattern the virtual series that match in the window, sorted by name, and notices for the reader.

        One call for all patterns of a request. Nothing known for the window: an empty list, not an error.
        """

    async def find(self, pattern: str, window: Window, viewer: Viewer) -> list[Found]:
        """Like SeriesStore.find, over virtual names."""


class TagResolver(Protocol):
    """Series that are found by tags which are not stored with them: those the inventory knows."""

    async def tagged(
        self, expressions: Sequence[TagExpression], window: Window, viewer: Viewer
    ) -> tuple[list[VirtualSeries], list[str]]:
        """Series that meet all expressions at some time of the window, sorted by name, and notices for the reader.

        Raises:
            BadRequest: a regular expression that takes too long.
        """

    async def tags(
        self, expressions: Sequence[TagExpression], prefix: str, window: Window, viewer: Viewer
    ) -> list[str]:
        """See SeriesStore.tags, over these series."""

    async def tag_values(
        self, tag: str, expressions: Sequence[TagExpression], prefix: str, window: Window, viewer: Viewer
    ) -> list[tuple[str, int]]:
        """See SeriesStore.tag_values, over these series."""


class EventSource(Protocol):
    """What `events()` counts: what happened, with tags."""

    async def events(self, tags: Sequence[str], window: Window, viewer: Viewer) -> Sequence[int]:
        """Epoch seconds, sorted, of the events in `[from, until)` that have all these tags; none: of all events."""
