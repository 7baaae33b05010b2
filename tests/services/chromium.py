"""Chromium as Debian has it, or another one that CHROMIUM in the environment names."""

import os
import shutil


def program() -> str | None:
    """Its path, None: it is not there."""
    return shutil.which(os.environ.get("CHROMIUM", "chromium"))


def is_installed() -> bool:
    """Whether it is there."""
    return program() is not None
