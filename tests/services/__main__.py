"""`python -m tests.services install`: fetch what the servers need, into a cache outside the clone."""

import sys

from tests.services import graphite_web


def main() -> int:
    """Install everything; 2 for a command that does not exist."""
    if sys.argv[1:] != ["install"]:
        print("usage: python -m tests.services install", file=sys.stderr)
        return 2
    print(f"graphite-web {graphite_web.VERSION}: {graphite_web.install().parent.parent}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
