import csv
import io

import pytest

from app.web.csv_table import csv_table


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_a_text_that_a_spreadsheet_would_run_is_quoted(start: str) -> None:
    [row] = csv.DictReader(io.StringIO(csv_table(["label"], [{"label": f"{start}SUM(1,2)"}]), newline=""))
    assert row["label"] == f"'{start}SUM(1,2)"


def test_numbers_and_other_texts_stay_as_they_are() -> None:
    row = {"a": -1.5, "b": -3, "c": "a-b=c", "d": None, "e": ""}
    assert csv_table(list(row), [row]) == "a,b,c,d,e\r\n-1.5,-3,a-b=c,,\r\n"
