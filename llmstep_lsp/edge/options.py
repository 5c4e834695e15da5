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
