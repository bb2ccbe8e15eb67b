"""What `make faults` does: every command against every fault, over and over, and a table of what survived.

Reading order: outcome (one trial and how it ended); commands (what is disturbed), shim (what sees and disturbs it),
stage (where) and trial (how), for the kinds kills and disk; warm (the server of jobs), place (what they are given),
readings (the commands, and how what they leave is compared), mutations and headers (what becomes of a file by its
kind) and damages (whatever its kind), for races, corruptions and inputs; addresses, whose cache lies on a server of
objects; then worker and table, and `__main__`.
"""
