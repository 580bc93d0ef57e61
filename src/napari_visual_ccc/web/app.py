"""The addresses of the server: the page, its files and the JSON interface."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from .. import __version__
from ..core.plain import plain
from . import offers, uploads
from .guard import Guard, answer
from .jobs import Job, Jobs, stopping
from .schema import openapi
from .settings import Refused, Settings, disk_error, plain_error
from .work import card, limits_of, type_of, work

STATIC = Path(__file__).parent / "static"

# address → file and its type: nothing else of the folder can be asked for
PAGES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/client.js": ("client.js", "text/javascript"),
    "/fields.js": ("fields.js", "text/javascript"),
    "/login.js": ("login.js", "text/javascript"),
    "/results.js": ("results.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


def make_jobs(settings: Settings, folder: Path) -> Jobs:
    """Make what runs the jobs of a server, with a private folder for images and results."""
    return Jobs(folder, settings.limits, functools.partial(work, settings=settings))


def make_app(settings: Settings, jobs: Jobs) -> Guard:
    """Make the application.

    Parameters
    ----------
    settings : Settings
        Checked.
    jobs : Jobs
        From `make_jobs`.
    """
    server = _Server(settings, jobs)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(jobs.sweep_regularly())
        yield
        sweeping.cancel()
        await jobs.close()

    routes = [Route(path, _page(*page)) for path, page in PAGES.items()]
    app = Starlette(
        routes=[*routes, *server.routes()],
        lifespan=lifespan,
        exception_handlers={Refused: _refused, HTTPException: _http_error, 500: _bug},
    )
    return Guard(app, settings)


def _page(name: str, kind: str) -> Any:
    body = (STATIC / name).read_bytes()

    async def page(_: Request) -> Response:
        return Response(body, media_type=kind, headers={"cache-control": "no-cache"})

    return page


async def _refused(_: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)
    return answer(refused)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = {404: "there is nothing at this address", 405: "this address takes another method"}
    message = text.get(error.status_code, str(error.detail))
    return JSONResponse(plain_error(message), error.status_code, error.headers)


async def _bug(_: Request, __: Exception) -> Response:
    return JSONResponse(plain_error("this failed: please report it as a bug"), 500)


class _Server:
    """What the addresses below ``/api`` do."""

    def __init__(self, settings: Settings, jobs: Jobs) -> None:
        self.settings, self.jobs = settings, jobs

    def routes(self) -> list[Route]:
        """Addresses of the JSON interface."""
        known = offers.names(self.settings)[1:]
        return [
            Route("/api/health", self.health),
            Route("/api/version", self.version),
            Route("/api/limits", self.limits),
            Route("/api/schema", self.schema),
            Route("/api/jobs", self.queue, methods=["POST"]),
            Route("/api/jobs/{id}", self.show, methods=["GET"]),
            Route("/api/jobs/{id}", self.delete, methods=["DELETE"]),
            Route("/api/jobs/{id}/files/{file}", self.file),
            *(Route(f"/api/{name}", self.run, methods=["POST"]) for name in known),
        ]

    async def health(self, _: Request) -> Response:
        """Tell that the server works."""
        return JSONResponse({"status": "ok", **self.jobs.counts()})

    async def version(self, _: Request) -> Response:
        """Tell versions and the model's card."""
        from ..workflow.record import versions

        about = card(self.settings.model)
        shown = ("name", "architecture", "classes", "use", "metrics", "licence", "layers")
        model = {key: getattr(about, key) for key in shown} | {"calibrated": about.is_calibrated}
        model["detects_unknown"] = about.ood is not None
        known = {"version": __version__, "versions": versions(), "model": model}
        return JSONResponse(plain(known))

    async def limits(self, _: Request) -> Response:
        """Tell the limits."""
        return JSONResponse(limits_of(self.settings.limits))

    async def schema(self, _: Request) -> Response:
        """Describe the interface."""
        return JSONResponse(plain(openapi(self.settings)))

    async def run(self, request: Request) -> Response:
        """Do one operation and answer with its result."""
        name = request.url.path.rpartition("/")[2]
        job = await self._taken(request, name)
        if not await _before_hanging_up(request, self.jobs.finished(job)):
            # nobody waits for it
            self.jobs.remove(job)
            return Response(status_code=400)
        if job.refused is not None:
            raise job.refused
        if job.result is None:
            raise stopping()
        return JSONResponse(job.plain())

    async def queue(self, request: Request) -> Response:
        """Queue a job and answer with its address."""
        job = await self._taken(request, "")
        return JSONResponse(
            job.plain(), 202, {"location": f"{self.settings.prefix}/api/jobs/{job.id}"}
        )

    async def show(self, request: Request) -> Response:
        """Tell state, progress and result of a job."""
        return JSONResponse(self.jobs.get(request.path_params["id"]).plain())

    async def delete(self, request: Request) -> Response:
        """Stop a job and delete what there is of it."""
        self.jobs.remove(self.jobs.get(request.path_params["id"]))
        return Response(status_code=204)

    async def file(self, request: Request) -> Response:
        """Send a file of a result: one of its list, never a path."""
        job = self.jobs.get(request.path_params["id"])
        path = job.files.get(request.path_params["file"])
        if path is None or not path.is_file():
            raise HTTPException(404)
        return FileResponse(path, media_type=type_of(path), filename=path.name)

    async def _taken(self, request: Request, operation: str) -> Job:
        """Take a job from a request: a place in the queue first, then the image."""
        try:
            job = self.jobs.admit()
        except OSError as error:
            raise disk_error(error) from None
        except Refused:
            await uploads.discard(request)
            raise
        try:
            receiving = uploads.receive(request, job.folder, self.settings.limits)
            sent = await self.jobs.unless_stopping(receiving)
            fields = dict(sent.fields)
            job.operation = operation or str(fields.pop("operation", ""))
            if job.operation not in offers.names(self.settings):
                known = ", ".join(offers.names(self.settings))
                raise Refused(422, f"operation must be one of {known}")
            self._set_image(job, sent, fields)
            job.frame = uploads.frame_of(fields, texts=sent.is_form)
            job.choices = offers.chosen(job.operation, fields, self.settings, texts=sent.is_form)
        except Refused as refused:
            self.jobs.remove(job)
            if refused.status in (413, 415):
                await uploads.discard(request)
            raise
        except OSError as error:
            self.jobs.remove(job)
            raise disk_error(error) from None
        except BaseException:
            self.jobs.remove(job)
            raise
        self.jobs.start(job)
        return job

    def _set_image(self, job: Job, sent: uploads.Sent, fields: dict[str, Any]) -> None:
        earlier = fields.pop("image", None)
        if sent.file is not None and earlier is not None:
            raise Refused(400, "there are two images in the request: send one, or name one")
        if sent.file is not None:
            job.file, job.name = sent.file, sent.name
        elif earlier is None:
            raise Refused(400, "there is no image in the request: send one as file")
        else:
            other = self.jobs.get(str(earlier))
            job.owner, job.name = other.owner, other.name


async def _before_hanging_up(request: Request, work: Coroutine[Any, Any, Any]) -> bool:
    """Wait for work; tell whether it was done before the client closed the connection."""

    async def hang_up() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    waiting, gone = asyncio.ensure_future(work), asyncio.ensure_future(hang_up())
    try:
        await asyncio.wait([waiting, gone], return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            # the server stops
            waiting.result()
        return waiting.done()
    finally:
        waiting.cancel()
        gone.cancel()
