"""The commands of ``dmfbook``."""

import errno
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

import dmfbook
from dmfbook.workflow.certificates import certify as certifying
from dmfbook.workflow.execution.execute import NO_HURRY, Limits
from dmfbook.workflow.outputs import save_outputs as saving
from dmfbook.workflow.pages import build as building
from dmfbook.workflow.pages.browser import browser_path
from dmfbook.workflow.pages.pdf import build_pdf
from dmfbook.workflow.runs import carry_out, plan_run
from dmfbook.workflow.sources.notebooks import Book
from dmfbook.workflow.system.environment import check_here
from dmfbook.workflow.system.errors import BookError, of_system, shortened
from dmfbook.workflow.system.locks import alone
from dmfbook.workflow.verdicts import verify as verifying
from dmfbook.workflow.verdicts import verify_case


class _Plain(typer.core.TyperGroup):
    """Commands whose errors are one message and an exit status, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BookError as error:
            typer.echo(f"dmfbook: {error}", err=True)
            raise typer.Exit(error.exit_status) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # who reads has enough
                raise
            typer.echo(f"dmfbook: {of_system(error)}", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            execute = ctx.invoked_subcommand in ("build", "save-outputs")
            kept = "; chapters that were executed to their end are kept" if execute else ""
            if ctx.invoked_subcommand == "sweep":
                kept = "; what is done is kept, and the same command goes on"
            typer.echo(f"\ninterrupted{kept}", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Plain,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Root = Annotated[
    Path | None,
    typer.Option(help="Folder of the book; without it, the current one or the next above."),
]

CellLimit = Annotated[
    float, typer.Option(min=0, help="Seconds for a cell; one that takes longer is killed.")
]
RunLimit = Annotated[
    float, typer.Option(min=0, help="Seconds for all cells of a chapter together, and for Sphinx.")
]
OutputLimit = Annotated[
    float, typer.Option(min=0, help="Megabytes that a cell may show before it is killed.")
]

Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Address of a running Dask scheduler; without it, processes of this machine work.",
    ),
]
# More than these nobody reads on a terminal.
_MOST_FAILURES = 20


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dmfbook {dmfbook.__version__}")
        raise typer.Exit


@app.callback()
def _dmfbook(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Execute, build and verify the book on deep matrix factorization."""


@app.command("list")
def list_chapters(root: Root = None) -> None:
    """List the chapters and their parameters: name, type, default, meaning."""
    for chapter in Book.find(root).chapters():
        typer.echo(chapter.name)
        rows = [(p.name, p.type, repr(p.default), p.meaning) for p in chapter.parameters]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
        for row in rows:
            fixed = "  ".join(
                entry.ljust(width) for entry, width in zip(row, [*widths, 0], strict=True)
            )
            typer.echo(f"  {fixed}")


@app.command()
def run(
    chapter: Annotated[str, typer.Argument(help="Its name, as `dmfbook list` gives it.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="May be given repeatedly."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the results, in which each run has one of its own, CHAPTER/PARAMETERS;"
            " without it, _build/runs."
        ),
    ] = None,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Build a page of it.")] = True,
    cell_limit: CellLimit = NO_HURRY.cell,
    run_limit: RunLimit = NO_HURRY.run,
    output_limit: OutputLimit = NO_HURRY.output,
    root: Root = None,
) -> None:
    """Execute one chapter with other parameters, as a notebook and a page of its own."""
    book = Book.find(root)
    wanted = book.chapter(chapter)
    job = plan_run(book, wanted, wanted.check(_pairs(parameter or [])), output)
    built = carry_out(book, job, page, Limits(cell_limit, run_limit, output_limit))
    typer.echo(f"notebook: {job.target}")
    if built:
        typer.echo(f"page:     {built}")


