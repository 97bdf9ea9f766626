"""The settings, read once from the environment. A test compares the README's table with them."""

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent  # of the repository


class Settings(BaseSettings):
    """The settings of web host and worker; each is read from the environment variable `KINETOSCOPE_` and its name."""

    model_config = SettingsConfigDict(env_prefix="KINETOSCOPE_", frozen=True)

    home: Path = Field(ROOT / "var", description="Database file and caches.")
    host: str = Field("127.0.0.1", description="Address the web server binds.")
    port: int = Field(8000, ge=0, le=65535, description="Port the web server binds; 0 picks a free one.")
    database_url: str = Field(
        "", description="PostgreSQL as `postgresql://user:password@host/name`; SQLite in the home if empty."
    )
    shipped: bool = Field(True, description="Register the networks that come with the project, if they are missing.")
    networks: str = Field(
        "", description="Networks to register at start: `family:weights[:labels]`, separated by commas."
    )
    families: str = Field("", description="Python files that register families of your own, separated by commas.")
    public_url: str = Field(
        "",
        description="Address people reach the dashboard at, for link previews; the request's own if empty.",
    )
    embed: str = Field(
        "",
        pattern=r"^[A-Za-z0-9:/.*\[\] -]*$",
        description="Sites that may frame pages with `?embed=1`, as `https://lab.example`, separated by spaces; none.",
    )
    device: str = Field("auto", description="Where the worker computes: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="Of gradients: `fp32`, `bf16`, or `auto` for bf16 where the device computes it faster."
    )
    threads: int = Field(0, ge=0, description="CPU threads of the worker; 0 takes all cores but one.")
    batch: int = Field(0, ge=0, le=1024, description="Most jobs a worker claims at once; 0 chooses by device.")
    lease_seconds: float = Field(30, gt=0, description="A job whose worker is silent for so long goes to another.")
    queue_limit: int = Field(100_000, ge=1, description="Live jobs at most; a request beyond is refused.")
    body_limit: int = Field(1_000_000, ge=1, description="Largest request body in bytes.")
    clip_limit: int = Field(50_000_000, ge=1, description="Largest upload of a clip in bytes.")

    @property
    def sqlalchemy_url(self) -> str:
        """Return the address of the database in the form that SQLAlchemy takes, with the driver named."""
        if not self.database_url:
            return f"sqlite:///{self.home / 'kinetoscope.db'}"
        scheme, _, rest = self.database_url.partition("://")
        return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else self.database_url


@cache
def settings() -> Settings:
    """Return the settings of this process."""
    return Settings()
