"""The restore report can be read by the user and by a program."""

import json

from finetune_tts.checkpoints.report import Fate, RestoreReport, RowReport, TensorReport

REPORT = RestoreReport(
    "voice/model_file.pth",
    (
        TensorReport("encoder.emb.weight", Fate.RESTORED, 600, "rows follow their keys, 3 there, 4 here"),
        TensorReport("encoder.prenet.conv.weight", Fate.RESTORED, 1_000_000),
        TensorReport("encoder.prenet.conv.bias", Fate.FRESH, 20, "not in the checkpoint", False),
        TensorReport("scale", Fate.RESTORED, 1),
        TensorReport("disc.conv.weight", Fate.LEFT_OVER, 7, "a module that this model does not have"),
    ),
    (RowReport("encoder.emb.weight", ("a", "b"), tuple(f"n{number}" for number in range(30)), ()),),
)


def test_the_table_is_aligned_and_says_why():
    assert REPORT.table().split("\n") == [
        "Restored from voice/model_file.pth: 3 tensors restored (1,000,601 numbers), 1 tensors fresh (20 numbers), "
        "1 tensors left over (7 numbers), 30 new rows, 1 unexplained",
        "module               restored   fresh  left over",
        "encoder.emb           1 (600)       -          -",
        "encoder.prenet  1 (1,000,000)  1 (20)          -",
        "scale                   1 (1)       -          -",
        "disc.conv                   -       -      1 (7)",
        "restored, rows follow their keys, 3 there, 4 here: encoder.emb.weight",
        "! fresh, not in the checkpoint: encoder.prenet.conv.bias",
        "left over, a module that this model does not have: disc.conv.weight",
        "encoder.emb.weight: 2 rows follow their keys, 30 new, 0 out",
        "  new: " + " ".join(f"'n{number}'" for number in range(24)) + " and 6 more",
    ]


def test_the_dictionary_is_json_and_complete():
    plain = json.loads(json.dumps(REPORT.to_dict()))
    assert len(plain["tensors"]) == 5
    assert plain["tensors"][2] == {
        "name": "encoder.prenet.conv.bias",
        "fate": "fresh",
        "count": 20,
        "reason": "not in the checkpoint",
        "explained": False,
    }
    assert len(plain["rows"][0]["new"]) == 30


def test_only_a_report_without_any_remark_is_complete():
    assert not REPORT.is_complete
    assert RestoreReport("a", REPORT.tensors[:2]).is_complete
