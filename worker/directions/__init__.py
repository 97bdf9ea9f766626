"""Directions: learn dictionaries of a layer's activations, measure them, and read those that others have learned.

Enter at `learn.learn_dictionary` and `files.read_directions`. May import `worker.survey`, `worker.evidence` and below.
Read `activations.py` (what is learned from), `factorizations.py` and `sparse_autoencoder.py` (the methods),
`measures.py`, then `learn.py` and `files.py`.
"""
