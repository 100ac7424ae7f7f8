"""YAML 1.2's core schema, keys once, and nothing that stands for something else."""

from __future__ import annotations

import math
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from messages import refused

from timbre import plain_yaml
from timbre.conf import Section, build
from timbre.conf_files import conf_files, override, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(
            ("010", 10),
            ("0o10", 8),
            ("0x1F", 31),
            ("-3", -3),
            ("+3", 3),
            ("1e-3", 0.001),
            ("1e3", 1000.0),
            (".5", 0.5),
        ),
        *((".inf", math.inf), ("true", True), ("False", False), ("~", None), ("null", None), ("", None)),
        *(
            (word, word)
            for word in ("1:30", "yes", "on", "no", "1_000", "2026-11-29", "0b1", "1.2.3", "=", "true1")
        ),
        ("[a, {b: 1}]", ["a", {"b": 1}]),
    ],
)
def test_scalars_are_those_of_the_core_schema(text, value):
    found = plain_yaml.parse(f"a: {text}\n", "x")["a"]
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("train: {epochs: 3}\nseed: 1\ntrain: {seed: 3}\n", ("'train'", "lines 1 and 3")),
        ("train:\n  epochs: 3\n  seed: 1\n  epochs: 4\n", ("'epochs'", "lines 2 and 4")),
        ("a: [{b: {c: 1, c: 1}}]\n", ("'c'", "lines 1 and 1")),
        ("a: 1\n'a': 2\n", ("'a'", "lines 1 and 2")),
        ("a: &x [1]\nb: *x\n", ("anchor", "'x'", "line 1")),
        ("b: *x\n", ("alias", "'x'", "line 1")),
        ("a: 1\n<<: {b: 2}\n", ("merge key", "base", "line 2")),
        ("a: !!int 3\n", ("tag", "line 1")),
        ("a: !!python/object/apply:os.system ['true']\n", ("tag", "os.system")),
        ("1: a\n", ("quotes", "'1'", "line 1")),
        ("a: 1\ntrue: a\n", ("quotes", "'true'", "line 2")),
        ("[a, b]: 1\n", ("key", "line 1")),
        (f"a: {'1' * 5000}\n", ("5000 digits", "line 1")),
        (f"a: {'[' * 3000}\n", ("levels", "line 1")),
        ("a: 'b\n", ("quoted", "line 1")),
        ("a: 1\n---\nb: 1\n", ("document", "line 2")),
    ],
)
def test_what_is_ambiguous_is_refused_with_its_place(tmp_path, text, wanted):
    """By every reader: of confs, of the files that they name, of settings."""
    path = tmp_path / "x.yaml"
    path.write_text(text)
    for read in (plain_yaml.read, read_yaml, conf_files):
        with refused(path, *wanted):
            read(path)
    with refused("--set b=", *(word for word in wanted if not word.startswith("line"))):
        override({}, [f"b={text}"])


def test_a_bomb_of_aliases_is_refused_at_its_first():
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 100))]
    with refused("anchor", "line 1"):
        plain_yaml.parse("\n".join(lines), "x")


class _Values(Section):
    count: int = 1
    share: float = 1.0
    flag: bool = False
    name: str = ""
    both: tuple[float, float] = (0.0, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "count: true",
            "count: '3'",
            "count: 3.0",
            "count: 1:30",
            "count: 1_000",
            "count: ~",
            "count: 2026-11-29",
        ),
        *("share: .inf", "share: .nan", "share: true", "share: '1'", "share: 1e400", "share: [1]"),
        *("flag: yes", "flag: on", "flag: 1", "flag: 'true'", "name: 3", "name: true", "name: ~"),
        *("both: [1]", "both: [1, .inf]", "both: [1, '2']", "both: 1", "both: [[1, 2], 3]"),
    ],
)
def test_values_of_another_kind_are_refused(text):
    with refused(text.split(":")[0]):
        build(_Values, plain_yaml.parse(text, "x"))


def test_numbers_are_taken_as_people_write_them():
    values = build(_Values, plain_yaml.parse("count: 010\nshare: 1e-3\nflag: true\nname: '3'\nboth: [1, 2]", "x"))
    assert values == _Values(count=10, share=0.001, flag=True, name="3", both=(1.0, 2.0))


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t"))
    | st.text("0123456789.:-+_eExob~yn", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(string.printable.strip() + " ", min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(string.ascii_letters + "0123456789", min_size=1), PLAIN, max_size=4))
def test_what_is_written_is_read(values):
    assert plain_yaml.parse(plain_yaml.dump(values), "x") == values
