"""Stock libraries and this package on the same work, in turn, each measurement in a process of its own.

cases.py          what a benchmark file says
rows.py           which rows of its corpus a case has
stock_side.py     what a user of transformers and peft writes
our_side.py       what a user of this package gets
machine.py        the machine: rate of matrix products, memory, what it is
measuring.py      one measurement, inside its process: seconds, tokens, operations, memory, score
session.py        all measurements of a command, stock and ours in turn
results.py        the file of measurements, from which an interrupted session goes on
tables.py         what is printed
command.py        the options of scripts/benchmark.py
"""
