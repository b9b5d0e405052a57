"""The published insertion of attributes (Ramshetty et al., "Cross-Modal Attribute Insertions", ACL 2023, arXiv
2306.11065) as a baseline.

Written from the paper and from what its scripts do (claws-lab/multimodal-robustness-xmai at decde90); no line is
copied, since they have no licence.
"""
