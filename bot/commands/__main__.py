"""``python -m bot.commands > docs/commands.md``: the reference, made anew."""

import sys

from bot.commands import reference

sys.stdout.write(reference())
