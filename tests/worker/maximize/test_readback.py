"""Reading back what a device computed."""

import torch

from worker.maximize.readback import LAG_STEPS, AsyncReadback


def test_the_cpu_reads_at_once() -> None:
    readback = AsyncReadback(torch.device("cpu"))
    readback.post([3, 5], torch.tensor([[1.0, 2.0], [0.0, 1.0]]))
    assert list(readback.read()) == [(3, (1.0, 0.0)), (5, (2.0, 1.0))]
    assert list(readback.read(everything=True)) == []


def test_a_device_that_runs_ahead_is_read_a_fixed_number_of_steps_later_and_in_order() -> None:
    readback = AsyncReadback(torch.device("cuda"))  # only the order: rows of the CPU need no copy
    read = []
    for step in range(LAG_STEPS + 2):
        readback.post([0], torch.tensor([[float(step)]]))
        read.append([value for _, (value,) in readback.read()])
    assert read == [[]] * LAG_STEPS + [[0.0], [1.0]]
    assert [value for _, (value,) in readback.read(everything=True)] == [
        float(step) for step in range(2, LAG_STEPS + 2)
    ]
