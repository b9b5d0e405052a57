"""``python -m editmill`` is the command ``editmill``."""

from editmill.flows.cli import main

main(prog_name="editmill")
