"""Bundles: results and surveys of one server in a file, checked and taken in by another.

Enter by `export.export_bundle` and `bring_in.import_bundle`; what is in a bundle is in `app/contract/bundle.py`.
May import `app.contract`, `app.settings` and the store. Nothing of a bundle is believed before `verify.py` has read it.
Read in this order: archive.py, choice.py, export.py, verify.py, bring_in.py.
"""
