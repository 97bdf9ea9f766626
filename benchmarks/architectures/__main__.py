"""Try every architecture of CASES as a person would, and print the table of docs/architectures.md.

python -m benchmarks.architectures [NAME ...] [--write docs/architectures.md]

Each network is saved by its library, then added and visualized by two commands in processes of their own, with a
database of its own. A difference of logits of more than 1e-4, a command that fails and a unit that is not finished
count as failure.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from app.contract.network import NetworkCard
from benchmarks.architectures import CASES
from benchmarks.architectures.case import Case, SavedNetwork
from worker.networks.load import load_network
from worker.networks.trace import zero_inputs

MAX_DIFFERENCE = 1e-4  # of logits
SEED = 4
BEGIN, END = "<!-- measured: python -m benchmarks.architectures -->", "<!-- end -->"
COLUMNS = (
    "architecture",
    "built by",
    "input",
    "layers",
    "units",
    "not shown",
    "logits differ by",
    "spread of logits",
    "add to first unit",
)
MAX_OMITTED = 4  # modules in a row


@dataclass(frozen=True)
class Row:
    """What was measured of an architecture."""

    case: Case
    card: NetworkCard
    difference: float  # largest, of the logits of two random inputs
    spread: float  # standard deviation of the library's own logits of these inputs
    seconds: float  # from the start of `networks add` to the end of `visualize`


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="architectures; all of them if none is named")
    parser.add_argument("--write", type=Path, help="a page whose table is replaced")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cases = [case for case in CASES if not arguments.names or case.name in arguments.names]
    rows = []
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(case, Path(folder)))
        print(format_row(rows[-1]), flush=True)
    if arguments.write is not None:
        write_table(arguments.write, rows)
    failures = [row for row in rows if not row.difference <= MAX_DIFFERENCE]
    for row in failures:
        print(f"FAILED: {row.case.name}: logits differ by {row.difference:.1g}", file=sys.stderr)
    sys.exit(bool(failures))


def measure(case: Case, folder: Path) -> Row:
    """Save a network, compare its logits with the library's, and time the two commands that lead to its first unit."""
    saved = case.save(folder / "network")
    card, difference, spread = compare_logits(saved)
    unit = ["visualize", "tried", case.middle, "1", "--out", str(folder / "pictures")]
    run_command(folder, ["db", "upgrade"], module="app.cli")
    started = time.perf_counter()
    run_command(folder, ["networks", "add", *add_arguments(saved), "--slug", "tried"])
    run_command(folder, unit)
    seconds = time.perf_counter() - started
    if not list((folder / "pictures").rglob("visualization.json")):
        raise SystemExit(f"{case.name}: no unit of {case.middle} was finished")
    return Row(case, card, difference, spread, seconds)


def compare_logits(saved: SavedNetwork) -> tuple[NetworkCard, float, float]:
    """Return the card, the largest difference of logits from the library's own, and the spread of these."""
    card, data = saved.read()
    generator = torch.Generator().manual_seed(SEED)
    blank = zero_inputs(card.streams, 2, torch.device("cpu"))
    inputs = {name: torch.rand(zeros.shape, generator=generator) * 2 - 1 for name, zeros in blank.items()}
    expected = saved.logits(inputs)
    actual = load_network(card, data).logits(inputs).detach()
    return card, float((actual - expected).abs().max()), float(expected.std())


def add_arguments(saved: SavedNetwork) -> list[str]:
    """Return what follows `networks add` for a saved network."""
    source = [str(saved.source)] if saved.family is None else [saved.family, "--weights", str(saved.source)]
    options = {"--motion": saved.motion, "--labels": saved.labels}
    return source + [word for name, path in options.items() if path is not None for word in (name, str(path))]


def run_command(folder: Path, arguments: list[str], module: str = "worker.cli") -> None:
    """Run a command on a database in the folder. Raises SystemExit with its output where it fails."""
    environment = os.environ | {
        "KINETOSCOPE_HOME": str(folder),
        "KINETOSCOPE_DATABASE_URL": f"sqlite:///{folder / 'kinetoscope.db'}",
    }
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}")


def format_row(row: Row) -> str:
    """Return a row of the table in Markdown."""
    card = row.card
    sizes = [
        f"{stream.name.value} {stream.frames} x {stream.height} x {stream.width}"
        if stream.frames > 1
        else f"{stream.name.value} {stream.height} x {stream.width}"
        for stream in card.streams
    ]
    cells = (
        row.case.name,
        f"{row.case.library} {find_version(row.case.library)}".strip(),
        ", ".join(sizes),
        f"{len(card.layers)}",
        f"{card.units:,}",
        list_omitted(card),
        f"{row.difference:.0e}" if row.difference else "0",
        f"{row.spread:.2g}",
        f"{row.seconds:.1f} s",
    )
    return f"| {' | '.join(cells)} |"


def list_omitted(card: NetworkCard) -> str:
    """Return the modules that are no layers, the first few of many."""
    names = [f"`{part.module}`" for part in card.omitted]
    more = [f"{len(names) - MAX_OMITTED} more"] if len(names) > MAX_OMITTED else []
    return ", ".join(names[:MAX_OMITTED] + more) or "nothing"


def find_version(library: str) -> str:
    """Return the installed version of a library, empty for a reference of our own."""
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def write_table(page: Path, rows: list[Row]) -> None:
    """Replace the table between the marks of a page."""
    header = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"
    table = "\n".join([BEGIN, header, *map(format_row, rows), END])
    text, count = re.subn(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: table, page.read_text(), flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{page} must have one table between {BEGIN} and {END}")
    page.write_text(text)


if __name__ == "__main__":
    main()
