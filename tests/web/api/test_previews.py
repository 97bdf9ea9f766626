"""The social cards of links."""

import io

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app.contract.result import MediaRole, RenderedMedia, Visualization
from app.store.database.engine import Store
from app.store.jobs import leases
from app.web.social_card import SocialCard, draw_social_card
from tests.support import claim, enqueue, measurements


def picture(color: str, frames: int = 1) -> bytes:
    out = io.BytesIO()
    pictures = [Image.new("RGB", (40, 30), color) for _ in range(frames)]
    pictures[0].putpixel((0, 0), (1, 2, 3))
    pictures[0].save(out, "WEBP", lossless=True, save_all=frames > 1, append_images=pictures[1:])
    return out.getvalue()


@pytest.fixture
def made(store: Store, network: object) -> int:
    enqueue(store, 2)
    [job] = claim(store)
    media = [
        RenderedMedia(role=MediaRole.POSTER, type="image/webp", data=picture("lime"), width=40, height=30),
        RenderedMedia(role=MediaRole.APPEARANCE, type="image/webp", data=picture("red"), width=40, height=30),
        RenderedMedia(role=MediaRole.FLOW_DIRECTION, type="image/webp", data=picture("blue", 3), width=40, height=30),
    ]
    with store.transaction() as session:
        result_id = leases.finish_visualization(session, worker="w1", job=job, measurements=measurements(), media=media)
    assert result_id is not None
    return result_id


def test_appearance_motion_and_name_on_one_picture(client: TestClient, made: int) -> None:
    answer = client.get(f"/-/previews/{made}.jpg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    shown = Image.open(io.BytesIO(answer.content)).convert("RGB")
    assert shown.size == (1200, 630)
    red, blue = shown.getpixel((250, 250)), shown.getpixel((690, 250))
    assert isinstance(red, tuple)
    assert isinstance(blue, tuple)
    assert red[0] > 240 > 30 > red[2]
    assert blue[2] > 240 > 30 > blue[0]
    again = client.get(f"/-/previews/{made}.jpg", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_poster_that_holds_both_streams_is_drawn_as_two_pictures() -> None:
    both = Image.new("RGB", (60, 30), "red")
    both.paste("blue", (30, 0, 60, 30))
    file = io.BytesIO()
    both.save(file, "PNG")
    drawn = draw_social_card(SocialCard(name="punch", subtitle="", network="", stimulus=file.getvalue()))
    shown = Image.open(io.BytesIO(drawn)).convert("RGB")
    red, gap, blue = (shown.getpixel((x, 250)) for x in (440, 468, 500))
    assert isinstance(red, tuple)
    assert isinstance(gap, tuple)
    assert isinstance(blue, tuple)
    assert red[0] > 240 > 60 > max(gap)
    assert blue[2] > 240


def test_of_a_result_that_is_not_there(client: TestClient) -> None:
    assert client.get("/-/previews/99.jpg").status_code == 404


def test_of_a_picture_that_cannot_be_read(client: TestClient, visualization: Visualization) -> None:
    assert client.get(f"/-/previews/{visualization.id}.jpg").status_code == 404


@pytest.mark.parametrize("name", ["x", "shooting goal (soccer) " * 9, "w" * 300, "größe · 走る"])
def test_any_name_fits(name: str) -> None:
    card = SocialCard(name=name, subtitle=name, network=name, stimulus=picture("red"), motion=picture("blue"))
    assert Image.open(io.BytesIO(draw_social_card(card))).size == (1200, 630)
