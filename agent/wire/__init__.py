"""What agent and bot share: words, bytes, stanzas, the link. Imports nothing else of ours."""
