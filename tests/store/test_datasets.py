import pytest

from app.contract.dataset import NewClip
from app.contract.errors import DatasetExists, Missing, UnknownClass, UnknownClip, UnknownDataset
from app.contract.result import MediaRole
from app.store import datasets, media
from app.store.catalog import networks
from app.store.catalog.networks import get_card
from app.store.catalog.units import get_unit
from app.store.database.engine import Store
from app.store.surveys import evidence
from tests.evidence_support import LABELS, add_dataset, clip_media, new_clips, survey


@pytest.fixture
def little(tiny: Store) -> Store:
    add_dataset(tiny)
    return tiny


def test_a_set_knows_its_classes_in_their_order_and_counts_its_clips(little: Store) -> None:
    with little.session() as session:
        found = datasets.get_dataset(session, slug="little")
        assert datasets.list_datasets(session) == [found]
        assert datasets.label_counts(session, slug="little") == dict.fromkeys(LABELS, 3)
        assert datasets.clip_names(session, slug="little")[:4] == [
            ("walk-0", "walk"),
            ("run-0", "run"),
            ("wave_slow-0", "wave_slow"),
            ("walk-1", "walk"),
        ]
    assert (found.title, found.classes, found.clips) == ("The little set", LABELS, 9)


def test_clips_that_are_there_stay_and_new_labels_become_classes(little: Store) -> None:
    more = [*new_clips(each=4), NewClip(name="crawl-0", label="crawl", media=clip_media("crawl"))]
    with little.transaction() as session:
        assert datasets.add_clips(session, slug="little", clips=more) == 4
    with little.session() as session:
        found = datasets.get_dataset(session, slug="little")
    assert (found.clips, found.classes) == (13, (*LABELS, "crawl"))


def test_a_class_without_clips_counts_none(little: Store) -> None:
    with little.transaction() as session:
        row = datasets.dataset_row(session, "little")
        row.classes = [*row.classes, "crawl"]
    with little.session() as session:
        assert datasets.label_counts(session, slug="little") == {**dict.fromkeys(LABELS, 3), "crawl": 0}
        crawls = datasets.list_clips(session, slug="little", label="crawl")
    assert (crawls.items, crawls.total, crawls.next) == ((), 0, None)


def test_clips_that_were_counted_and_taken_back_count_no_more(little: Store) -> None:
    crawling = NewClip(name="crawl-0", label="crawl", media=clip_media("crawl"))
    with little.transaction() as session:
        datasets.add_clips(session, slug="little", clips=[crawling])
        assert datasets.label_counts(session, slug="little")["crawl"] == 1
        session.rollback()
    with little.transaction() as session:
        datasets.add_clips(session, slug="little", clips=[*new_clips(each=4)][-1:])
    with little.session() as session:
        assert sorted(datasets.label_counts(session, slug="little").values()) == [3, 3, 4]


def test_clips_are_listed_page_by_page_and_by_label(little: Store) -> None:
    with little.session() as session:
        first = datasets.list_clips(session, slug="little", per_page=5)
        second = datasets.list_clips(session, slug="little", page=2, per_page=5)
        walks = datasets.list_clips(session, slug="little", label="walk")
        with pytest.raises(UnknownClass, match="Near: walk"):
            datasets.list_clips(session, slug="little", label="walking")
    names = [clip.name for clip in (*first.items, *second.items)]
    assert names == sorted(names)
    assert (first.total, first.next, second.next) == (9, 2, None)
    assert [clip.name for clip in walks.items] == ["walk-0", "walk-1", "walk-2"]
    assert walks.total == 3


def test_a_clip_has_its_media(little: Store) -> None:
    with little.session() as session:
        clip = datasets.get_clip(session, slug="little", name="run-1")
        video = clip.medium(MediaRole.VIDEO)
        assert video is not None
        assert media.get_medium(session, sha256=video.sha256).data == clip_media("run-1")[0].data
        assert datasets.clips_by_name(session, slug="little", names=["run-1", "none"]) == {"run-1": clip}
    assert (clip.dataset, clip.label, video.type) == ("little", "run", "video/mp4")


