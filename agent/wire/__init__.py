"""What the agent and the bot share: words, bytes, stanzas, the link. Imports nothing else of ours."""
