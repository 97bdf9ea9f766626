"""What the project ships: the default network, its control and its judge, and clips to survey them with.

Enter at `first_start.register_shipped`, which fills a fresh dashboard. Imports everything below the commands.
Read `training.py` (how each network is trained and measured), `model_card.py` (which writes docs/default-network.md
from the measurements), then `first_start.py`. `weights/` and `clips/` hold the files; `paths.py` says where. A bundle
beside them, where there is one, has what a fresh dashboard would have to compute (docs/bundles.md).
"""
