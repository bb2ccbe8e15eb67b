"""The zip for the leaderboard: made, and proven right."""
