"""Pages and API show what a bundle brought as if it had been computed here, and say from where it came."""

from pathlib import Path

from fastapi.testclient import TestClient

from app.bundles.bring_in import import_bundle
from app.settings import Settings
from app.store.database.engine import Store
from app.web import urls
from app.web.main import create_app


def test_pages_show_what_came_and_from_where(small: Store, bundle: Path, tmp_path: Path) -> None:
    import_bundle(small, bundle)
    url = small.engine.url.render_as_string(hide_password=False)
    settings = Settings(home=tmp_path, database_url=url, host="127.0.0.1")
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        page = client.get("/tiny/class/1").text
        assert page.count("imported from results.bundle") == 2, "the result, and the survey beside it"
        assert "imported from results.bundle" in client.get(urls.surveys("tiny")).text
        for address in ("/", "/tiny", "/tiny/-/findings", "/tiny/-/classes/walk", "/tiny/-/confusions", "/-/datasets"):
            assert client.get(address, follow_redirects=True).status_code == 200, address
        for address in (urls.clip("little", "run-1"), urls.confusion("tiny", "run", "walk")):
            assert "a still: its video is not here" in client.get(address, follow_redirects=True).text, address
        newest = client.get("/api/networks/tiny/layers/class/units/1").json()["visualizations"][0]
        assert newest["imported"]["file"] == "results.bundle"
        assert client.get(newest["media"][0]["href"]).status_code == 200
