import torch

from worker.maximize.readback import LAG, Flags


def test_the_cpu_reads_at_once() -> None:
    flags = Flags(torch.device("cpu"))
    flags.post([3, 5], torch.tensor([[1.0, 2.0], [0.0, 1.0]]))
    assert list(flags.read()) == [(3, (1.0, 0.0)), (5, (2.0, 1.0))]
    assert list(flags.read(everything=True)) == []


def test_a_device_that_runs_ahead_is_read_a_fixed_number_of_steps_later_and_in_order() -> None:
    flags = Flags(torch.device("cuda"))  # only the order: rows of the CPU need no copy
    read = []
    for step in range(LAG + 2):
        flags.post([0], torch.tensor([[float(step)]]))
        read.append([value for _, (value,) in flags.read()])
    assert read == [[]] * LAG + [[0.0], [1.0]]
    assert [value for _, (value,) in flags.read(everything=True)] == [float(step) for step in range(2, LAG + 2)]
