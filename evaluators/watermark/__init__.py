"""Evaluation of regenerated watermarks: exact tests, dose and response, quality, calibration of the null."""
