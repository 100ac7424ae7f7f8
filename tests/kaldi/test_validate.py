import pytest
from messages import names, refused

from timbre.kaldi.datadir import DataDir
from timbre.kaldi.fix import fix
from timbre.kaldi.validate import validate

UTTERANCES = ("s1-a", "s1-b", "s2-a", "s2-b")


@pytest.fixture
def data(tmp_path):
    """A data directory without fault, feats.scp and text included."""
    path = tmp_path / "data"
    path.mkdir()
    for name, value in {
        "wav.scp": "/wav/{utt}.wav",
        "utt2spk": "{spk}",
        "text": "a word",
        "feats.scp": "feats.ark:1",
        "utt2emotion": "happy",
        "utt2dur": "1.5",
    }.items():
        rows = [f"{utt} {value.format(utt=utt, spk=utt[:2])}\n" for utt in UTTERANCES]
        (path / name).write_text("".join(rows))
    (path / "spk2utt").write_text("s1 s1-a s1-b\ns2 s2-a s2-b\n")
    return path


def test_sound_directory(data):
    assert validate(data) == []


FIX = "utils/fix_data_dir.sh"

# What is written where, and what the message must name: file and line or key, both values, the mend.
FAULTS = {
    "no utt2spk": ("utt2spk", None, ["/utt2spk: ", "stage 0"]),
    "empty utt2spk": ("utt2spk", "", ["/utt2spk: ", "empty"]),
    "no spk2utt": ("spk2utt", None, ["/spk2utt: ", "utils/utt2spk_to_spk2utt.py"]),
    "malformed line": ("utt2spk", "s1-a s1\ns1-b\n", ["/utt2spk:2: ", "2 fields", "'s1-b'"]),
    "id with space": ("utt2spk", "s1 a s1\n", ["/utt2spk:1: ", "'s1 a s1'", "spaces"]),
    "CRLF": ("utt2spk", "s1-a s1\r\n", ["/utt2spk:1: ", "CRLF", "sed -i"]),
    "not UTF-8": ("text", b"s1-a caf\xe9\n", ["/text:1: ", "UTF-8", "iconv"]),
    "cut short": ("wav.scp", "s1-a /wav/s1-a.wav\ns1-b /wa", ["/wav.scp: ", "line end"]),
    "not sorted": ("utt2emotion", "s1-b sad\ns1-a sad\n", ["/utt2emotion:2: ", "'s1-a'", "'s1-b'", FIX]),
    "twice alike": ("wav.scp", "s1-a x\ns1-a x\n", ["/wav.scp:2: ", "'s1-a'", "'x' and 'x'", FIX]),
    "twice, different": ("wav.scp", "s1-a x\ns1-a y\n", ["/wav.scp:2: ", "'s1-a'", "'x' and 'y'", "remove"]),
    "speaker order": (
        "utt2spk",
        "s1-a s2\ns1-b s1\ns2-a s1\ns2-b s2\n",
        ["/utt2spk: ", "'s1-b' of speaker 's1'", "'s1-a' of speaker 's2'", "--no-spk-sort"],
    ),
    "spk2utt differs": (
        "spk2utt",
        "s1 s1-a\ns2 s1-b s2-a s2-b\n",
        ["/spk2utt: ", "'s1'", "1 (s1-a)", "2 (s1-a, s1-b)", "utils/utt2spk_to_spk2utt.py"],
    ),
    "no text": ("text", None, ["/text: ", "--no-text"]),
    "text lacks": ("text", "s1-a x\ns1-b x\ns2-a x\n", ["/text ", "3 keys", "utt2spk 4", "utt2spk: s2-b", FIX]),
    "non-printing": ("text", "s1-a x\ns1-b a\x07\ns2-a x\ns2-b x\n", ["'s1-b'", "U+0007", "--non-print"]),
    "no wav.scp": ("wav.scp", None, ["/wav.scp: ", "--no-wav"]),
    "wav lacks": ("wav.scp", "s1-a x\ns1-b x\ns2-a x\n", ["/wav.scp ", "3 keys", "utt2spk: s2-b", FIX]),
    "tilde": ("wav.scp", "s1-a ~/x.wav\n", ["/wav.scp: ", "'s1-a'", "'~/x.wav'"]),
    "no value": ("wav.scp", "s1-a\n", ["/wav.scp:1: ", "'s1-a'"]),
    "no feats": ("feats.scp", None, ["/feats.scp: ", "steps/make_feats.sh", "--no-feats"]),
    "vad lacks": ("vad.scp", "s1-a x:1\n", ["/vad.scp ", "1 keys", "utt2spk 4", "utt2spk: s1-b, s2-a, s2-b", FIX]),
    "stale label": ("utt2emotion", "s1-a sad\ns9-a sad\n", ["utt2emotion: s9-a", FIX]),
    "duration": ("utt2dur", "s1-a 1\ns1-b 0\ns2-a nan\ns2-b 1\n", ["/utt2dur:3: ", "'s2-a'", "'nan'"]),
    "frames": (
        "utt2num_frames",
        "s1-a 1\ns1-b 1.5\ns2-a 1\ns2-b 1\n",
        ["/utt2num_frames:2: ", "'s1-b'", "whole number", "'1.5'"],
    ),
    "no duration": ("utt2dur", "s1-a 1\ns1-b 0\ns2-a -1\ns2-b 1\n", ["/utt2dur: ", "'s1-b'", "'0'", "2 such"]),
    "speed": ("utt2speed", "s1-a 1\ns1-b 11\n", ["/utt2speed: ", "'s1-b'", "0.1 and 10", "'11'"]),
    "mark": ("wav.scp", b"\xef\xbb\xbfs1-a x\n", ["/wav.scp:1: ", "byte order mark", "sed -i"]),
    "control character": ("utt2emotion", "s1-a x\ns1-\x1fb x\n", ["/utt2emotion:2: ", "U+001F"]),
    "blank that is not ASCII": ("utt2spk", "s1-a s1\ns1-b s\xa01\n", ["/utt2spk:2: ", "blank U+00A0"]),
    "path": ("utt2spk", "s1-a ../s1\n", ["/utt2spk:1: ", "'../s1'", "path"]),
    "option": ("utt2spk", "-a s1\n", ["/utt2spk:1: ", "'-a'", "hyphen"]),
    "enrol": ("enrol", "m s1-a s1-z\n", ["/enrol: ", "'s1-z'", "'m'"]),
    "gender": ("spk2gender", "s1 m\ns2 female\n", ["/spk2gender:2: ", "'s2'", "m or f", "'female'"]),
    "warp": ("spk2warp", "s1 1.0\ns2 1.5\n", ["/spk2warp: ", "'s2'", "0.5 and 1.5", "'1.5'"]),
    "segments lack": (
        "segments",
        "s1-a r 0 1\ns1-b r 1 -1\n",
        ["/segments ", "2 keys", "utt2spk: s2-a, s2-b", FIX],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_with_its_mend(data, fault):
    name, content, wanted = FAULTS[fault]
    if content is None:
        (data / name).unlink()
    else:
        (data / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with refused(*wanted) as caught:
        validate(data)
    assert "\n" not in str(caught.value)


def test_options_turn_checks_off(data):
    for name in ("feats.scp", "text", "wav.scp"):
        (data / name).unlink()
    (data / "utt2spk").write_text("s1-a s2\ns1-b s1\ns2-a s1\ns2-b s2\n")
    (data / "spk2utt").write_text("s1 s1-b s2-a\ns2 s1-a s2-b\n")
    assert validate(data, feats=False, text=False, wav=False, speaker_order=False) == []


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        ("2 1", ("'r1 2 1'", "start < end")),
        ("1 1", ("'r1 1 1'",)),
        ("-1 2", ("'r1 -1 2'", "0 <= start")),
        ("0 nan", ("'r1 0 nan'",)),
        ("0 1e999", ("'r1 0 1e999'",)),
        ("1e999 -1", ("'r1 1e999 -1'",)),
        ("a 1", ("'r1 a 1'", "seconds")),
    ],
)
def test_segments(data, times, wanted):
    (data / "wav.scp").write_text("r1 x.wav\nr2 y.wav\n")
    rows = {utt: f"{utt} r{utt[1]} 0 1\n" for utt in UTTERANCES}
    (data / "segments").write_text("".join(rows.values()))
    assert validate(data) == []
    (data / "segments").write_text("".join(rows.values()).replace("r2 0 1", "r2 0 -1"))
    assert validate(data) == [], "the end -1 is the recording's"
    rows["s1-b"] = f"s1-b r1 {times}\n"
    (data / "segments").write_text("".join(rows.values()))
    with refused("/segments:", "'s1-b'", *wanted):
        validate(data)
    rows["s1-b"] = "s1-b r3 0 1\n"
    (data / "segments").write_text("".join(rows.values()))
    with refused("/wav.scp ", "2 keys", "segments 3", "segments: r3"):
        validate(data)


def test_labels_may_be_missing_and_transcripts_empty(data):
    (data / "utt2emotion").write_text("s1-a sad\n")
    (data / "text").write_text("s1-a\ns1-b x\ns2-a \ns2-b x\n")
    assert validate(data) == []


def test_one_speaker_is_a_warning(data):
    for name in ("wav.scp", "utt2spk", "text", "feats.scp", "utt2dur", "utt2emotion"):
        (data / name).write_text("".join(line for line in (data / name).open() if line.startswith("s1")))
    (data / "spk2utt").write_text("s1 s1-a s1-b\n")
    assert names(validate(data)[0], "one speaker", "s1")


def test_fix_mends_what_validate_refuses(data):
    (data / "utt2emotion").write_text("s2-b sad\ns1-a sad\ns1-a sad\ns9-a sad\n")
    (data / "wav.scp").write_text("s2-b x\ns1-b x\ns1-a x\n")
    (data / "utt2dur").write_text("s1-a 1\ns1-b 0\ns2-b 1\n")
    (data / "vad.scp").write_text("s1-a v\ns1-b v\ns2-b v\n")
    (data / "enrol").write_text("m1 s1-a s2-a\nm2 s1-b\n")
    (data / "spk2utt").unlink()
    said = []
    assert fix(data, report=said.append) == (2, 4)
    assert any(line.startswith("wav.scp") and line.endswith(": s2-a") for line in said)
    assert (data / "utt2emotion").read_text() == "s1-a sad\ns2-b sad\n"
    assert (data / "spk2utt").read_text() == "s1 s1-a\ns2 s2-b\n"
    assert (data / ".backup" / "wav.scp").read_text() == "s2-b x\ns1-b x\ns1-a x\n"
    assert (data / "enrol").read_text() == "m1 s1-a\n"
    assert names(" ".join(said), "fewer utterances: m1", "no utterance left", ": m2")
    assert validate(data) == []
    before = (data / ".backup" / "wav.scp").stat().st_mtime_ns
    assert fix(data, report=said.append) == (2, 2)
    assert (data / ".backup" / "wav.scp").stat().st_mtime_ns == before, "a sound directory is left alone"


def test_fix_filters_speakers_recordings_and_extra_files(data):
    (data / "spk2gender").write_text("s2 f\ns9 m\n")
    (data / "wav.scp").write_text("r1 x\nr2 y\nr9 z\n")
    (data / "reco2dur").write_text("r1 1\nr2 1\nr9 1\n")
    (data / "segments").write_text("s1-a r1 0 1\ns1-b r1 0 1\ns2-a r2 0 1\ns2-b r8 0 1\n")
    (data / "mine").write_text("s2-a x\ns2-b x\n")
    assert fix(data, ["mine"], report=lambda line: None) == (1, 4)
    assert [(data / name).read_text() for name in ("spk2gender", "wav.scp", "reco2dur", "segments", "mine")] == [
        "s2 f\n",
        "r2 y\n",
        "r2 1\n",
        "s2-a r2 0 1\n",
        "s2-a x\n",
    ]


def test_what_hides_in_a_line_loses_no_utterance(data):
    """A tab after the blank reads as one gap everywhere; of a byte order mark nothing is dropped but said."""
    text = (data / "utt2spk").read_text()
    (data / "utt2spk").write_text(text.replace("s2-a ", "s2-a \t"))
    (data / "text").write_text("".join(f"{utt} hello\tworld\n" for utt in UTTERANCES))
    assert validate(data) == [] and list(DataDir(data).utt2spk) == [*UTTERANCES]
    assert DataDir(data).table("text")["s1-a"] == "hello\tworld"
    assert fix(data, report=pytest.fail) == (4, 4) and (data / "utt2spk").read_text() == text
    marked = b"\xef\xbb\xbf" + (data / "wav.scp").read_bytes()
    (data / "wav.scp").write_bytes(marked)
    for tool in (validate, fix):
        with refused("/wav.scp:1: ", "byte order mark", "sed -i"):
            tool(data)
    assert (data / "wav.scp").read_bytes() == marked and (data / "utt2spk").read_text() == text


def test_fix_asks_for_every_table_that_validate_wants_whole(data):
    (data / "utt2uniq").write_text("s1-a x\ns1-b x\ns2-a y\n")
    (data / "reco2dur").write_text("s1-a 1\ns1-b 1\ns2-a 1\ns2-b 1\n")
    said = []
    assert fix(data, report=said.append) == (3, 4) and names(" ".join(said), "utt2uniq lacks 1", "s2-b")
    assert validate(data) == []
    (data / "utt2speed").write_text("s1-a 30\n")
    with refused("/utt2speed: ", "'s1-a'", "0.1 and 10"):
        fix(data)


def test_fix_reports_a_dropped_repeat_and_refuses_to_leave_nothing(data):
    said = []
    (data / "wav.scp").write_text("".join(f"{utt} x\n{utt} y\n" for utt in UTTERANCES))
    fix(data, report=said.append)
    assert names(next(line for line in said if line.startswith("wav.scp:2")), "'s1-a'", "kept 'x'", "dropped 'y'")
    (data / "wav.scp").write_text("other x\n")
    with refused("/data: ", "utt2spk, wav.scp"):
        fix(data, report=said.append)
    assert (data / "utt2spk").read_text().count("\n") == 4, "nothing has changed"
