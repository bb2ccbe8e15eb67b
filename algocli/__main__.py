"""Lets `python -m algocli` do what `algocli` does."""

from algocli.cli import main

main()
