"""The README's questions, asked of the living demo: what the README shows is what it answers.

A block is ```console: `$ command`, then what it prints. `…` stands for anything, times and cables' ids for any other.
"""

import re
import shlex
from pathlib import Path

import httpx
import pytest

from e2e.living import LivingDemo

README = Path(__file__).parents[2] / "README.md"
FEWEST = 5
"""Issue 3: at least five questions."""
SHOWN_URL, SHOWN_FOLDER = "http://127.0.0.1:8077", "demo-data"

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VOLATILE = re.compile(r"\d\d-\d\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|\bc[0-9a-f]{10}\b")


def questions() -> list[tuple[str, str]]:
    """(command, what the README shows of its answer) for every command about the demo."""
    found = []
    for block in _BLOCK.findall(README.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            if SHOWN_FOLDER in command or SHOWN_URL in command:
                found.append((command, shown))
    return found


def answer(demo: LivingDemo, command: str) -> str:
    """What a command says, errors and notices behind the answer."""
    words = shlex.split(command.replace(SHOWN_URL, demo.url).replace(SHOWN_FOLDER, str(demo.folder)))
    program = Path(words[0]).name
    if program == "weft":
        told = demo.weft(*words[1:])
        assert told.returncode == 0, told.stderr
        return told.stdout + told.stderr
    assert program == "curl", f"a command that this test does not know: {command}"
    body = words[words.index("-d") + 1] if "-d" in words else None
    headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word == "-H")
    url = next(word for word in words if word.startswith("http"))
    return httpx.request("GET" if body is None else "POST", url, content=body, headers=headers).raise_for_status().text


def plain(text: str) -> str:
    """The text without what is different every time, and without blanks at the ends of lines."""
    return "\n".join(_VOLATILE.sub("*", line).rstrip() for line in text.splitlines())


def missing(shown: str, said: str) -> str | None:
    """The first piece of what is shown, between two `…`, that was not said in its place; None: all was."""
    at = 0
    for piece in plain(shown).split("…"):
        wanted = piece.strip("\n")
        found = said.find(wanted, at)
        if found < 0:
            return wanted
        at = found + len(wanted)
    return None


def test_the_readme_asks_questions_of_different_kinds() -> None:
    commands = [command for command, _ in questions()]
    assert len(commands) >= FEWEST
    kinds = {re.sub(r"\S*weft (\w+).*|curl .*(/graphite|/json|/api).*", r"\1\2", command) for command in commands}
    assert len(kinds) >= FEWEST


@pytest.mark.parametrize("number", range(FEWEST))
def test_the_demo_answers_as_the_readme_shows(demo: LivingDemo, number: int) -> None:
    asked = questions()
    assert len(asked) >= FEWEST
    for command, shown in asked[number::FEWEST]:
        said = plain(answer(demo, command))
        assert missing(shown, said) is None, f"$ {command}\n{said}"