@app.command()
def sweep(
    chapter: Annotated[str, typer.Argument(help="Its name, as `dmfbook list` gives it.")],
    output: Annotated[
        Path, typer.Option(help="Folder for the results; the same one again goes on from there.")
    ],
    over: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUES",
            help="Values of a parameter: `reg=0.1,0.2`, or `depth=2:6` for 2, 3, 4, 5, 6. May be"
            " given repeatedly: every combination is run.",
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Run each with the seeds 0, 1, ..., so many.")
    ] = None,
    scheduler: Scheduler = None,
    notebooks: Annotated[
        bool, typer.Option("--notebooks/--no-notebooks", help="Keep the executed notebooks too.")
    ] = True,
    cell_limit: CellLimit = NO_HURRY.cell,
    run_limit: RunLimit = NO_HURRY.run,
    output_limit: OutputLimit = NO_HURRY.output,
    root: Root = None,
) -> None:
    """Run a chapter at many parameters at once; exit 1 if a run fails. Goes on where it was ended."""
    from dmfbook.workflow.sweeps.grid import parameter_sets
    from dmfbook.workflow.sweeps.sweep import Sweep

    book = Book.find(root)
    wanted = book.chapter(chapter)
    sets = parameter_sets(wanted, over or [], seeds)
    limits = Limits(cell_limit, run_limit, output_limit)
    failed = Sweep(book, wanted, sets, output, notebooks).carry_out(scheduler, limits)
    typer.echo(f"{len(sets) - len(failed)} of {len(sets)} runs passed")
    for line in failed[:_MOST_FAILURES]:
        typer.echo(f"failed: {line}")
    if len(failed) > _MOST_FAILURES:
        typer.echo(f"and {len(failed) - _MOST_FAILURES} more; see the column 'error'")
    typer.echo(f"table: {output / 'results.parquet'}, {output / 'results.csv'}")
    if failed:
        raise typer.Exit(1)


@app.command()
def build(
    cell_limit: CellLimit = NO_HURRY.cell,
    run_limit: RunLimit = NO_HURRY.run,
    output_limit: OutputLimit = NO_HURRY.output,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Also print it, proofs open, into _build/book.pdf.")
    ] = False,
    root: Root = None,
) -> None:
    """Execute the chapters that changed and build the whole book."""
    book = Book.find(root)
    chapters = book.chapters()
    limits = Limits(cell_limit, run_limit, output_limit)
    if pdf:
        browser_path()
    with alone(book.built):
        ran = building.execute_book(book, limits)
        typer.echo(_count(len(ran), len(chapters)))
        typer.echo("pages built" if building.build_pages(book, limits) else "pages unchanged")
        if pdf:
            typer.echo(f"printed: {build_pdf(book, limits)}")
    typer.echo(f"first page: {book.built / 'html' / 'index.html'}")


@app.command("save-outputs")
def save_outputs(
    chapters: Annotated[
        list[str] | None, typer.Argument(metavar="[CHAPTER]...", help="Without any, all.")
    ] = None,
    root: Root = None,
) -> None:
    """Write the text outputs of chapters into their sources, for the tests to compare."""
    for path in saving(Book.find(root), chapters or []):
        typer.echo(f"changed: {path}")


@app.command()
def verify(
    labels: Annotated[
        list[str] | None, typer.Argument(metavar="[LABEL]...", help="Claims; without any, all.")
    ] = None,
    cases: Annotated[
        int | None,
        typer.Option(min=1, help="Cases a claim, 5 unless said; one of each kind at least."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the cases.")] = 0,
    case: Annotated[
        int | None, typer.Option(min=0, help="Test the case of this number alone, as verdicts say.")
    ] = None,
    module: Annotated[
        str | None,
        typer.Option(help="Module of claims of your own, with its submodules; not the book's."),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the verdicts to this file.")] = None,
    scheduler: Scheduler = None,
) -> None:
    """Test the claims on random cases; exit 1 if one fails, a control passes or a rival survives.

    More than 100 cases are spread over processes; what is done is kept, and the same command goes on.
    """
    check_here()
    if case is None:
        passed = verifying(labels or [], cases or 5, seed, json, module, scheduler)
    elif cases is not None or json is not None or scheduler is not None:
        raise BookError("--case tests one case: it goes with none of --cases, --json, --scheduler")
    else:
        passed = verify_case(labels or [], case, seed, module)
    if not passed:
        raise typer.Exit(1)


@app.command()
def certify(
    labels: Annotated[
        list[str] | None, typer.Argument(metavar="[LABEL]...", help="Statements; without any, all.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the certificates to this file.")] = None,
    case: Annotated[
        Path | None,
        typer.Option(help="JSON file with a rational case of your own; not the book's points."),
    ] = None,
) -> None:
    """Certify statements in exact and in ball arithmetic; exit 1 if one cannot be."""
    if not certifying(labels or [], json, case):
        raise typer.Exit(1)


def _count(ran: int, chapters: int) -> str:
    """Say how many chapters were executed, and what is with the others."""
    unchanged = ", all unchanged" if not ran else ", the others unchanged" * (ran < chapters)
    return f"{ran} of {chapters} chapters executed{unchanged}"


def _pairs(given: list[str]) -> dict[str, str]:
    """Split NAME=VALUE pairs."""
    values: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise BookError(f"expected -p NAME=VALUE, got {shortened(repr(pair), 200)}")
        if name in values:
            raise BookError(f"parameter {name!r} is given twice: {values[name]} and {value}")
        values[name] = value
    return values
