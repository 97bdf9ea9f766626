"""The command line of the worker, `kinetoscope-worker`: one file for each command or group of commands.

Enter at `main.py`, which puts the commands together. A command may import everything of the worker; what needs torch is
imported inside the functions, because torch takes seconds to load.
Reading order: common, progress, main; then any command by its name.
"""
