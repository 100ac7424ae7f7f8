"""The data directory tools as commands: arguments, exit codes, the lines that users look for; and the pipes."""

import subprocess
import sys

import pytest
from messages import names
from waiting import LIMIT


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data"
    path.mkdir()
    utts = [f"s{s}-{u}" for s in (1, 2) for u in range(3)]
    (path / "utt2spk").write_text("".join(f"{utt} {utt[:2]}\n" for utt in utts))
    (path / "spk2utt").write_text("s1 s1-0 s1-1 s1-2\ns2 s2-0 s2-1 s2-2\n")
    (path / "wav.scp").write_text("".join(f"{utt} x.wav\n" for utt in utts))
    return path


@pytest.fixture
def tool(run, root):
    return lambda name, *arguments, **options: run(root / "utils" / name, *arguments, **options)


def test_validate(tool, data):
    done = tool("validate_data_dir.sh", "--no-feats", "--no-text", "data")
    assert done.returncode == 0
    assert names(done.stdout, "validate_data_dir.sh: ", " data\n")
    (data / "utt2spk").write_text("s1-0\n")  # where Kaldi's own says "wrong format" and exits 0
    failed = tool("validate_data_dir.sh", "--no-feats", "--no-text", "data")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert names(failed.stderr, "data/utt2spk:1: ", "'s1-0'")


def test_the_advice_of_each_message_leads_to_a_valid_directory_without_loss(tool, data, run, root, tmp_path):
    (tmp_path / "utils").symlink_to(root / "utils")
    data = data.rename(tmp_path / "it's $x *")
    (data / "spk2utt").unlink()
    (data / "wav.scp").write_text("\ufeff" + (data / "wav.scp").read_text())
    (data / "text").write_bytes(b"".join(b"s%d-%d \t hi\r\n" % (s, u) for s in (2, 1) for u in range(3)))
    done = tool("validate_data_dir.sh", "--no-feats", data)
    for _ in range(6):
        if done.returncode:
            done = run("bash", "-c", done.stderr.rpartition("run: ")[2].strip())
        if not done.returncode and not (done := tool("validate_data_dir.sh", "--no-feats", data)).returncode:
            break
    assert done.returncode == 0 and len((data / "text").read_text().splitlines()) == 6
    assert (data / "text").read_text().startswith("s1-0 hi\n")


def test_fix(tool, data):
    assert names(tool("fix_data_dir.sh", "data").stdout, "fix_data_dir.sh: ", "all 6 utterances")
    (data / "wav.scp").write_text("s1-1 x\ns1-0 x\n")
    assert names(tool("fix_data_dir.sh", "data").stdout, "fix_data_dir.sh: ", "2 utterances", "of 6")


def test_subset(tool, data, tmp_path):
    assert names(tool("subset_data_dir.sh", "--first", "data", "2", "out").stdout, "subset_data_dir.sh: ", "6 to 2")
    assert (tmp_path / "out/spk2utt").read_text() == "s1 s1-0 s1-1\n"
    (tmp_path / "list").write_text("s2-1\nnobody\n")
    listed = tool("subset_data_dir.sh", "--utt-list", "list", "data", "out")
    assert names(listed.stderr, "data", "list: nobody")
    assert (tmp_path / "out/utt2spk").read_text() == "s2-1 s2\n"
    assert names(tool("subset_data_dir.sh", "data", "out").stderr, "SOURCE NUMBER DESTINATION")


def test_copy_and_combine(tool, data, tmp_path):
    copied = tool("copy_data_dir.sh", "--utt-suffix", "-noise", "data", "noisy")
    assert copied.returncode == 0, copied.stderr
    assert names(copied.stdout, "copy_data_dir.sh: ", "data to noisy", "validate_data_dir.sh: ", " noisy\n")
    refused = tool("copy_data_dir.sh", "--validate-opts", "--no-feat", "data", "other")
    assert names(refused.stderr, "--no-feat ", "'--no-feats'")
    combined = tool("combine_data.sh", "both", "data", "noisy")
    assert names(combined.stdout, "combine_data.sh", "wav.scp", "fix_data_dir.sh: ", "all 12 utterances")
    assert (tmp_path / "both/utt2spk").read_text().count("-noise s") == 6


