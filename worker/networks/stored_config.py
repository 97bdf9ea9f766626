"""The config of a network, which its stored weights carry: from both together a worker builds the network again."""

import json

import safetensors.torch

from worker.networks.weights import MAX_HEADER_BYTES, State

METADATA_KEY = "kinetoscope"  # in the safetensors file, one, so that the same network gives the same bytes


def store_with_config(state: State, config: str) -> bytes:
    """Return a safetensors file of the tensors, which carries the config, a text, in its metadata."""
    contiguous = {name: tensor.contiguous() for name, tensor in state.items()}
    return safetensors.torch.save(contiguous, {METADATA_KEY: config})


def read_stored_config(weights: bytes) -> str | None:
    """Return the config that stored weights carry, None where they carry none."""
    length = int.from_bytes(weights[:8], "little")
    if weights[8:9] != b"{" or length > min(len(weights), MAX_HEADER_BYTES):
        return None
    try:
        metadata = json.loads(weights[8 : 8 + length]).get("__metadata__", {})
    except ValueError:
        return None
    text = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    return text if isinstance(text, str) else None
