"""`forgeglass doctor`: looks at everything that a daemon needs, and says of each thing how it is and how to mend it.

Nothing here changes anything, but for one webhook on the forge that is made for a test delivery and deleted again.
"""
