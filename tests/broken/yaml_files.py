"""Faults of a configuration file's text."""

from hypothesis import strategies as st

from nlp_transfer.reporting.config_record import to_yaml
from tests.broken.settings import SettingFaults, Settings

FAULTS = SettingFaults()

MARKER = "must-not-appear"


def whole_text(settings: Settings) -> bytes:
    return to_yaml(settings.tree).encode()


@FAULTS.add
def empty_config(settings, choose):
    settings.text = choose(
        st.sampled_from([b"", b"\n\n", b"# nothing but words\n", b"---\n", b"null\n", b"\xef\xbb\xbf"])
    )
    return (str(settings.file), "holds nothing")


@FAULTS.add
def no_mapping_at_top(settings, choose):
    value, kind = choose(
        st.sampled_from([(b"- model\n- source\n", "list"), (b"words\n", "str"), (b"3\n", "int"), (b"[]\n", "list")])
    )
    settings.text = value
    return (str(settings.file), f"holds {kind}")


BROKEN_YAML = [
    "model: [a",
    "model: {a: b",
    'model: "a',
    "model: 'a",
    "model: a: b",
    "\tmodel: a",
    "model: *nowhere",
    "model: &",
    "source:\n  path: a\n path: b",
    "model: a\n- b",
    "model: @a",
    "model: `a`",
    "%YAML 9.9\n---\nmodel: a",
    "model: a\n---\nmodel: b",
    "]",
    "model: !!timestamp never",
    "seed: 2001-99-99",
    "model: " + "9" * 5000,
    "<<: 3",
    "<<: [3]",
    "model: !unknown a",
    "model: !!int many",
    "model: !!float many",
    "model: !!python/name:os.system",
    "model: \x07",
    "model: a\0b",
    "model: !<tag:yaml.org,2002:map> a",
]


@FAULTS.add
def broken_yaml(settings, choose):
    line = choose(st.sampled_from(BROKEN_YAML))
    first = choose(st.booleans())
    text = line.encode()
    directive = line.startswith(("%", "]")) or "---" in line
    settings.text = text if first or directive else b"revision: main\n" + text + b"\n"
    return (str(settings.file), "not valid YAML")


@FAULTS.add
def truncated_yaml(settings, choose):
    whole = b"model: 'a'\ntask: {max_length: 32}\nsource: {path: 'b'}\ntraining: {output_dir: 'c', seed: 3}\n"
    settings.text = whole[: choose(st.integers(1, len(whole) - 2))]
    return ()


@FAULTS.add
def repeated_yaml_key(settings, choose):
    key = choose(st.sampled_from(["model", "source", "training"]))
    settings.text = whole_text(settings) + f"{key}: again\n".encode()
    line = settings.text.count(b"\n")
    return (f"{settings.file}, line {line}", f'found duplicate key "{key}"')


@FAULTS.add
def yaml_tag_that_makes_an_object(settings, choose):
    command = f"touch {settings.file.parent / MARKER}"
    tag = choose(
        st.sampled_from(
            [
                f"!!python/object/apply:os.system ['{command}']",
                f"!!python/object/new:os.system ['{command}']",
                "!!python/object:argparse.Namespace {a: 1}",
                f"!!python/object/apply:subprocess.getoutput ['{command}']",
                "!!python/tuple [1, 2]",
                "!!python/module:os",
            ]
        )
    )
    key = choose(st.sampled_from(["model", "revision", "extra"]))
    rest = {name: value for name, value in settings.tree.items() if name != key}
    settings.text = f"{key}: {tag}\n".encode() + to_yaml(rest).encode()
    return (f"{settings.file}, line 1", "not valid YAML")


def bomb(levels: int, width: int) -> str:
    """Lists of aliases to lists of aliases: width to the power of levels words in a few lines."""
    lines = ["a0: &a0 lol"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


@FAULTS.add
def billion_laughs(settings, choose):
    levels = choose(st.integers(9, 40))
    use = choose(
        st.sampled_from(
            [
                "revision: *a{}",
                "label: {{rate: *a{}}}",
                "task: {{max_length: *a{}}}",
                "baselines: *a{}",
                "methods: *a{}",
                "target: {{path: x, columns: {{a: *a{}}}}}",
            ]
        )
    ).format(levels - 1)
    settings.tree.pop(use.partition(":")[0], None)  # a key given twice is another fault
    settings.text = bomb(levels, 9).encode() + use.encode() + b"\n" + whole_text(settings)
    return (str(settings.file), "aliases")


@FAULTS.add
def anchor_that_holds_itself(settings, choose):
    line = choose(st.sampled_from(["extra: &x [*x]", "task: &x {max_length: *x}", "methods: &x [lora, *x]"]))
    settings.tree.pop("task")
    settings.text = line.encode() + b"\n" + whole_text(settings)
    return (str(settings.file), "not valid YAML")


@FAULTS.add
def deeply_nested_yaml(settings, choose):
    depth = choose(st.sampled_from([60, 500, 20_000]))
    left, right = choose(st.sampled_from([("[", "]"), ("{a: ", "}"), ("[", "")]))
    settings.text = f"extra: {left * depth}{right * depth}\n".encode() + whole_text(settings)
    return (str(settings.file), "not valid YAML")


@FAULTS.add
def config_not_utf8(settings, choose):
    encoded = choose(st.sampled_from(["latin-1", "utf-16", "utf-32"]))
    settings.text = f"revision: café\nmodel: {'x' * 20}\n".encode(encoded)
    return (str(settings.file), "not UTF-8")


@FAULTS.add
def config_of_many_megabytes(settings, choose):
    row = b'{"text": "these are data", "label": "and no configuration"}\n'
    settings.text = row * choose(st.sampled_from([40_000, 400_000]))
    return (str(settings.file), "MiB")


@FAULTS.add
def config_that_is_no_file(settings, choose):
    settings.missing = True
    if choose(st.booleans()):
        settings.file.mkdir()
        return (str(settings.file), "directory")
    return (str(settings.file), "No such file")
