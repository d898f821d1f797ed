"""The webhooks on the forge: what they should be, what they are, and noticing when they fall silent."""
