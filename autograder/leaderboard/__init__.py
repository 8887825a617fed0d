"""The leaderboard of a lab: from the files that students handed in to a page. It knows no lab, only its contest."""
