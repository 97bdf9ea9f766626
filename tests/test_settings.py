import re
from pathlib import Path

import pytest

from app.contract.errors import InvalidSettings
from app.settings import ROOT, Settings, read_settings
from app.store.database.engine import open_store


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


def test_a_home_that_no_address_of_a_database_can_name() -> None:
    with pytest.raises(InvalidSettings, match="Name a path in UTF-8"):
        _ = Settings(home=Path("/home/\udcff"), database_url="").sqlalchemy_url


@pytest.mark.parametrize(
    ("written", "public_url", "origin", "path"),
    [
        ("", "", "", ""),
        ("https://lab.example", "https://lab.example", "https://lab.example", ""),
        ("HTTPS://Lab.Example:443/", "https://lab.example", "https://lab.example", ""),
        ("http://lab.example:8443/Units/", "http://lab.example:8443/Units", "http://lab.example:8443", "/Units"),
        ("https://[FD00::5]/a/b", "https://[fd00::5]/a/b", "https://[fd00::5]", "/a/b"),
    ],
)
def test_a_public_address_in_its_plain_form(written: str, public_url: str, origin: str, path: str) -> None:
    settings = Settings(public_url=written)
    assert (settings.public_url, settings.public_origin, settings.public_path) == (public_url, origin, path)


@pytest.mark.parametrize(
    "public_url",
    [
        *(
            "lab.example",
            "lab.example/units",
            "//lab.example",
            "ftp://lab.example",
            "https://",
            "https://*",
            "https://a b",
        ),
        *("https://lab.example?x=1", "https://lab.example#x", "https://me@lab.example", "https://lab.example:99999"),
        *("https://lab.example/a/../b", "https://lab.example//a", "https://lab.example/<a>", "https://["),
    ],
)
def test_a_public_address_that_is_none_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, public_url: str
) -> None:
    monkeypatch.setenv("KINETOSCOPE_PUBLIC_URL", public_url)
    with pytest.raises(InvalidSettings, match=r"KINETOSCOPE_PUBLIC_URL: .* Write it as https://lab\.example or"):
        read_settings()


def test_an_allowed_host_is_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(allowed_hosts=" a.example, *.b.example\n[::1] ".replace("[::1]", "::1")).allowed_host_names == [
        *("a.example", "*.b.example", "::1")
    ]
    monkeypatch.setenv("KINETOSCOPE_ALLOWED_HOSTS", "http://box.example")
    with pytest.raises(InvalidSettings, match=r"KINETOSCOPE_ALLOWED_HOSTS: .* without http://"):
        read_settings()


def test_a_home_may_have_any_name(tmp_path: Path) -> None:
    home = tmp_path / "what? #1 50%41 \u00e9"
    home.mkdir()
    store = open_store(Settings(home=home, database_url="").sqlalchemy_url, check=False)
    store.migrate()
    store.close()
    assert (home / "kinetoscope.db").stat().st_size
    assert [each.name for each in tmp_path.iterdir()] == [home.name]


def test_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(proxies="10.0.0.5, 172.16.0.0/12").proxies == "10.0.0.5,172.16.0.0/12"
    monkeypatch.setenv("KINETOSCOPE_PROXIES", "proxy.lab.example")
    with pytest.raises(InvalidSettings, match=r"KINETOSCOPE_PROXIES: .* Write it as 10\.0\.0\.5 or"):
        read_settings()


def test_a_token_is_what_a_header_can_hold() -> None:
    assert Settings(token=" secret\n").token == "secret"
    with pytest.raises(ValueError, match="ASCII"):
        Settings(token="clé")


def test_tokens_are_not_written_anywhere() -> None:
    settings = Settings(token="let me in", admin_token="me too")
    assert "let me in" not in repr(settings)
    assert "me too" not in repr(settings)


@pytest.mark.parametrize(
    ("fields", "is_private"),
    [
        ({}, True),
        ({"host": "::1"}, True),
        ({"admin_token": "x"}, True),
        ({"token": "x"}, False),
        ({"host": "0.0.0.0"}, False),
        ({"public_url": "https://lab.example"}, False),
        ({"allowed_hosts": "box"}, False),
    ],
)
def test_a_dashboard_is_private_until_others_are_let_in(fields: dict[str, str], is_private: bool) -> None:
    assert Settings(**{"host": "127.0.0.1", "public_url": "", **fields}).is_private is is_private  # type: ignore[arg-type]
