"""VoxCeleb: its trees with and without folders between, the official lists, and what lists and copies get wrong."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from messages import names, refused

from timbre.__main__ import main
from timbre.corpora import voxceleb
from timbre.corpora.voxceleb import Options, prepare
from timbre.kaldi.text import read_table
from timbre.kaldi.trials import read_trials, sha256
from timbre.kaldi.validate import validate

LIST_O = "1 id10270/-Abc_xyz123/00001.wav id10270/zz/00001.wav\n0 id10270/zz/00001.wav id10271/v/00003.wav\n"
LIST_E = "1 id10001/v/00001.wav id10001/v/00002.wav\n0 id10001/v/00001.wav id10271/v/00003.wav\n"


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"RIFF")


@pytest.fixture
def corpora(tmp_path) -> Options:
    """VoxCeleb1 in ``v1`` with three speakers, VoxCeleb2 in ``v 2`` (a folder with a space) with two of dev."""
    touch(tmp_path / "v1", "wav/id10001/v/00001.wav", "wav/id10001/v/00002.wav")
    touch(
        tmp_path / "v1", "wav/id10270/-Abc_xyz123/00001.wav", "wav/id10270/zz/00001.wav", "wav/id10271/v/00003.wav"
    )
    touch(tmp_path / "v1", "wav/id10271/v/00004.wav", "wav/id10271/v/._00004.wav", "wav/id10271/v/00004.txt")
    touch(
        tmp_path / "v 2",
        "dev/aac/id00012/it's/00001.m4a",
        "dev/aac/id00013/w/00001.m4a",
        "test/aac/id00017/w/00001.m4a",
    )
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/veri_test2.txt").write_text(LIST_O)
    return Options(voxceleb2=tmp_path / "v 2", lists=tmp_path / "lists")


@pytest.fixture(autouse=True)
def ffmpeg(monkeypatch):
    monkeypatch.setattr(voxceleb.shutil, "which", lambda name: f"/usr/bin/{name}")


def read(options: Options, first: str = "v1") -> tuple[dict[str, dict[str, str]], str]:
    """``{part: {utterance: wav}}`` and what was said."""
    said: list[str] = []
    parts = prepare(options.lists.parent / first, options, said.append)
    return {part: {row.utterance: str(row.wav) for row in rows} for part, rows in parts.items()}, "\n".join(said)


def test_parts(corpora, tmp_path):
    parts, said = read(corpora)
    assert set(parts["train"]) == {"id00012-it's-00001", "id00013-w-00001"}  # not the test part of VoxCeleb2
    assert set(parts["test"]) == {
        "id10270--Abc_xyz123-00001",
        "id10270-zz-00001",
        "id10271-v-00003",
    }  # just those named
    assert parts["test"]["id10270-zz-00001"] == f"{tmp_path}/v1/wav/id10270/zz/00001.wav"
    dev, official = (
        next(line for line in said.splitlines() if part in line) for part in ("VoxCeleb2 dev", "list O")
    )
    assert names(dev, "2 utterances", "2 speakers", "1092009", "5994 speakers")
    assert names(official, "cleaned", "veri_test2.txt", "2 trials", "37611")


def test_the_video_is_the_session_of_an_utterance(corpora):
    (corpora.lists / "vox1_meta.csv").write_text(
        "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"
        "id10270\tEartha_Kitt\tf\tUSA\ttest\nid10271\tX\tm\tUSA\ttest\n"
    )
    (corpora.lists / "vox2_meta.csv").write_text("VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \n")
    parts = prepare(corpora.lists.parent / "v1", corpora, lambda line: None)
    sessions = {row.utterance: row.tables["utt2session"] for rows in parts.values() for row in rows}
    assert sessions["id00012-it's-00001"] == "id00012-it's"
    assert sessions["id10270--Abc_xyz123-00001"] == "id10270--Abc_xyz123"
    assert parts["test"][0].speaker_tables, "beside the genders"


def test_m4a_is_a_command_that_a_shell_reads_as_one_file(corpora, tmp_path):
    wav = read(corpora)[0]["train"]["id00012-it's-00001"]
    assert wav.startswith("ffmpeg -v 8 -i ") and wav.endswith(" -f wav -acodec pcm_s16le - |")
    words = subprocess.run(["bash", "-c", f"printf '%s\\n' {wav[:-1]}"], capture_output=True, text=True, check=True)
    assert words.stdout.split("\n")[4] == f"{tmp_path}/v 2/dev/aac/id00012/it's/00001.m4a"


def test_without_ffmpeg_m4a_is_refused_and_wav_is_not(corpora, tmp_path, monkeypatch):
    monkeypatch.setattr(voxceleb.shutil, "which", lambda name: None)
    with refused("2 files", "id00012-it's-00001", "m4a", "ffmpeg"):
        read(corpora)
    for path in (tmp_path / "v 2").rglob("*.m4a"):
        touch(path.parent, f"{path.stem}.wav")  # converted, the originals kept
    assert all(wav.endswith(".wav") for wav in read(corpora)[0]["train"].values())


@pytest.mark.parametrize("between", ["", "dev/", "wav/", "dev/aac/", "vox2/dev/wav/"])
def test_folders_between_do_not_matter(corpora, tmp_path, between):
    expected = set(read(corpora)[0]["train"])
    (tmp_path / "v 2/dev/aac").rename(tmp_path / "speakers")
    shutil.rmtree(tmp_path / "v 2")
    (tmp_path / "v 2" / between).mkdir(parents=True)
    for folder in (tmp_path / "speakers").iterdir():
        folder.rename(tmp_path / "v 2" / between / folder.name)
    assert set(read(corpora)[0]["train"]) == expected


def test_both_corpora_may_lie_in_one_folder(corpora, tmp_path):
    (tmp_path / "v1").rename(tmp_path / "v 2/vox1")
    parts, _ = read(corpora, "v 2")
    assert {utt[:3] for utt in parts["train"]} == {"id0"}
    assert {utt[:3] for utt in parts["test"]} == {"id1"}


def test_lists_are_written_with_their_form_and_hash(corpora, tmp_path):
    (tmp_path / "lists/list_test_all.txt").write_text(LIST_E.replace("\n", "\r\n"))
    main(
        ["prepare", "--corpus-kind=voxceleb", f"--corpus={tmp_path / 'v1'}", f"--out={tmp_path / 'data'}"]
        + [f"--option={name}={path}" for name, path in corpora]
    )
    test = tmp_path / "data/test"
    assert (test / "trials_O").read_text() == (
        "id10270--Abc_xyz123-00001 id10270-zz-00001 target\nid10270-zz-00001 id10271-v-00003 nontarget\n"
    )
    assert read_table(test / "lists") == {
        "O": f"cleaned veri_test2.txt {sha256(test / 'trials_O')}",
        "E": f"original list_test_all.txt {sha256(test / 'trials_E')}",
    }
    assert {*read_trials(test / "trials_E").enrol} <= set(read_table(test / "utt2spk"))
    assert not (test / "trials").exists()
    assert not validate(test, feats=False, text=False)
    assert not validate(tmp_path / "data/train", feats=False, text=False)


def test_the_cleaned_form_comes_first(corpora, tmp_path):
    (tmp_path / "lists/veri_test.txt").write_text(LIST_O * 2)
    assert names(read(corpora)[1], "cleaned", "veri_test2.txt", "2 trials")


def test_without_voxceleb2_its_dev_part_is_trained_on_and_list_e_is_refused(corpora, tmp_path):
    options = Options(lists=corpora.lists)
    assert set(read(options)[0]["train"]) == {"id10001-v-00001", "id10001-v-00002"}
    (corpora.lists / "list_test_all2.txt").write_text(LIST_E)
    with refused("list_test_all2.txt", "list E", "id10001", "--voxceleb2"):
        read(options)
    assert "id10001-v-00001" in read(corpora)[0]["test"]


def test_metadata_give_genders_and_voxceleb2s_test_part(corpora, tmp_path):
    touch(tmp_path / "v 2", "dev/aac/id00017/w/00001.m4a")  # unpacked into one folder
    (corpora.lists / "vox1_meta.csv").write_text(
        "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"
        "id10270\tEartha_Kitt\tf\tUSA\ttest\nid10271\tX\tm\tUSA\ttest\n"
    )
    (tmp_path / "v 2/vox2_meta.csv").write_text(
        "VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \nid00012 ,n000012 ,m ,dev \nid00017 ,n000017 ,m ,test \n"
    )
    parts = prepare(tmp_path / "v1", corpora, lambda line: None)
    assert {row.speaker for row in parts["train"]} == {"id00012", "id00013"}
    assert {row.speaker: row.speaker_tables["spk2gender"] for row in parts["test"]} == {
        "id10270": "f",
        "id10271": "m",
    }
    assert not parts["train"][0].speaker_tables  # nobody knows id00013's
    (tmp_path / "v 2/vox2_meta.csv").write_text("id00012 m\n")
    with refused("vox2_meta.csv", "Gender", "Set"):
        read(corpora)


def damage_missing(root: Path) -> None:
    (root / "v1/wav/id10271/v/00003.wav").unlink()


def damage_twice(root: Path) -> None:
    touch(root, "v 2/aac/id00013/w/00001.m4a")


def damage_line(root: Path) -> None:
    (root / "lists/veri_test2.txt").write_text(LIST_O + "1 id10270/zz/00001.wav\n")


def damage_label(root: Path) -> None:
    (root / "lists/veri_test2.txt").write_text(LIST_O.replace("0 ", "2 "))


def damage_kaldi(root: Path) -> None:
    (root / "lists/veri_test2.txt").write_text("id10270-zz-00001 id10271-v-00003 target\n")


def damage_lists(root: Path) -> None:
    (root / "lists/veri_test2.txt").rename(root / "lists/trials.txt")


def damage_names(root: Path) -> None:
    (root / "v1/wav/id10001").rename(root / "v1/wav/A.J._Buckley")
    shutil.rmtree(root / "v1/wav/id10270")
    shutil.rmtree(root / "v1/wav/id10271")


def damage_gone(root: Path) -> None:
    shutil.rmtree(root / "v 2")


@pytest.mark.parametrize(
    ("damage", "wanted"),
    [
        (damage_missing, ("veri_test2.txt", "id10271-v-00003", "--lists")),
        (damage_twice, ("id00013-w-00001", "v 2/dev/aac/id00013/w/00001.m4a", "v 2/aac/id00013/w/00001.m4a")),
        (damage_line, ("veri_test2.txt:3", "'1|0 ", "'1 id10270/zz/00001.wav'")),
        (damage_label, ("veri_test2.txt:2", "'1|0 ", "'2 id10270")),
        (damage_kaldi, ("veri_test2.txt:1", "'1|0 ", "'id10270-zz-00001 id10271-v-00003 target'")),
        (damage_lists, ("/lists", "veri_test2.txt, ")),
        (damage_names, ("/v1", "VoxCeleb1", "speakers by name", "licence", "https://www.robots.ox.ac.uk")),
        (damage_gone, ("--voxceleb2", "/v 2", "licence", "https://www.robots.ox.ac.uk")),
    ],
)
def test_defects_are_named(corpora, tmp_path, damage, wanted):
    damage(tmp_path)
    with refused(*wanted):
        read(corpora)


def test_lists_must_be_given(tmp_path):
    with refused("--lists", "https://"):
        prepare(tmp_path, Options(), print)


def test_the_stand_in_reads_as_the_corpus_and_says_what_it_is(tmp_path):
    small = [f"--set={key}" for key in ("train_speakers=2", "dev_speakers=2", "test_speakers=4", "utterances=3")]
    main(["make-synthetic-corpus", "--layout=voxceleb", f"--dir={tmp_path / 'made'}", *small, "--set=words=[2, 3]"])
    made = tmp_path / "made"
    command = ["prepare", "--corpus-kind=voxceleb", f"--corpus={made / 'voxceleb1'}", f"--out={tmp_path / 'data'}"]
    main([*command, f"--option=voxceleb2={made / 'voxceleb2'}", f"--option=lists={made / 'lists'}"])
    assert names((tmp_path / "data/about").read_text(), "Synthetic speech", "espeak-ng")
    assert len(read_table(tmp_path / "data/test/utt2spk")) == 18
    genders = read_table(tmp_path / "data/test/spk2gender")
    hard = read_trials(tmp_path / "data/test/trials_H")
    assert all(genders[a[:7]] == genders[b[:7]] for a, b in zip(hard.enrol, hard.test, strict=True))
    assert 0 < hard.target.sum() < len(hard)
    assert {utt[:7] for utt in read_trials(tmp_path / "data/test/trials_O").test} == {
        f"id1027{i}" for i in range(4)
    }
