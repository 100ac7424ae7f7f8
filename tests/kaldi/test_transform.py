import threading

import pytest
from messages import refused

from timbre.kaldi import subset
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.split import cut, split
from timbre.kaldi.text import write_table
from timbre.kaldi.transform import carry, combine, copy, names_of
from timbre.kaldi.validate import validate

SIZES = {"s1": 5, "s2": 1, "s3": 3}


@pytest.fixture
def data(tmp_path):
    """Speakers of 5, 1 and 3 utterances; labels and a stream that no tool knows by name."""
    utt2spk = {f"{spk}-{n}": spk for spk, size in SIZES.items() for n in range(size)}
    return make(tmp_path / "data", utt2spk)


def make(path, utt2spk):
    write_table(path / "utt2spk", utt2spk)
    data = DataDir(path)
    data.write("spk2utt", {spk: " ".join(utts) for spk, utts in data.spk2utt.items()})
    data.write("wav.scp", {utt: f"sox {utt}.flac -t wav - |" for utt in utt2spk})
    data.write("utt2emotion", dict.fromkeys(utt2spk, "sad"))
    data.write("feats_hubert.scp", {utt: f"x.ark:{n}" for n, utt in enumerate(utt2spk)})
    data.write("utt2num_frames", {utt: 100 - n for n, utt in enumerate(utt2spk)})
    data.write("spk2age", dict.fromkeys(data.spk2utt, 30))
    (path / "frame_shift").write_text("0.01\n")
    (path / "trials").write_text("s1 s1-0 target\n")
    return data


def check(path):
    validate(path, feats=False, text=False)
    return DataDir(path)


def test_subset_carries_every_table(data, tmp_path):
    out = tmp_path / "out"
    write_table(out / "vad.scp", {"stale": "x"})
    carry(data, {out: names_of(data, {"s1-1", "s3-0"})})
    assert sorted(file.name for file in out.iterdir()) == sorted(
        {file.name for file in data.path.iterdir()} - {"trials"}
    ), "all tables, the stale one gone"
    part = check(out)
    for name in ("utt2spk", "wav.scp", "utt2emotion", "feats_hubert.scp"):
        assert part.table(name) == {utt: data.table(name)[utt] for utt in ("s1-1", "s3-0")}
    assert part.table("spk2age") == {"s1": "30", "s3": "30"}


def test_segments_take_their_recordings_along(data, tmp_path):
    data.write("wav.scp", {"r1": "a.wav", "r2": "b.wav"})
    data.write("segments", {utt: f"{'r2' if utt < 's3' else 'r1'} 0 1" for utt in data.utt2spk})
    data.write("reco2dur", {"r1": 9, "r2": 9})
    carry(data, {tmp_path / "out": names_of(data, {"s3-1"})})
    assert DataDir(tmp_path / "out").table("wav.scp") == DataDir(tmp_path / "out").table("reco2dur") | {
        "r1": "a.wav"
    }
    copy(data, tmp_path / "copy", lambda utt: f"x-{utt}", lambda spk: f"x-{spk}")
    assert check(tmp_path / "copy").table("wav.scp") == data.table("wav.scp"), "recordings keep their names"


def test_source_as_destination_is_refused(data):
    with refused(data.path, "same"):
        carry(data, {data.path / ".." / "data": names_of(data)})
    with refused(data.path, "same"):
        combine(data.path, [data.path])


def test_choices(data):
    utterances = list(data.utt2spk)
    assert subset.first(data, 2) == set(utterances[:2])
    assert subset.last(data, 2) == set(utterances[-2:])
    assert subset.shortest(data, 3) == set(utterances[-3:]), "the lengths fall"
    assert subset.evenly(data, 3) == {utterances[0], utterances[3], utterances[6]}
    assert subset.per_speaker(data, 2) == {"s1-0", "s1-2", "s2-0", "s3-0", "s3-1"}
    whole = subset.speakers(data, 4)
    assert len(whole) >= 4 and whole == {utt for utt in utterances if data.utt2spk[utt] in {u[:2] for u in whole}}
    for choose in (subset.first, subset.evenly, subset.shortest, subset.speakers):
        with refused("/data: ", " 10 ", "1 to 9"):
            choose(data, 10)


def test_lists(data, tmp_path):
    (tmp_path / "list").write_text("s2 anything\ns8\n")
    assert subset.listed_speakers(data, tmp_path / "list") == ({"s2-0"}, ["s8"])
    with refused("/list: ", "s2, s8"):
        subset.listed_utterances(data, tmp_path / "list")


