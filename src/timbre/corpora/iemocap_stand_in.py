"""The tree of IEMOCAP, for a synthetic stand-in: five sessions of a woman and a man who act and improvise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from timbre.corpora.layout import Layout, Script, Utterance

_TEXTS = (
    "I told you that we would never get there in time.",
    "Did you see the letter that came for me this morning?",
    "They said the plane is two hours late again.",
    "You know that I have always wanted to go there.",
    "Nobody asked me what I think about it.",
    "She is going to marry him in the spring.",
    "Please just give me the form and let me go.",
    "I was sitting here the whole night waiting for you.",
    "We could still turn around and go back home.",
    "There is nothing left to say about the house.",
)
_LABELS = {
    "anger": "ang",
    "excitement": "exc",
    "frustration": "fru",
    "happiness": "hap",
    "neutral": "neu",
    "sadness": "sad",
}
# The four classes equally often, half of happiness as excitement, and some that is in none of them.
_EMOTIONS = (
    *("neutral", "anger", "sadness", "happiness", "neutral"),
    *("sadness", "anger", "excitement", "frustration"),
)
_TURNS = 10  # of each speaker in a dialogue
_SCRIPTED = 9  # dialogues, in each of which the texts come once; as many are improvised

# By turns from a script and improvised. As 10 texts and 9 emotions have no common divisor, each text has been said
# in each emotion by the end.
_LINES = [
    (text, _EMOTIONS[n % len(_EMOTIONS)])
    for n, text in enumerate(text for scripted in _TEXTS * _SCRIPTED for text in (scripted, None))
]
_FORM = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"


def _place(part: str, speaker: int, utterance: int) -> tuple[str, str, str]:
    """Dialogues by turns have the face of the woman and of the man recorded; both speak in each."""
    session, letter = f"Ses{(speaker + 1) // 2:02d}", "MF"[speaker % 2]
    dialogue, turn = divmod((utterance - 1) // 2, _TURNS)
    name = f"impro{dialogue + 1:02d}" if utterance % 2 == 0 else f"script{dialogue // 3 + 1:02d}_{dialogue % 3 + 1}"
    name = f"{session}{'FM'[dialogue % 2]}_{name}"
    stem = f"{name}_{letter}{turn:03d}"
    return session + letter, stem, f"Session{int(session[3:])}/sentences/wav/{name}/{stem}.wav"


def _files(utterances: Sequence[Utterance]) -> Mapping[str, str]:
    """Of each dialogue the labels, with those of single annotators, and the transcription; times are made up."""
    files: dict[str, str] = {}
    for one in utterances:
        session, _, _, dialogue, _ = one.wav.split("/")
        labels = f"{session}/dialog/EmoEvaluation/{dialogue}.txt"
        said = f"{session}/dialog/transcriptions/{dialogue}.txt"
        start = 5.0 * files.get(said, "").count("\n")
        files[labels] = files.get(labels, _FORM) + (
            f"[{start:.4f} - {start + 4:.4f}]\t{one.utterance}\t{_LABELS[one.emotion]}\t[2.5000, 2.5000, 2.5000]\n"
            f"C-E1:\t{one.emotion.title()};\t()\n"
            "A-E1:\tval 3; act 2; dom  2;\t()\n\n"
        )
        files[said] = files.get(said, "") + f"{one.utterance} [{start:08.4f}-{start + 4:08.4f}]: {one.text}\n"
    return files


LAYOUT = Layout(
    "IEMOCAP",
    ("train",),
    _place,
    _files,
    defaults={"train_speakers": 10, "utterances": 54},
    script=Script(genders="fm" * 5, lines=_LINES),
)
