from llmstep_lsp.domain.header import header_lines, imports, with_import

MODULE = (
    "/- import Not -/\nmodule\npublic import Lean\nimport all A.B -- all\n\npublic theorem x : 1 = 1 := rfl"
)


def test_header_lines() -> None:
    assert header_lines(MODULE) == 4
    assert header_lines("theorem x : 1 = 1 := rfl") == 0


def test_imports() -> None:
    assert imports(MODULE) == ["Lean", "A.B"]
    assert imports("import A import B\n-- import C\ntheorem x : 1 = 1 := rfl") == ["A", "B"]
    assert imports("") == []


def test_an_import_goes_above_all_others() -> None:
    assert with_import("-- x\nimport A\n\ndef a := 1", "M") == "import M\n    \nimport A\n\ndef a := 1"
    assert with_import("def a := 1", "M") == "import M\ndef a := 1"
    assert with_import("", "M") == "import M\n"


def test_a_module_becomes_an_ordinary_file_and_keeps_its_places() -> None:
    assert with_import(MODULE, "M") == (
        "import M\n                \n      \n       import Lean\nimport     A.B       \n\n"
        "public theorem x : 1 = 1 := rfl"
    )


def test_a_prelude_imports_nothing() -> None:
    assert with_import("prelude\nimport A", "M") is None
