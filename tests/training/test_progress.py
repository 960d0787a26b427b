"""The lines above the progress bar."""

from transformers import TrainerState

from nlp_transfer.training.progress import progress_line

STATE = TrainerState(epoch=0.5, global_step=27, max_steps=162)


def test_a_logged_step_with_the_parts_of_its_loss() -> None:
    where = "epoch 0.50 · step 27/162 · loss"
    assert progress_line({"loss": 0.5, "learning_rate": 1e-4}, STATE) == f"{where} 0.5000 · learning rate 1.00e-04"
    parts = {"loss": 1.2, "learning_rate": 1e-4, "source_loss": 0.5, "dann_loss": 0.7, "dann_domain_accuracy": 0.9}
    assert progress_line(parts, STATE) == f"{where} 1.2000 (source 0.5000, dann 0.7000) · learning rate 1.00e-04"


def test_an_evaluation_and_what_is_not_for_people() -> None:
    line = progress_line({"eval_loss": 0.25, "eval_macro_f1": 0.875, "eval_runtime": 3.0}, STATE)
    assert line == "epoch 0.50 · step 27/162 · validation: macro-F1 0.8750 · loss 0.2500"
    assert progress_line({"train_loss": 0.5, "train_runtime": 9.0}, STATE) == ""
