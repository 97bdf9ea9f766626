"""Record what a network computes up to a layer, and run only the part of it that the wanted positions need.

Enter by `record` (recording.py) and `Program` (program.py), or by `forward_to` (forward_hook.py) to run any module as
far as one of its submodules. Imports the contract alone: nothing of worker.networks. Read inputs, forward_hook,
recording, windows, operator_rules, program; then layout, spans, tracked, field_rules and receptive_field for what
tensors see of the inputs; then bn_statistics and the two faster convolutions.
"""
