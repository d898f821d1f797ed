"""What each key and each type of the profile format does, where the schema itself says nothing or too little."""

from __future__ import annotations

from cache.profile.scalars import EXPECTED

WORDS = {
    "ProfileSpec.format": "The version of the format.",
    "ProfileSpec.profile": "The profile's name; a block without a `name` goes by it.",
    "ProfileSpec.title": "For people.",
    "ProfileSpec.description": "For people.",
    "ProfileSpec.parameters": "What a configuration gives to the profile, by name.",
    "ProfileSpec.collections": "The kinds of entry, by name.",
    "ProfileSpec.views": "The SQL views, by name.",
    "ParameterSpec.type": "What the value must be.",
    "ParameterSpec.required": "Whether a block must give it.",
    "ParameterSpec.default": "The value of a block that gives none.",
    "ParameterSpec.description": "For people.",
    "CollectionSpec.files": "Where its files are.",
    "CollectionSpec.key": "What an entry is known by: captures of the path, or fields (for `jsonl` one of the line). "
    "`repository` may stand first, for keys that are unique in each repository alone; `path` may stand last, for the "
    "file's whole path.",
    "CollectionSpec.format": "How its files are written; else their ending says it. Of a `jsonl` file each "
    "line is an entry.",
    "CollectionSpec.title": "For people.",
    "CollectionSpec.description": "For people.",
    "CollectionSpec.body": "The name by which the text below the front matter goes. Without it, that text is not kept.",
    "CollectionSpec.unknown_fields": "What becomes of fields that are not declared: kept, kept with a "
    "warning, or refused.",
    "CollectionSpec.lenient": "The files were not written for this profile: what does not fit counts as absent, and is "
    "no finding.",
    "CollectionSpec.history": "How much of an entry's history is kept as rows: `full`, `none`, or a number: so many of "
    "the newest changes of each entry. Git's history is read all the same: `commit`, `updated_at` and `created_at` of "
    "an entry, its last good version and its revisions are the same with less of it.",
    "CollectionSpec.refused_fields": "Fields that must not be in Git at all, as `password`: a finding, and never kept.",
    "CollectionSpec.fields": "The declared fields, by the name under which they are kept.",
    "CollectionSpec.document": "A file of the entry's own repository that is its body.",
    "CollectionSpec.branches": "Whose branches the entry has.",
    "CollectionSpec.pulls": "Which pull requests belong to which entry; the first rule that fits counts.",
    "CollectionSpec.actor": "Who is behind a pull request: steps, of which the first that finds somebody counts. "
    "`opener` is whoever opened it, unless that is the bot.",
    "CollectionSpec.revisions": "How revisions come to be.",
    "CollectionSpec.indexes": "Fields, or groups of them, by which many ask: they get an index.",
    "CollectionSpec.search": "What `q` searches; else the title and the body.",
    "CollectionSpec.label": "The field that is an entry's title.",
    "FilesSpec.repository": "The repository, `owner/name`, often `{param.NAME}`; or a selection of several.",
    "FilesSpec.path": "The path with its captures, as `docs/{slug}.md`. `{name:EXPRESSION}` captures only what fits.",
    "SelectorSpec.repository": "One repository, `owner/name` or `{param.NAME}`.",
    "SelectorSpec.owner": "All repositories of an organisation or user.",
    "SelectorSpec.topic": "Of these, those with this topic.",
    "SelectorSpec.name": "Of these, those whose name fits, as `docs-*`.",
    "FieldSpec.type": "What it holds.",
    "FieldSpec.required": "A file without it is a finding.",
    "FieldSpec.default": "The value of a file without it.",
    "FieldSpec.values": "The values of an `enum`.",
    "FieldSpec.minimum": "The least number, length of a text, or count of a list.",
    "FieldSpec.maximum": "The most.",
    "FieldSpec.of": "What a `list` holds: a type, or a whole field.",
    "FieldSpec.fields": "The fields of an `object`.",
    "FieldSpec.from": "Where the value stands, if not under the field's own name: another key, `heading` for "
    "the first heading whatever its level, a source as described below, or a list of these, of which the first that "
    "has a value counts.",
    "FieldSpec.extract": "A regular expression that narrows a text; its first group, or all that fits, is the value.",
    "FieldSpec.split": "Of a `list`: a regular expression at which a single text is taken apart.",
    "FieldSpec.to": "Of a `ref`: the collection, or collections, that it leads to.",
    "FieldSpec.match": "Of a `ref`: the target's field that the value names; without it, the target's key. `path`: the "
    "value is a link to the target's file in the same repository, as to `../adr/0003-x.md`. Of a list the first "
    "counts by which something is found.",
    "FieldSpec.within": "Of a `ref` with `match`: whether targets are looked for in the same folder, "
    "repository or block.",
    "FieldSpec.on_delete": "Of a `ref`: what its target's end means. Kept with the profile, and without effect in this "
    "version.",
    "FieldSpec.dangling": "Of a `ref` or a `repository`: whether leading to nothing is a finding.",
    "FieldSpec.on_bad": "What a value costs that does not fit the field. `refuse`: the file's newest version, of which "
    "the last good one stays, with an error. `warn`: that value alone, in whose place the default stands, with a "
    "warning. `ignore`: that value alone, without a finding. Without it `refuse`, in a lenient collection `ignore`; of "
    "a list only the bad items are left out.",
    "FieldSpec.forms": "Of a `date`: `any` reads every form that can mean one day only, as `5 Feb 2018`, "
    "`February 5th, 2018`, `2018/02/05`, `20180205`, `25/02/2018`; so does a lenient collection. `05/02/2018` may be "
    "two days and does not fit.",
    "FieldSpec.description": "For people.",
    "SourceSpec.key": "A key of the front matter or the file.",
    "DocumentSpec.when": "The fields and values with which an entry has the document.",
    "DocumentSpec.repository": "The field that names the repository, `{field.NAME}`.",
    "DocumentSpec.path": "The file's path there.",
    "BranchesSpec.repository": "The field that names the repository, `{field.NAME}`.",
    "PullSpec.repository": "Where they are raised: `{param.NAME}`, `owner/name`, or each entry's own, `{field.NAME}`.",
    "PullSpec.kind": "What such a pull request is called.",
    "PullSpec.head": "The name of its branch, with the key's captures, as `edit/{slug}/**`. Without it, every "
    "one counts.",
    "PullSpec.forks": "Whether those from forks count: anybody may name a branch of a fork.",
    "ActorSpec.audit": "A collection of audit entries, with the fields `repo`, `pr_number`, `on_behalf_of`.",
    "ActorSpec.trailer": "A trailer of the head's commit message, as `On-behalf-of`.",
    "ActorSpec.bot": "The parameter that names the bot, `{param.NAME}`: it alone speaks for others.",
    "RevisionsSpec.rule": "`pull_request`: by pull requests that touch the entry. `field`: by commits that set a "
    "field. Or `{param.NAME}`, for each block to say.",
    "RevisionsSpec.field": "Of the rule `field`: which one.",
    "ViewSpec.from": "What its rows are: a collection's entries; or `branches`, `pulls` or `revisions` of a "
    "collection.",
    "ViewSpec.of": "Of which collection, where several could be meant.",
    "ViewSpec.columns": "Its columns in their order: a field, `key.PART`, or what an entry carries of its own.",
    "ColumnSpec.json": "A list or an object, shown as JSON text.",
}
"""By "TYPE.key"."""

TYPES = {
    **{kind: f"{said[0].upper()}{said[1:]}." for kind, said in EXPECTED.items()},
    "text": "A single text of any length.",
    "list": "A list of what `of` says.",
    "object": "A mapping with the fields of `fields`; without these, any.",
}
