"""The file that rows are kept in: its connections, its migrations, and the one who writes it."""
