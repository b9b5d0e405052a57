"""Compositing."""
