import torch

from finetune_tts.machine.gradients import back_from_row, in_rows, zero_unless


def some():
    return [torch.full((2, 3), 1.0), torch.full((4,), 2.0), torch.tensor(3.0)]


def test_gradients_go_into_rows_and_back():
    tensors = some()
    rows = list(in_rows(tensors, most_elements=9))
    assert [len(row) for row, _ in rows] == [6, 5]
    for row, group in rows:
        back_from_row(row * 2, group)
    assert [tensor.flatten()[0].item() for tensor in tensors] == [2, 4, 6]
    assert tensors[0].shape == (2, 3)


def test_no_gradients_make_no_rows():
    assert list(in_rows([])) == []


def test_gradients_become_zero_even_if_they_are_no_numbers():
    tensors = some()
    zero_unless(torch.tensor(True), tensors)
    assert tensors[1].tolist() == [2, 2, 2, 2]
    tensors[0][0, 0] = float("nan")
    zero_unless(torch.tensor(False), tensors)
    assert all(tensor.abs().sum() == 0 for tensor in tensors)
