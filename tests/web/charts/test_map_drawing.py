"""Names on the map of units: none overlaps another or crosses an edge, also on a phone."""

from itertools import combinations
from random import Random

from app.contract.network import CLASS_LAYER
from app.contract.unit import MapPoint, UnitMap
from app.contract.unit_query import UnitQuery
from app.web.charts import map_drawing
from tests.support import two_stream_card

PHONE, DESK = (358, 5.8, 12), (1136, 6.8, 16)  # widths of the map and of a letter, height of a line; all in pixels


def test_names_have_room_on_a_desk_and_on_a_phone() -> None:
    draw = Random(0)
    points = tuple(
        MapPoint(CLASS_LAYER, unit, "x" * draw.randint(3, 16), "fusion", None, draw.random(), draw.random(), None)
        for unit in range(60)
    )
    drawn = map_drawing.draw_map(two_stream_card(), UnitQuery(), UnitMap(points, 1)).labels
    few = [word for word in drawn if not word.is_desktop_only]
    assert 5 < len(few) < len(drawn) < len(points)
    for words, (width, letter, line), height in ((few, PHONE, 358 * 1.15), (drawn, DESK, 1136 * 9 / 16)):
        boxes = [box(word, width, letter, height) for word in words]
        assert all(left > -letter and right < width + letter for left, right, _ in boxes)
        for (left, right, y), (other_left, other_right, other_y) in combinations(boxes, 2):
            assert abs(y - other_y) >= line or left > other_right or right < other_left


def box(label: map_drawing.MapLabel, width: float, letter: float, height: float) -> tuple[float, float, float]:
    x, y = (float(share.rstrip("%")) / 100 for share in (label.x, label.y))
    long = len(label.text) * letter
    left = x * width - {"start": 0.0, "middle": 0.5, "end": 1.0}[label.anchor] * long
    return left, left + long, y * height
