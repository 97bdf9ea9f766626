"""Lists of videos as people have them. Whether the videos can be read is not asked here: they are empty files."""

from pathlib import Path
from typing import Any

import pytest

from app.contract.errors import InvalidRequest, UnknownClass
from worker.survey.dataset_files import read_dataset
from worker.survey.official_splits import Part, Split

Listed = list[tuple[str, str]]


def touch(root: Path, *files: str) -> None:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def listed(root: Path, path: Path, **options: Any) -> Listed:
    videos = read_dataset(path, **options).videos
    return [(video.label, video.path.relative_to(root).as_posix()) for video in videos]


def left_out(path: Path, **options: Any) -> dict[str, str]:
    return {each.name: each.reason for each in read_dataset(path, **options).left_out}


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
        ("Archery", "videos/Archery/v_Archery_g01_c01.avi"),
        ("Archery", "videos/Archery/v_Archery_g08_c01.avi"),
        ("YoYo", "videos/YoYo/v_YoYo_g01_c01.avi"),
        ("YoYo", "videos/YoYo/v_YoYo_g08_c02.avi"),
    ]
    assert [label for label, _ in listed(ucf, ucf / "videos", labels=["YoYo"])] == ["YoYo", "YoYo"]


@pytest.mark.parametrize("path", ["ucfTrainTestlist", "ucfTrainTestlist/testlist01.txt"])
def test_the_official_split_of_ucf101(ucf: Path, path: str) -> None:
    actual = listed(ucf, ucf / "videos", split=Split(ucf / path))
    assert [Path(path).name for _, path in actual] == ["v_Archery_g01_c01.avi", "v_YoYo_g01_c01.avi"]


