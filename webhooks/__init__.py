"""What a forge tells us unasked: deliveries, checked, stored, and turned into places to look."""
