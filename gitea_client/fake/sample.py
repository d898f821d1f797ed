"""A small organization to look at: entries, one entry's own repository, pull requests in each state."""

from __future__ import annotations

from .standin import StandIn


def entry(slug: str, title: str, state: str, body: str, repository: str | None = None) -> str:
    """A file with front matter."""
    return (
        f"---\nslug: {slug}\ntitle: {title}\nstate: {state}\nrepo: {repository or 'null'}\nproposed_by: ada\n"
        f"proposed_at: 2026-01-02\nowners: [ada]\narbiters: [root1]\ntags: [governance]\n---\n# {title}\n\n{body}\n"
    )


async def plant(forge: StandIn, organization: str) -> None:
    """Fill `organization`, which must exist."""
    meta, active = f"{organization}/meta", f"{organization}/rfc-0001-open-hub"
    for repository in (meta, active):
        await forge.create_repository(repository)
    await forge.commit(
        meta,
        {
            "README.md": "# Proposals\n",
            "rfcs/open-hub.md": entry("open-hub", "Open hub", "active", "One hub for all.", active),
            "rfcs/slow-reads.md": entry("slow-reads", "Slow reads", "idea", "Reads are slow."),
            "rfcs/naming.md": entry("naming", "Naming", "withdrawn", "Names matter."),
        },
        message="Seed entries",
    )
    await forge.commit(active, {"RFC.md": "# Open hub\n\nOne hub for all.\n"}, message="Begin the document")
    await _merged(forge, meta)
    await _open(forge, meta, active)


async def _merged(forge: StandIn, meta: str) -> None:
    text = entry("cold-start", "Cold start", "idea", "Starting takes long.")
    await forge.commit(meta, {"rfcs/cold-start.md": text}, "propose/cold-start", "Propose cold-start")
    number = await forge.open_pull(meta, "propose/cold-start", title="Propose: Cold start")
    text = text.replace("takes long", "takes far too long")
    await forge.commit(meta, {"rfcs/cold-start.md": text}, "propose/cold-start", "Say it louder")
    await forge.merge(meta, number, delete_branch=True, by="root1")


async def _open(forge: StandIn, meta: str, active: str) -> None:
    text = entry("slow-reads", "Slow reads", "idea", "Reads are slow because they ask too often.")
    await forge.commit(meta, {"rfcs/slow-reads.md": text}, "edit/slow-reads/why", "Say why")
    await forge.open_pull(meta, "edit/slow-reads/why", title="Edit: Slow reads", by="grace")
    await forge.commit(meta, {"rfcs/naming.md": None}, "metadata/naming", "Drop naming")
    closed = await forge.open_pull(meta, "metadata/naming", title="Drop naming", by="grace")
    await forge.close(meta, closed)
    await forge.commit(active, {"RFC.md": "# Open hub\n\nOne hub for most.\n"}, "narrower", "Narrow it")
    await forge.open_pull(active, "narrower", title="Narrow the promise", draft=True)
