"""Checkpoints of PyTorchVideo and of the SlowFast repository, read by names and shapes and built by PyTorchVideo.

Enter by worker.networks.families.pytorchvideo. Read `structure.py`, `slowfast_names.py`, `training_config.py`,
`building.py`, `layers.py`. It may import what worker.networks may.
"""
