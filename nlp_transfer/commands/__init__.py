"""What stands between a shell and the package: a file for each command of scripts/."""
