"""Evidence: what the units of a network do on real clips, and what their classes are recognised by.

Start with `measures.py` (formulas over recorded peaks) and `activation_reader.py` (reads every layer in one pass).
It may import worker.maximize, worker.networks, worker.graph, worker.video and app.contract; it knows no database.
Reading order: activation_reader, checkpoint, measures, survey_evidence; synergy, tuning, probe_plan, probing (changed
clips); stream_swaps, variance, streams, foreground, masking (parts of clips); explain, class_attributions (logits);
silencing, silencing_plan, paired_changes, unit_sets, silenced_network, necessity, necessity_facts (what classes need).
"""
