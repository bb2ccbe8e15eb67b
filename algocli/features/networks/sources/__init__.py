"""Sources of networks, one file each: what their names begin with (`PREFIX`), and `build`, which builds one."""
