"""The zip for the leaderboard: made, and proven right.

shapes       which files a zip must hold
sources      where predictions come from
precision    bits that no score feels, rounded away
package      the zip, written
entries      the entries of any zip, as streams
placement    which entry is meant to be which file
contents     one file judged from its stream
verdict      what was found, and how to mend it
validate     a zip, and every reason to refuse it
score        the official score, and the leaderboard's own files of it
"""
