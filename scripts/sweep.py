"""Run every cell of a sweep (corpus x method x seed) and print one table with mean and spread.

    python scripts/sweep.py --config configs/sweeps/classification.yaml

Interrupted, the same command goes on: finished cells are not run again, and an unfinished one continues from its last
checkpoint. Results stand in results.jsonl in the sweep's output_dir, one line a cell.
"""

import sys

from nlp_transfer.commands.sweep import sweep
from nlp_transfer.config.command_line import command_parser

if __name__ == "__main__":
    parser = command_parser(__doc__)
    parser.add_argument("--config", required=True, metavar="FILE", help="the sweep's YAML file")
    parser.add_argument("--table", action="store_true", help="print the table of what is finished, and run nothing")
    options = parser.parse_args()
    sys.exit(sweep(options.config, run=not options.table))
