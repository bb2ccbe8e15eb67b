"""What `make faults` does: every command against every fault, over and over, and a table of what survived.

Reading order: outcome (one trial and how it ended); commands (what is disturbed), shim (what sees and disturbs it),
stage (where) and trial (how), for the kinds kills and disk; then a module for each further kind of fault; then worker
and table, and `__main__`.
"""
