"""Synthetic speech by espeak-ng, through the library that the wheel ``espeakng_loader`` brings.

espeak keeps state between utterances (the phase of its pitch flutter, its noise, its echo), which
neither its own reset nor a new initialisation clears: the same call gives other samples after other
calls. So each utterance is spoken by a library just loaded, with seeded noise, and is unloaded after
it: the same arguments give the same samples in any process and order. That costs 6 ms, and leaves
some 300 times real time on one core.
"""

from __future__ import annotations

import _ctypes
import ctypes
import functools
import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path

import espeakng_loader
import numpy as np

from timbre.errors import TimbreError, did_you_mean

RATE = 22050  # Hz, of all that espeak speaks

_SYNCHRONOUS, _UTF8 = 2, 1
_PHONEME_EVENTS, _IPA, _DONT_EXIT = 1, 2, 0x8000
_LIST_END, _PHONEME = 0, 7
_SPEED, _PITCH, _RANGE = 1, 3, 4
_ONE_AT_A_TIME = threading.Lock()  # the library's state is the process's


@dataclass(frozen=True)
class Phone:
    """A phone as IPA without stress marks, from ``start`` to ``end`` in seconds."""

    symbol: str
    start: float
    end: float


class _Event(ctypes.Structure):
    """``espeak_EVENT`` of espeak-ng's ``speak_lib.h``; ``id`` is the phoneme's name in UTF-8."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@functools.cache
def languages() -> tuple[str, ...]:
    """The languages espeak speaks, by the names it takes: ``cmn``, ``de``, ``en-us``, ``fa``, ``fr`` …"""
    files = Path(espeakng_loader.get_data_path(), "lang").rglob("*")
    return tuple(sorted(file.name.lower() for file in files if file.is_file()))


@functools.cache
def variants() -> dict[str, str | None]:
    """The voice variants and their gender, ``f`` or ``m``; ``None`` where the variant does not say."""
    found = {}
    for file in sorted(Path(espeakng_loader.get_data_path(), "voices", "!v").iterdir()):
        gender = re.search(r"^gender +(f|m)", file.read_text(encoding="latin-1"), re.MULTILINE | re.IGNORECASE)
        found[file.name] = gender[1].lower() if gender else None
    return found


def synthesise(
    text: str,
    language: str = "en-us",
    variant: str | None = None,
    *,
    words_per_minute: int = 175,
    pitch: int = 50,
    pitch_range: int = 50,
    seed: int = 0,
) -> tuple[np.ndarray, list[Phone]]:
    """Speaks ``text``; a gap between phones is a pause.

    Args:
        text: one or more sentences in the language's script.
        language: one of :func:`languages`.
        variant: one of :func:`variants`, or ``None`` for the language's own voice.
        words_per_minute: 80 to 450.
        pitch: 0 to 99, 50 the variant's own.
        pitch_range: 0 (monotone) to 99, 50 the variant's own.
        seed: of the voice's noise (breath, flutter, roughness).
    Returns:
        Samples (N,) float32 in [-1, 1) at :data:`RATE`, and the phones.
    Raises:
        TimbreError: for an unknown language or variant, or a text in which nothing is to be spoken.
    """
    if language not in languages():
        raise TimbreError(f"espeak speaks no language '{language}'{did_you_mean(language, languages())}")
    if variant is not None and variant not in variants():
        raise TimbreError(f"espeak has no voice variant '{variant}'{did_you_mean(variant, variants())}")
    voice = language if variant is None else f"{language}+{variant}"
    settings = {_SPEED: words_per_minute, _PITCH: pitch, _RANGE: pitch_range}
    with _ONE_AT_A_TIME:
        samples, events = _speak(text, voice, settings, seed)
    phones = _phones(events, len(samples))
    if not phones:
        raise TimbreError(f"espeak finds nothing to speak in '{text}' (language '{language}')")
    return samples.astype(np.float32) / 32768, phones


def _speak(text: str, voice: str, settings: dict[int, int], seed: int) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """One utterance by a fresh library: samples (N,) int16, and ``(sample, phoneme)`` events."""
    chunks: list[np.ndarray] = []
    events: list[tuple[int, str]] = []

    @_Callback
    def receive(samples, count, event) -> int:
        if samples and count > 0:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while event[index].type != _LIST_END:
            if event[index].type == _PHONEME:
                events.append((event[index].sample, event[index].id.decode("utf-8", errors="ignore")))
            index += 1
        return 0

    ctypes.CDLL(None).srand(seed)  # the Klatt voices take their noise from the C library
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    try:
        data = os.fsencode(espeakng_loader.get_data_path())
        if library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS | _IPA | _DONT_EXIT) != RATE:
            raise TimbreError(f"espeak cannot read its data in {os.fsdecode(data)}; install espeakng-loader again")
        library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        library.espeak_SetSynthCallback(receive)
        spoken = text.encode()
        failed = library.espeak_SetVoiceByName(voice.encode())
        for parameter, value in settings.items():
            failed = failed or library.espeak_SetParameter(parameter, value, 0)
        failed = failed or library.espeak_Synth(
            spoken, ctypes.c_size_t(len(spoken) + 1), 0, 0, 0, _UTF8, None, None
        )
        if failed:
            raise TimbreError(f"espeak cannot speak '{text}' with the voice '{voice}' (its status is {failed})")
    finally:
        library.espeak_Terminate()
        _ctypes.dlclose(library._handle)
    return np.concatenate(chunks) if chunks else np.zeros(0, np.int16), events


def _phones(events: list[tuple[int, str]], length: int) -> list[Phone]:
    """Each event lasts to the next one; pauses, tones and ``(changes of language)`` are no phones."""
    ends = [sample for sample, _ in events[1:]] + [length]
    named = [(name.strip("ˈˌ-"), start, end) for (start, name), end in zip(events, ends, strict=True)]
    return [
        Phone(name, a / RATE, b / RATE) for name, a, b in named if any(map(str.isalpha, name)) and "(" not in name
    ]
