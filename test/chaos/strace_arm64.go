package main

import "golang.org/x/sys/unix"

func init() { signatures[unix.SYS_RENAMEAT] = onName("renameat", 2, 3) }
