"""What web and worker say to each other, in plain Python and pydantic.

Enter at the noun: `network`, `unit`, `recipe`, `job`, `result`, `dataset`, `survey`, `evidence`, `findings`.
Imports no other room. Read `model`, `errors`, `network`, `recipe` and `job` first, then what you need.
JSON names that differ from Python names are aliases: the API and stored rows keep the names of version 0.1.
"""
