package main

import "golang.org/x/sys/unix"

// The calls that only the older architectures have: their younger sisters, which take a folder or flags, do the same.
func init() {
	signatures[unix.SYS_RENAMEAT] = onName("renameat", 2, 3)
	signatures[unix.SYS_OPEN] = signature{"open", -1, -1, 0, 1} // that makes the file
	signatures[unix.SYS_CREAT] = onName("creat", -1, 0)
	signatures[unix.SYS_MKDIR] = onName("mkdir", -1, 0)
	signatures[unix.SYS_UNLINK] = onName("unlink", -1, 0)
	signatures[unix.SYS_RMDIR] = onName("rmdir", -1, 0)
	signatures[unix.SYS_LINK] = onName("link", -1, 1)
	signatures[unix.SYS_RENAME] = onName("rename", -1, 1)
}
