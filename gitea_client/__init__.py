"""What a forge says: typed reads of Gitea and Forgejo, refs and objects by Git's own protocol."""
