"""The bot's edges: the only files of the bot that import slixmpp."""
