"""The content calendar (内容日历): series, their occurrences and what becomes due in which room."""
