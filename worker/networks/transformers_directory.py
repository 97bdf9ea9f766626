"""Read a directory that the library transformers saved: config.json, the processor's config and safetensors.

What is stored of it is one safetensors file with all tensors, which carries the config and the processor's config in
its metadata: from that alone a worker builds the network again.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from app.contract.errors import InvalidRequest, TooLarge, WeightsMismatch, WeightsUnreadable, closest_names
from app.contract.network import Stream, StreamName
from worker.networks.families.transformer_architectures import ARCHITECTURES, Architecture, model_classes
from worker.networks.families.video_transformers import (
    VideoTransformer,
    build_model,
    import_transformers,
    make_config,
)
from worker.networks.memory import COPIES_TO_ADD, estimate_memory, gigabytes, machine_memory, parameter_bytes
from worker.networks.stored_config import store_with_config
from worker.networks.weights import verify_checksum

CONFIG = "config.json"
# A video's processor is preferred to that of single images; the newest releases save one file for both
PROCESSORS = ("video_preprocessor_config.json", "preprocessor_config.json", "processor_config.json")
PROCESSOR_PARTS = ("video_processor", "image_processor")
MAX_JSON_BYTES = 10_000_000
MAX_LISTED = 5  # tensors in an error message


def read_directory(path: Path, checksum: str | None = None) -> tuple[str, bytes]:
    """Return the family of the network in a directory, and the weights that are stored.

    `checksum` is the sha256 of `model.safetensors`. Raises InvalidRequest for a directory that holds no video
    classifier of a known architecture, WeightsUnreadable and WeightsMismatch for its weights.
    """
    config = _read_json(path, CONFIG)
    architecture = recognise(config)
    processor = _read_processor(path)
    made = make_config(architecture, config)
    check_memory(config)
    files = sorted(path.glob("*.safetensors"))
    if not files:
        others = sorted(file.name for file in path.iterdir() if file.suffix in (".bin", ".pt", ".pth"))
        found = f" {others[0]} is a pickle, which is not read here:" if others else ""
        raise WeightsUnreadable(
            f"{path} has no *.safetensors.{found} load the model with the library and call save_pretrained(directory)."
        )
    if checksum is not None:
        if len(files) != 1:
            raise InvalidRequest(f"{path} has {len(files)} shards: a checksum can be given of one file alone.")
        verify_checksum(files[0].read_bytes(), checksum)
    _check_size(architecture, made, sum(file.stat().st_size for file in files))
    state = _load_state(architecture, made, path)
    text = json.dumps({"config": config, "processor": processor}, sort_keys=True)
    return architecture.name, store_with_config(state, text)


def recognise(config: Mapping[str, Any]) -> Architecture:
    """Return the architecture that a config.json names.

    An encoder without classes, or one saved with the decoder of its pretraining, gives the architecture of the encoder.
    Raises InvalidRequest, with what the config holds, for remote code, unknown architectures and quantised weights.
    """
    if "auto_map" in config:
        raise InvalidRequest(
            "The config.json has an `auto_map`: the network is Python code in the directory, which is not run here, "
            "because it could do anything. Write a family file that builds it (docs/networks.md)."
        )
    kind, classes = str(config.get("model_type", "")), model_classes(config)
    found = f"model_type {kind or 'missing'!r}, architectures {', '.join(classes) or 'missing'}"
    if kind not in ARCHITECTURES:
        near = closest_names(kind, ARCHITECTURES) or list(ARCHITECTURES)
        raise InvalidRequest(
            f"The config.json is of no architecture that is known here ({found}). Known are {', '.join(near)}; any "
            "other network is registered with a family file (docs/networks.md)."
        )
    architecture = ARCHITECTURES[kind].of(config)
    if architecture is None:
        known = ARCHITECTURES[kind]
        names = [name for name in (known.model, known.encoder, known.pretraining) if name]
        raise InvalidRequest(
            f"This model of {known.title} is not known here ({found}): known are {', '.join(names)}. Save the network "
            "with one of these classes of the library."
        )
    if config.get("quantization_config"):
        raise InvalidRequest("The weights are quantised: load them in float32 with the library and save them again.")
    return architecture


def _read_json(path: Path, name: str) -> dict[str, Any]:
    file = path / name
    try:
        if file.stat().st_size > MAX_JSON_BYTES:
            raise InvalidRequest(f"{file} has more than {MAX_JSON_BYTES:,} bytes: it is no config of a network.")
        content = json.loads(file.read_bytes())
        if not isinstance(content, dict):
            raise ValueError("no object")
    except OSError as error:
        raise InvalidRequest(
            f"{file} cannot be read ({error.strerror}): give a directory of the library transformers with {CONFIG}, "
            "the processor's config and *.safetensors; or a family and `--weights`."
        ) from None
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{file} is no JSON ({error}): fetch it again.") from None
    return content


def _read_processor(path: Path) -> dict[str, Any]:
    """Return how the network's processor scales and normalises, from whichever file of its config is there."""
    for name in PROCESSORS:
        if not (path / name).is_file():
            continue
        content = _read_json(path, name)
        content = next((content[part] for part in PROCESSOR_PARTS if isinstance(content.get(part), dict)), content)
        for key in ("image_mean", "image_std"):
            values = content.get(key)
            numbers = [v for v in values if isinstance(v, int | float)] if isinstance(values, list) else []
            is_right = len(numbers) == 3 and (key == "image_mean" or min(numbers) > 0)
            if content.get("do_normalize", True) and not is_right:
                raise InvalidRequest(f"{path / name} has no {key} of three numbers, one for each colour.")
        return content
    raise InvalidRequest(
        f"{path} lacks the processor's config ({', '.join(PROCESSORS)}), which says how pixels are normalised: fetch "
        "it from where the network comes from, or save it with processor.save_pretrained(directory)."
    )


