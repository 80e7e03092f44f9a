"""The command line of Taskbell, and the SDK that it stands on (`cli.client`)."""