def test_copy_renames_and_remembers(data, tmp_path):
    copy(data, tmp_path / "out", lambda utt: f"sp1.1-{utt}", lambda spk: f"sp1.1-{spk}")
    out = check(tmp_path / "out")
    assert out.table("wav.scp")["sp1.1-s1-0"] == "sox s1-0.flac -t wav - |"
    assert out.utt2spk["sp1.1-s1-0"] == "sp1.1-s1"
    assert out.table("spk2age")["sp1.1-s1"] == "30"
    assert out.table("utt2uniq")["sp1.1-s1-0"] == "s1-0"
    copy(out, tmp_path / "again", lambda utt: f"{utt}-noise", str)
    assert DataDir(tmp_path / "again").table("utt2uniq")["sp1.1-s1-0-noise"] == "s1-0", "the first original"


def test_combine(data, tmp_path):
    other = make(tmp_path / "other", {"t1-0": "t1"})
    other.write("utt2uniq", {"t1-0": "t1"})
    (other.path / "utt2emotion").unlink()
    said = []
    combine(tmp_path / "all", [data.path, other.path], report=said.append)
    result = check(tmp_path / "all")
    assert result.utt2spk == data.utt2spk | {"t1-0": "t1"}
    assert result.table("utt2uniq")["s1-0"] == "s1-0"
    assert any("utt2emotion" in line and str(other.path) in line for line in said)
    assert (result.path / "frame_shift").read_text() == "0.01\n"


def test_combine_makes_segments_of_whole_recordings(data, tmp_path):
    other = make(tmp_path / "other", {"t1-0": "t1"})
    other.write("wav.scp", {"r": "a.wav"})
    other.write("segments", {"t1-0": "r 1 2"})
    with refused("/data/utt2dur: "):
        combine(tmp_path / "all", [data.path, other.path], report=str)
    data.write("utt2dur", dict.fromkeys(data.utt2spk, "1.25"))
    combine(tmp_path / "all", [data.path, other.path], report=str)
    assert check(tmp_path / "all").table("segments")["s1-0"] == "s1-0 0 1.25"


def test_combine_refuses_one_id_for_two_things(data, tmp_path):
    other = make(tmp_path / "other", {"s1-0": "s9"})
    with refused("'s1-0'", "/data/utt2spk", "'s1'", "/other/utt2spk", "'s9'", "--utt-prefix"):
        combine(tmp_path / "all", [data.path, other.path], report=str)


@pytest.mark.parametrize(
    ("sizes", "parts", "cuts"),
    [
        ([1] * 10, 4, [0, 2, 5, 7, 10]),
        ([100, 1, 1], 3, [0, 1, 2, 3]),
        ([1, 1, 100], 3, [0, 1, 2, 3]),
        ([3, 3, 3, 3], 2, [0, 2, 4]),
        ([5], 1, [0, 1]),
    ],
)
def test_cut(sizes, parts, cuts):
    assert cut(sizes, parts) == cuts


@pytest.mark.parametrize("per_utterance", [False, True])
def test_split_parts_make_up_the_whole(data, per_utterance):
    parts = 5 if per_utterance else 3
    where = split(data.path, parts, per_utterance)
    assert where.name == ("split5utt" if per_utterance else "split3")
    for name in ("utt2spk", "wav.scp", "utt2emotion", "feats_hubert.scp"):
        whole = "".join((where / str(n) / name).read_text() for n in range(1, parts + 1))
        assert whole == (data.path / name).read_text(), "joined in order they are the table"
    if not per_utterance:
        speakers = [set(DataDir(where / str(n)).utt2spk.values()) for n in range(1, parts + 1)]
        assert speakers == [{"s1"}, {"s2"}, {"s3"}]
    for n in range(1, parts + 1):
        check(where / str(n))


def test_split_too_fine_is_refused(data):
    with refused("/data: ", "3 speakers", "4 parts", "1 to 3", "--nj", "--per-utt"):
        split(data.path, 4)
    with refused("/data: ", "9 utterances", "10 parts", "1 to 9", "--nj"):
        split(data.path, 10, per_utterance=True)


def test_split_is_made_again_only_when_needed(data):
    part = split(data.path, 3) / "1"
    before = (part / "utt2spk").stat().st_ino
    split(data.path, 3)
    assert (part / "utt2spk").stat().st_ino == before
    data.write("utt2emotion", dict.fromkeys(data.utt2spk, "glad"))
    split(data.path, 3)
    assert DataDir(part).table("utt2emotion")["s1-0"] == "glad"
    (part.parent / ".source").unlink()  # as after an interruption
    (part / "utt2spk").unlink()
    split(data.path, 3)
    assert (part / "utt2spk").exists()


def test_splits_at_once_do_not_disturb_each_other(data):
    failures = []

    def work():
        try:
            for n in range(5):
                where = split(data.path, 3)
                assert all((where / str(i) / "wav.scp").exists() for i in (1, 2, 3)), n
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
