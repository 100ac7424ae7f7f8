"""What ShEMO's file names are made of, ``GSSENN``: the corpus and its stand-in share it."""

from __future__ import annotations

GENDERS = {"F": "f", "M": "m"}

EMOTIONS = {  # F is fear here, and a woman at the name's beginning
    "A": "anger",
    "N": "neutral",
    "S": "sadness",
    "W": "surprise",
    "H": "happiness",
    "F": "fear",
}
