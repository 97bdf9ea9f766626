import pytest

from worker.survey.clip_groups import clip_group


@pytest.mark.parametrize(
    ("names", "is_same"),
    [
        (("v_SoccerJuggling_g23_c01", "v_SoccerJuggling_g23_c04"), True),
        (("v_SoccerJuggling_g23_c01", "v_SoccerJuggling_g24_c01"), False),
        (("v_SoccerJuggling_g23_c01", "v_CricketShot_g23_c01"), False),
        (("TrumanShow_wave_f_nm_np1_fr_med_26", "TrumanShow_wave_u_cm_np1_le_goo_3"), True),
        (("TrumanShow_wave_f_nm_np1_fr_med_26", "Pippi_wave_f_nm_np1_fr_med_26"), False),
        (("person15_walking_d1_uncomp", "person15_walking_d2_uncomp"), True),
        (("person15_walking_d1_uncomp", "person15_boxing_d1_uncomp"), True),
        (("R6llTwEh07w_000010_000020", "archery/R6llTwEh07w_000020_000030"), True),
    ],
)
def test_clips_of_one_video_or_person_are_of_one_group(names: tuple[str, str], is_same: bool) -> None:
    first, second = map(clip_group, names)
    assert first is not None
    assert (first == second) is is_same


@pytest.mark.parametrize("name", ["walk-test-05", "clip 3", "V_174", ""])
def test_other_names_do_not_tell(name: str) -> None:
    assert clip_group(name) is None
