"""Commits and branches as the JSON of the API: in lists, in branches, in deliveries."""

from __future__ import annotations

from datetime import UTC, datetime

from .objects import Commit, Person
from .serialise import NEVER, Json, Serialiser
from .state import Repository, User


def person_date(person: Person) -> str:
    """A commit's date in the server's own zone (UTC here), as the API writes it."""
    return datetime.fromtimestamp(person.date, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class CommitSerialiser(Serialiser):
    """Everything that the API tells, commits too."""

    def signature(self, person: Person) -> Json:
        """A commit's author or committer in a payload: `username` is empty when the address is nobody's."""
        login = next((u.login for u in self._world.users.values() if u.email.lower() == person.email.lower()), "")
        return {"name": person.name, "email": person.email, "username": login}

    def _by_email(self, person: Person) -> Json | None:
        found = (u for u in self._world.users.values() if u.email.lower() == person.email.lower())
        return self.user(next(found, None))

    def payload_commit(self, repository: Repository, commit: Commit, changes: list[tuple[str, str]] | None) -> Json:
        """A commit as branches and deliveries tell it; `timestamp` is the author's date."""
        def kind(letters: str) -> list[str] | None:
            return None if changes is None else [path for status, path in changes if status in letters]

        unverified = {
            "verified": False, "reason": "gpg.error.not_signed_commit", "signature": "", "signer": None, "payload": "",
        }  # fmt: skip
        return {
            "id": commit.id, "message": commit.message, "url": f"{self.page(repository)}/commit/{commit.id}",
            "author": self.signature(commit.author), "committer": self.signature(commit.committer),
            "verification": unverified if changes is None else None, "timestamp": person_date(commit.author),
            "added": kind("A"), "removed": kind("D"), "modified": kind("MT"),
        }  # fmt: skip

    def branch(self, repository: Repository, name: str, commit: Commit, viewer: User | None) -> Json:
        may_write = repository.may_write(viewer)
        return {
            "name": name, "commit": self.payload_commit(repository, commit, None), "protected": False,
            "required_approvals": 0, "enable_status_check": False, "status_check_contexts": [],
            "user_can_push": may_write, "user_can_merge": may_write, "effective_branch_protection_name": "",
        }  # fmt: skip

    def commit_meta(self, repository: Repository, sha: str, created: str = NEVER, kind: str = "commits") -> Json:
        return {"url": f"{self.api}/repos/{repository.full_name}/git/{kind}/{sha}", "sha": sha, "created": created}

    def commit(self, repository: Repository, commit: Commit) -> Json:
        """A commit of a commit list, without `files` and `stats`. Its `tree.sha` is the commit's own id."""
        def identity(person: Person) -> Json:
            return {"name": person.name, "email": person.email, "date": person_date(person)}

        date = person_date(commit.committer)
        meta = self.commit_meta(repository, commit.id, date)
        return {
            **meta, "html_url": f"{self.page(repository)}/commit/{commit.id}",
            "commit": {
                "url": meta["url"], "author": identity(commit.author), "committer": identity(commit.committer),
                "message": commit.message, "tree": self.commit_meta(repository, commit.id, date, "trees"),
                "verification": None,
            },
            "author": self._by_email(commit.author), "committer": self._by_email(commit.committer),
            "parents": [self.commit_meta(repository, parent) for parent in commit.parents],
        }  # fmt: skip
