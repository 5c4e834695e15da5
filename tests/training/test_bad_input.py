"""What `llmstep-lsp train` says where it cannot train: one message, and exit code 1."""

import fcntl
from dataclasses import replace
from pathlib import Path

import pytest

from llmstep_lsp.adapters.training.directory import prepare
from llmstep_lsp.domain.completion import Part, Prompt
from llmstep_lsp.domain.recipe import PRESETS, Example, NewModel, Run
from llmstep_lsp.errors import InputError
from llmstep_lsp.training.protocol import example_lines, read_run
from tests.conftest import Here
from tests.training.running import run, write_pairs


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["none.jsonl", "--new", "gpt-neox"],
            "none.jsonl cannot be read (No such file or directory): name a file",
        ),
        (["empty.jsonl", "--new", "gpt-neox"], "There is no pair in these files"),
        (["a.jsonl"], "Say what to start from"),
        (["a.jsonl", "--new", "gpt-neox", "--model", "x"], "Say what to start from"),
        (["a.jsonl", "--new", "rnn"], "There is no architecture rnn: choose gpt-neox, llama, t5."),
        (["a.jsonl", "--new", "llama,hidden=100,heads=3"], "hidden must be heads times an even number"),
        (["a.jsonl", "--new", "llama,size=3"], "The new model `llama,size=3` cannot be made"),
        (["a.jsonl", "--new", "llama", "--prompt", "mine"], "There is no prompt format mine"),
        (
            ["a.jsonl", "--new", "llama", "--out", "/dev/null/x"],
            "/dev/null/x cannot be written: Not a directory.",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_it_is_told_before_anything_is_loaded(
    here: Here, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    write_pairs(tmp_path / "a.jsonl", [("⊢ p", "rfl")])
    (tmp_path / "empty.jsonl").touch()
    file, *rest = arguments
    done = here("train", tmp_path / file, "--out", tmp_path / "out", *rest)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("llmstep-lsp: ")
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_directory_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    done = run(write_pairs(tmp_path / "a.jsonl", [("⊢ p", "rfl")]), "--new", "t5", "--out", tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        f"llmstep-lsp: {tmp_path} holds something else: name another --out, or empty it.\n",
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "mine.txt"]


def test_two_processes_do_not_train_in_one_directory(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with (out / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run(write_pairs(tmp_path / "a.jsonl", [("⊢ p", "rfl")]), "--new", "t5", "--out", out)
    assert (done.returncode, done.stderr) == (
        1,
        f"llmstep-lsp: Another process trains in {out}: wait for its end, or name another --out.\n",
    )


def test_a_run_of_which_nothing_was_kept_makes_room_for_another(tmp_path: Path) -> None:
    def begin(model: str) -> None:
        prepare(tmp_path, Run(model, PRESETS["llmstep"], "", (), None, ""), [Example(Prompt(()), "rfl", "")])

    begin("wrong")
    (tmp_path / "tokenizer").mkdir()
    begin("right")
    assert read_run(tmp_path).model == "right"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["examples.jsonl", "run.json"]
    (tmp_path / "checkpoints" / "checkpoint-1").mkdir(parents=True)
    begin("right")
    with pytest.raises(InputError, match="holds another run, with the model right: name another --out"):
        begin("wrong")


@pytest.mark.model
def test_what_the_training_finds_is_told(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    pairs = write_pairs(tmp_path / "a.jsonl", [("⊢ p", "rfl")])
    done = run(pairs, "--model", "nowhere/at/all", "--out", tmp_path / "out")
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "llmstep-lsp: There is no directory nowhere/at/all: name a model directory, or a model of the "
        "Hugging Face hub.\n",
    )


@pytest.mark.model
def test_what_cannot_be_trained_is_told(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from llmstep_lsp.training.start import start  # noqa: PLC0415  # may be missing
    from llmstep_lsp.training.train import train  # noqa: PLC0415  # may be missing
    from llmstep_lsp.worker.place import LoadError  # noqa: PLC0415  # may be missing
    from tests.tiny_model import save_headless  # noqa: PLC0415  # may be missing

    def made(model: NewModel | str, share: float) -> Run:
        return Run(model, replace(PRESETS["scratch"], held_out=share), "", (), None, "")

    save_headless(tmp_path / "headless", context=128)
    for model, expected in (
        (NewModel("gpt-neox", vocabulary=100), "A vocabulary of 100 is too small: 257 tokens are bytes"),
        (str(tmp_path / "headless"), "headless lacks weights of a language model"),
    ):
        with pytest.raises(LoadError, match=expected):
            start(made(model, 0.0), [], tmp_path)
    for system, share, expected in (
        (None, 1.0, "nothing to learn from: name more files"),
        ("Prove it.", 0.0, "cannot be asked in this prompt format: this model was not made for chats"),
    ):
        example = Example(Prompt((Part("p"),), system), "rfl", "")
        (tmp_path / "examples.jsonl").write_text("".join(example_lines([example])))
        with pytest.raises(LoadError, match=expected):
            train(made(NewModel("gpt-neox", 16, 1, 2, 300), share), tmp_path, lambda _: None)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise ImportError('none here')", "(none here): pip install 'llmstep-lsp[train]'\n"),
        (
            "import shutil\nshutil.disk_usage = lambda _: shutil._ntuple_diskusage(9, 9, 0)\nraise RuntimeError",
            "out: make room. Run the same command again to go on from the last checkpoint.\n",
        ),
    ],
    ids=["a missing extra", "a full disk"],
)
def test_what_the_computer_lacks_is_told(tmp_path: Path, code: str, expected: str) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "transformers.py").write_text(code)
    pairs = write_pairs(tmp_path / "a.jsonl", [("⊢ p", "rfl")])
    done = run(pairs, "--new", "t5", "--out", tmp_path / "out", paths=(tmp_path / "broken",))
    assert done.returncode == 1
    assert done.stderr.endswith(expected)
    assert len(done.stderr.splitlines()) == 1
