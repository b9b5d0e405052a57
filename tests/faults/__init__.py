"""Bad input of every kind, made by code and given to the real commands: ``python -m tests.faults``."""
