"""The data and the training of the default network: people animated by motion capture, with facts planted to be found.

Enter at `dataset.generate.make_dataset` and `training.train.train`. Imports `worker.networks` and `worker.video`.
Read `scenes/` (how a clip is drawn), then `dataset/` (how clips are stored), then `training/`; each imports only the
ones before it.
"""
