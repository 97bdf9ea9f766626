"""Checks requests to add a network that lies on the worker's disk."""

from app.contract.errors import Refused
from app.contract.job import AddNetworkRequest
from app.settings import Settings


def check_path(request: AddNetworkRequest, settings: Settings) -> None:
    """Raise Refused for a path where the operator allows no directory. The worker checks where the path leads."""
    if request.path is not None and not settings.network_directory:
        raise Refused(
            "No network of the worker's disk is added by page or API here: whoever runs the dashboard can allow a "
            "directory with KINETOSCOPE_NETWORK_DIRECTORY, or use `kinetoscope-worker networks add`."
        )
