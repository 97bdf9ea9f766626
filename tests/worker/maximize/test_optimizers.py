"""The gradient's contrast, frame by frame."""

import torch

from worker.maximize.optimizers import equalize_frames, normalize

RMS = (1.0, 0.4, 0.01)


def frames() -> torch.Tensor:
    noise = torch.randn(2, 3, len(RMS), 16, 16, generator=torch.Generator().manual_seed(0))
    return noise * torch.tensor(RMS)[:, None, None]


def contrast(x: torch.Tensor) -> torch.Tensor:
    rms: torch.Tensor = x.square().mean((1, 3, 4)).sqrt()
    return rms / rms.amax(1, keepdim=True)


def test_frames_come_towards_one_contrast() -> None:
    none, half, all_of_it = (contrast(equalize_frames(frames(), share)) for share in (0.0, 0.5, 1.0))
    assert (none[:, 1] < 0.5).all()
    assert (half[:, 1] > 0.6).all()
    assert (half[:, 1] < all_of_it[:, 1]).all()
    assert (all_of_it[:, 1] > 0.9).all()


def test_what_is_faint_is_brought_up_ten_times_at_most() -> None:
    faint = (equalize_frames(frames(), 1.0) / normalize(frames()))[:, :, 2]
    assert ((faint > 8) & (faint < 10)).all()


def test_a_frame_without_gradient_gets_none() -> None:
    silent = frames()
    silent[:, :, 1] = 0
    assert (equalize_frames(silent, 1.0)[:, :, 1] == 0).all()


def test_units_of_any_scale_are_evened_alike() -> None:
    x = frames()
    torch.testing.assert_close(contrast(equalize_frames(x * 1e-6, 1.0)), contrast(equalize_frames(x, 1.0)))
