"""Operations on files and folders: read, run, write."""
