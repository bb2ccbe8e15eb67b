"""Features that another program made: read from its files, matched to images, kept as stores like any other.

subject_files  which file is which subject's
formats/       arrays of other programs, one file a format
matrices       a file opened by its format
locating       which row belongs to which image
recipes        what is recorded of where features came from
replacing      other features of the same name, until those that replace them are whole
stores         a store made of all this
"""
