"""What `make faults` does: every command against every fault, over and over, and a table of what survived.

Reading order: outcome (one trial and how it ended), then a module for each kind of fault, then `__main__`.
"""
