"""Networks: which families there are, how weights become a frozen network, and what inputs it takes from a video.

Enter at `load.read_network` and `load.load_network`. Imports the contract, the settings, `worker.graph` and
`worker.video`. Read `registry.py` and one file of `families/`, then `load.py`, `recognise.py` (of which family a
checkpoint is), `weights.py`, `state_fit.py`, `labels.py`, `trace.py` (which finds the layers), `tokens.py`,
`network.py` and `preprocessing.py`; `dictionary.py` for layers of directions.
"""
