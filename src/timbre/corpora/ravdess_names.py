"""What RAVDESS's file names are made of, ``MM-CC-EE-II-SS-RR-AA``: the corpus and its stand-in share it."""

from __future__ import annotations

AUDIO_ONLY = "03"  # modality; 01 is film with sound, 02 film alone
SPEECH = "01"  # channel
SONG = "02"

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
NEUTRAL = "01"  # acted in normal intensity alone

INTENSITIES = ("01", "02")  # normal, strong
TEXTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
REPETITIONS = ("01", "02")
ACTORS = {f"{number:02d}": "fm"[number % 2] for number in range(1, 25)}  # gender
