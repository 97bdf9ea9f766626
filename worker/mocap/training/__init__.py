"""The training of a network on a data set, and its evaluation.

Enter at `train.train` and `evaluate.compute_scores`. Imports `worker.mocap.dataset` and `worker.networks`.
Read `batches.py`, `student.py` (the network with its auxiliary heads), `adversarial.py`, `train.py`, `evaluate.py`.
"""
