"""Serves the dashboard below a path of its host, such as https://lab.example/kinetoscope."""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.settings import Settings
from app.web import url_path


class PublicPath:
    """A middleware that lets every address begin with the path of the public address.

    It takes requests with the path, and without it where a proxy removed it or somebody asks the server itself.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.root = settings.public_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.root:
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        if path != self.root and not path.startswith(f"{self.root}/"):
            path = self.root + path
        with url_path.rooted_at(self.root):
            await self.app({**scope, "path": path, "root_path": self.root}, receive, send)
