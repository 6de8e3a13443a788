"""What providers tell us of messages, by HTTP: each checked for who says it, and put into our words."""
