"""Many texts in little memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeVar, overload

T = TypeVar("T")

AT_ONCE = 128
"""Texts in a piece; one is unpacked with its piece."""
FEW = 5000
"""So many are as well a list."""

Piece = bytes | tuple[str, ...]


class _Many(Sequence[T]):
    """What is alike in the two: they equal other sequences of the same."""

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        if isinstance(place, slice):
            begin, end, step = place.indices(len(self))
            return list(self.some(begin, end)) if step == 1 else [self.one(at) for at in range(begin, end, step)]
        at = place + len(self) if place < 0 else place
        if not 0 <= at < len(self):
            raise IndexError(place)
        return self.one(at)

    def one(self, at: int) -> T:
        """One of them."""
        return next(iter(self.some(at, at + 1)))

    def some(self, begin: int, end: int) -> Iterable[T]:
        """Some of them."""
        return islice(self, begin, max(begin, end))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))


class Texts(_Many[str]):
    """Texts in pieces, lines of UTF-8: their letters and one more for each, where a str takes 50 bytes more.

    To go through them takes twice as long as through a list, to pick some here and there thirty times.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        rest = iter(texts)
        self._pieces: list[Piece] = []
        self._count = 0
        self._last: tuple[int, Sequence[str]] = (-1, ())
        while some := tuple(islice(rest, AT_ONCE)):
            self._pieces.append(_packed(some))
            self._count += len(some)

    def one(self, at: int) -> str:
        """One of them; the next to it costs less."""
        number, within = divmod(at, AT_ONCE)
        last = self._last
        if last[0] != number:
            last = self._last = number, _unpacked(self._pieces[number])
        return last[1][within]

    def some(self, begin: int, end: int) -> Iterable[str]:
        """Some of them."""
        first = begin // AT_ONCE
        lines = chain.from_iterable(map(_unpacked, islice(self._pieces, first, None)))
        return islice(lines, begin - first * AT_ONCE, max(begin, end) - first * AT_ONCE)

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(map(_unpacked, self._pieces))

    def __len__(self) -> int:
        return self._count


class Anew(_Many[T]):
    """Values that are made each time somebody goes through them, and take no memory; to pick one makes all before it.

    Args:
        make: gives the same each time.
    """

    def __init__(self, count: int, make: Callable[[], Iterator[T]]) -> None:
        self._count, self._make = count, make

    def __iter__(self) -> Iterator[T]:
        return self._make()

    def __len__(self) -> int:
        return self._count


def _packed(texts: tuple[str, ...]) -> Piece:
    lines = "\n".join(texts)
    # Texts of more than one line are left as they are.
    return lines.encode(errors="surrogatepass") if lines.count("\n") == len(texts) - 1 else texts


def _unpacked(piece: Piece) -> Sequence[str]:
    return piece.decode(errors="surrogatepass").split("\n") if isinstance(piece, bytes) else piece


def kept(texts: Iterable[str]) -> Sequence[str]:
    """A list of a few texts, or many of them packed; only these are in memory at once."""
    rest = iter(texts)
    first = list(islice(rest, FEW + 1))
    return first if len(first) <= FEW else Texts(chain(first, rest))


def made(count: int, make: Callable[[], Iterator[T]]) -> Sequence[T]:
    """A list of a few values, or many of them anew each time."""
    return list(make()) if count <= FEW else Anew(count, make)
