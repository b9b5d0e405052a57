"""Content dilution (Ramshetty et al., EMNLP 2022): a sentence is added that the image bears out, and controls of that.

Ours adds only what two judges accept, and keeps the source verbatim. The publication trains a generator against its
victim.
"""
