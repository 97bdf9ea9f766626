"""Lists of videos as people have them. Whether the videos can be read is not asked here: they are empty files."""

from pathlib import Path
from typing import Any

import pytest

from app.contract.errors import InvalidRequest, UnknownClass
from worker.survey.dataset_files import Layout, read_dataset
from worker.survey.official_splits import Part, Split

Listed = list[tuple[str, str, str]]


def touch(root: Path, *files: str) -> None:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def listed(root: Path, path: Path, **options: Any) -> Listed:
    files = read_dataset(path, **options)
    return [(file.name, file.label, file.path.relative_to(root).as_posix()) for file in files]


@pytest.fixture
def ucf(tmp_path: Path) -> Path:
    """Return a folder with two classes of UCF101 and the first official split."""
    clips = ("v_Archery_g01_c01.avi", "v_Archery_g08_c01.avi", "v_YoYo_g01_c01.avi", "v_YoYo_g08_c02.avi")
    touch(tmp_path, *(f"videos/{clip.split('_')[1]}/{clip}" for clip in clips), "videos/YoYo/notes.txt")
    split = tmp_path / "ucfTrainTestlist"
    split.mkdir()
    (split / "classInd.txt").write_bytes(b"1 Archery\r\n2 YoYo\r\n")
    (split / "trainlist01.txt").write_bytes(b"Archery/v_Archery_g08_c01.avi 1\r\nYoYo/v_YoYo_g08_c02.avi 2\r\n")
    (split / "testlist01.txt").write_bytes(b"Archery/v_Archery_g01_c01.avi\r\nYoYo/v_YoYo_g01_c01.avi\r\n")
    return tmp_path


@pytest.fixture
def hmdb(tmp_path: Path) -> Path:
    touch(
        tmp_path, "hmdb/wave/a_wave_1.avi", "hmdb/wave/b_wave_2.avi", "hmdb/wave/c_wave_3.avi", "hmdb/kick/d_kick_1.avi"
    )
    split = tmp_path / "splits"
    split.mkdir()
    (split / "wave_test_split1.txt").write_text("a_wave_1.avi 1 \nb_wave_2.avi 2 \nc_wave_3.avi 0 \n")
    (split / "kick_test_split1.txt").write_text("d_kick_1.avi 2 \n")
    (split / "kick_test_split2.txt").write_text("d_kick_1.avi 1 \n")
    return tmp_path


def test_one_folder_a_class(ucf: Path) -> None:
    assert listed(ucf, ucf / "videos") == [
        ("v_Archery_g01_c01", "Archery", "videos/Archery/v_Archery_g01_c01.avi"),
        ("v_Archery_g08_c01", "Archery", "videos/Archery/v_Archery_g08_c01.avi"),
        ("v_YoYo_g01_c01", "YoYo", "videos/YoYo/v_YoYo_g01_c01.avi"),
        ("v_YoYo_g08_c02", "YoYo", "videos/YoYo/v_YoYo_g08_c02.avi"),
    ]
    assert [name for name, _, _ in listed(ucf, ucf / "videos", labels=["YoYo"])] == ["v_YoYo_g01_c01", "v_YoYo_g08_c02"]


@pytest.mark.parametrize("path", ["ucfTrainTestlist", "ucfTrainTestlist/testlist01.txt"])
def test_the_official_split_of_ucf101(ucf: Path, path: str) -> None:
    actual = listed(ucf, ucf / "videos", split=Split(ucf / path))
    assert [name for name, _, _ in actual] == ["v_Archery_g01_c01", "v_YoYo_g01_c01"]


def test_the_training_part_of_ucf101(ucf: Path) -> None:
    actual = listed(ucf, ucf / "videos", split=Split(ucf / "ucfTrainTestlist", Part.TRAIN))
    assert [(name, label) for name, label, _ in actual] == [
        ("v_Archery_g08_c01", "Archery"),
        ("v_YoYo_g08_c02", "YoYo"),
    ]


def test_a_list_that_contradicts_the_class_numbers(ucf: Path) -> None:
    (ucf / "ucfTrainTestlist/trainlist01.txt").write_text("YoYo/v_YoYo_g08_c02.avi 1\n")
    with pytest.raises(InvalidRequest, match=r"Line 1 .*classInd\.txt"):
        read_dataset(ucf / "videos", split=Split(ucf / "ucfTrainTestlist", Part.TRAIN))


