"""What every service's process is built on: no business noun in here."""
