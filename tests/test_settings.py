import re

import pytest

from app.settings import ROOT, Settings


def test_the_readme_lists_every_setting_as_it_is() -> None:
    rows = re.findall(r"^\| `KINETOSCOPE_(\w+)` \| (.*?) \| (.*?) \|$", (ROOT / "README.md").read_text(), re.M)
    listed = {name.lower(): (default.strip("`"), words) for name, default, words in rows}
    actual = {
        name: (
            str(field.default).replace(str(ROOT), ".") if field.default != "" else "empty",
            field.description,
        )
        for name, field in Settings.model_fields.items()
    }
    assert listed == actual


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINETOSCOPE_DATABASE_URL", "postgresql://me:secret@host/name")
    monkeypatch.setenv("KINETOSCOPE_PORT", "8123")
    settings = Settings()
    assert settings.port == 8123
    assert settings.sqlalchemy_url == "postgresql+psycopg://me:secret@host/name"


def test_sqlite_lives_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINETOSCOPE_HOME", "/somewhere")
    monkeypatch.delenv("KINETOSCOPE_DATABASE_URL", raising=False)
    assert Settings().sqlalchemy_url == "sqlite:////somewhere/kinetoscope.db"
