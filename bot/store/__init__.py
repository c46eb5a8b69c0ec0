"""The bot's memory: jobs, runs, journals and targets, in a database. One writer."""
