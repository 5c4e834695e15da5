"""Made-up theories: what their functions come to, how they are written, and what is conjectured about them."""

import os
import random
import subprocess
import sys

import pytest

from llmstep_lsp.corpus.conjectures import Conjecture, conjectures, statement
from llmstep_lsp.corpus.language import (
    NAT,
    NATURALS,
    Application,
    Clause,
    Constructor,
    DataType,
    Evaluator,
    Function,
    Theory,
    TooMuchError,
    Variable,
)
from llmstep_lsp.corpus.make import Plan, sheet
from llmstep_lsp.corpus.rendering import definitions
from llmstep_lsp.corpus.sheets import layout, theory_sheet

TREE = DataType("Tree", (Constructor("leaf", ()), Constructor("node", ("Tree", NAT, "Tree"))))
LEFT, ITEM, RIGHT = Variable("l", "Tree"), Variable("x", NAT), Variable("r", "Tree")
N = Variable("n", NAT)


def nat(head: str, *arguments: Variable | Application) -> Application:
    return Application(head, arguments, NAT)


DOUBLE = Function(
    "double",
    (Variable("arg", NAT),),
    NAT,
    0,
    (Clause((), nat("0")), Clause((N,), nat("succ", nat("succ", nat("double", N))))),
)
SUM = Function(
    "sum",
    (Variable("arg", "Tree"),),
    NAT,
    0,
    (
        Clause((), nat("0")),
        Clause((LEFT, ITEM, RIGHT), nat("+", nat("sum", LEFT), nat("+", ITEM, nat("sum", RIGHT)))),
    ),
)
THEORY = Theory("Example", (TREE,), (DOUBLE, SUM))
WRITTEN = """inductive Tree where
  | leaf : Tree
  | node : Tree → Nat → Tree → Tree

def double : Nat → Nat
  | 0 => 0
  | n + 1 => ((double n) + 1) + 1

def sum : Tree → Nat
  | .leaf => 0
  | .node l x r => (sum l) + (x + (sum r))

"""


def test_functions_run() -> None:
    evaluator = Evaluator(THEORY)
    tree = (1, (1, (0,), 3, (0,)), 4, (0,))
    assert evaluator.value(nat("+", nat("double", N), nat("sum", LEFT)), {"n": 5, "l": tree}) == 17


def test_what_takes_too_long_is_given_up() -> None:
    endless = Function("f", (N,), NAT, 0, (Clause((), nat("0")), Clause((N,), nat("f", nat("succ", N)))))
    with pytest.raises(TooMuchError):
        Evaluator(Theory("Endless", (), (endless,))).value(nat("f", N), {"n": 1})


def test_a_theory_is_written_for_lean() -> None:
    assert definitions(THEORY) == WRITTEN


def test_a_conjecture_is_written_for_lean() -> None:
    left = nat("sum", Application("Tree.node", (LEFT, N, LEFT), "Tree"))
    hypothesis = (nat("sum", LEFT), "=", nat("0"))
    assert statement(Conjecture(left, "=", N, hypothesis)) == (
        " (l : Tree) (n : Nat) (h : sum l = 0) : sum (Tree.node l n l) = n"
    )


def test_what_is_conjectured_holds_for_all_values_that_were_tried() -> None:
    theory = Theory("Example", (), (DOUBLE,))
    found = [statement(one) for one in conjectures(theory, 8, random.Random(0))]  # noqa: S311
    assert " (n : Nat) : double n = n + n" in found
    assert len(found) == len(set(found)) <= 8


def test_a_task_is_put_before_lean_and_known_to_those_below() -> None:
    theory = Theory("Example", (), (DOUBLE,))
    conjecture = Conjecture(nat("double", N), "=", nat("+", N, N))
    lay = layout(theory_sheet(theory, [conjecture]))
    lines = lay.text.split("\n")
    assert lines[-7:] == [
        "example (n : Nat) : double n = n + n := by",
        "  sorry",
        "",
        "axiom double_2 (n : Nat) : double n = n + n",
        "",
        "end Example",
        "",
    ]
    assert lines[lay.places[0].line] == "  sorry"


@pytest.mark.parametrize("number", [0, 4, 9])
def test_the_same_number_makes_the_same_sheet_in_every_process(number: int) -> None:
    program = f"from llmstep_lsp.corpus.make import *; print(layout(sheet(Plan(1, seed=1), {number})).text)"
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    found = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    assert found.stdout.decode() == layout(sheet(Plan(1, seed=1), number)).text + "\n"


def test_naturals_are_leans() -> None:
    assert [NATURALS.head(number) for number in (0, 1)] == ["0", "succ"]
    assert TREE.head(1) == "Tree.node"
