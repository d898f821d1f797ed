"""Bringing the webhooks on the forge to what they should be: list, plan, and where it is wanted, do.

One place that fails stops no other. What is made is remembered at once, before anything is deleted for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from cache.installed_hook import InstalledHook, fingerprint
from daemon.hooks.outcome import Covered, Outcome, Step, Trouble
from daemon.hooks.owner import Owner, known, note_gone, note_made
from daemon.hooks.places import Choice, Place, attempts, is_me
from daemon.hooks.plan import EVENTS, Action, Wanted, plan, present
from daemon.hooks.secret import Random
from gitea_client.errors import Forbidden, ForgeError, Missing
from gitea_client.hooks import Hooks
from gitea_client.secret import Secret
from gitea_client.wire import Hook

Tell = Callable[[Mapping[str, Any]], None]

SALT_BYTES = 8
ADMINISTRATOR = (
    "give such a token with --token-file FILE, or have somebody who has one run this, or add the webhook by hand "
    "(address above, application/json, all events, the secret)"
)
UNREACHED = "run `forgeglass sweep`; if it stays so, `forgeglass profile check` shows what each profile selects"


class Options(Struct, frozen=True):
    """How it is done. `apply` False only looks."""

    apply: bool = False
    choice: Choice = "auto"
    replace_unknown: bool = False


class NotAllowed(Exception):
    """The token may not do this at this place; there may be another."""

    def __init__(self, place: Place, error: ForgeError | None) -> None:
        super().__init__(str(error) if error is not None else "the token is another user's")
        self.place = place
        self.error = error

    @property
    def lacking(self) -> str:
        """What is missing, in words."""
        place = self.place
        if place.kind == "organization" and isinstance(self.error, Missing):
            return (
                f"{place.owner} is no organization that this token sees; a user's webhooks need the user's own token "
                "with the scope write:user"
            )
        return place.right

    def told(self) -> Trouble:
        """As it is told where no other place was left."""
        return Trouble(self.place.label, f"{self.lacking} ({self})", ADMINISTRATOR)


class Sync:
    """One run over all owners."""

    def __init__(
        self, hooks: Hooks, owner: Owner, url: str, secret: Secret | None, options: Options, random: Random, tell: Tell
    ) -> None:
        self._hooks = hooks
        self._owner = owner
        self._secret = secret
        self._wanted = Wanted(url, secret.reveal().encode() if secret is not None else None)
        self._options = options
        self._random = random
        self._tell = tell
        self._me: str | None = None
        self._made: tuple[InstalledHook, ...] = ()
        self._covered: list[Covered] = []
        self._notes: list[str] = []
        self._unread: list[Trouble] = []
        self._failed: list[Trouble] = []

    async def run(self, owners: Sequence[str]) -> Outcome:
        """See to every owner. Raises ForgeError where the forge cannot be reached, or refuses the token."""
        self._me = me = await self._hooks.whose()
        memory = await known(self._owner)
        self._made = memory.made
        for done, owner in enumerate(owners):
            self._tell({"what": f"webhooks of {owner}", "done": done, "of": len(owners)})
            repositories = memory.repositories.get(owner.lower(), ())
            user = owner.lower() in memory.users
            if self._options.choice == "repository" and await self._covered_already(owner, user):
                continue
            await self._cover(owner, list(attempts(owner, me, repositories, self._options.choice, user=user)))
        return Outcome(
            self._wanted.url, self._options.apply, tuple(self._covered), tuple(self._notes), tuple(self._unread),
            tuple(self._failed),
        )  # fmt: skip

    async def _cover(self, owner: str, ways: list[tuple[Place, ...]]) -> None:
        """Take the best way that the token may go."""
        barred: list[NotAllowed] = []
        for places in ways:
            if not places or places[0].kind == "repository":
                if await self._each(places, barred):
                    return
            elif await self._one(places[0], barred):
                await self._tidy(places[0])
                return
        if barred and not ways[-1]:
            self._notes.append(f"no repository of {owner} is known here yet; `forgeglass sweep` reads what there is")
        self._unread.extend(refusal.told() for refusal in barred)
        if not barred:
            self._unread.append(Trouble(owner, "no profile reaches a repository of it", UNREACHED))

    async def _covered_already(self, owner: str, user: bool) -> bool:
        """Whether a good webhook for all of an owner's repositories is there: one more for each would double it.

        Where the token may not look, nothing covers as far as is known. Where looking fails, nothing is planned.
        """
        for (place,) in (*attempts(owner, self._me, (), "auto", user=user),)[:-1]:
            try:
                listed = await self._hooks.list(place.scope)
            except (Forbidden, Missing):
                continue
            except ForgeError as error:
                self._unread.append(Trouble(place.label, str(error), error.remedy))
                return True
            actions = plan(self._wanted, [present(hook) for hook in listed], self._made, scope=place.label)
            if actions[0].kind == "keep":
                others = sum(action.kind == "leave" for action in actions)
                self._covered.append(Covered(place, (Step(actions[0]),), others))
                self._notes.append(
                    f"{place.label} has a webhook for all its repositories; with one for each of them besides, "
                    "everything would be told twice: delete that one first"
                )
                return True
        return False

    async def _one(self, place: Place, barred: list[NotAllowed]) -> bool:
        """A webhook for everything; False where the token may not."""
        try:
            await self._see_to(place)
        except NotAllowed as refusal:
            barred.append(refusal)
            return False
        return True

    async def _each(self, places: tuple[Place, ...], barred: list[NotAllowed]) -> bool:
        """A webhook for each repository; False where that was no way at all."""
        if not places:
            return False
        refusals: list[NotAllowed] = []
        for done, place in enumerate(places):
            self._tell({"what": f"webhook of {place.label}", "done": done, "of": len(places)})
            try:
                await self._see_to(place)
            except NotAllowed as refusal:
                refusals.append(refusal)
        if len(refusals) == len(places):
            barred.append(refusals[0])
            return False
        self._notes.extend(f"not one webhook for all of {each.place.owner}: {each.lacking}" for each in barred)
        self._unread.extend(each.told() for each in refusals)
        return True

    async def _see_to(self, place: Place) -> None:
        """List, plan, do. NotAllowed where the token may not look, or not make the first webhook of ours here."""
        if place.kind == "user" and not is_me(place.owner, self._me):
            raise NotAllowed(place, None)  # what /user/hooks lists and makes would be somebody else's
        try:
            listed = await self._hooks.list(place.scope)
        except (Forbidden, Missing) as error:
            raise NotAllowed(place, error) from None
        except ForgeError as error:
            self._unread.append(Trouble(place.label, str(error), error.remedy))
            return
        await self._carry_out(place, listed, self._wanted)

    async def _carry_out(self, place: Place, listed: list[Hook], wanted: Wanted | None) -> None:
        by_id = {hook.id: hook for hook in listed}
        actions = plan(
            wanted, [present(hook) for hook in listed], self._made, scope=place.label,
            replace_unknown=self._options.replace_unknown,
        )  # fmt: skip
        steps: list[Step] = []
        for action in actions:
            if not self._options.apply or not action.does:
                steps.append(Step(action))
                continue
            try:
                steps.append(await self._do(place, action, by_id))
            except (Forbidden, Missing) as error:
                if action.kind == "create":
                    raise NotAllowed(place, error) from None
                self._failed.append(Trouble(place.label, str(error), f"{place.right}; {ADMINISTRATOR}"))
                steps.append(Step(action))
            except ForgeError as error:
                self._failed.append(Trouble(place.label, str(error), error.remedy))
                steps.append(Step(action))
        self._covered.append(Covered(place, tuple(steps), sum(action.kind == "leave" for action in actions)))
        if self._options.apply:
            gone = [r.hook_id for r in self._made if r.scope == place.label and r.hook_id not in by_id]
            await note_gone(self._owner, gone)

    async def _do(self, place: Place, action: Action, by_id: Mapping[int, Hook]) -> Step:
        hook = by_id[action.hook.id] if action.hook is not None else None
        if action.kind == "delete" and hook is not None:
            await self._delete(place, hook)
            return Step(action, done=True)
        if action.kind == "change" and hook is not None:
            await self._hooks.change(place.scope, hook, url=self._wanted.url, events=EVENTS)
            return Step(action, done=True)
        made = await self._create(place, hook)
        if hook is not None:
            await self._delete(place, hook)
        return Step(action, done=True, made=made.id)

    async def _create(self, place: Place, like: Hook | None) -> Hook:
        if self._secret is None:
            raise ValueError("webhooks are made with a secret")
        url, secret = self._wanted.url, self._secret
        made = await self._hooks.create(place.scope, url=url, secret=secret, events=EVENTS, like=like)
        salt = self._random(SALT_BYTES).hex()
        signed = fingerprint(secret.reveal().encode(), salt)
        await note_made(self._owner, InstalledHook(made.id, place.label, url, salt, signed, made.created_at))
        return made

    async def _delete(self, place: Place, hook: Hook) -> None:
        await self._hooks.delete(place.scope, hook.id)
        await note_gone(self._owner, [hook.id])

    async def _tidy(self, place: Place) -> None:
        """One webhook covers the owner: those that we once made for single repositories would tell everything twice."""
        before = f"{place.owner.lower()}/"
        former = sorted({r.scope for r in self._made if r.scope.lower().startswith(before)})
        for scope in former:
            owner, _, name = scope.partition("/")
            old = Place("repository", owner, name)
            try:
                await self._carry_out(old, await self._hooks.list(old.scope), None)
            except ForgeError as error:
                self._notes.append(f"the webhook once made for {scope} was not looked at ({error})")
