"""`kinetoscope-worker mocap`: make the data of the default networks, train them, and measure them."""

import json
from pathlib import Path
from typing import Annotated

import typer

from app.settings import settings
from app.terminal import report_errors
from worker.cli.common import out
from worker.cli.progress import make_progress

app = typer.Typer(no_args_is_help=True, help="Data and training of the default network.")

DESCRIPTION = "{task.description:32}"  # of the progress bars: wide enough for the longest, so that they line up

Folder = Annotated[Path, typer.Option("--out", help="Folder to write to.")]
Processes = Annotated[int, typer.Option(help="Number of processes; 0: one for each CPU.")]


@app.command()
@report_errors
def make(
    clips: Annotated[int, typer.Option(min=1, help="Number of clips; the classes take turns.")],
    out_dir: Folder,
    variant: Annotated[str, typer.Option(help="train, test, unbiased, control or restyled.")] = "train",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    class_: Annotated[list[str] | None, typer.Option("--class", help="Only this class; may be repeated.")] = None,
    processes: Processes = 0,
) -> None:
    """Draw clips and their flow into array files; clips that are there already stay."""
    from worker.mocap.dataset.generate import find_variant, make_dataset
    from worker.networks.families.mocap_classes import CLASS_NAMES

    with make_progress(DESCRIPTION) as progress:
        make_dataset(
            out_dir,
            clips=clips,
            variant=find_variant(variant),
            seed=seed,
            classes=class_ or CLASS_NAMES,
            processes=processes,
            progress=progress,
        )


@app.command()
@report_errors
def samples(
    out_dir: Folder,
    each: Annotated[int, typer.Option(min=1, help="Clips of every class.")] = 1,
    class_: Annotated[list[str] | None, typer.Option("--class", help="Only this class; may be repeated.")] = None,
    variant: Annotated[str, typer.Option(help="test or unbiased.")] = "test",
    skip: Annotated[int, typer.Option(min=0, help="Leave out the first clips of every class.")] = 0,
    small: Annotated[bool, typer.Option("--small", help="AV1 in place of H.264: a third of the bytes.")] = False,
) -> None:
    """Write held-out clips as video files, a folder per class."""
    from worker.mocap.dataset.generate import find_variant
    from worker.mocap.dataset.samples import write_samples
    from worker.networks.families.mocap_classes import CLASS_NAMES

    with out.status("Drawing ..."):
        paths = write_samples(
            out_dir,
            each=each,
            classes=class_ or CLASS_NAMES,
            variant=find_variant(variant),
            skip=skip,
            small=small,
        )
    out.print(f"{len(paths)} clips in {out_dir}")


@app.command()
@report_errors
def pairs(
    folder: Annotated[Path, typer.Argument(help="Folder to write to.")],
    sets: Annotated[int, typer.Option(min=1, help="Number of sets of four clips.")] = 60,
    seed: Annotated[int, typer.Option(min=0)] = 3,
) -> None:
    """Render sets of clips that share exactly how things look, exactly how they move, or neither.

    Survey a network with the folder to learn which of its units code what is static and what is dynamic.
    """
    from worker.mocap.dataset.pairs import write_pairs

    with out.status("Drawing ..."):
        paths = write_pairs(folder, sets=sets, seed=seed)
    out.print(f"{len(paths)} clips in {folder}")


@app.command()
@report_errors
def train(
    network: Annotated[str, typer.Argument(help="default, control or judge.")],
    data: Annotated[Path, typer.Option(help="Folder of the data sets; missing clips are drawn.")],
    work: Annotated[Path, typer.Option(help="Folder for checkpoints, from which a stopped training continues.")],
    out_dir: Folder,
    clips: Annotated[int, typer.Option(min=1, help="Clips to train on.")] = 16560,
    processes: Processes = 0,
) -> None:
    """Train one of the shipped networks, write its weights, and measure it."""
    import torch

    from worker.devices import find_device
    from worker.shipped.training import train_shipped

    device = find_device(settings().device)
    if settings().threads:
        torch.set_num_threads(settings().threads)
    with make_progress(DESCRIPTION) as progress:
        report = train_shipped(
            network,
            data=data,
            work=work,
            out=out_dir,
            clips=clips,
            processes=processes,
            device=device,
            progress=progress,
        )
    out.print_json(json.dumps(report))


@app.command()
@report_errors
def card(
    page: Annotated[Path, typer.Argument(help="The page to write.")] = Path("docs/default-network.md"),
    weights: Annotated[Path | None, typer.Option(help="Folder of the weights; by default the shipped ones.")] = None,
) -> None:
    """Write the model card from the reports beside the weights."""
    from worker.shipped.model_card import make_model_card
    from worker.shipped.paths import WEIGHTS_FOLDER

    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(make_model_card(weights or WEIGHTS_FOLDER))
    out.print(f"Wrote {page}.")


@app.command()
@report_errors
def measure(
    network: Annotated[str, typer.Argument(help="default, control or judge.")],
    data: Annotated[Path, typer.Option(help="Folder of the data sets; missing clips are drawn.")],
    weights: Annotated[Path | None, typer.Option(help="Folder of the weights; by default the shipped ones.")] = None,
    processes: Processes = 0,
) -> None:
    """Measure the accuracies and planted facts of existing weights, and print them as JSON."""
    from worker.shipped.paths import WEIGHTS_FOLDER
    from worker.shipped.training import measure_shipped

    with make_progress(DESCRIPTION) as progress:
        report = measure_shipped(
            network, data=data, folder=weights or WEIGHTS_FOLDER, processes=processes, progress=progress
        )
    out.print_json(json.dumps(report))
