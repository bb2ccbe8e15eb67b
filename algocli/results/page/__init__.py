"""Web pages of results that need no network: one file each, to be read, searched, turned about and printed.

repeating       commands that make a run again
provenance      where numbers come from, in words
tables          cells, columns, groups
report_tables   tables of a report
field_tables    those of receptive fields
compare_tables  tables of a comparison
run_tables      tables of many runs
pictures        charts in both themes
field_pictures  charts of receptive fields
packing         arrays as text
filling         templates filled
viewer          a map to turn by hand
frame           what surrounds all pages
report_page     a report
compare_page    a comparison
group_page      what results over subjects add to either
group_pictures  their charts
"""
