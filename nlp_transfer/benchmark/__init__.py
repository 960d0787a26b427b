"""Stock libraries and this package on the same work, in turn, each measurement in a process of its own.

cases.py          what a benchmark file says
measuring.py      one measurement, inside its process: seconds, tokens, operations, memory, score
stock_side.py     what a user of transformers and peft writes
our_side.py       what a user of this package gets
machine.py        the machine: rate of matrix products, memory, clocks
session.py        all measurements of a command, in processes, kept as they come
tables.py         what is printed
"""