@pytest.mark.parametrize(
    ("split", "names"),
    [
        (("splits", Part.TEST, 1), ["d_kick_1", "b_wave_2"]),
        (("splits", Part.TRAIN, 1), ["a_wave_1"]),
        (("splits", Part.TRAIN, 2), ["d_kick_1"]),
        (("splits/wave_test_split1.txt", Part.TEST, 1), ["b_wave_2"]),
    ],
)
def test_the_official_splits_of_hmdb51(hmdb: Path, split: tuple[str, Part, int], names: list[str]) -> None:
    path, part, fold = split
    actual = listed(hmdb, hmdb / "hmdb", split=Split(hmdb / path, part, fold))
    assert [name for name, _, _ in actual] == names
    assert all((hmdb / path).is_file() for _, _, path in actual)


def test_a_kinetics_list_finds_its_files_wherever_they_lie(tmp_path: Path) -> None:
    touch(tmp_path, "-abc_000010_000020.mp4", "train/x_y_000000_000010.mp4", "juggling balls/zz_000120_000130.mp4")
    (tmp_path / "kinetics.csv").write_text(
        "label,youtube_id,time_start,time_end,split\n"
        "archery,-abc,10,20,train\n"
        "archery,x_y,0,10,train\n"
        "juggling balls,zz,120,130,val\n"
        "juggling balls,gone,1,11,val\n"
    )
    assert listed(tmp_path, tmp_path / "kinetics.csv") == [
        ("-abc_000010_000020", "archery", "-abc_000010_000020.mp4"),
        ("x_y_000000_000010", "archery", "train/x_y_000000_000010.mp4"),
        ("zz_000120_000130", "juggling balls", "juggling balls/zz_000120_000130.mp4"),
        ("gone_000001_000011", "juggling balls", "gone_000001_000011.mp4"),  # told when it is read
    ]


@pytest.mark.parametrize(("part", "count"), [(Part.TRAIN, 1), (Part.VALIDATE, 2), (Part.TEST, 0)])
def test_the_parts_of_a_kinetics_list(tmp_path: Path, part: Part, count: int) -> None:
    rows = ("archery,a,10,20,train", "archery,b,0,10,val", "archery,c,0,10,validate")
    (tmp_path / "list.csv").write_text("\n".join(["label,youtube_id,time_start,time_end,split", *rows]))
    if count:
        assert len(read_dataset(tmp_path / "list.csv", split=Split(part=part))) == count
    else:
        with pytest.raises(InvalidRequest, match="There is no video"):
            read_dataset(tmp_path / "list.csv", split=Split(part=part))


def test_a_csv_of_paths_and_names_made_unique_by_the_class(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text('label,path\nrun,a/1.mp4\n"walk, slowly",b/1.mp4\n')
    assert listed(tmp_path, tmp_path / "list.csv", layout=Layout.CSV) == [
        ("run/1", "run", "a/1.mp4"),
        ("walk, slowly/1", "walk, slowly", "b/1.mp4"),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("path\na.mp4\n", "no column label"),
        ("path,label\na.mp4,\n", "Line 2"),
        ("path,label\n", "There is no video"),
        ("", "no column label, path"),
        ("path,label\na.mp4,run\na.mp4,run\n", "listed twice"),
        ("label,youtube_id,time_start,time_end\nrun,x,soon,20\n", "whole seconds"),
    ],
)
def test_lists_that_cannot_be_read(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(InvalidRequest, match=words):
        read_dataset(tmp_path / "list.csv")


def test_paths_and_splits_that_do_not_exist(ucf: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="neither a folder nor a CSV"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(InvalidRequest, match="one folder of videos for each class"):
        read_dataset(ucf / "ucfTrainTestlist")
    with pytest.raises(InvalidRequest, match="There is no split"):
        read_dataset(ucf / "videos", split=Split(ucf / "none"))
    with pytest.raises(InvalidRequest, match=r"testlist03\.txt"):
        read_dataset(ucf / "videos", split=Split(ucf / "ucfTrainTestlist", fold=3))
    with pytest.raises(InvalidRequest, match="give the official split too"):
        read_dataset(ucf / "videos", split=Split(part=Part.TRAIN))
    with pytest.raises(UnknownClass, match="Near: Archery"):
        read_dataset(ucf / "videos", labels=["Archry"])
