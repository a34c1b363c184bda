"""``strongroom serve --demo``: a made-up week of a clinic, with something in it worth finding.

All names, addresses and files are invented; addresses from outside are of the ranges that RFC 5737 keeps
for documentation. The same seed gives the same week, moved so that it ends now.
"""
