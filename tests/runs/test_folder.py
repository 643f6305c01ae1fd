from finetune_tts.runs.folder import best_model, last_model, sample_folder, sample_folders, saved_models


def test_the_models_of_a_run_in_the_order_of_their_steps(tmp_path):
    for name in ("checkpoint_20.pth", "best_model_20.pth", "best_model_5.pth", "checkpoint_100.pth", "best_model.pth"):
        (tmp_path / name).touch()
    assert [(model.step, model.path.name) for model in saved_models(tmp_path)] == [
        (5, "best_model_5.pth"),
        (20, "checkpoint_20.pth"),
        (100, "checkpoint_100.pth"),
    ]
    assert best_model(tmp_path).path.name == "best_model_20.pth"
    assert last_model(tmp_path).step == 100


def test_a_folder_without_models_has_none(tmp_path):
    assert (best_model(tmp_path), last_model(tmp_path), saved_models(tmp_path)) == (None, None, [])
    assert sample_folders(tmp_path) == []


def test_samples_in_the_order_of_their_steps(tmp_path):
    for step in (1000, 20):
        sample_folder(tmp_path, step).mkdir(parents=True)
    (tmp_path / "samples" / "notes").mkdir()
    assert [step for step, _ in sample_folders(tmp_path)] == [20, 1000]
