"""The stand-in's rows as the JSON of Gitea's and Forgejo's API, field by field as recorded from live servers.

Field names and shapes follow the swagger documents of the two servers (modules/structs). What a client never
reads (avatars, sizes) is constant.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import md5
from typing import Any

from .state import Activity, Event, Label, Pull, Repository, Review, User, World

Json = dict[str, Any]

NEVER = "0001-01-01T00:00:00Z"
EPOCH = "1970-01-01T00:00:00Z"


def stamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


class Serialiser:
    """Knows the world, and the address that goes into links (ROOT_URL: wrong behind a proxy that was set up badly)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.root_url = ""

    @property
    def api(self) -> str:
        return f"{self.root_url}/api/v1"

    def page(self, repository: Repository) -> str:
        return f"{self.root_url}/{repository.full_name}"

    def pull_page(self, pull: Pull) -> str:
        return f"{self.page(pull.repository)}/pulls/{pull.number}"

    # People

    def user(self, user: User | None, *, full: bool = False) -> Json | None:
        """`full` as the user's own page tells it; elsewhere the address is a no-reply one."""
        if user is None:
            return None
        email = user.email if full else f"{user.login}@noreply.localhost"
        return {
            "id": user.id, "login": user.login, "login_name": "", "source_id": 0, "full_name": "",
            "email": "" if user.organization else email,
            "avatar_url": f"{self.root_url}/avatars/{md5(user.login.encode(), usedforsecurity=False).hexdigest()}",
            "html_url": f"{self.root_url}/{user.login}", "language": "", "is_admin": full and user.admin,
            "last_login": EPOCH if full else NEVER, "created": stamp(user.created), "restricted": False,
            "active": full, "prohibit_login": False, "location": "",
            **({"pronouns": ""} if self._world.forgejo else {}),
            "website": "", "description": "", "visibility": "public", "followers_count": 0, "following_count": 0,
            "starred_repos_count": 0, "username": user.login,
        }  # fmt: skip

    def organization(self, user: User) -> Json:
        return {
            "id": user.id, "name": user.login, "full_name": "", "email": "",
            "avatar_url": f"{self.root_url}/avatars/{md5(user.login.encode(), usedforsecurity=False).hexdigest()}",
            "description": "", "website": "", "location": "", "visibility": "public",
            "repo_admin_change_team_access": False, "username": user.login,
        }  # fmt: skip

    # Repositories

    def repository(self, repository: Repository, viewer: User | None, *, permissions: Json | None = None) -> Json:
        """`permissions` are the viewer's, unless given (some deliveries tell other ones)."""
        forgejo = self._world.forgejo
        page = self.page(repository)
        rights = permissions or {
            "admin": repository.may_administer(viewer), "push": repository.may_write(viewer),
            "pull": repository.may_read(viewer),
        }  # fmt: skip
        fork = repository.parent is not None  # has no issues, wiki, projects or releases of its own
        tracker = {
            "enable_time_tracker": True, "allow_only_contributors_to_track_time": True,
            "enable_issue_dependencies": True,
        }  # fmt: skip
        ssh = f"ssh://git@localhost/{repository.full_name}" if forgejo else f"git@localhost:{repository.full_name}"
        return {
            "id": repository.id, "owner": self.user(repository.owner), "name": repository.name,
            "full_name": repository.full_name, "description": repository.description, "empty": repository.empty,
            "private": repository.private, "fork": fork, "template": False,
            "parent": self.repository(repository.parent, viewer, permissions=rights) if repository.parent else None,
            "mirror": False, "size": 24, "language": "",
            "languages_url": f"{self.api}/repos/{repository.full_name}/languages", "html_url": page,
            "url": f"{self.api}/repos/{repository.full_name}", "link": "", "ssh_url": f"{ssh}.git",
            "clone_url": f"{page}.git", "original_url": "", "website": "", "stars_count": 0,
            "forks_count": sum(r.parent is repository for r in self._world.repositories.values()),
            "watchers_count": 1, "open_issues_count": 0,
            "open_pr_counter": sum(pull.open for pull in repository.pulls.values()), "release_counter": 0,
            "default_branch": repository.default_branch, "archived": repository.archived,
            "created_at": stamp(repository.created_at), "updated_at": stamp(repository.updated_at),
            "archived_at": stamp(repository.archived_at) or EPOCH,
            "permissions": rights, "has_issues": not fork, **({} if fork else {"internal_tracker": tracker}),
            "has_wiki": not fork,
            **self._wiki(page, ssh, fork=fork),
            "has_pull_requests": repository.has_pull_requests,
            "has_projects": not fork, **({} if forgejo else {"projects_mode": "all"}),
            "has_releases": not fork, "has_packages": False, "has_actions": False, "ignore_whitespace_conflicts": False,
            "allow_merge_commits": True, "allow_rebase": True, "allow_rebase_explicit": True,
            "allow_squash_merge": True, "allow_fast_forward_only_merge": True, "allow_rebase_update": True,
            "default_delete_branch_after_merge": False, "default_merge_style": "merge",
            "default_allow_maintainer_edit": False, **({"default_update_style": "merge"} if forgejo else {}),
            "avatar_url": "", "internal": False, "mirror_interval": "", "object_format_name": "sha1",
            "mirror_updated": NEVER, "repo_transfer": None,
            "topics": list(repository.topics) if forgejo else (list(repository.topics) or None),
            **({} if forgejo else {"licenses": None}),
        }  # fmt: skip

    def _wiki(self, page: str, ssh: str, *, fork: bool) -> Json:
        """What only Forgejo tells: where the wiki is. A fork has none."""
        if not self._world.forgejo:
            return {}
        return {
            "has_wiki_contents": False, **({} if fork else {"wiki_branch": "main"}),
            "wiki_ssh_url": f"{ssh}.wiki.git", "wiki_clone_url": f"{page}.wiki.git", "globally_editable_wiki": False,
        }  # fmt: skip

    # Pull requests

    async def pull(self, pull: Pull, viewer: User | None) -> Json:
        """A pull request. Costs git calls, as it does on the servers."""
        base = pull.repository
        html = self.pull_page(pull)
        head = self._head(pull, viewer)
        added, deleted, files = await self._diff_counts(pull)
        base_json = self.repository(base, viewer)
        forgejo = self._world.forgejo
        reviewers = [self.user(user) for user in {r.user.id: r.user for r in pull.reviews}.values()]
        return {
            "id": pull.id, "url": html, "number": pull.number, "user": self.user(pull.poster),
            "title": pull.title, "body": pull.body, "labels": [self.label(base, label) for label in pull.labels],
            "milestone": None, "assignee": None, "assignees": None,
            "requested_reviewers": reviewers or ([] if forgejo else None),
            "requested_reviewers_teams": [] if forgejo else None, "state": "open" if pull.open else "closed",
            "draft": pull.draft, "is_locked": False, "comments": pull.comments,
            "review_comments": len(pull.reviews), "additions": added, "deletions": deleted, "changed_files": files,
            "html_url": html, "diff_url": f"{html}.diff", "patch_url": f"{html}.patch",
            "mergeable": not pull.draft, "merged": pull.merged, "merged_at": stamp(pull.merged_at),
            "merge_commit_sha": pull.merge_commit, "merged_by": self.user(pull.merged_by),
            "allow_maintainer_edit": False,
            "base": {
                "label": pull.base_branch, "ref": pull.base_branch,
                "sha": base.git.ref(f"refs/heads/{pull.base_branch}") or "", "repo_id": base.id, "repo": base_json,
            },
            "head": head, "merge_base": pull.merge_base, "due_date": None, "created_at": stamp(pull.created),
            "updated_at": stamp(pull.updated), "closed_at": stamp(pull.closed_at), "pin_order": 0,
            **({"flow": int(pull.agit)} if forgejo else {}),
        }  # fmt: skip

    def _head(self, pull: Pull, viewer: User | None) -> Json:
        """The head as the servers tell it: the branch's present tip while the branch is there, also after a merge;
        else refs/pull/N/head, which is looked up in the head's repository first (a fork's own pull request of the
        same number gives a wrong id)."""
        base, home = pull.repository, pull.head_repository
        if pull.agit:
            return {
                "label": "", "ref": pull.ref, "sha": base.git.ref(pull.ref) or "", "repo_id": base.id,
                "repo": self.repository(base, viewer),
            }  # fmt: skip
        tip = home.git.ref(f"refs/heads/{pull.head_branch}") if home else None
        sha = tip or (home.git.ref(pull.ref) if home else None) or base.git.ref(pull.ref)
        return {
            "label": pull.head_branch, "ref": pull.head_branch if tip else pull.ref, "sha": sha or "",
            "repo_id": home.id if home else -1, "repo": self.repository(home, viewer) if home else None,
        }  # fmt: skip

    async def _diff_counts(self, pull: Pull) -> tuple[int, int, int]:
        head = pull.repository.git.ref(pull.ref)
        if pull.agit or not head or not pull.merge_base or (pull.head_repository is None):
            return 0, 0, 0
        rows = await pull.repository.git.numstat(pull.merge_base, head)
        return sum(row[0] for row in rows), sum(row[1] for row in rows), len(rows)

    def label(self, repository: Repository, label: Label) -> Json:
        return {
            "id": label.id, "name": label.name, "exclusive": False, "is_archived": False, "color": label.color,
            "description": "", "url": f"{self.api}/repos/{repository.full_name}/labels/{label.id}",
        }  # fmt: skip

    def review(self, pull: Pull, review: Review) -> Json:
        return {
            "id": review.id, "user": self.user(review.user), "team": None, "state": review.state,
            "body": review.body, "commit_id": review.commit_id, "stale": False, "official": True,
            "dismissed": False, "comments_count": 0, "submitted_at": stamp(review.submitted),
            "updated_at": stamp(review.submitted),
            "html_url": f"{self.pull_page(pull)}#issuecomment-{review.comment_id}",
            "pull_request_url": self.pull_page(pull),
        }  # fmt: skip

    def event(self, pull: Pull, event: Event) -> Json:
        """A timeline entry."""
        page = self.pull_page(pull)
        return {
            "id": event.id, "type": event.type, "html_url": f"{page}#issuecomment-{event.id}",
            "pull_request_url": page, "issue_url": "", "user": self.user(event.user), "body": event.body,
            "created_at": stamp(event.created), "updated_at": stamp(event.updated), "old_project_id": 0,
            "project_id": 0, "old_milestone": None, "milestone": None, "tracked_time": None,
            "old_title": event.old_title, "new_title": event.new_title, "old_ref": event.old_ref,
            "new_ref": event.new_ref, "ref_issue": None, "ref_comment": None, "ref_action": "none",
            "ref_commit_sha": event.commit, "review_id": event.review_id,
            "label": self.label(pull.repository, event.label) if event.label else None, "assignee": None,
            "assignee_team": None, "removed_assignee": False, "resolve_doer": None, "dependent_issue": None,
        }  # fmt: skip

    def comment(self, pull: Pull, event: Event) -> Json:
        return {
            "id": event.id, "html_url": f"{self.pull_page(pull)}#issuecomment-{event.id}",
            "pull_request_url": self.pull_page(pull), "issue_url": "", "user": self.user(event.user),
            "original_author": "", "original_author_id": 0, "body": event.body, "assets": [],
            "created_at": stamp(event.created), "updated_at": stamp(event.updated),
        }  # fmt: skip

    def issue(self, pull: Pull) -> Json:
        """A pull request as the issue search tells it: no head, no base, no commit."""
        repository = pull.repository
        return {
            "id": pull.id, "url": f"{self.api}/repos/{repository.full_name}/issues/{pull.number}",
            "html_url": self.pull_page(pull), "number": pull.number, "user": self.user(pull.poster),
            "original_author": "", "original_author_id": 0, "title": pull.title, "body": pull.body, "ref": "",
            "assets": [], "labels": [self.label(repository, label) for label in pull.labels], "milestone": None,
            "assignee": None, "assignees": None, "state": "open" if pull.open else "closed", "is_locked": False,
            "comments": pull.comments, "created_at": stamp(pull.created), "updated_at": stamp(pull.updated),
            "closed_at": stamp(pull.closed_at), "due_date": None,
            "pull_request": {
                "merged": pull.merged, "merged_at": stamp(pull.merged_at), "draft": pull.draft,
                "html_url": self.pull_page(pull),
            },
            "repository": {
                "id": repository.id, "name": repository.name, "owner": repository.owner.login,
                "full_name": repository.full_name,
            },
            "pin_order": 0,
        }  # fmt: skip

    def activity(self, item: Activity, viewer: User | None) -> Json:
        return {
            "id": item.id, "user_id": item.receiver.id, "op_type": item.operation, "act_user_id": item.actor.id,
            "act_user": self.user(item.actor, full=True), "repo_id": item.repository.id,
            "repo": self.repository(item.repository, viewer), "comment_id": item.comment.id if item.comment else 0,
            "comment": self.comment(item.pull, item.comment) | {"user": None} if item.pull and item.comment else None,
            "ref_name": item.ref_name, "is_private": item.repository.private, "content": item.content,
            "created": stamp(item.created),
        }  # fmt: skip
