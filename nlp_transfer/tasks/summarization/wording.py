"""Word what reports and cards tell about summarisers."""

from dataclasses import replace

from nlp_transfer.tasks.wording import Wording

EXTRACTIVE = Wording(
    unit="documents",
    legend=(
        "ROUGE is F, of stemmed words, the mean over documents; of sentences, precision, recall and F1 are counted "
        "over all documents together, AP is the documents' mean average precision. All systems have the same budget; "
        "the oracle knows the reference."
    ),
    purpose="It summarises documents like those it learned from.",
    usage="```bash\npython scripts/predict.py {model} documents.jsonl --text_column document\n```",
    hub_usage=(
        "import nlp_transfer, transformers\n\nnlp_transfer.register_pipelines()\n"
        'summarize = transformers.pipeline("summarization", model="{model}")'
    ),
    not_for=(
        "It is not for other kinds of documents or other languages. What it leaves out may matter: it is not for "
        "decisions about people without a person who reads the document."
    ),
    pipeline_tag="summarization",
)

ABSTRACTIVE = replace(
    EXTRACTIVE,
    legend=(
        "ROUGE is F, of stemmed words, the mean over documents. New pairs are pairs of words that a document does "
        "not have; unsupported are numbers, dates, amounts and citations that it does not have, "
        "as a mean over summaries. The predictions list them, and what each sentence rests on. Baselines "
        "take as many sentences as a training summary has on average; the oracle knows the reference."
    ),
    not_for=(
        "It is not for other kinds of documents or other languages. It may write what the document does not say: it is "
        "not for decisions about people without a person who reads the document."
    ),
)
