"""What a request brings, read and checked: forms, uploads, query parameters, cookies and addresses.

Enter at validation.py, which turns pydantic's errors into one InvalidRequest. May import app.settings, app.contract,
app.store, and of app.web urls, api_urls, url_path and deps.
Read validation.py, params.py (filters of units), form.py, body_size.py, uploads.py and
video_signature.py, hosts.py, same_site.py, credentials.py, visitor.py (who asks) and theme.py.
"""
