"""Where annotations come from, one file a layout, and the data set that turns them into clips."""
