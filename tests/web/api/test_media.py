from fastapi.testclient import TestClient

from app.contract.result import MediaRole, RenderedMedia, Visualization
from app.store.database.engine import Store
from app.store.jobs import leases
from tests.support import claim, enqueue, finish


def test_media_have_their_own_type_and_never_change(client: TestClient, visualization: Visualization) -> None:
    poster = visualization.medium(MediaRole.POSTER)
    assert poster is not None
    address = f"/-/media/{poster.sha256}.webp"
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.content.startswith(b"poster")
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["content-length"] == str(poster.size)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = client.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_arrays_are_downloads(client: TestClient, visualization: Visualization) -> None:
    raw = visualization.medium(MediaRole.RAW)
    assert raw is not None
    answer = client.get(f"/-/media/{raw.sha256}.npz")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith("attachment;")


def test_media_under_another_ending_or_not_there(client: TestClient, visualization: Visualization) -> None:
    poster = visualization.medium(MediaRole.POSTER)
    assert poster is not None
    for address in (f"{poster.sha256}.png", f"{poster.sha256}.html", f"{'0' * 64}.webp", "x.webp"):
        answer = client.get(f"/-/media/{address}")
        assert (answer.status_code, answer.json()["error"]) == (404, "missing")


def test_a_preview_is_kept_only_under_its_own_step(client: TestClient, store: Store) -> None:
    enqueue(store, 0)
    [job] = claim(store)
    assert client.get(f"/-/jobs/{job.id}/preview.webp").status_code == 404
    picture = RenderedMedia(role=MediaRole.LOOP, type="image/webp", data=b"growing")
    with store.transaction() as session:
        leases.save_progress(session, worker="w1", progress={}, previews={job.id: (8, picture)})
    address = client.get(f"/api/jobs/{job.id}").json()["preview"]
    assert address == f"/-/jobs/{job.id}/preview.webp?step=8"
    shown = client.get(address)
    assert (shown.content, shown.headers["content-type"]) == (b"growing", "image/webp")
    assert shown.headers["cache-control"] == "private, max-age=60"
    assert client.get(address.replace("=8", "=4")).headers["cache-control"] == "no-store"


def test_the_preview_of_a_finished_job_is_its_result(client: TestClient, store: Store) -> None:
    job = enqueue(store, 0, speed="free")[0]
    finish(store, claim(store)[0])
    answer = client.get(f"/-/jobs/{job.id}/preview.webp?step=8")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.content.startswith(b"poster")
