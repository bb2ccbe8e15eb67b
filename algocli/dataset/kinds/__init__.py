"""The kinds of datasets: one file each, found by being here, with `recognises(folder)` and `open_folder(folder)`.

challenge  the challenge's own layout
pictures   images alone
"""
