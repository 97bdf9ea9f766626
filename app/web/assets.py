"""Serves the built front end: finds the address of a file, which has a hash of its content in its name."""

import json
import mimetypes
import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.settings import ROOT
from app.web import urls

DIST = ROOT / "frontend" / "dist"
CACHE_FOREVER = "public, max-age=31536000, immutable"

# Operating systems differ in which of these they know.
for ending, media_type in {".js": "text/javascript", ".woff2": "font/woff2", ".webp": "image/webp"}.items():
    mimetypes.add_type(media_type, ending)


class Assets:
    """The addresses of built files.

    They come from `manifest.json`, which maps `app.js` to `app.5F3A.js`. It is read again after each build.
    """

    def __init__(self, dist: Path = DIST) -> None:
        self.dist = dist
        self._built_at = 0
        self._names: dict[str, str] = {}

    @property
    def is_built(self) -> bool:
        return bool(self._manifest())

    def url(self, name: str) -> str:
        """Return the address of a built file. A file that is not built has an address too, which answers 404."""
        return urls.asset(self._manifest().get(name, name))

    def _manifest(self) -> dict[str, str]:
        manifest = self.dist / "manifest.json"
        try:
            built_at = manifest.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if built_at != self._built_at:
            self._names = json.loads(manifest.read_text())
            self._built_at = built_at
        return self._names


class AssetFiles(StaticFiles):
    """Static files that a browser may keep for ever, because their names have a hash of their content."""

    def __init__(self, dist: Path = DIST) -> None:
        super().__init__(directory=dist, check_dir=False)
        self.config_checked = True  # so that a front end that is not built answers 404 instead of raising

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = CACHE_FOREVER
        return response