def test_a_clip_knows_its_video_once_it_was_told(little: Store) -> None:
    crawling = NewClip(name="crawl-0", label="crawl", source="crawl/0.mp4", media=clip_media("crawl"))
    with little.transaction() as session:
        datasets.add_clips(session, slug="little", clips=[crawling])
        datasets.set_sources(session, slug="little", sources={"walk-0": "walk/0.mp4", "crawl-0": "other.mp4"})
    with little.session() as session:
        sources = {clip.name: clip.source for clip in datasets.clip_sources(session, slug="little")}
    assert (sources["walk-0"], sources["run-0"], sources["crawl-0"]) == ("walk/0.mp4", None, "crawl/0.mp4")


def test_clips_get_the_media_that_they_lack(tiny: Store) -> None:
    add_dataset(tiny, each=1, has_flow=False)
    with tiny.transaction() as session:
        for _ in range(2):
            datasets.add_clip_media(session, slug="little", media={"run-0": clip_media("run-0")})
        with pytest.raises(UnknownClip):
            datasets.add_clip_media(session, slug="little", media={"jog-0": ()})
    with tiny.session() as session:
        assert datasets.clips_without(session, slug="little", role=MediaRole.FLOW) == ["walk-0", "wave_slow-0"]
        assert len(datasets.get_clip(session, slug="little", name="run-0").media) == 5


def test_clips_of_a_class_are_found_in_any_spelling_and_any_set(little: Store) -> None:
    add_dataset(little, "other", labels=("Wave Slow",), each=1)
    with little.session() as session:
        found = datasets.clips_of_class(session, name="wave slow", limit=6)
        examples = datasets.example_clips(session, names=("wave slow", "run", "wave fast"))
    assert [(clip.dataset, clip.name) for clip in found] == [
        *(("little", f"wave_slow-{number}") for number in range(3)),
        ("other", "Wave Slow-0"),
    ]
    assert {name: clip.name for name, clip in examples.items()} == {"wave slow": "wave_slow-0", "run": "run-0"}
    assert all({ref.role for ref in clip.media} <= set(datasets.CARD_MEDIA) for clip in examples.values())
    assert all(clip.medium(MediaRole.VIDEO) for clip in examples.values())


def test_unknown_names_tell_the_near_ones(little: Store) -> None:
    with little.session() as session:
        with pytest.raises(UnknownDataset, match="Near: little"):
            datasets.get_dataset(session, slug="litle")
        with pytest.raises(UnknownClip, match="walk-1"):
            datasets.get_clip(session, slug="little", name="walk_1")
    with pytest.raises(DatasetExists), little.transaction() as session:
        datasets.add_dataset(session, slug="little", title="again")


def test_a_removed_set_takes_its_clips_media_and_surveys_along(little: Store) -> None:
    survey(little)
    with little.session() as session:
        clip = datasets.get_clip(session, slug="little", name="run-1")
    with little.transaction() as session:
        datasets.remove_dataset(session, slug="little")
    with little.session() as session:
        assert datasets.list_datasets(session) == []
        assert evidence.get_survey(session, card=get_card(session, slug="tiny")) is None
        assert get_unit(session, card=get_card(session, slug="tiny"), layer="fc6", unit=1).a_hat is None
        with pytest.raises(Missing):
            media.get_medium(session, sha256=clip.media[0].sha256)


def test_removing_a_network_leaves_the_clips(little: Store) -> None:
    survey(little)
    with little.transaction() as session:
        networks.remove_network(session, slug="tiny")
    with little.session() as session:
        clip = datasets.get_clip(session, slug="little", name="run-1")
        assert evidence.units_of_clip(session, clip_id=clip.id, limit=1) == []
        assert media.get_medium(session, sha256=clip.media[0].sha256).data
