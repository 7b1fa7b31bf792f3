"""Environments of their own for the receivers of other projects: each has hundreds of packages.

`python -m tests.receivers.environments` makes those that are missing, from the package index; the
tests with a receiver are skipped where its environment is not.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.documents import ROOT

DIRECTORY = Path(os.environ.get("RECEIVER_ENVIRONMENTS", ROOT / ".venv-receivers"))
PACKAGES = {"phoenix": "arize-phoenix==20.26.1", "mlflow": "mlflow==3.17.2"}


def program_of(receiver, name="python"):
    """Return a program of the environment of a receiver."""
    return DIRECTORY / receiver / "bin" / name


def make(receiver):
    """Make the environment of a receiver, unless it is there."""
    if program_of(receiver).exists():
        return
    home = DIRECTORY / receiver  # scripts know where they are: it cannot be moved later
    python = home / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    try:
        subprocess.run([*pip, PACKAGES[receiver]], check=True)
    except BaseException:
        python.unlink()
        raise


if __name__ == "__main__":
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for receiver in sys.argv[1:] or PACKAGES:
        make(receiver)
