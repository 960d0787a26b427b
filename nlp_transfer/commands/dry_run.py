"""Check an experiment without training, and show what the model would see."""

from pathlib import Path

from nlp_transfer.commands.run import ceiling_experiment, source_only_experiment
from nlp_transfer.commands.search import candidates
from nlp_transfer.config.experiment import Experiment
from nlp_transfer.config.run_defaults import AVERAGE
from nlp_transfer.models.families import count_parameters
from nlp_transfer.reporting.prepared_run import prepare
from nlp_transfer.reporting.run_folder import check_run_folder
from nlp_transfer.training.source_weights import SIZE, sources_of
from nlp_transfer.training.target_data import adaptation_rows, target_method_names

EXAMPLES = 10
"""Number of encoded training rows that are printed."""


def dry_run(experiment: Experiment) -> str:
    """Check all that can be checked without training, and return what the model would see, as text.

    Nothing is written but the cache of encoded rows. Errors are those of `run`.
    """
    folder = Path(str(experiment.training.output_dir))
    state = check_run_folder(folder, experiment.record(), resume=True).state
    prepared = prepare(experiment)
    experiment = experiment.sized(prepared.data.train_rows)
    _, task, tokenizer, encoded = prepared.data
    lines, train = [*prepared.notes], prepared.data.training_rows
    if (sources := sources_of(train)) is not None:
        target = adaptation_rows(experiment, encoded).rows
        shares = sources.shares(experiment.training.source_weights or SIZE, train, target)
        lines += [f"{name}: {value}" for name, value in sources.facts(shares).items()]
    count = min(EXAMPLES, len(train))
    lines.append(f"\nThe first {count} encoded training examples:")
    for row in train.select(range(count)):
        reads_tokens = "input_ids" in row
        learned, text = "no label", tokenizer.decode(row["input_ids"]) if reads_tokens else ""
        if experiment.sources:
            learned, text = task.example(row, tokenizer)
        excerpt = text if len(text) <= 160 else f"{text[:120]} … {text[-39:]}"
        length = f"  {row['length']} tokens" if reads_tokens else ""
        lines.append(f"  {row['id']}{length}  {learned}\n    {excerpt}")
    parameters, methods = count_parameters(prepared.loaded.model)[1], ", ".join(one.name for one in experiment.methods)
    lines.append(f"\nModel: {prepared.loaded.origin}, {parameters:,} parameters. It has all that {methods} needs.")
    if (baseline := source_only_experiment(experiment)) is not None:
        mean = ", and the mean of both is saved" if experiment.source_only_baseline == AVERAGE else ""
        names = target_method_names(experiment)
        lines.append(f"Before it a run without {names} is trained in {baseline.training.output_dir}{mean}.")
    if (baseline := ceiling_experiment(experiment, prepared.data.corpora)) is not None:
        lines.append(f"Before it a run on the target's labels is trained in {baseline.training.output_dir}.")
    if experiment.search:
        lines.append("Candidates, of which the run chooses one:")
        lines += [f"  {words}" for words, _ in candidates(experiment)]
    lines.append(f"Output folder: {folder} ({state}). Nothing was trained.")
    return "\n".join(lines)
