"""What of the training data is held out: speakers for verification, utterances for classification.

Models are chosen, and thresholds and calibrations fitted, on these: never on a test set. Tables alone decide, so
that a conf that does not fit the data is refused before there are features, with settings that fit.

Units are held out in an order. Without folds it is that of their SHA-256 with the seed. In a cross-validation it
would hold out the same people in every fold, who would never be trained on; there ``utt2fold`` says in which fold
each utterance is tested, and the order begins elsewhere in each (:func:`in_order`).
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.perturb import utt2person
from timbre.training.experiment import Experiment

MOST_SHARE = 0.5  # that train.heldout_utterances may be


def split_speakers(data: DataDir, experiment: Experiment, people: int = 1) -> tuple[list[str], list[str]]:
    """``(training speakers, held-out speakers)``, sorted; disjoint also as persons.

    Held out are the first ``train.heldout_speakers`` persons in the order of their names' SHA-256 with the seed, so
    that adding a speaker moves few others. Their perturbed copies are in neither part.

    Args:
        people: how many persons have to be left for augmentation.
    Raises:
        TimbreError: for fewer persons left than are needed, and held-out ones without trials of both kinds.
    """
    conf, person = experiment.train, utt2person(data)
    originals = data.originals
    spoken = Counter(name for utterance, name in person.items() if originals.get(utterance, utterance) == utterance)
    inside: dict[str, list[str]] = {}
    for utterance in data.utt2spk:
        inside.setdefault(person[utterance], []).append(utterance)
    order = in_order(inside, conf.seed, folds_of(data))
    if problem := _problem(experiment, order, spoken, people):
        raise TimbreError(f"{data.path}: {problem}")
    chosen = set(order[: conf.heldout_speakers])
    training = sorted({speaker for utterance, speaker in data.utt2spk.items() if person[utterance] not in chosen})
    return training, sorted(chosen)


def _problem(experiment: Experiment, order: Sequence[str], spoken: Mapping[str, int], people: int) -> str:
    """What is wrong with holding the first of ``order`` out, and settings that fit; "" for nothing.

    ``spoken`` are the utterances of each, copies not counted.
    """
    conf, copies, everybody = experiment.train, 1 + len(experiment.speeds), len(order)
    held, in_batch = conf.heldout_speakers, math.ceil(conf.batch_speakers / copies)
    left, most = max(everybody - held, 0), everybody - max(2, in_batch, people)

    def has_trials(count: int) -> bool:
        return count == 0 or (count > 1 and max(spoken[name] for name in order[:count]) > 1)

    if held > most:
        reasons = []
        if conf.batch_speakers > 1 and in_batch > left:
            counted = ", copies at other speeds counted" if copies > 1 else ""
            reasons.append(
                f"a batch is of {conf.batch_speakers}{counted} (train.batch_size={conf.batch_size}, "
                f"train.utterances_per_speaker={conf.utterances_per_speaker})"
            )
        if people > 1 and people > left:
            reasons.append(f"augment.babble_speakers={list(experiment.augment.babble_speakers)} takes {people}")
        problem = (
            f"train.heldout_speakers={held} leaves {left} of {everybody} speakers to train on, and "
            f"{' and '.join(reasons) or 'two are needed'}"
        )
        held = most if most > 1 else min(held, everybody // 4)
        held = held if has_trials(held) else 0
    elif not has_trials(held):
        problem = (
            f"train.heldout_speakers={held}: trials of both kinds take two held-out speakers, one of them with two "
            "utterances"
        )
        held = next((count for count in range(max(held, 2), most + 1) if has_trials(count)), 0)
    else:
        return ""
    left = everybody - held
    if left < 2:
        return f"{problem}; more speakers are needed"
    settings = {} if held == conf.heldout_speakers else {"train.heldout_speakers": held}
    if in_batch > left:
        settings["train.batch_size"] = conf.utterances_per_speaker * left * copies
    if people > left:
        settings["augment.babble_speakers"] = f"[{min(experiment.augment.babble_speakers[0], left - 1)},{left - 1}]"
    return f"{problem}; what fits: " + " ".join(f"--set {key}={value}" for key, value in settings.items())


def split_utterances(
    labels: Mapping[str, str],
    unit_of: Mapping[str, str],
    share: float,
    seed: int,
    beside: Iterable[Mapping[str, str]] = (),
    fold_of: Mapping[str, str] | None = None,
) -> list[str]:
    """The utterances of ``labels`` (utterance → class) that are held out: a ``share`` of all, sorted.

    Units (:func:`timbre.corpora.splits.units`) are held out whole, in their order (:func:`in_order`), where that
    comes nearer to the share, in folds up to the first where it does not; of every class one unit at least is left
    to train on.

    Args:
        beside: other labels of which the same share is held out; the one that a refusal names fits them too.
        fold_of: ``utt2fold`` of the training part of a fold.
    Raises:
        TimbreError: for a share above 0 of which nothing comes.
    """
    inside, classes = _by_unit(labels, unit_of)
    left = Counter(label for unit in classes for label in classes[unit])
    chosen: list[str] = []
    for unit in in_order(inside, seed, fold_of or {}):
        missing = round(share * len(labels)) - len(chosen)
        nearer = abs(missing - len(inside[unit])) < missing
        if fold_of and chosen and not nearer:
            break  # a smaller one further on would be held out in the folds of all that are larger
        if nearer and all(left[label] > 1 for label in classes[unit]):
            left.subtract(classes[unit])
            chosen += inside[unit]
    if share and not chosen:
        least = max(_least_share(table, unit_of) for table in (labels, *beside))
        raise TimbreError(
            f"of {len(labels)} utterances in {len(inside)} units none can be held out: each (session, speaker or "
            f"text) is more than twice train.heldout_utterances={share:g} of them, or has a class that no other "
            f"has; what fits: --set train.heldout_utterances={least if least <= MOST_SHARE else 0:g}, or another "
            "train.heldout_unit"
        )
    return sorted(chosen)


def folds_of(data: DataDir) -> Mapping[str, str]:
    """``utt2fold``: the fold that each utterance is tested in; empty where there are no folds."""
    return data.table("utt2fold") if data.has("utt2fold") else {}


def in_order(inside: Mapping[str, Sequence[str]], seed: int, fold_of: Mapping[str, str]) -> list[str]:
    """The units ``{unit: its utterances}`` in the order in which they are held out.

    Without folds it is that of their SHA-256 with the seed. With ``fold_of``, ``utt2fold``, this is fold k of K, k
    the first number that nothing here is tested in, and the order is read as a circle:

    - Where folds test units whole (speakers, in folds by speakers), it begins with what is tested s folds later and
      goes on fold by fold; s is the seed's. So every fold holds others out.
    - Where they do not (texts, in folds by speakers), and where each unit is one utterance, it begins with the k-th
      of K equal parts.
    """
    by_hash = sorted(inside, key=lambda name: _place(seed, name))
    if not all(utterance in fold_of for utterances in inside.values() for utterance in utterances):
        return by_hash
    numbers = {unit: {int(fold_of[utterance]) for utterance in inside[unit]} for unit in by_hash}
    present = set().union(*numbers.values())
    own = next(number for number in itertools.count(1) if number not in present)
    total = max(own, *present, 2)
    if all(len(found) == 1 for found in numbers.values()) and any(len(one) > 1 for one in inside.values()):
        first = own + 1 + int.from_bytes(_place(seed, "fold"), "big") % (total - 1)
        return sorted(by_hash, key=lambda unit: (min(numbers[unit]) - first) % total)
    begin = (own - 1) * len(by_hash) // total
    return by_hash[begin:] + by_hash[:begin]


def _by_unit(
    labels: Mapping[str, str], unit_of: Mapping[str, str]
) -> tuple[dict[str, list[str]], dict[str, set[str]]]:
    """Of each unit its utterances and its classes."""
    inside: dict[str, list[str]] = {}
    for utterance in labels:
        inside.setdefault(unit_of[utterance], []).append(utterance)
    return inside, {unit: {labels[utterance] for utterance in utterances} for unit, utterances in inside.items()}


def _least_share(labels: Mapping[str, str], unit_of: Mapping[str, str]) -> float:
    """The least share, in thousandths, to which one unit comes nearer than none; 1 where none can be spared."""
    inside, classes = _by_unit(labels, unit_of)
    left = Counter(label for unit in classes for label in classes[unit])
    sizes = [len(inside[unit]) for unit in inside if all(left[label] > 1 for label in classes[unit])]
    return math.ceil(1000 * (min(sizes) // 2 + 1) / len(labels)) / 1000 if sizes else 1.0


def _place(seed: int, name: str) -> bytes:
    """A name's place in an order that nobody chose and that does not change as names are added."""
    return hashlib.sha256(f"{seed} {name}".encode()).digest()
