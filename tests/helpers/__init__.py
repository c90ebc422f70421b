"""What several tests use: commands run as a user does, servers, files of every format, a toy app."""
