"""Generators and guards: pure functions of jobs, models and seeds."""
