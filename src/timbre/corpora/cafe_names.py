"""What CaFE's file names are made of, ``AA-E-I-S``: the corpus and its stand-in share it (its Readme.txt, 2017)."""

from __future__ import annotations

ACTORS = {  # gender, age
    "01": ("m", 46),
    "02": ("f", 64),
    "03": ("m", 18),
    "04": ("f", 50),
    "05": ("m", 22),
    "06": ("f", 34),
    "07": ("m", 15),
    "08": ("f", 25),
    "09": ("m", 42),
    "10": ("f", 20),
    "11": ("m", 35),
    "12": ("f", 37),
}

EMOTIONS = {  # by their French initials
    "C": "anger",
    "D": "disgust",
    "J": "happiness",
    "N": "neutral",
    "P": "fear",
    "S": "surprise",
    "T": "sadness",
}

TEXTS = {
    "1": "Un cheval fou dans mon jardin",
    "2": "Deux ânes aigris au pelage brun",
    "3": "Trois cygnes aveugles au bord du lac",
    "4": "Quatre vieilles truies éléphantesques",
    "5": "Cinq pumas fiers et passionnés",
    "6": "Six ours aimants domestiqués",
}
