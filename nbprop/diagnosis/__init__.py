"""What is wrong with a run, in words: rules look at a source and give findings, each with its evidence and remedies.

One file in rules/ is one rule; the folder is the registry. See docs/diagnosis.md.
"""

from .diagnosis import Diagnosis, diagnose
from .finding import SEVERITIES, Evidence, Finding, Picture, Remedy
from .rule import Rule, known_rules
from .seen import Seen
from .treatment import Treatment

__all__ = [
    "SEVERITIES",
    "Diagnosis",
    "Evidence",
    "Finding",
    "Picture",
    "Remedy",
    "Rule",
    "Seen",
    "Treatment",
    "diagnose",
    "known_rules",
]
