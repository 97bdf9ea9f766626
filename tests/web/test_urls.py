import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from app.contract.errors import InvalidRequest
from app.contract.unit_query import UnitQuery, UnitSort
from app.web import urls
from app.web.requests.params import UnitQueryParams

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


def test_names_are_encoded_and_defaults_left_out() -> None:
    assert urls.unit("i3d", "fusion.conv5", 12, speed="slow", seed=None) == "/i3d/fusion.conv5/12?speed=slow"
    assert urls.class_("i3d", "shooting goal (soccer)") == "/i3d/-/classes/shooting%20goal%20%28soccer%29"
    assert urls.class_("i3d", "back/flip") == "/i3d/-/classes/back%2Fflip"
    assert urls.units("i3d", UnitQuery()) == "/i3d/-/units"
    assert urls.layer("i3d", "fc6", UnitQuery(layer="fc6", page=2)) == "/i3d/fc6?page=2"
    assert urls.media("a" * 64, "application/zip") == f"/-/media/{'a' * 64}.npz"
    assert urls.job_preview(7, 12) == "/-/jobs/7/preview.webp?step=12"
    assert urls.absolute("https://units.example/", urls.link("abc")) == "https://units.example/-/s/abc"


@given(
    st.builds(
        lambda class_, **rest: UnitQuery.model_validate({"class": class_, **rest}),
        class_=st.none() | TEXT,
        layer=st.none() | TEXT,
        stream=st.sampled_from([None, "appearance", "fusion"]),
        state=st.sampled_from([None, "visualized", "missing"]),
        q=st.none() | TEXT,
        sort=st.sampled_from(UnitSort),
        page=st.integers(1, 100_000),
        per_page=st.integers(1, 200),
    )
)
def test_a_query_comes_back_from_its_address(query: UnitQuery) -> None:
    _, _, written = urls.units("i3d", query).partition("?")
    assert UnitQueryParams.parse(QueryParams(written)).model_dump() == query.model_dump()


def test_a_form_s_empty_fields_and_other_sites_marks_are_no_filters() -> None:
    assert UnitQueryParams.parse({"q": "", "class": "", "utm_source": "x"}).model_dump() == UnitQuery().model_dump()


def test_a_wrong_filter_says_which() -> None:
    with pytest.raises(InvalidRequest, match="page should be") as caught:
        UnitQueryParams.parse({"page": "0"})
    assert caught.value.extra["fields"] == [{"field": "page", "detail": str(caught.value)}]
