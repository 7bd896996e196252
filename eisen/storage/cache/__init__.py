"""What has been computed is kept in files, or in memory that workers share, until its recipe changes."""

__all__: list[str] = []
