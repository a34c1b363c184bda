"""``python -m strongroom``."""

from strongroom.cli import main

main(prog_name="strongroom")
