"""The demo: Forgeglass beside a stand-in forge with a small organisation that never sleeps."""
