"""Opens the playground in JupyterLab, or puts the notebooks of the course into a folder of yours.

    python -m nbprop                  the playground, in a notebook in the folder you are in
    python -m nbprop course FOLDER    the course; what you have changed there is left alone
    python -m nbprop papers [KEY]     the table of the paper cards; or makes a card, two minutes at most

Whatever else stands behind `python -m nbprop` is handed to JupyterLab (--no-browser, --port=9000, ...).
"""

import argparse
import os
import shlex
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from . import __version__, course

NO_LAB = 'JupyterLab is not installed here; this installs it:\n    pip install "nbprop[lab]"'


def main(arguments: "list[str] | None" = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m nbprop", description=__doc__, formatter_class=raw, allow_abbrev=False)
    parser.usage = (
        "%(prog)s [--version] [options of jupyter lab]\n       %(prog)s course FOLDER\n       %(prog)s papers [KEY]"
    )
    parser.add_argument("--version", action="version", version=f"nbprop {__version__}")
    command = "" if not arguments or arguments[0].startswith("-") else arguments[0]
    try:
        if command == "course":
            put(arguments[1:])
        elif command == "papers":
            cards(arguments[1:])
        elif command:
            parser.error(f"unknown command {command!r}; there are: course FOLDER, papers [KEY]")
        else:
            playground(parser.parse_known_args(arguments)[1])
    except RuntimeError as error:
        sys.exit(f"nbprop: {error}")


def playground(options: "list[str]") -> None:
    """Opens JupyterLab with the notebook of the playground. options: of `jupyter lab`. Returns when it has ended."""
    if find_spec("jupyterlab") is None:
        sys.exit(NO_LAB)
    folder, only = Path.cwd(), (course.PLAYGROUND,)
    try:
        done = course.put(folder, only)
    except OSError as error:
        folder = Path(tempfile.mkdtemp(prefix="nbprop-"))
        done = course.put(folder, only)
        print(f"Nothing can be written here ({error}). What you want to keep of the notebook, save elsewhere:")
    notebook = folder / course.PLAYGROUND
    print(f"{notebook}{', yours, as it was' if done.kept else ''}: run its first cell (Shift+Enter), then press Play.")
    sys.stdout.flush()
    from jupyterlab.labapp import main as lab

    lab([str(notebook), *options])


def put(arguments: "list[str]") -> None:
    """Puts the course into a folder and says what was done."""
    parser = argparse.ArgumentParser("python -m nbprop course", description="Puts the notebooks of the course there.")
    parser.add_argument("folder", metavar="FOLDER", help="where to; it is made if it is not there")
    folder = parser.parse_args(arguments).folder
    try:
        print(told(folder, course.put(folder)))
    except OSError as error:
        sys.exit(f"nbprop: the course cannot be put into {folder!r}: {error}. Name another folder.")


def cards(arguments: "list[str]") -> None:
    """Prints the table of the paper cards, or makes one of them."""
    parser = argparse.ArgumentParser("python -m nbprop papers", description="The paper cards: the table, or one made.")
    parser.add_argument("key", metavar="KEY", nargs="?", help="which is to be made; without: the table of all")
    key = parser.parse_args(arguments).key
    from . import papers

    if key is None:
        print(papers.cards)
    elif key in papers.cards:
        print(papers.cards[key], papers.cards[key].run(), sep="\n\n")
    else:
        parser.error(f"no paper card {key!r}; there are: {', '.join(papers.cards)}")


def told(folder: "str | os.PathLike[str]", done: course.Put) -> str:
    """What was done, in words."""
    lines = {
        "written": done.written,
        "there already": done.same,
        "kept, as they are yours": [name for name in done.kept if name not in done.newer],
        "kept, as they are yours, though nbprop has newer ones": done.newer,
    }
    words = [f"{what}: {', '.join(names)}" for what, names in lines.items() if names]
    if done.newer:
        words.append("The newer ones go into another folder: python -m nbprop course ANOTHER_FOLDER")
    return "\n".join([*words, f"Start here: jupyter lab {shlex.quote(str(Path(folder) / course.INDEX))}"])


if __name__ == "__main__":
    main()
