"""The development mail inbox: an SMTP server that delivers nowhere, a page, and mailpit's JSON for programs."""