def test_split_by_two_processes_at_once(root, data, tool):
    command = [sys.executable, "-m", "timbre", "split-data", str(data), "2"]
    environment = {"PYTHONPATH": str(root / "src")}
    processes = [subprocess.Popen(command, env=environment) for _ in range(3)]
    assert [process.wait(timeout=LIMIT) for process in processes] == [0, 0, 0]
    assert (data / "split2/2/utt2spk").read_text() == "s2-0 s2\ns2-1 s2\ns2-2 s2\n"
    refused = tool("split_data.sh", "data", "3")
    assert refused.returncode == 1
    assert names(refused.stderr, "data: ", "2 speakers", "3 parts", "--per-utt")
    assert tool("split_data.sh", "--per-utt", "data", "3").returncode == 0
    assert (data / "split3utt/3/wav.scp").read_text() == "s2-1 x.wav\ns2-2 x.wav\n"


def test_maps_there_and_back(tool):
    spk2utt = tool("utt2spk_to_spk2utt.py", stdin="b-1 b\na-1 a\nb-2 b\n").stdout
    assert spk2utt == "b b-1 b-2\na a-1\n"
    assert tool("spk2utt_to_utt2spk.py", stdin=spk2utt).stdout == "b-1 b\nb-2 b\na-1 a\n"


@pytest.mark.parametrize(
    ("name", "arguments", "stdin", "wanted"),
    [
        ("utt2spk_to_spk2utt.py", [], "a b\na b c\n", ["-:2: ", "<utterance> <speaker>", "'a b c'"]),
        ("utt2spk_to_spk2utt.py", ["nowhere"], "", ["nowhere: "]),
        ("spk2utt_to_utt2spk.py", [], "a b\n\n", ["-:2: ", "<speaker> <utterances>", "''"]),
        ("spk2utt_to_utt2spk.py", [], "a\n", ["-:1: ", "<speaker> <utterances>", "'a'"]),
        ("filter_scp.py", ["nowhere"], "", ["nowhere: "]),
        ("filter_scp.py", ["-f", "0", "list"], "", ["-f 0: ", "from 1"]),
        ("filter_scp.py", ["-f", "2", "list"], "a\n", ["-:1: ", "field 2", "'a'"]),
        ("filter_scp.py", ["list"], "\ufeffa b\n", ["-:1: ", "byte order mark", "sed -i"]),
        ("utt2spk_to_spk2utt.py", [], "a b\nb\r c\n", ["-:2: ", "carriage return", "sed -i"]),
        ("utt2spk_to_spk2utt.py", [], "a b\nb c", ["-: ", "line end"]),
    ],
)
def test_pipes_refuse(tool, tmp_path, name, arguments, stdin, wanted):
    (tmp_path / "list").write_text("a\n")
    done = tool(name, *arguments, stdin=stdin)
    assert done.returncode == 1
    assert names(done.stderr, *wanted)


def test_filter(tool, tmp_path):
    (tmp_path / "list").write_text("a x y\nc\n")
    table = "a  1 2\nb 1\tc\nc 3 a\n"
    assert tool("filter_scp.py", "list", stdin=table).stdout == "a  1 2\nc 3 a\n"
    assert tool("filter_scp.py", "--exclude", "list", stdin=table).stdout == "b 1\tc\n"
    (tmp_path / "in").write_text(table)
    assert tool("filter_scp.py", "-f", "3", "list", "in").stdout == "b 1\tc\nc 3 a\n"


def test_blanks_that_are_not_ascii_and_control_characters_separate_nothing(tool):
    assert tool("utt2spk_to_spk2utt.py", stdin="a\xa01 \t s\x0b\n").stdout == "s\x0b a\xa01\n"
    assert tool("utt2spk_to_spk2utt.py", stdin="a\u20281\ts\x0c1 \n").stdout == "s\x0c1 a\u20281\n"


def test_filter_streams_and_stops_with_its_reader(root, run, tmp_path):
    (tmp_path / "list").write_text("y\n")
    done = run("bash", "-c", f"yes | '{root}/utils/filter_scp.py' list | head -n 1")
    assert (done.stdout, done.stderr) == ("y\n", "")


FILTERS = [
    ("filter_scp.py", ["utt2spk", "utt2spk"]),
    ("spk2utt_to_utt2spk.py", ["spk2utt"]),
    ("utt2spk_to_spk2utt.py", ["utt2spk"]),
]


@pytest.mark.parametrize(("name", "tables"), FILTERS)
def test_a_full_disk_is_a_line(root, data, name, tables):
    command = [sys.executable, root / "utils" / name, *(data / table for table in tables)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=LIMIT)
    assert done.returncode == 1 and names(done.stderr, f"{name}: ", "No space left")
    assert done.stderr.count("\n") == 1
