"""Names in a configuration that are misspelt."""

from hypothesis import assume
from hypothesis import strategies as st

from nlp_transfer.methods import METHODS
from tests.broken.corpora import Choose
from tests.broken.settings import SettingFaults, documented

FAULTS = SettingFaults()


@st.composite
def misspelt(draw: Choose, name: str) -> str:
    """A name with a letter left out, doubled, exchanged with the next, or another."""
    place = draw(st.integers(0, len(name) - 1))
    left, letter, right = name[:place], name[place], name[place + 1 :]
    return draw(st.sampled_from([left + letter * 2 + right, left + "q" + right, left + right[:1] + letter + right[1:]]))


@FAULTS.add
def misspelt_key(settings, choose):
    path = choose(st.sampled_from([path for path in documented() if "." in path]))
    section, key = path.rsplit(".", 1)
    wrong = choose(misspelt(key))
    assume(f"{section}.{wrong}" not in documented())
    settings.set(f"{section}.{wrong}", 1)
    place = "methods.0" if section.startswith("methods") else section
    return (f"{place}: Unknown key '{wrong}'",)


@FAULTS.add
def misspelt_section(settings, choose):
    key = choose(st.sampled_from(["model", "source", "target", "training", "task", "methods", "baselines"]))
    wrong = choose(misspelt(key))
    assume(wrong != key)
    settings.tree[wrong] = settings.tree.pop(key, {})
    return (f"Unknown key '{wrong}'. Did you mean '{key}'?",)


@FAULTS.add
def misspelt_method(settings, choose):
    name = choose(st.sampled_from(list(METHODS)))
    wrong = choose(misspelt(name))
    assume(wrong not in METHODS)
    settings.tree["methods"] = choose(st.sampled_from([wrong, [wrong], [{"name": wrong, "layers": 2}]]))
    return (f"methods.0: Unknown method '{wrong}'. Did you mean '{name}'?",)


@FAULTS.add
def misspelt_choice(settings, choose):
    path, value, words = choose(
        st.sampled_from(
            [
                ("training.metric_for_best_model", "makro_f1", "Did you mean 'macro_f1'"),
                ("training.precision", "bf61", "Did you mean 'bf16'"),
                ("task.name", "sequence_clasification", "Did you mean 'sequence_classification'"),
                ("source.split.method", "near_dublicate", "near_duplicate"),
                ("source.splits", {"trian": "train"}, "Did you mean 'train'"),
                ("baselines", ["majorty"], "Did you mean 'majority'"),
                ("methods.lp_ft.pooling", ["maen"], "Did you mean 'mean'"),
                ("task.class_weights", "balancd", "expected 'balanced'"),
            ]
        )
    )
    settings.set(path, value)
    return (path.removeprefix("methods.").split(".")[0], words)


@FAULTS.add
def misspelt_built_in_corpus(settings, choose):
    settings.tree["source"] = {"builtin": choose(misspelt("licenses").filter(lambda name: name != "licenses"))}
    return ("source.builtin", "Did you mean 'licenses'")


ENUM_VALUES = {
    "eval_strategy": "epohc",
    "save_strategy": "setps",
    "logging_strategy": "stpes",
    "lr_scheduler_type": "lineer",
    "optim": "adamw_troch",
    "hub_strategy": "every_sav",
    "report_to": "wandbb",
}


@FAULTS.add
def misspelt_training_choice(settings, choose):
    name = choose(st.sampled_from(list(ENUM_VALUES)))
    settings.set(f"training.{name}", ENUM_VALUES[name])
    return (f"training.{name}", "Did you mean")
