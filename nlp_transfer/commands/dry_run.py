"""Check an experiment without training, and show what the model would see."""

from pathlib import Path

from nlp_transfer.commands.run import source_only_experiment
from nlp_transfer.commands.search import candidates
from nlp_transfer.config.experiment import Experiment
from nlp_transfer.models.families import count_parameters
from nlp_transfer.reporting.run_facts import describe_corpora, truncation_summary, unreadable_warnings
from nlp_transfer.reporting.run_folder import check_run_folder
from nlp_transfer.training.setup import load_data, load_model
from nlp_transfer.training.source_weights import SIZE, sources_of
from nlp_transfer.training.target_data import check_run_target, target_method_names

DRY_RUN_EXAMPLES = 10


def dry_run(config: Experiment) -> str:
    """Check all that can be checked without training or fitting anything, and show what the model would see.

    Nothing is written but the cache of encoded rows.

    Returns:
        The corpora, ten encoded examples, and what would be trained, as text.

    Raises:
        ConfigError, DataError, CheckpointError: as `run` would.
    """
    folder = Path(str(config.training.output_dir))
    state = check_run_folder(folder, config.record(), resume=True).state
    corpora, task, tokenizer, encoded = load_data(config)
    loaded = load_model(config, task)
    lines = [*describe_corpora(corpora), *loaded.notes]
    lines += [f"Warning: {warning}" for warning in unreadable_warnings(encoded, corpora, tokenizer)]
    lines += [f"{name}: {value}" for name, value in truncation_summary(encoded).items()]
    target, note = check_run_target(config, encoded, tokenizer)
    lines += [note] if note else []
    train = encoded["source"]["train"]
    if (sources := sources_of(train)) is not None:
        shares = sources.shares(config.training.source_weights or SIZE, train, target)
        lines += [f"{name}: {value}" for name, value in sources.facts(shares).items()]
    lines += [f"{name}: {value}" for name, value in task.facts.items()]
    lines.append(f"\nThe first {min(DRY_RUN_EXAMPLES, len(train))} encoded training examples:")
    for row in train.select(range(min(DRY_RUN_EXAMPLES, len(train)))):
        learned, text = task.example(row, tokenizer)
        shown = text if len(text) <= 160 else f"{text[:120]} … {text[-39:]}"
        lines.append(f"  {row['id']}  {row['length']} tokens  {learned}\n    {shown}")
    trained = ", ".join(method.name for method in config.methods)
    lines.append(
        f"\nModel: {loaded.origin}, {count_parameters(loaded.model)[1]:,} parameters. It has all that {trained} needs."
    )
    if (beside := source_only_experiment(config)) is not None:
        lines.append(
            f"Before it a run without {target_method_names(config)} is trained in {beside.training.output_dir}."
        )
    if config.search:
        lines.append("Candidates, of which the run chooses one:")
        lines += [f"  {words}" for words, _ in candidates(config)]
    lines.append(f"Output folder: {folder} ({state}). Nothing was trained.")
    return "\n".join(lines)