def test_the_training_part_of_ucf101(ucf: Path) -> None:
    actual = listed(ucf, ucf / "videos", split=Split(ucf / "ucfTrainTestlist", Part.TRAIN))
    assert actual == [
        ("Archery", "videos/Archery/v_Archery_g08_c01.avi"),
        ("YoYo", "videos/YoYo/v_YoYo_g08_c02.avi"),
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
    assert [Path(path).stem for _, path in actual] == names


def test_a_kinetics_list_finds_its_files_wherever_they_lie(tmp_path: Path) -> None:
    touch(tmp_path, "-abc_000010_000020.mp4", "train/x_y_000000_000010.mp4", "juggling balls/zz_000120_000130.mp4")
    (tmp_path / "kinetics.csv").write_text(
        "label,youtube_id,time_start,time_end,split\n"
        "archery,-abc,10,20,train\n"
        "archery,x_y,0,10,train\n"
        "juggling balls,zz,120,130,val\n"
        "juggling balls,gone,1,11,val\n"
    )
    assert [video.group for video in read_dataset(tmp_path / "kinetics.csv").videos] == ["-abc", "x_y", "zz"]
    assert listed(tmp_path, tmp_path / "kinetics.csv") == [
        ("archery", "-abc_000010_000020.mp4"),
        ("archery", "train/x_y_000000_000010.mp4"),
        ("juggling balls", "juggling balls/zz_000120_000130.mp4"),
    ]
    assert left_out(tmp_path / "kinetics.csv") == {
        "gone_000001_000011": "Line 5 of kinetics.csv: there is no such file"
    }


@pytest.mark.parametrize(("part", "count"), [(Part.TRAIN, 1), (Part.VALIDATE, 2), (Part.TEST, 0)])
def test_the_parts_of_a_kinetics_list(tmp_path: Path, part: Part, count: int) -> None:
    rows = ("archery,a,10,20,train", "archery,b,0,10,val", "archery,c,0,10,validate")
    touch(tmp_path, *(f"{name}.mp4" for name in ("a_000010_000020", "b_000000_000010", "c_000000_000010")))
    (tmp_path / "list.csv").write_text("\n".join(["label,youtube_id,time_start,time_end,split", *rows]))
    if count:
        assert len(read_dataset(tmp_path / "list.csv", split=Split(part=part)).videos) == count
    else:
        with pytest.raises(InvalidRequest, match="There is no video"):
            read_dataset(tmp_path / "list.csv", split=Split(part=part))
    with pytest.raises(InvalidRequest, match="names the split of each video itself"):
        read_dataset(tmp_path / "list.csv", split=Split(tmp_path / "list.csv", part))


def test_the_kinetics_layout_with_annotations_beside_the_videos(tmp_path: Path, test_data: Path) -> None:
    (tmp_path / "annotations").mkdir()
    rows = (test_data / "cases/kinetics/validate.csv").read_text() + "high kick,xyz,1.0,11.0,validate\n"
    (tmp_path / "annotations/validate.csv").write_text(rows)
    touch(tmp_path, "val/abcDEF12345_000020_000030.mkv", "val/high_kick/xyz_000001_000011.webm")
    expected = [
        ("yoga", "val/abcDEF12345_000020_000030.mkv"),
        ("high kick", "val/high_kick/xyz_000001_000011.webm"),
    ]
    for split in (None, Split(part=Part.VALIDATE)):
        assert listed(tmp_path, tmp_path / "annotations/validate.csv", split=split) == expected


def test_the_videos_of_a_list_may_lie_anywhere(tmp_path: Path) -> None:
    touch(tmp_path, "disk/part 3/more/abc_000020_000030.webm", "disk/a.mp4")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/k.csv").write_text("label,youtube_id,time_start,time_end\nyoga,abc,20,30\n")
    (tmp_path / "lists/p.csv").write_text("path,label\na.mp4,run\n")
    disk = tmp_path / "disk"
    assert listed(tmp_path, tmp_path / "lists/k.csv", videos=disk) == [
        ("yoga", "disk/part 3/more/abc_000020_000030.webm")
    ]
    assert listed(tmp_path, tmp_path / "lists/p.csv", videos=disk) == [("run", "disk/a.mp4")]
    with pytest.raises(
        InvalidRequest, match=r"no video .* Left out is abc_000020_000030: Line 2 of k\.csv: there is no"
    ):
        read_dataset(tmp_path / "lists/k.csv")
    with pytest.raises(InvalidRequest, match="is for lists"):
        read_dataset(disk, videos=disk)
    with pytest.raises(InvalidRequest, match="is not a folder"):
        read_dataset(tmp_path / "lists/k.csv", videos=disk / "none")


TABLES = {
    "columns in any order, quoted": b'label,path\nrun,a/1.mp4\n"walk, slowly",b/2.mp4\n',
    "semicolons, capitals, spaces, a mark, blank lines": b"\xef\xbb\xbf Path ; LABEL\r\n\r\na/1.mp4; run\r\n"
    b"b/2.mp4 ;walk, slowly\r\n\r\n",
    "tabs, the last line open": b"path\tlabel\textra\na/1.mp4\trun\t\nb/2.mp4\twalk, slowly",
    "from a spreadsheet, UTF-16": "path\tlabel\na/1.mp4\trun\nb/2.mp4\twalk, slowly\n".encode("utf-16"),
    "from Windows": b'path,label\r\na\\1.mp4,run\r\nB\\2.MP4,"walk, slowly"\r\n',
    "empty columns and rows of a spreadsheet": b'path,label\na/1.mp4,run,,\n,,,\nb/2.mp4,"walk, slowly",\n',
    "lines without a header": b"a/1.mp4 run\nb/2.mp4  walk, slowly\n",
    "lines with commas": b"a/1.mp4,run\nb/2.mp4,walk, slowly\n",
}


@pytest.mark.parametrize("content", TABLES.values(), ids=TABLES.keys())
def test_tables_as_people_write_them(tmp_path: Path, content: bytes) -> None:
    touch(tmp_path, "a/1.mp4", "b/2.mp4")
    (tmp_path / "list.csv").write_bytes(content)
    assert listed(tmp_path, tmp_path / "list.csv") == [("run", "a/1.mp4"), ("walk, slowly", "b/2.mp4")]


def test_a_table_may_say_which_videos_belong_together(tmp_path: Path) -> None:
    touch(tmp_path, "1.mp4", "2.mp4", "3.mp4")
    (tmp_path / "list.csv").write_text("path,label,group\n1.mp4,run,anna\n2.mp4,walk,anna\n3.mp4,run,\n")
    assert [video.group for video in read_dataset(tmp_path / "list.csv").videos] == ["anna", "anna", None]
    (tmp_path / "list.csv").write_text("path,label\n1.mp4,run\n")
    assert [video.group for video in read_dataset(tmp_path / "list.csv").videos] == [None]


def test_lines_with_numbers_take_their_labels_from_folders(tmp_path: Path) -> None:
    touch(tmp_path, "high kick/a b.mp4", "run/2.mp4", "run/3.mp4")
    (tmp_path / "list.txt").write_text(f"{tmp_path}/run/2.mp4 7\nhigh kick/a b.mp4 0\nrun/3.mp4 7\n")
    assert listed(tmp_path, tmp_path / "list.txt") == [
        ("run", "run/2.mp4"),
        ("high kick", "high kick/a b.mp4"),
        ("run", "run/3.mp4"),
    ]
    (tmp_path / "list.txt").write_text("run/2.mp4 7\nrun/3.mp4 8\n")
    with pytest.raises(InvalidRequest, match="are numbers, and folders do not tell"):
        read_dataset(tmp_path / "list.txt")


def test_names_match_in_every_unicode_form(tmp_path: Path) -> None:
    """Letters are composed in lists and taken apart on the disk of a Mac, or the other way round."""
    apart, composed = "cafe\u0301", "caf\u00e9"
    touch(tmp_path, f"{apart}/{apart}.mp4", f"{composed} 2/{composed}.mp4")
    rows = (f"{composed}/{composed}.mp4,{apart}", f"{apart} 2/{apart}.mp4,{composed}")
    (tmp_path / "list.csv").write_text("\n".join(("path,label", *rows)))
    for path in (tmp_path / "list.csv", tmp_path):
        videos = read_dataset(path).videos
        assert [video.path.is_file() for video in videos] == [True, True]
        assert {video.source for video in videos} == {f"{composed}/{composed}.mp4", f"{composed} 2/{composed}.mp4"}
        assert {video.label for video in videos} <= {composed, f"{composed} 2"}


def test_lines_that_cannot_be_taken_are_listed(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.mp4")
    long = "x" * 201
    (tmp_path / "list.csv").write_text(
        f"path,label\na.mp4,run\n\ngone.mp4,run\na.mp4,run\n./a.mp4,walk\nb.mp4,{long}\n\0.mp4,run\n"
    )
    assert listed(tmp_path, tmp_path / "list.csv") == [("run", "a.mp4"), ("walk", "a.mp4")]
    assert left_out(tmp_path / "list.csv") == {
        "gone.mp4": "Line 4 of list.csv: there is no such file",
        "a.mp4": "Line 5 of list.csv: the same video as Line 2 of list.csv",
        "b.mp4": "Line 7 of list.csv: its label has 201 characters; 200 are taken",
        ".mp4": "Line 8 of list.csv: there is no such file",
    }
    assert "gone.mp4" not in left_out(tmp_path / "list.csv", labels=["walk"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"path\na.mp4\n", "no column label.* it names path"),
        (b"path,label\na.mp4,\n", "Line 2 of list.csv leaves label empty"),
        (b"path,label\n\n\na.mp4\n", "Line 4 of list.csv leaves label empty"),
        (b"path,label\n", "There is no video"),
        (b"", "no column label, path"),
        (b"path,label\na.mp4,walk, slowly\n", "Line 2 of list.csv has 3 fields.*in quotes"),
        (b'path,label\na.mp4,run\nb.mp4,"walk\n', "Line 3 of list.csv cannot be read as CSV"),
        (b"path,label\na.mp4,run\ncaf\xe9.mp4,run\n", "Line 3 of .*list.csv is not UTF-8"),
        (b"a.mp4 run\nb.mp4\n", "Line 2 of list.csv is not a video and its label"),
        (b"label,youtube_id,time_start,time_end\nrun,x,1,2\nrun,x,soon,20\n", "Line 3 .*whole seconds, not 'soon'"),
        (b"label,youtube_id,time_start,time_end\nrun,x,1.5,20\n", "Line 2 .*whole seconds, not '1.5'"),
        (b"label,youtube_id,time_start,time_end\nrun,x,1,nan\n", "Line 2 .*whole seconds, not 'nan'"),
    ],
)
def test_lists_that_cannot_be_read(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(InvalidRequest, match=words):
        read_dataset(tmp_path / "list.csv")


def test_splits_with_spaces_and_separators_of_windows(tmp_path: Path) -> None:
    touch(tmp_path, "videos/High Kick/a b.avi", "videos/run/c d.avi")
    (tmp_path / "classInd.txt").write_text("1 High Kick\n")
    (tmp_path / "trainlist01.txt").write_text("High Kick\\a b.avi 1\r\n./High Kick/gone.avi 1\r\n")
    (tmp_path / "run_test_split1.txt").write_text("c d.avi\t2\n")
    split = tmp_path / "trainlist01.txt"
    assert listed(tmp_path, tmp_path / "videos", split=Split(split)) == [("High Kick", "videos/High Kick/a b.avi")]
    assert left_out(tmp_path / "videos", split=Split(split)) == {
        "High Kick/gone.avi": "Line 2 of trainlist01.txt: there is no such file"
    }
    split = tmp_path / "run_test_split1.txt"
    assert listed(tmp_path, tmp_path / "videos", split=Split(split)) == [("run", "videos/run/c d.avi")]


def test_paths_and_splits_that_do_not_exist(ucf: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="neither a folder nor a list"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(InvalidRequest, match="neither a folder nor a list"):
        read_dataset(tmp_path / f"{'x' * 300}.csv")
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