def check_memory(config: Mapping[str, Any], machine: int | None = None) -> None:
    """Raise TooLarge for a network that this machine has not the memory to add, before anything of it is allocated.

    `machine` is the memory in bytes, by default that of this machine. Raises InvalidRequest as `recognise` does.
    """
    architecture, machine = recognise(config), machine or machine_memory()
    made = make_config(architecture, config)
    ones = torch.ones(3)
    with torch.device("meta"):
        network = VideoTransformer(architecture, made, ones, ones).requires_grad_(False)
    weights = parameter_bytes(network)
    if COPIES_TO_ADD * weights <= machine:
        return
    frames, height, width = network.size
    stream = Stream(name=StreamName.CLIP, frames=frames, height=height, width=width)
    unit = estimate_memory(network, [stream])
    raise TooLarge(
        f"The config.json describes a network of {gigabytes(weights)}: adding it needs about "
        f"{gigabytes(COPIES_TO_ADD * weights)} of memory"
        + ("" if unit is None else f", and one unit about {gigabytes(unit)}")
        + f", and this machine has {gigabytes(machine)}. Add it on a machine with more, or take a smaller one."
    )


def _check_size(architecture: Architecture, config: Any, file_bytes: int) -> None:
    """Raise WeightsMismatch where the config describes a larger network than the files hold, before it is built."""
    with torch.device("meta"):
        model = build_model(architecture, config)
    values = sum(tensor.numel() for tensor in model.state_dict().values())
    if values > file_bytes:
        raise WeightsMismatch(
            f"The config.json describes a network of {values:,} numbers, but the weights have {file_bytes:,} bytes: "
            "files are missing, or of another network."
        )


def _load_state(architecture: Architecture, config: Any, path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a network as the library reads them, which knows the names of its older releases."""
    library = import_transformers()
    verbosity = library.logging.get_verbosity()
    library.logging.set_verbosity_error()  # what it would print is told below
    try:
        model, report = getattr(library, architecture.model).from_pretrained(
            path,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,  # they are told below
            output_loading_info=True,
            **dict(architecture.build_options),
        )
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsUnreadable(f"The library cannot read the weights in {path}: {first}") from None
    finally:
        library.logging.set_verbosity(verbosity)
    unexpected = [name for name in report["unexpected_keys"] if not _is_left_out(architecture, name)]
    problems = [
        f"{title} {len(names)} ({_listed(names)})"
        for title, names in (
            ("missing:", sorted(report["missing_keys"])),
            ("unexpected:", sorted(unexpected)),
            ("of another shape:", sorted(str(each[0]) for each in report["mismatched_keys"])),
        )
        if names
    ]
    if problems:
        raise WeightsMismatch(f"The weights are not those of the config.json. Tensors {'; '.join(problems)}.")
    return dict(model.state_dict())


def _is_left_out(architecture: Architecture, name: str) -> bool:
    return architecture.is_encoder and name.startswith(architecture.not_read)


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*names[:MAX_LISTED], *(["..."] if len(names) > MAX_LISTED else [])])
