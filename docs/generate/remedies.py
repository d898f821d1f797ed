"""What to do about each problem, for whoever asked."""

from __future__ import annotations

REMEDIES = {
    "ambiguous-collection": "Ask with the block's name, `/api/v1/{block}/{collection}`; the answer lists them.",
    "bad-cursor": "Begin the list again without `cursor`; a cursor is taken over as it was given.",
    "bad-position": "Take over positions as they were given, `EPOCH:SEQUENCE`; or begin without one.",
    "bad-sort": "Use one of the orders that `detail` names.",
    "bad-token": "Send a token that is valid: one is made with `forgeglass token create`. Or send none.",
    "bad-value": "Write the value as `detail` says.",
    "busy": "Ask again after `Retry-After`, or with a token: strangers never take all seats.",
    "cache-unavailable": "Ask again after `Retry-After`; if it stays, read [when something is "
    "wrong](../how-to/trouble.md).",
    "commit-not-seen": "The forge shows another head, which the answer names. Wait longer, or look whether "
    "the push arrived.",
    "cursor-mismatch": "Keep filter and order from page to page, or begin without `cursor`.",
    "crowded": "Nothing: the next sweep finds the change. Where it lasts, look at who sends bodies slowly; "
    "`limits.deliveries_waiting` says how many bytes may wait.",
    "cut": "The connection ended within the body. Look at the proxy in between.",
    "encoded": "Send the body as it is, not compressed.",
    "internal": "A fault of Forgeglass: its log says more. Report it.",
    "malformed": "It is no delivery of Gitea or Forgejo; choose the type *Gitea* or *Forgejo* and JSON for "
    "the webhook.",
    "misdirected-request": "Ask by an address of this machine, or set `public_url` to the name that others use.",
    "method-not-allowed": "Ask with GET. What people write, they write to the forge.",
    "no-text": "Choose another revision: this one's text is gone from the forge, or never was one.",
    "not-found": "Look at the address; a slash in a key is written `%2F`.",
    "resync": "Read the lists that you need again, then go on from the `position` in the answer.",
    "session-ended": "Sign in to the console again, or send no cookie.",
    "stopping": "Ask again after `Retry-After`.",
    "store": "Look at the daemon's log and at the space left on its disk. The next sweep finds the change.",
    "timeout": "The body came too slowly. Look at the proxy in between.",
    "too-large": "Raise `webhooks.max_body`. The next sweep finds the change.",
    "token-needed": "Send a token: `Authorization: Bearer …`, made with `forgeglass token create`.",
    "too-long": "Read the two texts themselves, and compare them at home; `limits.diff_lines` is the limit.",
    "too-many-words": "Search for fewer words; a long phrase is found by a few of its words.",
    "too-slow": "Ask for less: a narrower filter, fewer words, a smaller page. `api.query_timeout` is the time it has.",
    "too-many-waits": "End waits that nobody needs, or ask with a token; `limits.streams` says how many there may be.",
    "too-many-streams": "Close streams that nobody reads; one stream can serve many readers behind it.",
    "too-many-values": "Ask in several questions.",
    "unknown-collection": "`detail` names the nearest; `/api/v1/openapi.json` names all.",
    "unknown-parameter": "`detail` names the nearest; `/api/v1/openapi.json` names all.",
    "unknown-repository": "Name a repository that a profile reads; `/api/v1/repositories` lists them.",
    "signature": "The webhook was made with another secret: `forgeglass hooks sync` puts it in order.",
}
