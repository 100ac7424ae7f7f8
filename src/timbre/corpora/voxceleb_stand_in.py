"""The tree of VoxCeleb, for a synthetic stand-in: voxceleb1/, voxceleb2/ and lists/ side by side, all in wav."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence

from timbre.corpora.layout import Layout, Utterance, lines
from timbre.corpora.voxceleb_meta import FILES

# Of a part the number of its first speaker, and the folder of its speakers.
_PARTS = {
    "train": (12, "voxceleb2/dev/aac"),
    "dev": (10001, "voxceleb1/dev/wav"),
    "test": (10270, "voxceleb1/test/wav"),
}


def _place(part: str, speaker: int, utterance: int) -> tuple[str, str, str]:
    """Two utterances of each video; a video's name is like YouTube's, with ``-`` and ``_`` in it."""
    first, root = _PARTS[part]
    spk = f"id{first + speaker - 1:05d}"
    digest = hashlib.sha256(f"{spk} {(utterance - 1) // 2}".encode()).digest()
    path = f"{spk}/{base64.urlsafe_b64encode(digest).decode()[:11]}/{(utterance - 1) % 2 + 1:05d}"
    return spk, path.replace("/", "-"), f"{root}/{path}.wav"


def _files(utterances: Sequence[Utterance]) -> Mapping[str, str]:
    """The cleaned lists: O of test, E of test and dev, H of those between speakers of one gender; the tables."""
    first = [one for one in utterances if one.part != "train"]
    named = {"O": [one for one in first if one.part == "test"], "E": first, "H": first}
    files = {
        f"lists/{next(iter(FILES[name]))}": lines(_trials(ones, same_gender=name == "H"))
        for name, ones in named.items()
    }
    files["lists/vox1_meta.csv"] = "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n" + lines(
        f"{one.speaker}\tSynthetic\t{one.gender}\tNone\t{one.part}" for one in first
    )
    files["lists/vox2_meta.csv"] = "VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \n" + lines(
        f"{one.speaker} ,n000000 ,{one.gender} ,dev " for one in utterances if one.part == "train"
    )
    return files


def _trials(utterances: Sequence[Utterance], same_gender: bool) -> Iterator[str]:
    """Each utterance against the next of its speaker, and one of another speaker (of its gender)."""
    genders = {one.speaker: one.gender for one in utterances}
    of: dict[str, list[str]] = {}
    for one in utterances:
        of.setdefault(one.speaker, []).append(one.wav.split("/wav/")[1])
    for spk, paths in of.items():
        others = [other for other in of if other != spk and (not same_gender or genders[other] == genders[spk])]
        for i, path in enumerate(paths):
            yield f"1 {path} {paths[(i + 1) % len(paths)]}"
            if others:
                theirs = of[others[i % len(others)]]
                yield f"0 {path} {theirs[i % len(theirs)]}"


LAYOUT = Layout(
    "VoxCeleb1 and VoxCeleb2, and their official lists",
    tuple(_PARTS),
    _place,
    _files,
    defaults={"train_speakers": 84, "dev_speakers": 4, "test_speakers": 4, "utterances": 4},
)
