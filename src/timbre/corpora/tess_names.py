"""What TESS's file names are made of, ``<actress>_<word>_<emotion>``: the corpus and its stand-in share it."""

from __future__ import annotations

ACTRESSES = {
    "OAF": {"spk2gender": "f", "spk2age": "64"},  # older adult female
    "YAF": {"spk2gender": "f", "spk2age": "26"},
}

EMOTIONS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "ps": "surprise",  # "pleasant surprise"
    "sad": "sadness",
}

# Northwestern University Auditory Test No. 6 (Tillman & Carhart 1966), its four lists of 50 words.
_LISTS = """
    boat bean burn chalk choice death dime door fall fat gap goose hash home hurl jail jar keen king kite knock
    laud limb lot love met mode moon nag page pool puff rag raid raise reach sell shout size sub sure take third
    tip tough vine week which whip yes

    bite book bought calm chair chief dab dead deep fail far gaze gin goal hate haze hush juice keep keg learn
    live loaf lore match merge mill nice numb pad pick pike rain read room rot said shack shawl soap south
    thought ton tool turn voice wag white witch young

    bar base beg cab cause chat cheek cool date ditch dodge five germ good gun half hire hit jug late lid life
    luck mess mop mouse name note pain pearl phone pole rat ring road rush search seize shall sheep soup talk
    team tell thin void walk when wire youth

    back bath bone came chain check dip dog doll fit food gas get hall have hole join judge kick kill lean lease
    long lose make mob mood near neat pass peg perch red ripe rose rough sail shirt should sour such tape thumb
    time tire vote wash wheat wife yearn
"""
WORDS = sorted(_LISTS.split())
