"""What Taskbell costs, each figure beside a peer or a floor in the same run."""
