"""Middlewares in plain ASGI, so that streams pass unchanged.

Enter at main.py, which adds them: the last one added is the outermost. May import app.web.errors and what that imports.
Read public_path.py, security.py, access.py, body_limits.py, etags.py and boundary.py, in the order in which a request
passes them.
"""
