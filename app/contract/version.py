"""The version of Kinetoscope."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("kinetoscope")
except PackageNotFoundError:  # run from a checkout that is not installed
    VERSION = "unknown"
