"""Runs for the doctor: each is made with one mistake, or with none, and labelled with what ought to be found.

A patient is a function of a `Kind` that gives a trainer, ready to be trained. `Kind(0)` is the first suite; other
numbers draw other seeds, sizes, amounts of data and noise, and other data where the mistake is the same on them.
"""

import patients_excess
import patients_sick
from patients_healthy import playground
from ward import DATA, PATIENTS, Kind, Patient, clouds, recurrent, sequences, sigmoids

__all__ = [
    "DATA",
    "PATIENTS",
    "Kind",
    "Patient",
    "clouds",
    "patients_excess",
    "patients_sick",
    "playground",
    "recurrent",
    "sequences",
    "sigmoids",
]
