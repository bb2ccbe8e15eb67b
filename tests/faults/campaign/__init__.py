"""What `make faults` does: every command against every fault, over and over, and a table of what survived.

Reading order: outcome (one trial and how it ended), then a module for each kind of fault, then `__main__`.
Of races, corruptions and inputs: warm (the server of jobs), place (what they are given), readings (the commands, and
how what they leave is compared), mutations and headers (what becomes of a file by its kind).
"""
