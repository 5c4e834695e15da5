"""Owns the options that commands about positions in files share; None where a setting decides."""

from typing import Annotated

import typer

PlaceArgument = Annotated[
    str, typer.Argument(metavar="FILE[:LINE[:COL]]", help="Lines and columns count from 1.")
]
EveryOption = Annotated[bool, typer.Option("--all", help="At every `sorry` of FILE.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a position.")]
LeanOption = Annotated[str | None, typer.Option("--lean", help="A `lean` or a toolchain's folder.")]
GeneratorsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--generator", help="Who proposes steps: ENGINE[,OPTION=VALUE…]; may be given several times."
    ),
]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="One more generator: a model's folder, hub name or server URL.")
]
RepairOption = Annotated[
    bool | None,
    typer.Option("--repair/--no-repair", help="Ask models again, with what Lean says of their steps."),
]
CacheOption = Annotated[
    int | None, typer.Option("--cache-megabytes", help="Keep what models propose on disk, up to this.")
]

# A benchmark counts no settings but these, so each has a variable of its own.
MeasuredLeanOption = Annotated[
    str | None, typer.Option("--lean", envvar="LLMSTEP_LEAN", help="A `lean` or a toolchain's folder.")
]
MeasuredGeneratorsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--generator", envvar="LLMSTEP_GENERATORS", help="Who proposes steps: ENGINE[,OPTION=VALUE…]."
    ),
]
MeasuredModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", envvar="LLMSTEP_MODEL", help="One more: a model's folder, hub name or server URL."
    ),
]
