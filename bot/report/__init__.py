"""What people read: words, tables and summaries that fit a phone. Pure."""
