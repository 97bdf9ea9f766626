"""The default network's data and training: people driven by motion capture, with planted facts to find again."""
