"""Guarded synthesis of classes: proposals from text and pictures, acceptance, and a crowd without duplicates."""
